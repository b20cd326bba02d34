"""`forward_pass` in a real program: one question for password and code, and the distribution's own lines check the password."""

import os

import pytest

import hosts
from person import password_of

PASSWORD = password_of("alice")


class SuInOne(hosts.Su):
    """su, which shows every question that it is asked."""

    password_prompt = "Password and verification code: "

    def __init__(self, machine, *lines):
        super().__init__(machine)
        machine.stack("su", "auth required pam_twostep.so forward_pass", *lines)

    def more_answers(self, user):
        """After a refusal the next line finds no password and asks for one; the answer does not help."""
        return {r"\nPassword: ": password_of(user)}

    def answer(self, user, *answers):
        """Each answer is one login; the prompt may come only once."""
        outcomes = [self.attempt(user, password=answer) for answer in answers]
        assert all(outcome.text.count(self.password_prompt) == 1 for outcome in outcomes)
        return [outcome.granted for outcome in outcomes]


SHARED = "@include common-auth" if os.path.exists("/etc/pam.d/common-auth") else "auth substack password-auth"
BEHIND = {
    "pam_unix": "auth required pam_unix.so",
    "try_first_pass": "auth required pam_unix.so try_first_pass",
    "use_first_pass": "auth required pam_unix.so use_first_pass",
    "the distribution's": SHARED,
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_leaves_password_to_next_line(machine, behind):
    su = SuInOne(machine, behind)
    alice = machine.enroll("alice")
    assert su.answer("alice", "another password" + alice.code(), PASSWORD + alice.code(+1)) == [False, True]
    assert machine.verdicts() == ["grant", "grant"]


def test_needs_password_and_code_and_always_uses_code(machine):
    su = SuInOne(machine, SHARED)
    alice = machine.enroll("alice")
    wrong = ["another password" + alice.code(), PASSWORD + alice.code(), PASSWORD, PASSWORD + alice.wrong_code()]
    assert su.answer("alice", *wrong) == [False] * 4
    assert machine.verdicts() == ["grant", "deny replayed", "deny not-a-code", "deny wrong-code"]
    assert machine.failures_of("alice") == 2


def test_requisite_line_refuses_without_second_question(machine):
    su = SuInOne(machine)
    machine.stack("su", "auth requisite pam_twostep.so forward_pass", SHARED)
    alice = machine.enroll("alice")
    refused = su.attempt("alice", password=PASSWORD)
    assert refused.refused and "\nPassword: " not in refused.text
    assert su.answer("alice", PASSWORD + alice.code()) == [True]


def test_accepts_recovery_code_behind_blank(machine):
    su = SuInOne(machine, SHARED)
    alice = machine.enroll("alice")
    assert su.answer("alice", f"{PASSWORD} {alice.recovery[0]}", f"{PASSWORD} {alice.recovery[0]}") == [True, False]
    assert machine.verdicts() == ["grant", "deny wrong-recovery-code"]


def test_asks_unenrolled_user_for_password_alone(machine):
    su = hosts.Su(machine)
    machine.stack("su", "auth required pam_twostep.so forward_pass", SHARED)
    assert su.attempt("bob").granted
    assert su.attempt("bob", password="a wrong password").refused
    assert machine.verdicts() == ["exempt not-enrolled"] * 2


def test_refuses_unknown_and_unenrolled_user_alike(machine):
    su = SuInOne(machine, SHARED)
    machine.enroll("alice")
    machine.mandatory(services=["su"])
    seen = []
    for user in ("alice", "bob"):
        outcome = su.attempt(user, password=f"{password_of(user)}000000")
        assert outcome.refused and not outcome.enrolling
        seen.append(outcome.text)
    assert seen[0] == seen[1]
    assert machine.verdicts() == ["deny wrong-code", "deny not-enrolled"]
    assert "forward_pass allows one question" in machine.log()[1]["cause"]
