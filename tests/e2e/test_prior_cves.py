"""Attacks of docs/PRIOR-CVES.md that no other test covers."""

from pathlib import Path

import pytest

from hosts import Ssh, ready
from test_policy import KEYS, OFFICE, Forging, wrong_codes

LOCKOUT = 5


class ManyDevices(Ssh):
    """A client that names the same method of keyboard-interactive many times in one request."""

    client = {**Ssh.client, "KbdInteractiveDevices": ",".join(["pam"] * 100), "NumberOfPasswordPrompts": "100"}


def test_repeated_device_gives_no_more_guesses(machine):
    """CVE-2015-5600: each name gave a round of its own, beyond MaxAuthTries."""
    host = ready(ManyDevices(machine))
    machine.enroll("alice")
    machine.policy(lockout_after=LOCKOUT, tries=3)
    for _ in range(2):
        assert host.attempt("alice", *["123456"] * 100).refused
    assert machine.failures_of("alice") == 3, "the wait after the third is refused unread, and not charged"
    machine.clock.advance(3600)
    assert host.attempt("alice", *["123456"] * 100).refused
    assert machine.failures_of("alice") <= LOCKOUT


class ReadingHome(Forging):
    """An sshd whose first auth line lets the user's own file set variables; the shell shows whether it did."""

    def prepare(self):
        super().prepare()
        stack = Path("/etc/pam.d/sshd")
        stack.write_text("auth required pam_env.so user_readenv=1\n" + stack.read_text())

    def command(self, user):
        program, (*arguments, say_in) = super().command(user)
        return program, [*arguments, f"echo home=$HOME_WAS_READ; {say_in}"]


@pytest.fixture
def home_that_lies():
    file = Path("/home/alice/.pam_environment")
    lies = {"SSH_AUTH_INFO_0": "publickey", "PAM_RHOST": "10.0.0.1", "SSH_CONNECTION": "", "HOME_WAS_READ": "yes"}
    file.write_text("".join(f"{name} DEFAULT={value}\n" for name, value in lies.items()))
    yield
    file.unlink()


def test_pam_env_of_home_shows_no_first_factor(machine, home_that_lies):
    """CVE-2025-6018: pam_env in the auth part reads a file of the user's."""
    host = ready(ReadingHome(machine))
    alice = machine.enroll("alice")
    machine.policy(KEYS + OFFICE.replace("127.0.0.1", "192.0.2.1"), mode="mandatory")
    assert wrong_codes(machine, host, "alice") == {"default"}
    machine.clock.advance(60)
    outcome = host.attempt("alice", alice.code())
    assert outcome.granted and "home=yes" in outcome.text
