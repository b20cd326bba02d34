"""Mistakes that only sshd can make: its other methods, and stacks in which no other line proves anything."""

import pytest

from hosts import Login, PasswordMethod, Ssh, SshKey, Sshd, Su, Sudo, LoginSession, all_ended, ready

KEYBOARD = {"PreferredAuthentications": "keyboard-interactive", "PubkeyAuthentication": "no"}


class KeyWithoutPermission(Ssh):
    """The stack for key and code, with an sshd that does not require the key."""

    stack = "sshd-key"
    server = {}
    client = KEYBOARD


class NoKey(SshKey):
    """sshd asks for key and code; the client has no key."""

    client = KEYBOARD


class Alone(Ssh):
    """The line of twostep and pam_permit, and no other question in the whole stack."""

    server = {}
    client = KEYBOARD

    def prepare(self):
        self.machine.stack("sshd", "auth required pam_twostep.so", "auth required pam_permit.so")
        Sshd.run(self.server)


class Unwelcome(Alone):
    """An account that sshd refuses: sshd still asks, and gives PAM a text of its own instead of each answer."""

    server = {"DenyUsers": "alice"}

    def prepare(self):
        super().prepare()
        self.machine.stack("sshd", "auth required pam_twostep.so first_factor=any", "auth required pam_permit.so")


class Deaf(Ssh):
    """A client that does not notice that its terminal is gone: it answers every question with nothing."""

    def command(self, user):
        program, arguments = super().command(user)
        return "env", ["--ignore-signal=HUP", program, *arguments]


class AloneWithKey(Alone):
    """The same, after a key that sshd has checked."""

    server = SshKey.server
    client = SshKey.client


def test_refuses_password_method_without_charge(machine):
    host = ready(PasswordMethod(machine))
    machine.enroll("alice")
    before = machine.state_of("alice")
    outcome = host.attempt("alice")
    assert outcome.refused and not outcome.asked
    assert "alice's password" not in outcome.text
    assert machine.verdicts(hang_ups=True) == ["deny conversation"]
    assert machine.state_of("alice") == before
    assert "alice's password" not in machine.log_text()


def test_empty_answers_of_deaf_client_are_not_charged(machine):
    """Any OpenSSH client may send one if its window is closed: it sees the end of the terminal before the signal."""
    host = ready(Deaf(machine))
    alice = machine.enroll("alice")
    before = machine.state_of("alice")
    with all_ended(), LoginSession(host, "alice") as session:
        session.until("code")
        session.terminal.ptyproc.fileobj.close()
        session.terminal.wait()
    assert machine.verdicts() == ["deny not-a-code"] * 3
    assert machine.state_of("alice") == before
    assert host.attempt("alice", alice.code()).granted


def test_password_method_works_for_unenrolled_opt_in_user(machine):
    assert ready(PasswordMethod(machine)).attempt("bob").granted
    assert machine.verdicts() == ["exempt not-enrolled"]


def test_asks_for_no_code_without_key(machine):
    host = ready(NoKey(machine))
    alice = machine.enroll("alice")
    outcome = host.attempt("alice", alice.code())
    assert outcome.refused and not outcome.asked
    assert not machine.log()


@pytest.mark.parametrize("user", ["alice", "bob", "carol"], ids=["enrolled", "opt-in", "exempt"])
@pytest.mark.parametrize("host_class", [KeyWithoutPermission, Alone], ids=["key-stack", "permit-stack"])
def test_refuses_login_without_first_factor(machine, host_class, user):
    host = ready(host_class(machine))
    alice = machine.enroll("alice")
    before = machine.state_of("alice")
    machine.policy('[[rule]]\nname = "carol"\nusers = ["carol"]\nmode = "exempt"\n')
    outcome = host.attempt(user, alice.code())
    assert outcome.refused and not outcome.asked
    assert machine.verdicts() == ["deny no-first-factor"]
    assert machine.state_of("alice") == before


def test_same_stack_asks_for_code_after_key(machine):
    host = ready(AloneWithKey(machine))
    alice = machine.enroll("alice")
    assert host.attempt("alice").refused
    assert host.attempt("alice", alice.code()).granted


def test_account_refused_by_sshd_cannot_be_locked_out(machine):
    host = ready(Unwelcome(machine))
    alice = machine.enroll("alice")
    before = machine.state_of("alice")
    assert host.attempt("alice", alice.code(), alice.code(+1), alice.code(-1)).refused
    assert machine.verdicts() == ["deny refused-by-sshd"] * 3
    assert machine.state_of("alice") == before


def test_code_used_at_one_service_is_used_at_all(machine):
    machine.policy(tries=1)
    alice = machine.enroll("alice")
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted
    machine.forget_log()
    for other in (SshKey, Login, Sudo, Su):
        assert ready(other(machine)).attempt("alice", alice.code()).refused
    assert machine.verdicts() == ["deny replayed", "deny replayed", "deny replayed", "deny locked"]
