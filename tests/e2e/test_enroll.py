"""The command: enrollment on a real terminal, what `status` shows, what `remove`, `unlock` and `reset` do."""

import datetime
import json
import re

import pytest

from clock import STEP
from hosts import Ssh, ready
from machine import STORE, converse, terminal_of, uid_of
from person import QUESTIONS, WHOLE, Newcomer
from screen import COLUMNS, DARK_TERMINAL, LIGHT_TERMINAL, ROWS, Screen, check_uri, decode


@pytest.fixture
def ssh(machine):
    return ready(Ssh(machine))


def test_enrollment_on_a_terminal_of_80_by_24(machine, ssh, tmp_path):
    with Screen("twostep", "enroll", "--user", "alice") as screen:
        lines = screen.wait_for_prompt(QUESTIONS["first"])
        alice = Newcomer(machine, "alice")
        alice.read(screen.history())
        fits(lines)
        for terminal in (DARK_TERMINAL, LIGHT_TERMINAL):
            screen.photograph(tmp_path / "screen.png", terminal)
            check_uri(decode(tmp_path / "screen.png"), "alice", alice.secret)

        screen.type(alice.answer("first", "", None))
        screen.wait_for_prompt(QUESTIONS["next"])
        screen.type(alice.answer("next", "", None))
        lines = screen.wait_for_prompt(QUESTIONS["proof"])
        fits(lines)
        question = re.search(QUESTIONS["proof"].rstrip(), lines[-1])
        screen.type(alice.answer("proof", "\n".join(lines), question).lower())
        screen.wait_for("alice is enrolled (authenticator 'phone').")

    machine.clock.advance(STEP)
    assert len(alice.recovery) == 8
    assert ssh.attempt("alice", *alice.spent, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "deny replayed", "grant"]


def fits(lines):
    assert len(lines) <= ROWS and all(len(line) <= COLUMNS for line in lines)


def test_a_new_key_has_160_bits_and_is_never_the_same(machine):
    keys = {machine.enroll(user).secret for user in ("alice", "bob", "carol")}
    assert len(keys) == 3 and all(len(key) == 32 for key in keys)


def test_enrollment_files_are_private(machine):
    machine.enroll("alice")
    uid = uid_of("alice")
    for file in (STORE / "users" / f"{uid}.toml", STORE / "state" / str(uid)):
        assert machine.run("stat", "-c", "%U %a %h", file).stdout == "twostep 600 1\n"
        assert machine.run("setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "cat", file).returncode != 0
    assert (STORE / "state" / str(uid)).stat().st_size == 8192


UNFINISHED = {
    "nothing typed": {"first": [None]},
    "one wrong code": {"first": ["000000", None]},
    "ten wrong codes": {"first": [*["000000"] * 10, None]},
    "one code": {"next": [None]},
    "recovery codes unread": {"proof": ["AAAA", "", "no", "help", None]},
    "a phone that is fast": {"first": [lambda self: self.code(+4), None]},
}


@pytest.mark.parametrize("answers", UNFINISHED.values(), ids=UNFINISHED)
def test_stores_nothing_until_recovery_codes_are_confirmed(machine, answers):
    alice = Newcomer(machine, "alice", **answers)
    terminal = terminal_of("twostep", ["enroll", "--user", "alice"])
    converse(terminal, alice)
    assert terminal.wait() == 1 and "error: " in terminal.before
    assert machine.stored("alice") == set()


def test_command_loses_to_login_that_enrolled_first(machine, ssh):
    machine.mandatory()
    by_command, by_login = Newcomer(machine, "alice"), Newcomer(machine, "alice")
    terminal = terminal_of("twostep", ["enroll", "--user", "alice"])
    converse(terminal, by_command, stop=QUESTIONS["proof"])
    assert ssh.attempt("alice", newcomer=by_login).granted
    kept = machine.state_of("alice")
    terminal.sendline(by_command.answer("proof", terminal.before, terminal.match))
    converse(terminal, by_command)
    assert terminal.wait() == 1 and "enrolled in the meantime" in terminal.before
    assert machine.state_of("alice") == kept
    machine.clock.advance(2 * STEP)
    assert ssh.attempt("alice", by_command.code(), by_login.code()).granted


def test_each_authenticator_works_until_it_is_removed(machine, ssh):
    phone = machine.enroll("alice")
    tablet = machine.enroll("alice", label="tablet", then=0)
    assert tablet.recovery == [], "who has a phone has recovery codes already"
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", *tablet.spent, tablet.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "deny replayed", "grant"]
    machine.clock.advance(2 * STEP)
    assert ssh.attempt("alice", phone.code()).granted
    assert [entry["authenticator"] for entry in machine.log() if entry["result"] == "grant"] == ["tablet", "phone"]

    machine.clock.advance(STEP)
    machine.forget_log()
    said = machine.command("remove", "--user", "alice", "phone")
    assert said == "Removed 'phone'. Still set up: 'tablet'.\n"
    assert ssh.attempt("alice", phone.code(), tablet.code()).granted
    assert machine.verdicts() == ["deny wrong-code", "grant"]
    assert ssh.attempt("alice", phone.recovery[0]).granted, "the recovery codes are the person's, not the phone's"


def test_removes_neither_last_nor_unknown_authenticator(machine):
    machine.enroll("alice")
    table = [("alice", "phone", "'twostep remove --user alice' without a label"), ("alice", "tablet", "'phone'"), ("bob", "phone", "not enrolled")]
    for user, label, advice in table:
        refused = machine.run("twostep", "remove", "--user", user, label)
        assert refused.returncode == 1 and advice in refused.stderr
    assert machine.status("alice")["enrolled"]


def test_enrollment_refuses_strangers(machine):
    refused = machine.run("twostep", "enroll", "--user", "nobody-knows-me")
    assert refused.returncode == 1 and "nobody-knows-me" in refused.stderr


def test_status_shows_results_of_logins(machine, ssh):
    alice = machine.enroll("alice")
    shown = machine.status("alice")
    expected = {
        "user": "alice",
        "uid": uid_of("alice"),
        "enrolled": True,
        "authenticators": [authenticator(machine)],
        "failures": 0,
        "codes": "accepted",
        "wait_until": None,
        "recovery_codes": 8,
        "ticket_until": None,
    }
    assert shown == {**shown, **expected}
    assert ssh.attempt("alice", alice.recovery[0]).granted
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    shown = machine.status("alice")
    assert (shown["failures"], shown["codes"], shown["wait_until"]) == (3, "waiting", machine.clock.now() + 30)
    assert shown["recovery_codes"] == 7
    text = machine.command("status", "--user", "alice")
    assert "recovery codes left: 7\n" in text and "phone: SHA1, 6 digits, 30 s" in text
    machine.ticket("bob")
    everything = machine.command("status", "--all", "--json") + machine.command("status", "--all") + text
    assert not any(word in everything for word in machine.said if len(word) > 6)


def authenticator(machine):
    enrolled = machine.status("alice")["authenticators"][0]["enrolled"]
    assert abs(enrolled - machine.clock.now()) <= 4 * STEP
    utc = f"{datetime.datetime.fromtimestamp(enrolled, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"label": "phone", "algorithm": "SHA1", "digits": 6, "period": 30, "enrolled": enrolled, "enrolled_utc": utc}


def test_status_all_names_every_enrolled_user(machine):
    machine.enroll("alice")
    machine.enroll("bob")
    shown = json.loads(machine.run("twostep", "status", "--all", "--json").stdout)
    assert {entry["user"] for entry in shown if entry["enrolled"]} == {"alice", "bob"}


def test_unlock_ends_a_lockout(machine, ssh):
    alice = machine.enroll("alice")
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    assert machine.run("twostep", "unlock", "alice").returncode == 0
    assert ssh.attempt("alice", alice.code()).granted


def test_only_unlock_helps_after_last_allowed_failure(machine, ssh):
    machine.policy(lockout_after=3)
    alice = machine.enroll("alice")
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    machine.clock.advance(24 * 3600)
    machine.forget_log()
    outcome = ssh.attempt("alice", alice.code(), alice.code())
    assert outcome.refused and "'twostep unlock alice'" in outcome.asked[1]
    assert machine.verdicts() == ["deny disabled"] * 2
    assert machine.status("alice")["codes"] == "disabled"
    assert machine.run("twostep", "unlock", "alice").returncode == 0
    assert ssh.attempt("alice", alice.code()).granted


def test_refuses_codes_after_clock_was_ahead_until_reset(machine, ssh):
    """The clock was a day ahead once. Codes are refused until an administrator says that the clock is right now."""
    alice = machine.enroll("alice")
    machine.clock.advance(24 * 3600)
    assert ssh.attempt("alice", alice.code()).granted
    machine.clock.advance(-24 * 3600)
    machine.forget_log()
    assert ssh.attempt("alice", alice.code()).refused
    assert machine.verdicts()[0] == "deny clock-anomaly"
    assert machine.status("alice")["codes"] == "clock-anomaly"
    assert machine.run("twostep", "unlock", "alice", "--reset-clock").returncode == 0
    machine.clock.advance(3 * STEP)
    assert ssh.attempt("alice", alice.code()).granted


def test_mandatory_user_enrolls_again_after_reset(machine, ssh):
    machine.mandatory()
    alice = machine.enroll("alice")
    used = alice.code()
    assert ssh.attempt("alice", used).granted
    machine.command("reset", "alice")
    assert machine.stored("alice") == {"mark"}
    again = Newcomer(machine, "alice")
    assert ssh.attempt("alice", newcomer=again).enrolling == WHOLE
    assert again.secret != alice.secret
    machine.clock.advance(STEP)
    machine.forget_log()
    outcome = ssh.attempt("alice", alice.recovery[0], *again.spent)
    assert outcome.refused
    assert machine.verdicts() == ["deny wrong-recovery-code", "deny replayed", "deny replayed"]


def test_reset_forgets_the_key_but_not_the_spent_codes(machine, ssh):
    machine.policy(tries=1)
    alice = machine.enroll("alice")
    code = alice.code()
    assert ssh.attempt("alice", code).granted
    assert machine.run("twostep", "reset", "alice").returncode == 0
    assert not machine.status("alice")["enrolled"]
    outcome = ssh.attempt("alice")
    assert outcome.granted and not outcome.asked

    uid = uid_of("alice")
    secret = STORE / "users" / f"{uid}.toml"
    secret.write_text(f'version = 1\nuid = {uid}\nname = "alice"\n[[authenticator]]\nlabel = "phone"\nsecret = "{alice.secret}"\n')
    machine.run("chown", "twostep:", secret)
    secret.chmod(0o600)
    machine.forget_log()
    assert ssh.attempt("alice", code).refused
    assert machine.verdicts() == ["deny replayed"]


WRONG = ["enroll", "status", "unlock", "reset", "polish", "status --user", "recovery", "ticket", "remove", "verify", "enroll --user alice --qr x"]


@pytest.mark.parametrize("arguments", [words.split() for words in WRONG], ids=WRONG)
def test_wrong_usage_ends_with_two(machine, arguments):
    assert machine.run("twostep", *arguments).returncode == 2


def test_only_root_acts_for_others(machine):
    machine.enroll("alice")
    verbs = ("unlock alice", "reset alice", "enroll --user alice", "status --all", "recovery --user alice", "ticket bob")
    for verb in (words.split() for words in (*verbs, "remove --user alice phone")):
        refused = machine.run("setpriv", "--reuid=bob", "--regid=bob", "--init-groups", "twostep", *verb)
        assert refused.returncode in (1, 3) and re.match("error: ", refused.stderr)
    assert machine.status("alice")["enrolled"]
