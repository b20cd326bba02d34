"""The command without root: users enroll, add a tablet, renew recovery codes, try codes, turn the second step off."""

import json
import os
import re

import pexpect
import pytest

from clock import STEP
from hosts import Ssh, become, ready
from machine import STORE, Newcomer, converse, terminal_of, uid_of
from person import QUESTIONS, keep_secret
from screen import DARK_TERMINAL, Screen, check_uri, decode

CODE = "Verification code: "


@pytest.fixture
def ssh(machine):
    return ready(Ssh(machine))


@pytest.fixture
def alice(machine):
    return Self(machine, "alice")


class Self(Newcomer):
    """A user who runs the command for their own account, on a terminal."""

    def run(self, *words, codes=(), says=0, newcomer=None):
        """Runs the command to its end, with the exit status `says`. Answers each question for a code in turn; `newcomer`,
        or this user, answers the questions of an enrollment. Returns the text on the screen."""
        terminal = terminal_of("setpriv", [*become(self.user), "twostep", *words])
        codes, screen = list(codes), ""
        while (seen := terminal.expect([pexpect.EOF, CODE, *QUESTIONS.values()])) != 0:
            screen += terminal.before + terminal.after
            if seen == 1:
                answer = codes.pop(0)
            else:
                answer = (newcomer or self).answer(list(QUESTIONS)[seen - 2], terminal.before, terminal.match)
            terminal.sendeof() if answer is None else terminal.sendline(answer)
        screen += terminal.before
        assert (terminal.wait(), codes) == (says, []), screen
        return screen.replace("\r\n", "\n")

    def enroll(self):
        self.run("enroll")
        self._machine.clock.advance(3 * STEP)
        return self

    def status(self):
        return json.loads(self.run("status", "--json"))


def test_a_person_enrolls_by_the_picture_and_logs_in(machine, ssh, alice, tmp_path):
    with Screen("setpriv", *become("alice"), "env", "LANG=C.UTF-8", "twostep", "enroll") as screen:
        screen.wait_for_prompt(QUESTIONS["first"])
        alice.read(screen.history())
        screen.photograph(tmp_path / "screen.png", DARK_TERMINAL)
        check_uri(decode(tmp_path / "screen.png"), "alice", alice.secret)
        screen.type(alice.answer("first", "", None))
        screen.wait_for_prompt(QUESTIONS["next"])
        screen.type(alice.answer("next", "", None))
        shown = "\n".join(screen.wait_for_prompt(QUESTIONS["proof"]))
        screen.type(alice.answer("proof", shown, re.search(QUESTIONS["proof"].rstrip(), shown)))
        screen.wait_for("You are enrolled (authenticator 'phone').")
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", *alice.spent, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "deny replayed", "grant"]
    for file in (STORE / "users" / f"{uid_of('alice')}.toml", STORE / "state" / str(uid_of("alice"))):
        assert machine.run("stat", "-c", "%U:%G %a %h", file).stdout == "twostep:twostep 600 1\n"


def test_adding_tablet_needs_code_of_phone_then_both_work(machine, ssh, alice):
    alice.enroll()
    tablet = Newcomer(machine, "alice")
    screen = alice.run("enroll", "--label", "tablet", codes=[alice.wrong_code(), alice.code()], newcomer=tablet)
    assert "That code was not accepted." in screen and "You are enrolled (authenticator 'tablet')." in screen
    assert tablet.secret != alice.secret and tablet.recovery == [], "who has a phone has recovery codes already"
    machine.clock.advance(3 * STEP)
    assert ssh.attempt("alice", tablet.code()).granted
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", alice.code()).granted
    assert [device["label"] for device in alice.status()["authenticators"]] == ["phone", "tablet"]


def test_every_change_needs_a_code(machine, alice):
    alice.enroll()
    before = machine.stored("alice")
    for words in (["enroll", "--label", "mine"], ["replace"], ["recovery"], ["remove"]):
        machine.clock.advance(3600)
        screen = alice.run(*words, codes=[alice.wrong_code(), None], says=1)
        assert "Nothing was changed." in screen and "Key:" not in screen and "Write down" not in screen
    machine.clock.advance(3600)
    assert machine.stored("alice") == before
    assert alice.status()["helper"]["failures"] == 4
    assert alice.status()["failures"] == 0, "what fails here does not lock anybody out of the machine"


def test_verify_says_why_a_code_is_refused(machine, alice):
    alice.enroll()
    screen = alice.run("verify", codes=["", "12345", alice.code()])
    assert "You typed nothing." in screen and "That is too short for a code." in screen
    screen = alice.run("verify", codes=[alice.code(8), alice.code(9), alice.code()])
    assert screen.count("clock is 270 seconds fast. Set it to network time.") == 1 and "That code works" in screen


def test_new_recovery_codes_need_a_code_and_replace_the_old_ones(machine, ssh, alice):
    alice.enroll()
    old, alice.recovery = alice.recovery, []
    screen = alice.run("recovery", codes=[alice.code()])
    assert "You have new recovery codes (8). The old ones no longer work." in screen
    assert ssh.attempt("alice", old[0], alice.recovery[0]).granted
    assert machine.verdicts() == ["deny wrong-recovery-code", "grant"]


def test_recovery_code_replaces_lost_phone(machine, ssh, alice):
    """One command, one recovery code, three answers."""
    alice.enroll()
    outcome = ssh.attempt("alice", alice.recovery[0])
    assert outcome.granted and "Lost your phone? Run 'twostep replace'." in outcome.text
    new = Newcomer(machine, "alice")
    screen = alice.run("replace", codes=[alice.recovery[1]], newcomer=new)
    assert "Replaced 'phone'. Codes of the old one no longer work." in screen and len(new.spent) == 2
    assert [device["label"] for device in alice.status()["authenticators"]] == ["phone"]
    machine.clock.advance(3 * STEP)
    assert ssh.attempt("alice", alice.code(), alice.recovery[1], new.code()).granted
    assert machine.verdicts() == ["grant", "deny wrong-code", "deny wrong-recovery-code", "grant"]


def test_a_code_is_tried_and_works_at_the_login_that_follows(machine, ssh, alice):
    alice.enroll()
    code = alice.code()
    for _ in range(2):
        assert "That code works (authenticator 'phone'). It has not been used up." in alice.run("verify", codes=[code])
    assert "That recovery code works. It has not been used up." in alice.run("verify", codes=[alice.recovery[3]])
    assert ssh.attempt("alice", code).granted
    assert "That code was already used. Wait for the next one." in alice.run("verify", codes=[code] * 3, says=1), "now it is"
    assert alice.status()["helper"]["failures"] == 3


def test_mandatory_user_cannot_remove_and_reads_why(machine, ssh, alice):
    machine.policy('[[rule]]\nname = "people"\nusers = ["alice"]\nmode = "mandatory"\n')
    alice.enroll()
    screen = alice.run("remove", says=1)
    assert "error: rule 'people' (line 5 of /etc/twostep/policy.toml) requires a second step of you" in screen
    assert "ask your administrator" in screen
    assert "'phone' is your only authenticator" in alice.run("remove", "phone", says=1)
    assert "  rule 'people' (line 5 of the policy) requires a second step\n" in alice.run("status")
    machine.policy()
    machine.command("require", "alice")
    assert "an administrator requires a second step of you ('twostep require')" in alice.run("remove", says=1)
    machine.command("unrequire", "alice")
    screen = alice.run("remove", codes=[alice.code()])
    assert "This removes 'phone' and all recovery codes." in screen
    assert "You are no longer enrolled. To enroll again, run 'twostep enroll'.\n" in screen
    assert machine.stored("alice") == {"mark"}
    assert ssh.attempt("alice").granted and machine.verdicts() == ["exempt not-enrolled"]


CHANGES = {
    "required of her": lambda machine: machine.command("require", "alice"),
    "mandatory for all": lambda machine: machine.policy(mode="mandatory"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_refuses_removal_if_required_meanwhile(machine, alice, change):
    alice.enroll()
    terminal = terminal_of("setpriv", [*become("alice"), "twostep", "remove"])
    terminal.expect(CODE)
    change(machine)
    terminal.sendline(alice.code())
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 1 and "requires a second step of you" in terminal.before
    assert alice.status()["enrolled"]


def test_refuses_enrollment_if_ticket_required_meanwhile(machine, alice):
    terminal = terminal_of("setpriv", [*become("alice"), "twostep", "enroll"])
    terminal.expect(QUESTIONS["first"])
    machine.mandatory(require_ticket=True)
    alice.read(terminal.before)
    terminal.sendline(alice.answer("first", "", None))
    converse(terminal, alice)
    assert terminal.wait() == 1 and "Ask your administrator for one." in terminal.before
    assert machine.stored("alice") == set()


LOSSES = {
    "reset and enrolled anew": lambda machine, alice: (machine.command("reset", "alice"), machine.enroll("alice", then=0)),
    "the phone removed": lambda machine, alice: machine.command("remove", "--user", "alice", "phone"),
    "new recovery codes": lambda machine, alice: Self(machine, "alice").run("recovery", codes=[alice.recovery[1]]),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("words, question", [(["enroll", "--label", "evil"], "first"), (["recovery"], "proof")])
def test_proof_by_removed_authenticator_counts_for_nothing(machine, alice, words, question, lose):
    """A thief has a phone or a recovery code of alice, and begins before she finds out."""
    machine.policy()
    alice.enroll()
    alice.run("enroll", "--label", "second", codes=[alice.code()], newcomer=Newcomer(machine, "alice"))
    machine.clock.advance(3 * STEP)
    thief = Newcomer(machine, "alice")
    terminal = terminal_of("setpriv", [*become("alice"), "twostep", *words])
    terminal.expect(CODE)
    terminal.sendline(alice.recovery[0])
    terminal.expect(QUESTIONS[question])
    answer = thief.answer(question, terminal.before, terminal.match)
    lose(machine, alice)
    secret = STORE / "users" / f"{uid_of('alice')}.toml"
    before = secret.read_bytes(), machine.stored("alice")
    terminal.sendline(answer)
    converse(terminal, thief)
    assert terminal.wait() == 1 and "has changed in the meantime" in terminal.before
    assert (secret.read_bytes(), machine.stored("alice")) == before


def test_a_rule_on_another_name_of_the_account_counts(machine, alice):
    machine.run("useradd", "--non-unique", "--uid", str(uid_of("alice")), "--no-create-home", "alice-adm")
    try:
        rule = '[[rule]]\nname = "admins"\nusers = ["alice-adm"]\nmode = "mandatory"\n'
        machine.policy(rule + "[enrollment]\nrequire-ticket = true\n")
        alice._answers["ticket"] = [None]
        alice.run("enroll", says=1)
        machine.policy(rule)
        alice.enroll()
        assert "rule 'admins' (line " in alice.run("remove", says=1)
    finally:
        lines = [line for line in open("/etc/passwd") if not line.startswith("alice-adm:")]
        open("/etc/passwd", "w").writelines(lines)


def test_mandatory_user_needs_required_ticket_in_command(machine, alice):
    machine.mandatory(require_ticket=True)
    alice._answers["ticket"] = ["0000-0000-0000-0000", "x", ""]
    screen = alice.run("enroll", says=1)
    assert "To set up your second step, you need a ticket from your administrator." in screen and "Key:" not in screen
    alice._answers["ticket"] = [machine.ticket("alice")]
    assert "You are enrolled" in alice.run("enroll")
    machine.policy("[enrollment]\nrequire-ticket = true\n")
    bob = Self(machine, "bob")
    assert "You are enrolled" in bob.run("enroll"), "where it is their own choice, they need none"


def test_ticket_on_a_printed_slip_lets_its_user_enroll(machine, alice):
    machine.mandatory(require_ticket=True)
    tickets = re.findall('class="ticket">([^<]*)<', machine.command("ticket", "bob", "alice", "--sheet"))
    for ticket in tickets:
        keep_secret(machine, ticket)
    alice._answers["ticket"] = tickets
    screen = alice.run("enroll")
    assert "You are enrolled" in screen and "That ticket was not accepted." in screen, "the first is that of bob"


def test_code_of_another_user_never_works(machine, alice):
    alice.enroll()
    bob = Self(machine, "bob").enroll()
    machine.clock.advance(STEP)
    assert "That code was not accepted." in alice.run("verify", codes=[bob.code()] * 3, says=1)
    machine.clock.advance(3600)
    assert "That code was not accepted." in alice.run("remove", codes=[bob.code(), bob.recovery[0], bob.code()], says=1)
    assert bob.status()["enrolled"] and alice.status()["enrolled"]


def test_logs_each_act_and_answer_but_no_code(machine, alice):
    alice.enroll()
    wrong, alice.recovery = alice.wrong_code(), []
    alice.run("recovery", codes=[wrong, "x", alice.code()])
    lines = [line.partition("twostep-helper[")[2].partition("]: ")[2] for line in machine.log_text().splitlines()]
    who = 'user=alice service=twostep-helper rhost="" tty=""'
    assert [line for line in lines if line] == [
        "act=enroll user=alice uid=%d authenticator=phone by=owner" % uid_of("alice"),
        f"result=deny {who} reason=wrong-code failures=1",
        f"result=deny {who} reason=not-a-code",
        f"result=grant {who} authenticator=phone offset=+0s",
        "act=recovery user=alice uid=%d codes=8 by=owner" % uid_of("alice"),
    ]


def test_only_log_says_how_far_clock_is_off(machine, alice):
    alice.enroll()
    screen = alice.run("verify", codes=[alice.code(+5), alice.code(+5), alice.code(+5)], says=1)
    assert "authenticator" not in screen and "150" not in screen
    assert "authenticator=phone offset=+150s" in machine.log_text()


MISTAKES = [
    (["status", "--all"], 1, "error: only root can see all users"),
    (["status", "--user", "bob"], 1, "error: only root can do this for another user"),
    (["status", "--user", "alice"], 0, "alice (uid "),
    (["status", "alice"], 0, "alice (uid "),
    (["status", "bob"], 1, "error: only root can do this for another user"),
    (["status", "alice", "nosuch"], 1, "error: only root can do this for another user"),
    (["status", "--group", "alice"], 1, "error: only root can do this for another user"),
    (["status", "--file", "/etc/shadow"], 1, "error: only root can do this for another user"),
    (["enroll", "nosuch"], 1, "For your own account, name no user."),
    (["verify", "alice", "--user", "bob"], 2, "error: two users are named: 'alice' and 'bob'"),
    (["verify", "alice"], 1, "error: you are not enrolled"),
    (["remove", "bob", "phone"], 1, "error: only root can do this for another user"),
    (["remove", "--user", "bob", "phone"], 1, "error: only root can do this for another user"),
    (["ticket", "alice", "bob"], 1, "error: only root can do this"),
    (["unlock", "alice"], 1, "error: only root can do this"),
    (["enroll", "--json"], 1, "error: only root can enroll a user without a dialogue"),
    (["enroll", "--label", ""], 1, "error: "),
    (["verify"], 1, "error: you are not enrolled"),
    (["recovery"], 1, "To enroll, run 'twostep enroll'."),
    (["remove", "phone"], 1, "error: you are not enrolled"),
]


@pytest.mark.parametrize("words, status, text", MISTAKES, ids=[" ".join(words) for words, *_ in MISTAKES])
def test_error_says_what_to_do(machine, alice, words, status, text):
    assert text in alice.run(*words, says=status)


def test_takes_single_word_of_user_for_label(machine, alice):
    alice.enroll()
    screen = alice.run("remove", "carol", says=1)
    assert "error: you have no authenticator 'carol'" in screen
    assert "'phone' is your only authenticator" in alice.run("remove", "alice", "phone", says=1)
    assert "'phone' is your only authenticator" in alice.run("remove", "phone", "--user", "alice", says=1)
    machine.clock.advance(STEP)
    assert "You are no longer enrolled." in alice.run("remove", "--user", "alice", codes=[alice.code()])


def test_refuses_to_write_key_to_file(machine, alice):
    terminal = terminal_of("setpriv", [*become("alice"), "sh", "-c", "twostep enroll > /dev/shm/out"])
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 1 and "standard output is not a terminal, and the secret would be written to it" in terminal.before
    assert os.path.getsize("/dev/shm/out") == 0


def test_says_whom_to_ask_if_helper_is_missing(machine, alice):
    helper = "/usr/libexec/twostep/twostep-helper"
    os.rename(helper, helper + ".away")
    try:
        for words in (["status"], ["enroll"], ["verify"]):
            screen = alice.run(*words, says=3)
            assert "could not be started, or ended without an answer" in screen
            assert "Ask your administrator to run 'twostep doctor'." in screen
        os.link(helper + ".away", helper)
        os.chmod(helper, 0o755)
        assert "Ask your administrator" in alice.run("status", says=3), "not set-uid"
    finally:
        os.rename(helper + ".away", helper)
        os.chmod(helper, 0o6755)
