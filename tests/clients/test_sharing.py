"""`ControlMaster`: one login with a code, and then commands that use its connection."""

from pathlib import Path

import pytest

import hosts
from hosts import LoginSession, all_ended, ready
from terminals import Ansible, Git, OpenSsh, Rsync, Scp, Sftp, Shared
from test_clients import named, run_without_terminal

SOCKET = Path(Shared.client["ControlPath"])
COPIES = (Path("/tmp/copy"), Path("/tmp/copy/proof"))


class First(Shared):
    """The first command, which keeps its connection until the user ends it."""

    def program(self, user):
        return ["ssh", *self.options(), f"{user}@127.0.0.1", f"{hosts.SAY_IN}; cat"]


@pytest.mark.parametrize("kind", [OpenSsh, Scp, Sftp, Rsync, Git, Ansible], ids=named)
def test_later_command_asks_nothing_over_open_connection(machine, kind):
    first, later = ready(First(machine)), kind(machine)
    later.prepare()
    later.client = {**later.client, "ControlPath": str(SOCKET)}
    alice = machine.enroll("alice")
    with all_ended(), LoginSession(first, "alice", alice.code()) as session:
        assert session.until_the_end().granted and SOCKET.is_socket()
        said, status = run_without_terminal(command_of(later), machine)
    copies = [copy.read_text() for copy in COPIES if copy.is_file()]
    assert status == 0 and "IN-AS-alice" in "".join([said, *copies]), said
    assert machine.verdicts() == ["grant"], "PAM was asked once"


def command_of(later):
    """A command that can ask nobody. Ansible knows no password here, and gets ssh's options as its own."""
    if isinstance(later, Ansible):
        options = " ".join(option for option in later.options() if "Control" in option)
        return [*later.alone("alice"), "-e", "ansible_password=''", f"--ssh-common-args={options}"]
    return later.alone("alice")
