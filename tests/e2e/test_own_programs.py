"""Programs that run as the user, such as screen lockers, here pamtester. The module has the helper judge."""

import json
import re
import shutil
import signal
import sys
from pathlib import Path

import pexpect
import pytest

from clock import STEP
from hosts import CODE, Ssh, become, ready
from machine import REPOSITORY, STORE, terminal_of, uid_of
from own_program import SITUATIONS

ACCEPTED, REFUSED = "successfully authenticated", "Authentication failure"
LOCKED, UNAVAILABLE = "maximum number of retries", "retrieve authentication info"


@pytest.fixture
def ssh(machine):
    machine.stack("locker", "auth required pam_twostep.so")
    return ready(Ssh(machine))


def unlock(user, *codes, target=None, before=()):
    """One conversation of pamtester, which runs as `user`. Gives up if it is asked for more codes than it has. Returns the
    text on the screen."""
    command = [*become(user), *before, "pamtester", "locker", target or user, "authenticate"]
    terminal = terminal_of("setpriv", command)
    codes, screen = list(codes), ""
    while terminal.expect([CODE, pexpect.EOF]) == 0:
        screen += terminal.before
        terminal.sendline(codes.pop(0)) if codes else terminal.kill(signal.SIGKILL)
    terminal.close()
    return screen + terminal.before


def test_a_right_code_is_accepted_and_then_used_up_everywhere(machine, ssh):
    alice = machine.enroll("alice")
    code = alice.code()
    assert ACCEPTED in unlock("alice", alice.wrong_code(), code)
    assert machine.verdicts() == ["deny wrong-code", "grant"]
    assert [entry["service"] for entry in machine.log()] == ["locker"] * 2
    assert machine.log_text().count("service=twostep-helper") == 2, "the helper says in its own name what it judged"
    assert machine.log()[-1]["authenticator"] == "phone"
    assert ssh.attempt("alice", code, alice.code(+1)).granted
    assert machine.verdicts()[2:] == ["deny replayed", "grant"]
    assert "That code was not accepted." in unlock("alice", alice.code(+1), alice.code(+1), alice.code(+1)), "and here, too"


def test_a_recovery_code_is_accepted_once(machine, ssh):
    alice = machine.enroll("alice")
    assert ACCEPTED in unlock("alice", alice.recovery[0])
    assert not ssh.attempt("alice", alice.recovery[0]).granted


def test_refuses_code_of_another_and_name_of_another(machine, ssh):
    alice, bob = machine.enroll("alice"), machine.enroll("bob")
    assert REFUSED in unlock("alice", *[bob.code()] * 3)
    before = machine.state_of("bob")
    assert UNAVAILABLE in unlock("alice", bob.code(), target="bob")
    assert UNAVAILABLE in unlock("alice", alice.code(), target="bob"), "nor does one's own code open another's"
    assert machine.state_of("bob") == before
    causes = [entry["cause"] for entry in machine.log() if entry.get("reason") == "unavailable"]
    only = "only root can check the codes of other users"
    assert causes == [f"this program runs as uid {uid_of('alice')}, and {only}"] * 2
    assert ssh.attempt("bob", bob.code()).granted


def test_lets_in_unenrolled_user_only_if_policy_allows(machine, ssh):
    assert machine.verdicts() == []
    unlock("alice")
    assert machine.verdicts() == ["exempt not-enrolled"]
    machine.command("require", "alice")
    assert REFUSED in unlock("alice", "123456", "123456", "123456")
    machine.mandatory(services=["locker", "sshd"])
    screen = unlock("alice", "123456", "123456", "123456")
    assert REFUSED in screen and "Key:" not in screen
    machine.policy('[[rule]]\nname = "lockers"\nservices = ["locker"]\nmode = "exempt"\n', mode="mandatory")
    machine.forget_log()
    unlock("alice")
    assert machine.verdicts() == ["exempt exempt"]


def test_failures_here_and_at_logins_count_separately(machine, ssh):
    machine.policy(lockout_after=4)
    alice = machine.enroll("alice")
    for _ in range(4):
        machine.clock.advance(3600)
        unlock("alice", alice.wrong_code())
    machine.clock.advance(3600)
    screen = unlock("alice", alice.code(), alice.code())
    assert "codes are disabled. Ask your administrator to run 'twostep unlock alice'. A recovery code works now." in " ".join(screen.split())
    assert LOCKED in screen
    assert ssh.attempt("alice", alice.code()).granted
    machine.clock.advance(STEP)
    assert LOCKED in unlock("alice", alice.code(), alice.code()), "a success there counts there"
    helper = machine.status("alice")["helper"]
    assert (helper["failures"], helper["codes"]) == (4, "disabled")
    machine.command("unlock", "alice")
    assert ACCEPTED in unlock("alice", alice.code(+1))

    for _ in range(4):
        machine.clock.advance(3600)
        ssh.attempt("alice", alice.wrong_code())
    machine.clock.advance(3600)
    assert ACCEPTED in unlock("alice", alice.code())
    machine.clock.advance(STEP)
    assert not ssh.attempt("alice", alice.code()).granted


BROKEN = {
    "no store": lambda: (STORE / "state").rename("/var/lib/twostep/state.away"),
    "open to its group": lambda: STORE.chmod(0o750),
    "a broken state": lambda: (STORE / "state" / str(uid_of("alice"))).write_bytes(b"x"),
    "a broken secret": lambda: (STORE / "users" / f"{uid_of('alice')}.toml").write_text("version = 9"),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_refuses_code_that_cannot_be_judged(machine, ssh, damage):
    alice = machine.enroll("alice")
    try:
        damage()
        assert UNAVAILABLE in unlock("alice", alice.code())
        assert all(verdict == "deny unavailable" for verdict in machine.verdicts()) and machine.verdicts()
    finally:
        STORE.chmod(0o700)
        if (away := STORE / "state.away").exists():
            away.rename(STORE / "state")


def test_refuses_everything_without_working_helper(machine, ssh):
    alice = machine.enroll("alice")
    assert UNAVAILABLE in unlock("alice", alice.code(), before=["setpriv", "--no-new-privs"])
    assert re.search("the helper runs as uid .*its file must be set-uid", machine.log_text())
    machine.policy(mode="exempt")
    machine.forget_log()
    unlock("alice", before=["setpriv", "--no-new-privs"])
    assert machine.verdicts() == ["exempt exempt"], "an exemption needs no helper"


@pytest.fixture
def program():
    """A copy that alice can read: the repository may be where only root can."""
    folder = Path("/dev/shm/own-program")
    folder.mkdir()
    folder.chmod(0o755)
    for file in ("e2e/own_program.py", "stacks/pam.py"):
        Path(shutil.copy(REPOSITORY / "tests" / file, folder)).chmod(0o644)
    yield str(folder / "own_program.py")
    shutil.rmtree(folder)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_program_is_left_as_it_was(machine, ssh, program, situation):
    """Whatever it does with signals, children, threads and streams, twostep adds no signal and no child (I7)."""
    alice = machine.enroll("alice")
    for code, answer in ((alice.wrong_code(), 7), (alice.code(), 0)):
        seen = machine.run("setpriv", *become("alice"), sys.executable, program, situation, "alice", *[code] * 3)
        assert seen.returncode == 0, seen.stderr
        told = json.loads(seen.stdout)
        assert (told["answer"], told["changed"]) == (answer, {}), told
        machine.clock.advance(STEP)
    assert machine.verdicts()[-1] == "grant"
