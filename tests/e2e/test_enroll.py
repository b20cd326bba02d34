"""The command: enrollment on a real terminal, what `status` shows, what `unlock` and `reset` do."""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from clock import STEP
from hosts import Ssh
from machine import STORE, Person, read_key, uid_of
from screen import COLUMNS, DARK_TERMINAL, LIGHT_TERMINAL, ROWS, Screen, decode


@pytest.fixture
def ssh(machine):
    host = Ssh(machine)
    host.prepare()
    return host


def test_enrollment_on_a_terminal_of_80_by_24(machine, ssh, tmp_path):
    machine.policy(tries=1)
    with Screen("twostep", "enroll", "--user", "alice") as screen:
        screen.wait_for("First code:")
        lines = screen.text().rstrip("\n").split("\n")
        alice = Person(machine, "alice", read_key(lines))
        assert "Key:" in screen.text(), "the key must be on the same screen as the picture and the prompt"
        assert len(lines) <= ROWS and all(len(line) <= COLUMNS for line in lines)

        for terminal in (DARK_TERMINAL, LIGHT_TERMINAL):
            screen.photograph(tmp_path / "screen.png", terminal)
            check_uri(decode(tmp_path / "screen.png"), "alice", alice.secret)

        spent = [alice.code(), alice.code(+1)]
        screen.type(spent[0])
        screen.wait_for("Next code (after it changes):")
        machine.clock.advance(STEP)
        screen.type(spent[1])
        screen.wait_for("alice is enrolled (authenticator 'phone').")

    for code in spent:
        assert ssh.attempt("alice", code).refused
    assert machine.verdicts() == ["deny replayed"] * 2
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", alice.code()).granted


def check_uri(uri, user, secret):
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == f"/sandbox:{user}"
    assert parse_qs(parts.query) == {"secret": [secret], "issuer": ["sandbox"]}


def test_a_new_key_has_160_bits_and_is_never_the_same(machine):
    keys = {machine.enroll(user).secret for user in ("alice", "bob", "carol")}
    assert len(keys) == 3 and all(len(key) == 32 for key in keys)


def test_enrollment_keeps_its_files_from_everybody(machine):
    machine.enroll("alice")
    uid = uid_of("alice")
    for file in (STORE / "users" / f"{uid}.toml", STORE / "state" / str(uid)):
        assert machine.run("stat", "-c", "%U %a %h", file).stdout == "twostep 600 1\n"
        assert machine.run("setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "cat", file).returncode != 0
    assert (STORE / "state" / str(uid)).stat().st_size == 8192


def test_enrollment_stores_nothing_until_both_codes_were_right(machine):
    for answers in ("", "000000\n", "000000\n111111\n222222\n"):
        refused = machine.run("twostep", "enroll", "--user", "alice", stdin=answers)
        assert refused.returncode == 1 and "error: " in refused.stderr
    assert not (STORE / "users" / f"{uid_of('alice')}.toml").exists()


def test_a_second_authenticator_works_beside_the_first(machine, ssh):
    machine.policy(tries=2)
    phone = machine.enroll("alice")
    tablet = machine.enroll("alice", label="tablet", then=0)
    assert ssh.attempt("alice", tablet.code(), tablet.code(+1)).refused
    assert machine.verdicts() == ["deny replayed"] * 2
    machine.clock.advance(2 * STEP)
    assert ssh.attempt("alice", tablet.code()).granted
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", phone.code()).granted
    assert [entry["authenticator"] for entry in machine.log() if entry["result"] == "grant"] == ["tablet", "phone"]


def test_enrollment_refuses_strangers(machine):
    refused = machine.run("twostep", "enroll", "--user", "nobody-knows-me")
    assert refused.returncode == 1 and "nobody-knows-me" in refused.stderr


def test_status_shows_what_logins_did(machine, ssh):
    alice = machine.enroll("alice")
    shown = status(machine, "alice")
    expected = {
        "user": "alice",
        "uid": uid_of("alice"),
        "enrolled": True,
        "authenticators": [authenticator(machine)],
        "failures": 0,
        "codes": "accepted",
        "wait_until": None,
    }
    assert shown == {**shown, **expected}
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    shown = status(machine, "alice")
    assert (shown["failures"], shown["codes"], shown["wait_until"]) == (3, "waiting", machine.clock.now() + 30)
    assert alice.secret not in machine.run("twostep", "status", "--user", "alice", "--json").stdout


def authenticator(machine):
    enrolled = status(machine, "alice")["authenticators"][0]["enrolled"]
    assert abs(enrolled - machine.clock.now()) <= 4 * STEP
    return {"label": "phone", "algorithm": "SHA1", "digits": 6, "period": 30, "enrolled": enrolled}


def status(machine, user):
    return json.loads(machine.run("twostep", "status", "--user", user, "--json").stdout)


def test_status_of_all_names_everybody_who_is_enrolled(machine):
    machine.enroll("alice")
    machine.enroll("bob")
    shown = json.loads(machine.run("twostep", "status", "--all", "--json").stdout)
    assert {entry["user"] for entry in shown if entry["enrolled"]} == {"alice", "bob"}


def test_unlock_ends_a_lockout(machine, ssh):
    alice = machine.enroll("alice")
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    assert machine.run("twostep", "unlock", "alice").returncode == 0
    assert ssh.attempt("alice", alice.code()).granted


def test_after_the_last_allowed_failure_only_unlock_helps(machine, ssh):
    machine.policy(lockout_after=3)
    alice = machine.enroll("alice")
    ssh.attempt("alice", *[alice.wrong_code()] * 3)
    machine.clock.advance(24 * 3600)
    machine.forget_log()
    outcome = ssh.attempt("alice", alice.code(), alice.code())
    assert outcome.refused and "run 'twostep unlock alice'" in outcome.asked[1]
    assert machine.verdicts() == ["deny disabled"] * 2
    assert status(machine, "alice")["codes"] == "disabled"
    assert machine.run("twostep", "unlock", "alice").returncode == 0
    assert ssh.attempt("alice", alice.code()).granted


def test_a_code_from_the_future_is_no_key_to_the_past(machine, ssh):
    """The clock was a day ahead once. Codes are refused until an administrator says that the clock is right now."""
    alice = machine.enroll("alice")
    machine.clock.advance(24 * 3600)
    assert ssh.attempt("alice", alice.code()).granted
    machine.clock.advance(-24 * 3600)
    machine.forget_log()
    assert ssh.attempt("alice", alice.code()).refused
    assert machine.verdicts()[0] == "deny clock-anomaly"
    assert status(machine, "alice")["codes"] == "clock-anomaly"
    assert machine.run("twostep", "unlock", "alice", "--reset-clock").returncode == 0
    machine.clock.advance(3 * STEP)
    assert ssh.attempt("alice", alice.code()).granted


def test_reset_forgets_the_key_but_not_the_spent_codes(machine, ssh):
    machine.policy(tries=1)
    alice = machine.enroll("alice")
    code = alice.code()
    assert ssh.attempt("alice", code).granted
    assert machine.run("twostep", "reset", "alice").returncode == 0
    assert not status(machine, "alice")["enrolled"]
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


@pytest.mark.parametrize("arguments", [["enroll"], ["status"], ["unlock"], ["reset"], ["polish"], ["status", "--user"]])
def test_wrong_usage_ends_with_two(machine, arguments):
    assert machine.run("twostep", *arguments).returncode == 2


def test_acts_on_people_are_for_root(machine):
    machine.enroll("alice")
    for verb in (["unlock", "alice"], ["reset", "alice"], ["enroll", "--user", "alice"], ["status", "--all"]):
        refused = machine.run("setpriv", "--reuid=bob", "--regid=bob", "--init-groups", "twostep", *verb)
        assert refused.returncode in (1, 3) and re.match("error: ", refused.stderr)
    assert status(machine, "alice")["enrolled"]
