"""Names of a directory service: one account with several spellings; renamed users; a directory that does not answer."""

import json
import re
import subprocess

import pytest

from clock import STEP
from directory import NOT_FOUND, TRY_AGAIN, UNAVAILABLE
from hosts import Ssh, Su, ready
from person import LONG_CODE, Newcomer, keep_secret, password_of
from test_people import Self

REMO, UID = "remo", 20001
SPELLINGS = ["REMO", "CORP\\remo", "remo@corp.example"]
NOT_ANSWERED = {"not found": NOT_FOUND, "unavailable": UNAVAILABLE, "try again": TRY_AGAIN}


@pytest.fixture
def remo(directory):
    directory.user(REMO, UID, *SPELLINGS)
    return directory


def rule(mode, *users):
    return f'[[rule]]\nname = "named"\nusers = {json.dumps(users)}\nmode = "{mode}"\n'


def twostep(machine, *arguments):
    done = machine.run("twostep", *arguments)
    return done.returncode, done.stdout + done.stderr


def test_stand_in_directory_answers_by_each_spelling(remo):
    remo.group("codes", 20010, REMO, spellings=["CODES"])
    for spelling in (REMO, *SPELLINGS):
        line = subprocess.run(["getent", "passwd", spelling], capture_output=True, text=True, check=True).stdout
        assert line.startswith("remo:") and ":20001:" in line
    assert "20010(codes)" in subprocess.run(["id", REMO], capture_output=True, text=True, check=True).stdout
    assert subprocess.run(["getent", "group", "CODES"], capture_output=True, check=True).stdout.startswith(b"codes:")
    remo.answer(UNAVAILABLE, of="passwd")
    assert subprocess.run(["getent", "passwd", REMO], capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("host", [Ssh, Su], ids=lambda host: host.name)
@pytest.mark.parametrize("listed", SPELLINGS)
def test_mandatory_rule_holds_for_every_spelling(machine, remo, host, listed):
    machine.policy("[enrollment]\nservices = []\n" + rule("mandatory", "root", listed))
    host = ready(host(machine))
    for typed in (REMO, "REMO"):
        outcome = host.attempt(typed, "123456", "123456", "123456", password=password_of(REMO))
        assert outcome.refused and outcome.asked, typed
        assert {entry["rule"] for entry in machine.log()} == {"named"}


@pytest.mark.parametrize("host", [Ssh, Su], ids=lambda host: host.name)
@pytest.mark.parametrize("listed", SPELLINGS)
def test_exemption_holds_for_every_spelling(machine, remo, host, listed):
    machine.policy(rule("exempt", listed), mode="mandatory")
    outcome = ready(host(machine)).attempt(REMO)
    assert outcome.granted and not outcome.asked
    assert machine.verdicts() == ["exempt exempt"]


@pytest.mark.parametrize("status", NOT_ANSWERED.values(), ids=NOT_ANSWERED)
def test_unknown_spelling_never_makes_verdict_milder(machine, remo, status):
    remo.answer(status, of="REMO")
    host = ready(Su(machine))
    machine.policy(rule("exempt", "REMO"), mode="mandatory")
    outcome = host.attempt(REMO, "123456")
    assert outcome.refused and outcome.asked
    machine.policy(rule("mandatory", "REMO"))
    machine.forget_log()
    outcome = host.attempt(REMO, "123456")
    assert outcome.refused and outcome.asked
    assert "REMO" in machine.log_text() and "applying rules that name them only where they are stricter" in machine.log_text()


def test_name_of_another_account_is_no_spelling(machine, remo):
    """Two domains, each with a remo."""
    remo.user("remo@other.example", 20002)
    machine.policy(rule("exempt", "remo@other.example"), mode="mandatory")
    assert ready(Su(machine)).attempt(REMO, "123456").refused
    machine.policy(rule("mandatory", "remo@other.example"))
    assert ready(Su(machine)).attempt(REMO).granted


def test_second_entry_with_the_uid_is_not_covered(machine, remo):
    remo.more("rema", UID)
    machine.policy(rule("exempt", REMO), mode="mandatory")
    assert ready(Su(machine)).attempt(REMO).granted
    assert ready(Su(machine)).attempt("rema", "123456").refused


def test_names_that_cannot_be_a_spelling_are_not_looked_up(machine, remo):
    others = ["backup", "remote", "lena@corp.example", "CORP\\lena", "alice", "bob"]
    machine.policy(rule("mandatory", *others) + rule("mandatory", REMO).replace('"named"', '"remo"'))
    asked = remo.asked(lambda: ready(Su(machine)).attempt(REMO, "123456"))
    assert REMO in asked and not {*others} & {*asked}


def test_login_looks_up_at_most_32_spellings(machine, remo):
    many = [f"remo@d{number:02}.example" for number in range(40)]
    remo.user(REMO, UID, *many)
    machine.policy(rule("exempt", *many[:1]) + rule("mandatory", *many[1:]).replace('"named"', '"many"'))
    asked = remo.asked(lambda: twostep(machine, "policy", "explain", "--user", REMO, "--service", "su"))
    assert len([name for name in asked if name in many]) == 32


def test_login_gives_a_slow_directory_one_second(machine, remo):
    many = [f"remo@d{number:02}.example" for number in range(20)]
    machine.policy(rule("exempt", *many), mode="opt-in")
    remo.delay(0.3)
    asked = remo.asked(lambda: ready(Su(machine)).attempt(REMO))
    in_auth_and_account = [name for name in asked if name in many]
    assert 2 <= len(in_auth_and_account) <= 2 * 5


def test_commands_take_every_spelling(machine, remo):
    assert machine.enroll("CORP\\remo")
    for spelling in SPELLINGS:
        assert machine.status(spelling)["user"] == REMO
        assert "remo now needs" in machine.command("require", spelling)
        assert machine.status(REMO)["required_by"]
        machine.command("unrequire", spelling)
        explained = json.loads(machine.command("policy", "explain", "--user", spelling, "--service", "sshd", "--json"))
        assert (explained["user"], explained["enrolled"]) == (REMO, True)
    machine.policy(rule("mandatory", "REMO"))
    assert machine.status(REMO)["required_by"] == {"rule": "named", "line": 5, "administrator": False}
    explained = json.loads(machine.command("policy", "explain", "--user", REMO, "--service", "sshd", "--json"))
    assert (explained["mode"], explained["rule"]) == ("mandatory", "named")


@pytest.mark.parametrize("status", [None, *NOT_ANSWERED.values()], ids=["known", *NOT_ANSWERED])
def test_refuses_removal_if_rule_has_another_spelling(machine, remo, status):
    person = Self(machine, REMO).enroll()
    machine.policy(rule("mandatory", "REMO"))
    if status is not None:
        remo.answer(status, of="REMO")
    screen = person.run("remove", "--user", "remo@corp.example", says=1)
    assert "mandatory" in screen or "rule 'named'" in screen, screen
    assert machine.status(REMO)["enrolled"]


def test_ticket_of_one_spelling_enrolls_by_another(machine, remo):
    machine.mandatory(require_ticket=True)
    ticket = re.match(rf"Ticket for remo: ({LONG_CODE})\n", machine.command("ticket", "CORP\\remo"))[1]
    keep_secret(machine, ticket)
    host = ready(Ssh(machine))
    host.as_user = REMO
    newcomer = Newcomer(machine, REMO, ticket=[ticket])
    outcome = host.attempt("REMO", newcomer=newcomer, password=password_of(REMO))
    assert outcome.granted and machine.verdicts()[-1] == "enrolled", outcome.text


def test_import_takes_lines_of_two_spellings_for_one_person(machine, remo, tmp_path):
    file = tmp_path / "users.oath"
    key = "3132333435363738393031323334353637383930"
    file.write_text(f"HOTP/T30/6 REMO - {key}\nHOTP/T30/6 remo@corp.example - {key[::-1]}\n")
    file.chmod(0o600)
    status, said = twostep(machine, "import", "pam-oath", file)
    assert status == 0 and "2 imported" in said, said
    assert len(machine.status(REMO)["authenticators"]) == 2


def test_check_and_doctor_report_name_without_account(machine, remo):
    machine.policy(rule("mandatory", "REMO", "judy"))
    status, said = twostep(machine, "policy", "check")
    assert "'judy'" in said and "'REMO'" not in said and "1 warning" in said
    _, said = twostep(machine, "doctor")
    assert "'judy'" in said and "'REMO'" not in said, said


def test_check_and_doctor_name_account_that_rule_misses(machine, remo):
    """A directory may know an account by a name that looks like another's."""
    remo.user(REMO, UID, "r.smith@corp.example")
    machine.policy(rule("mandatory", "r.smith@corp.example"))
    for command in (["policy", "check"], ["doctor"]):
        _, said = twostep(machine, *command)
        assert "'r.smith@corp.example'" in said and "'remo'" in said, said
    assert "[policy.not-the-users-name]" in said


@pytest.mark.parametrize("status", [UNAVAILABLE, TRY_AGAIN], ids=["unavailable", "try again"])
def test_check_doctor_and_status_say_that_look_ups_fail(machine, remo, status):
    machine.enroll("alice")
    machine.enroll(REMO)
    machine.policy(rule("mandatory", "REMO"))
    remo.answer(status, of="passwd")
    code, said = twostep(machine, "policy", "check")
    assert "look-up" in said and "failed" in said and "0 warnings" not in said, said
    code, said = twostep(machine, "doctor")
    assert code != 0 and "problem: " in said and "[machine.look-up-fails]" in said, said
    for form in ([], ["--json"]):
        done = machine.run("twostep", "status", "--all", *form)
        assert done.returncode != 0 and "alice" in done.stdout and "uid 20001 failed" in done.stderr, done


def test_doctor_says_a_directory_is_down_that_no_record_needs(machine, remo):
    remo.answer(UNAVAILABLE, of="passwd")
    code, said = twostep(machine, "doctor")
    assert code != 0 and "[machine.look-up-fails]" in said, said


def test_doctor_says_which_user_is_not_answered(machine, remo):
    machine.policy(f'[[rule]]\nname = "named"\nusers = ["{REMO}"]\nmode = "mandatory"\n')
    remo.answer(UNAVAILABLE, of="passwd")
    for words in (["doctor"], ["policy", "check"]):
        _, said = twostep(machine, *words)
        assert f"the look-up of user '{REMO}' failed" in said, said


def test_doctor_says_that_groups_are_not_answered(machine, remo):
    machine.policy('[[rule]]\nname = "staff"\ngroups = ["codes"]\nmode = "mandatory"\n')
    remo.answer(UNAVAILABLE, of="group")
    code, said = twostep(machine, "doctor")
    assert code != 0 and "look-up of group" in said, said
    _, said = twostep(machine, "policy", "check")
    assert "look-up of group" in said, said


def test_doctor_advises_no_reset_while_a_directory_may_be_away(machine, remo):
    machine.enroll(REMO)
    remo.answer(NOT_FOUND, of="passwd")
    _, said = twostep(machine, "doctor")
    assert "20001" in said and "twostep reset" not in said and "may be away" in said, said


def test_rebind_all_follows_a_directory_that_renames_everybody(machine, remo):
    remo.user("gap user", 20002)
    remo.user("judy", 20003)
    for user in (REMO, "gap user", "judy", "alice"):
        machine.enroll(user)
    remo.user("remo@corp.example", UID)
    remo.user("gap_user@corp.example", 20002)
    before = [machine.state_of(user) for user in ("remo@corp.example", "gap_user@corp.example")]
    remo.user("eve@corp.example", 20003)
    code, said = twostep(machine, "rebind", "--all", "--dry-run")
    assert code == 1 and said.count("would be rebound") == 3, said  # two lines, and the sum
    assert "judy" in said and "eve@corp.example" in said and "1 refused" in said
    assert before == [machine.state_of(user) for user in ("remo@corp.example", "gap_user@corp.example")]
    code, said = twostep(machine, "rebind", "--all")
    assert code == 1 and said.count("rebound") == 3, said
    code, again = twostep(machine, "rebind", "--all")
    assert code == 1 and "rebound" not in again, again
    machine.clock.advance(3 * STEP)
    assert json.loads(machine.command("status", "--user", "remo@corp.example", "--json"))["codes"] == "accepted"
    assert machine.status("remo@corp.example")["problem"] is None


def test_rebind_all_refuses_account_of_perhaps_another_user(machine, remo):
    remo.user("ann", 20002)
    remo.user("lena@one.example", 20003)
    remo.user("rose", 20004)
    for user in (REMO, "ann", "lena@one.example", "rose"):
        machine.enroll(user)
    states = [machine.state_of(user) for user in (REMO, "ann", "lena@one.example", "rose")]
    remo.user("REMO", 20009)
    remo.user("REMO2", UID)  # another name
    remo.user("ANN", 20002)
    remo.user("ann", 20010)  # she has another uid now
    remo.user("lena@two.example", 20003)
    remo.answer(UNAVAILABLE, of="rose")
    remo.user("ROSE", 20004)
    code, said = twostep(machine, "rebind", "--all")
    assert code == 1 and "4 refused" in said and "rebound" not in said, said
    for uid, state in zip((UID, 20002, 20003, 20004), states):
        assert machine.state_of_uid(uid) == state


def test_storage_converts_records_while_directory_is_away(machine, remo):
    """This may be why an administrator goes back to an older release."""
    machine.enroll(REMO)
    remo.answer(UNAVAILABLE, of="passwd")
    try:
        code, output = twostep(machine, "storage", "downgrade")
        assert (code, output.count("Records changed to it: 1.")) == (0, 1), output
        assert f'act=storage user="uid {UID}" uid={UID} format=1' in machine.log_text()
    finally:
        machine.command("storage", "upgrade")
