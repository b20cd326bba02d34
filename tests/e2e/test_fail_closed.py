"""Enrollments that must fail: whatever is typed in the dialogue, no user gets in with nothing stored, and nothing
is stored for a user who does not get in."""

import os
import re
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import hosts
from clock import STEP
from hosts import Login, Ssh, SshShell, LoginSession, all_ended, ready
from machine import uid_of, wait_until
from person import WHOLE, Newcomer, password_of

OURS = "{} required pam_twostep.so"
UNIX = "{} required pam_unix.so"
NEW_PASSWORD = "seven horses of another colour"

# Account lines with which that of twostep is not reached, and whether the password must have expired for that.
OURS_BEHIND_UNIX = [
    "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so",
    "account requisite pam_deny.so",
    OURS.format("account"),
]
UNREACHED = {
    "missing": (["account required pam_unix.so"], False),
    "behind an expired password": (OURS_BEHIND_UNIX, True),
    "behind a sufficient line": (["account sufficient pam_localuser.so", OURS.format("account")], False),
}


GRACE = 15  # seconds for a login: enough for two users to come to the last question on a busy machine


class TwoAttempts(Ssh):
    """A client that may try a second time on the same connection."""

    client = {**Ssh.client, "NumberOfPasswordPrompts": "2"}


class Hurried(Ssh):
    """An sshd that gives little time."""

    server = {**Ssh.server, "LoginGraceTime": str(GRACE)}


def stack(machine, service, first_factor="requisite", account=(OURS.format("account"), UNIX.format("account"))):
    """Password, then code; with `required` the stack continues after a wrong password."""
    machine.stack(service, f"auth {first_factor} pam_unix.so", OURS.format("auth"), account=account)


@contextmanager
def expired_password(machine, user, expired=True):
    """The password of `user` must be changed at the next login; afterwards it is restored."""
    if expired:
        machine.run("chage", "-d", "0", user)
    try:
        yield
    finally:
        machine.run("chpasswd", stdin=f"{user}:{password_of(user)}\n")


def enrolled_anew(machine, host, user):
    """Whether the next login enrolls, as if nothing had happened before."""
    machine.mandatory()
    newcomer = Newcomer(machine, user)
    outcome = host.attempt(user, newcomer=newcomer)
    return outcome.granted and outcome.enrolling == WHOLE and machine.status(user)["recovery_codes"] == 8


@pytest.mark.parametrize("host_class", [Ssh, Login], ids=lambda host: host.name)
def test_wrong_password_that_goes_on_enrolls_nobody(machine, host_class):
    host = ready(host_class(machine))
    stack(machine, host.service, "required")
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    outcome = host.attempt("alice", password="a wrong password", newcomer=alice)
    assert outcome.refused and outcome.enrolling == WHOLE and len(alice.recovery) == 8
    assert machine.verdicts() == ["enrolling"]
    assert machine.stored("alice") == set()
    assert enrolled_anew(machine, host, "alice")


@pytest.mark.parametrize("account", [account for account, _ in UNREACHED.values()], ids=UNREACHED)
@pytest.mark.parametrize("host_class", [SshShell, Login], ids=lambda host: host.name)
def test_shows_no_key_if_account_line_can_be_skipped(machine, host_class, account):
    host = ready(host_class(machine))
    stack(machine, host.service, account=account)
    assert_nobody_enrolls(machine, host)


# Auth lines that reach that of twostep in the auth phase, and jump over it, or end the stack, when sshd calls setcred in another
# process: there each line goes by what its module says of setcred.
SKIPPED_BY_SETCRED = {
    "a jump for who is not in a group": (
        "auth requisite pam_unix.so",
        "auth [success=ignore default=1] pam_succeed_if.so quiet user ingroup alice",
    ),
    "a line that is sufficient": ("auth sufficient pam_wheel.so trust group=bob", "auth requisite pam_unix.so"),
}


@pytest.mark.parametrize("auth", SKIPPED_BY_SETCRED.values(), ids=SKIPPED_BY_SETCRED)
@pytest.mark.parametrize("account", [["account required pam_unix.so"], UNREACHED["behind a sufficient line"][0]])
def test_shows_no_key_if_setcred_can_be_skipped_too(machine, auth, account):
    host = ready(SshShell(machine))
    machine.stack("sshd", *auth, OURS.format("auth"), account=account)
    assert_nobody_enrolls(machine, host)


def assert_nobody_enrolls(machine, host):
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    outcome = host.attempt("alice", "123456", "123456", "123456", newcomer=alice)
    assert outcome.refused and not outcome.enrolling and not alice.secret
    assert machine.stored("alice") == set()
    assert set(machine.verdicts()) == {"deny not-enrolled"}
    cause = machine.log()[-1]["cause"]
    assert cause.startswith("cannot enroll here: ") and f"/etc/pam.d/{host.service}" in cause
    assert "put 'account required pam_twostep.so' before all other account lines" in cause


@pytest.mark.parametrize("account, expired", UNREACHED.values(), ids=UNREACHED)
@pytest.mark.parametrize("host_class", [SshShell, Login], ids=lambda host: host.name)
def test_refuses_login_that_skips_account_line(machine, host_class, account, expired):
    """libpam reads the file before an administrator changes it; the module reads it after."""
    host = ready(host_class(machine))
    stack(machine, host.service, account=account)
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    with expired_password(machine, "alice", expired), all_ended():
        with LoginSession(host, "alice", new_password=NEW_PASSWORD, newcomer=alice) as session:
            session.until("password")
            stack(machine, host.service)
            outcome = session.until_the_end()
    assert outcome.refused and outcome.enrolling == WHOLE
    assert machine.stored("alice") == set()
    assert machine.verdicts() == ["enrolling", "deny not-stored"]
    last = machine.log()[-1]
    assert (last["phase"], last["priority"], last["user"]) == ("setcred", "err", "alice")
    where = f"'account required pam_twostep.so' before all other account lines of /etc/pam.d/{host.service}"
    assert where in last["cause"]


@pytest.mark.parametrize("host_class", [SshShell, Login], ids=lambda host: host.name)
def test_enrolls_and_changes_expired_password_in_one_login(machine, host_class):
    host = ready(host_class(machine))
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    with expired_password(machine, "alice"):
        outcome = host.attempt("alice", new_password=NEW_PASSWORD, newcomer=alice)
        assert outcome.granted and outcome.enrolling == WHOLE
        assert "change your password" in outcome.text
        assert machine.verdicts() == ["enrolling", "enrolled"]
        machine.clock.advance(2 * STEP)
        assert host.attempt("alice", alice.code(), password=NEW_PASSWORD).granted


def test_second_user_on_handle_gets_nothing_of_first(machine):
    """login(1) asks for another name after a failure, and continues with the same PAM handle."""
    stack(machine, "login", "required")
    machine.mandatory()
    alice, bob = Newcomer(machine, "alice"), Newcomer(machine, "bob")
    with all_ended(), AnotherName(machine, alice, "bob", newcomer=bob) as session:
        assert session.until_the_end().granted
        assert session.outcome.enrolling == WHOLE
    assert bob.secret != alice.secret
    assert machine.verdicts() == ["enrolling", "enrolling", "enrolled"]
    assert machine.log()[-1]["user"] == "bob"
    assert machine.stored("alice") == set()
    machine.clock.advance(2 * STEP)
    assert Login(machine).attempt("bob", alice.code(), bob.code()).granted


def test_exempt_second_user_completes_no_enrollment_of_first(machine):
    stack(machine, "login", "required")
    machine.policy('[[rule]]\nname = "bob"\nusers = ["bob"]\nmode = "exempt"\n', mode="mandatory")
    with all_ended(), AnotherName(machine, Newcomer(machine, "alice"), "bob") as session:
        assert session.until_the_end().granted
    assert machine.verdicts() == ["enrolling", "exempt exempt"]
    assert machine.stored("alice") == machine.stored("bob") == set()


class AnotherName(LoginSession):
    """A login(1) in which one user has gone through a whole enrollment after a wrong password, and failed. Then `user` logs
    in."""

    def __init__(self, machine, first, user, **session):
        super().__init__(Login(machine), user, **session)
        others = {"login": first.user, "password": "a wrong password"}
        prompts = {"login": hosts.LOGIN, "password": "Password: ", **hosts.QUESTIONS}
        while (seen := self.terminal.expect([Login.denied, *prompts.values()])) != 0:
            question = list(prompts)[seen - 1]
            answer = others.get(question) or first.answer(question, self.terminal.before, self.terminal.match)
            self.terminal.sendline(answer)
        assert len(first.recovery) == 8


def test_second_try_on_connection_gets_nothing_of_first(machine):
    host = ready(TwoAttempts(machine))
    stack(machine, "sshd", "required")
    machine.mandatory()
    first, second = Newcomer(machine, "alice"), Newcomer(machine, "alice")
    with all_ended(), LoginSession(host, "alice", password="a wrong password", newcomer=first) as session:
        session.until("proof")
        session.until("password")
        session.try_again(password_of("alice"), second)
        assert session.until_the_end().granted
        assert session.outcome.enrolling == WHOLE * 2
    assert first.secret != second.secret and not {*first.recovery} & {*second.recovery}
    assert machine.verdicts() == ["enrolling", "enrolling", "enrolled"]
    machine.clock.advance(2 * STEP)
    machine.forget_log()
    assert host.attempt("alice", first.code(), first.recovery[0], second.recovery[0]).granted
    assert machine.verdicts() == ["deny wrong-code", "deny wrong-recovery-code", "grant"]


@pytest.mark.parametrize("second_class", [Ssh, Login], ids=lambda host: host.name)
def test_of_two_enrollments_at_once_the_first_to_finish_wins(machine, second_class):
    machine.mandatory()
    host, other = ready(Ssh(machine)), ready(second_class(machine))
    loser, winner = Newcomer(machine, "alice"), Newcomer(machine, "alice")
    with all_ended(), LoginSession(other, "alice", newcomer=loser) as second, LoginSession(host, "alice", newcomer=winner) as first:
        second.until("proof")
        first.until("proof")
        assert first.until_the_end().granted
        kept = machine.state_of("alice"), secret_of("alice").read_bytes()
        assert second.until_the_end().refused
        assert "enrolled by another login" in second.outcome.text and "tell your administrator" in second.outcome.text
    assert (machine.state_of("alice"), secret_of("alice").read_bytes()) == kept
    assert machine.verdicts() == ["enrolling", "enrolling", "enrolled", "deny enrolled-meanwhile"]
    machine.clock.advance(2 * STEP)
    assert host.attempt("alice", loser.code(), loser.recovery[0], winner.code()).granted
    assert host.attempt("alice", winner.recovery[0]).granted


def secret_of(user):
    return Path(f"/var/lib/twostep/users/{uid_of(user)}.toml")


QUESTIONS = ("ticket", *WHOLE)
KILLED = {"client": QUESTIONS, "sshd's child": QUESTIONS, "sshd's monitor": ["proof"], "login": QUESTIONS}


@pytest.mark.parametrize("victim, questions", KILLED.items(), ids=KILLED)
def test_kill_at_question_enrolls_nobody(machine, victim, questions):
    host = ready(Login(machine) if victim == "login" else Ssh(machine))
    machine.mandatory(require_ticket=True)
    ticket = machine.ticket("alice")
    before = machine.stored("alice")
    for question in questions:
        with all_ended(), LoginSession(host, "alice", newcomer=Newcomer(machine, "alice", ticket=[ticket])) as session:
            session.until(question)
            kill(victim, session)
        assert machine.stored("alice") == before, question
        assert machine.failures_of("alice") == 0
    machine.policy(mode="mandatory")
    assert enrolled_anew(machine, host, "alice")


def kill(victim, session):
    titles = {"sshd's child": b"sshd: alice [pam]", "sshd's monitor": b"sshd: alice [priv]"}
    pid = process_called(titles[victim]) if victim in titles else session.terminal.pid
    os.kill(pid, signal.SIGKILL)


def process_called(title):
    """The process with this title."""
    for process in hosts.processes():
        try:
            command = Path("/proc", process, "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if command.rstrip(b"\0") == title:
            return int(process)
    raise AssertionError(f"there is no process {title}")


def test_timeout_enrolls_nobody(machine):
    """sshd's LoginGraceTime and login's LOGIN_TIMEOUT end the dialogue, here after GRACE seconds."""
    settings = Path("/etc/login.defs")
    usual = settings.read_text()
    settings.write_text(re.sub(r"^LOGIN_TIMEOUT.*$", f"LOGIN_TIMEOUT {GRACE}", usual, flags=re.M))
    people = {"alice": ready(Hurried(machine)), "bob": Login(machine)}
    machine.mandatory()
    others = hosts.processes()
    try:
        with all_ended(), ExitStack() as stack:
            sessions = [LoginSession(host, user, newcomer=Newcomer(machine, user)) for user, host in people.items()]
            for session in sessions:
                stack.enter_context(session)
            for session in sessions:
                session.until("proof")
            ssh, login = (session.terminal for session in sessions)
            # ssh notices only when it is typed at that sshd has ended.
            wait_until(lambda: not login.isalive() and hosts.processes() - others == {str(ssh.pid)}, "they are not ended")
            assert all(session.until_the_end().refused for session in sessions)
    finally:
        settings.write_text(usual)
    assert 0 < int(re.search(r"This login ends in (\d+) s\.", sessions[1].outcome.text)[1]) <= GRACE
    assert machine.stored("alice") == machine.stored("bob") == set()
    assert enrolled_anew(machine, people["bob"], "bob")


def test_recovery_codes_of_aborted_enrollment_are_void(machine):
    host = ready(Ssh(machine))
    machine.mandatory()
    gone, alice = Newcomer(machine, "alice", proof=[None]), Newcomer(machine, "alice")
    assert host.attempt("alice", newcomer=gone).refused
    assert host.attempt("alice", newcomer=alice).granted
    assert host.attempt("alice", gone.recovery[0], gone.recovery[7]).refused
