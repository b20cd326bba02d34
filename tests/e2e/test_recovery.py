"""Recovery codes: for users who have lost the phone."""

import re

import pytest

from clock import STEP
from hosts import ALL, CODE, Login, Ssh, SshShell, Sudo, ready
from machine import REPOSITORY
from person import Newcomer
from screen import COLUMNS, ROWS, Screen

FOREIGN = "0123-4567-89AB-CDEF"
FOR_NEW_ONES = "For new ones, run 'twostep recovery'."


@pytest.fixture
def ssh(machine):
    return ready(Ssh(machine))


def test_a_recovery_code_lets_in_once(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.recovery[3]).granted
    assert host.attempt("alice", alice.recovery[3], alice.code()).granted
    granted, refused, _ = machine.log()
    expected = {"result": "grant", "user": "alice", "service": host.service, "method": "recovery-code", "left": "7"}
    assert granted == {**granted, **expected, **host.origin, "priority": "notice"}
    assert (refused["reason"], refused["failures"]) == ("wrong-recovery-code", "1")


def test_accepts_any_spelling_but_no_wrong_character(machine, ssh):
    machine.policy(tries=10)
    alice = machine.enroll("alice")
    first, second, third, fourth, *_ = alice.recovery
    assert ssh.attempt("alice", first.lower()).granted
    assert ssh.attempt("alice", f" {second.replace('-', '')} ").granted
    assert ssh.attempt("alice", third.replace("0", "o").replace("1", "L").replace("-", " ")).granted
    wrong = [fourth[:at] + ("2" if fourth[at] != "2" else "3") + fourth[at + 1 :] for at in (0, 10, 18)]
    assert ssh.attempt("alice", *wrong, fourth[:-1], fourth).granted
    assert machine.verdicts()[3:] == ["deny wrong-recovery-code"] * 3 + ["deny not-a-code", "grant"]


def test_refuses_wrong_one_like_a_code_but_counts_it_apart(machine, ssh):
    alice = machine.enroll("alice")
    seen = []

    def then_right():
        seen.append((machine.failures_of("alice"), machine.recovery_failures_of("alice")))
        return alice.recovery[0]

    machine.policy(tries=4)
    outcome = ssh.attempt("alice", FOREIGN, alice.wrong_code(), FOREIGN, then_right)
    assert outcome.granted
    assert outcome.asked[1] == outcome.asked[2] == f"That code was not accepted. If you have just used it, wait for the next one;\notherwise check the app's entry and your phone's clock.\n{CODE}"
    assert machine.verdicts() == ["deny wrong-recovery-code", "deny wrong-code", "deny wrong-recovery-code", "grant"]
    assert [entry.get("failures") for entry in machine.log()] == ["1", "1", "2", None]
    assert seen == [(1, 2)], "and both at once end with a success"
    assert (machine.failures_of("alice"), machine.recovery_failures_of("alice")) == (0, 0)


LOCKOUTS = {"ssh": (Ssh, 20, "locked"), "login": (Login, 3, "disabled"), "sudo": (Sudo, 20, "locked")}


@pytest.mark.parametrize("host_class, limit, reason", LOCKOUTS.values(), ids=LOCKOUTS)
def test_recovery_code_works_during_lockout(machine, host_class, limit, reason):
    host = ready(host_class(machine))
    machine.policy(tries=5, lockout_after=limit)
    alice = machine.enroll("alice")
    outcome = host.attempt("alice", *[alice.wrong_code()] * 3, alice.code(), alice.recovery[0])
    assert "A recovery code works now." in " ".join(outcome.asked[4].split())
    assert outcome.granted
    assert machine.verdicts()[3:] == [f"deny {reason}", "grant"]
    assert host.attempt("alice", alice.code()).granted


def test_recovery_code_works_with_wrong_clock(machine, ssh):
    alice = machine.enroll("alice", then=24 * 3600)
    assert ssh.attempt("alice", alice.code()).granted
    machine.clock.advance(-24 * 3600)
    outcome = ssh.attempt("alice", alice.code(), alice.recovery[0])
    assert outcome.granted and "A recovery code works now." in " ".join(outcome.asked[1].split())


IMPATIENT = """
import sys
sys.path.insert(0, sys.argv[1])
from pam import Pam
assert all(Pam("su", "alice", answers=[sys.argv[2]] * 10).authenticate() == 7 for _ in range(10))
"""


def test_after_a_hundred_wrong_ones_a_code_or_unlock_helps(machine, ssh):
    """A program of root tries them, without a wait after a refusal."""
    machine.policy(tries=10)
    machine.stack("su", "auth required pam_twostep.so")
    alice = machine.enroll("alice")
    program = ["/usr/bin/python3", "-c", IMPATIENT, REPOSITORY / "tests/stacks", FOREIGN]
    assert machine.run(*program).returncode == 0
    assert machine.recovery_failures_of("alice") == 100
    machine.forget_log()
    outcome = ssh.attempt("alice", alice.recovery[0], alice.code())
    assert "twostep unlock alice" in outcome.asked[1]
    assert outcome.granted and machine.verdicts() == ["deny recovery-disabled", "grant"]
    assert machine.recovery_failures_of("alice") == 0

    assert machine.run(*program).returncode == 0
    machine.command("unlock", "alice")
    assert machine.recovery_failures_of("alice") == 0
    assert ssh.attempt("alice", alice.recovery[0]).granted


@pytest.mark.parametrize("host_class", [SshShell, Login, Sudo], ids=lambda host: host.name)
def test_says_how_many_are_left_and_how_to_renew_below_three(machine, host_class):
    """sudo shows no texts, so its users see only the prompts."""
    host = ready(host_class(machine))
    machine.mandatory(recovery_codes=4)
    alice = machine.enroll("alice")
    told = []
    for code in (alice.recovery[0], alice.code, alice.recovery[1], lambda: alice.code(+1), *alice.recovery[2:]):
        outcome = host.attempt("alice", code)
        assert outcome.granted
        told.append(" ".join(outcome.text.split()))
    if isinstance(host, Sudo):
        assert not any("ecovery code" in text for text in told)
        return
    assert "Recovery code accepted. Unused codes left: 3." in told[0] and FOR_NEW_ONES not in told[0]
    assert "ecovery code" not in told[1]
    for text, left in ((told[2], "left: 2."), (told[3], "left: 2."), (told[4], "left: 1."), (told[5], "left: 0.")):
        assert left in text and FOR_NEW_ONES in text, text


def test_a_new_set_replaces_the_old_one_in_80_by_24(machine, ssh):
    machine.mandatory(recovery_codes=16)
    alice = machine.enroll("alice")
    old, alice.recovery = alice.recovery, []
    with Screen("twostep", "recovery", "--user", "alice") as screen:
        lines = answer_proof(screen, alice)
        assert len(lines) <= ROWS and all(len(line) <= COLUMNS for line in lines)
        screen.wait_for("alice has new recovery codes (16). The old ones no longer work.")
    assert len(alice.recovery) == 16 and not {*old} & {*alice.recovery}
    assert machine.status("alice")["recovery_codes"] == 16
    machine.forget_log()
    assert ssh.attempt("alice", old[0], old[15], alice.recovery[15]).granted
    assert machine.verdicts() == ["deny wrong-recovery-code", "deny wrong-recovery-code", "grant"]
    assert machine.status("alice")["recovery_codes"] == 15


def answer_proof(screen, person):
    """Types the last 4 characters of the requested code. Returns the lines of the screen."""
    question = r"type the last 4 characters of\s+recovery code (\d+):"
    lines = screen.wait_for_prompt(question)
    screen.type(person.answer("proof", "\n".join(lines), re.search(question, "\n".join(lines))))
    return lines


def test_keeps_old_set_if_new_one_is_not_confirmed(machine, ssh):
    alice = machine.enroll("alice")
    before = machine.state_of("alice")
    for answers in ("", "AAAA\n", "no\nno\nno\nno\n"):
        refused = machine.run("twostep", "recovery", "--user", "alice", stdin=answers)
        assert refused.returncode == 1 and "The old recovery codes still work" in refused.stderr
        Newcomer(machine, "alice").read(refused.stdout)
    assert machine.state_of("alice") == before
    assert ssh.attempt("alice", alice.recovery[0]).granted


def test_accepts_none_from_user_without_recovery_codes(machine, ssh):
    machine.policy("[enrollment]\nrecovery-codes = 0\n")
    alice = machine.enroll("alice")
    assert alice.recovery == [] and machine.status("alice")["recovery_codes"] is None
    assert ssh.attempt("alice", FOREIGN, alice.code()).granted
    assert machine.verdicts() == ["deny wrong-recovery-code", "grant"]
    assert "is not enrolled" in machine.run("twostep", "recovery", "--user", "bob").stderr


def test_another_persons_recovery_code_is_refused(machine, ssh):
    alice = machine.enroll("alice")
    bob = machine.enroll("bob")
    assert ssh.attempt("alice", bob.recovery[0], alice.code()).granted
    assert ssh.attempt("bob", bob.recovery[0]).granted
    assert machine.verdicts() == ["deny wrong-recovery-code", "grant", "grant"]


def test_reset_deletes_recovery_codes(machine, ssh):
    alice = machine.enroll("alice")
    machine.command("reset", "alice")
    again = machine.enroll("alice")
    assert not {*alice.recovery} & {*again.recovery}
    assert ssh.attempt("alice", alice.recovery[0], again.recovery[0]).granted
    assert machine.verdicts() == ["deny wrong-recovery-code", "grant"]


def test_recovery_code_as_password_is_no_second_step(machine, ssh):
    """A text that was typed as the password proves nothing else."""
    alice = machine.enroll("alice")
    machine.run("chpasswd", stdin=f"alice:{alice.recovery[0]}\n")
    try:
        outcome = ssh.attempt("alice", alice.recovery[0], alice.code(), password=alice.recovery[0])
        assert outcome.granted and machine.verdicts() == ["deny not-a-code", "grant"]
    finally:
        machine.run("chpasswd", stdin="alice:alice's password\n")
