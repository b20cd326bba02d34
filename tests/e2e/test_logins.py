"""What every login must do, through each host: ssh with a password, ssh with a key, login, sudo, su."""

import re

import pytest

from clock import STEP
from hosts import ALL, CODE, Login, Ssh, SshShell, SudoLogin, SuLogin

NOT_ACCEPTED = "That code was not accepted. If you have just used it, wait for the next one;\notherwise check the app's entry and your phone's clock.\n" + CODE
STRANGER = "nobody-knows-me"


def name(host_class):
    return host_class.name


def test_the_right_code_lets_in(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.code()).granted
    (entry,) = machine.log()
    expected = {"result": "grant", "user": "alice", "service": host.service, "authenticator": "phone", "offset": "+0s"}
    assert entry == {**entry, **expected, **host.origin, "priority": "info"}


def test_refuses_login_without_answer(machine, host):
    machine.enroll("alice")
    before = machine.state_of("alice")
    outcome = host.attempt("alice")
    assert outcome.refused and len(outcome.asked) == 1
    assert machine.state_of("alice") == before


def test_a_wrong_code_is_refused_and_counted(machine, host):
    machine.policy(tries=1)
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.wrong_code()).refused
    (entry,) = machine.log()
    assert (entry["result"], entry["reason"], entry["failures"]) == ("deny", "wrong-code", "1")
    assert entry == {**entry, **host.origin, "user": "alice", "priority": "notice"}
    assert machine.failures_of("alice") == 1


def test_after_a_wrong_code_the_right_one_still_lets_in(machine, host):
    alice = machine.enroll("alice")
    outcome = host.attempt("alice", alice.wrong_code(), alice.code())
    assert outcome.granted
    assert outcome.asked[1] == NOT_ACCEPTED
    assert machine.verdicts() == ["deny wrong-code", "grant"]
    assert machine.failures_of("alice") == 0


def test_a_code_works_once(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.code()).granted
    assert host.attempt("alice", alice.code(), alice.code(+1)).granted
    assert machine.verdicts() == ["grant", "deny replayed", "grant"]


def test_another_persons_code_is_refused(machine, host):
    """Even that of admin, who calls su: the code must be alice's."""
    alice = machine.enroll("alice")
    admin = machine.enroll("admin")
    before = machine.state_of("admin")
    assert host.attempt("alice", admin.code(), alice.code()).granted
    assert machine.verdicts() == ["deny wrong-code", "grant"]
    assert machine.state_of("admin") == before


def test_codes_of_the_steps_before_and_after_let_in(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.code(-1)).granted
    assert host.attempt("alice", alice.code(+1)).granted
    assert [entry["offset"] for entry in machine.log()] == [f"-{STEP}s", f"+{STEP}s"]


def test_refuses_code_two_steps_off_and_logs_offset(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.code(-2), alice.code(+2), alice.code()).granted
    assert machine.verdicts() == ["deny wrong-code", "deny wrong-code", "grant"]
    assert [entry["offset"] for entry in machine.log()] == [f"-{2 * STEP}s", f"+{2 * STEP}s", "+0s"]


def test_a_code_is_judged_by_the_time_of_its_answer(machine, host):
    alice = machine.enroll("alice")

    def after_ten_minutes_at_the_prompt():
        machine.clock.advance(600)
        return alice.code()

    assert host.attempt("alice", after_ten_minutes_at_the_prompt).granted
    assert machine.log()[0]["offset"] == "+0s"


def test_three_wrong_codes_lock_out_for_thirty_seconds(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", *[alice.wrong_code()] * 3).refused
    assert [entry.get("failures") for entry in machine.log()] == ["1", "2", "3"]

    machine.clock.advance(29)
    machine.forget_log()
    before = machine.state_of("alice")
    outcome = host.attempt("alice", alice.code(), alice.code())
    assert outcome.refused
    assert re.search(r"Too many wrong codes\. Try again after \d\d:\d\d:\d\d UTC \(in 1 s\)\.", outcome.asked[1])
    assert machine.verdicts() == ["deny locked"] * 2
    assert machine.state_of("alice") == before, "a refusal without a look at the code must not be counted"

    machine.clock.advance(1)
    assert host.attempt("alice", alice.code()).granted
    assert machine.failures_of("alice") == 0


def test_malformed_code_uses_a_try_but_is_not_counted(machine, host):
    alice = machine.enroll("alice")
    assert host.attempt("alice", "alice's password", alice.wrong_code(), alice.code()).granted
    assert machine.verdicts() == ["deny not-a-code", "deny wrong-code", "grant"]
    assert machine.log()[1]["failures"] == "1"


def test_opt_in_users_who_are_not_enrolled_get_in_without_a_code(machine, host):
    outcome = host.attempt("bob")
    assert outcome.granted and not outcome.asked
    (entry,) = machine.log()
    assert entry == {**entry, "result": "exempt", "user": "bob", "rule": "default", "reason": "not-enrolled"}


def test_refuses_user_who_cannot_enroll_like_wrong_code(machine, host):
    machine.policy("[enrollment]\nservices = []\n", mode="mandatory", tries=2)
    outcome = host.attempt("bob", "123456", "123456")
    assert outcome.refused
    assert outcome.asked[1] == NOT_ACCEPTED
    assert machine.verdicts() == ["deny not-enrolled"] * 2


def test_rule_exempts_even_enrolled_user(machine, host):
    machine.enroll("alice")
    machine.policy(
        f'[[rule]]\nname = "office"\nusers = ["alice"]\nservices = ["{host.service}"]\nmode = "exempt"\n', mode="mandatory"
    )
    outcome = host.attempt("alice")
    assert outcome.granted and not outcome.asked
    (entry,) = machine.log()
    assert entry == {**entry, "result": "exempt", "user": "alice", "rule": "office", "reason": "exempt"}


def test_a_rule_for_another_service_does_not_exempt(machine, host):
    machine.enroll("alice")
    machine.policy('[[rule]]\nname = "elsewhere"\nservices = ["cups"]\nmode = "exempt"\n')
    outcome = host.attempt("alice")
    assert outcome.refused and len(outcome.asked) == 1


def test_a_misspelt_policy_refuses_without_asking(machine, host):
    alice = machine.enroll("alice")
    machine.policy('skew-step = 1\n')
    outcome = host.attempt("alice", alice.code())
    assert outcome.refused and not outcome.asked
    entry = machine.log()[0]
    assert entry == {**entry, "result": "deny", "reason": "misconfigured", "priority": "err"}
    assert re.match(r"/etc/twostep/policy\.toml:4:\d+: .*skew-step", entry["cause"])


@pytest.mark.parametrize("host_class", [each for each in ALL if each.asks_password], ids=name)
def test_a_wrong_password_never_reaches_the_second_step(machine, host_class):
    host = host_class(machine)
    host.prepare()
    alice = machine.enroll("alice")
    before = machine.state_of("alice")
    outcome = host.attempt("alice", alice.code(), password="a wrong password")
    assert outcome.refused and not outcome.asked
    assert not machine.log()
    assert machine.state_of("alice") == before


def asked_by_strangers(machine, host_class):
    """The program, in whose stack nothing shows a first factor."""
    host = host_class(machine)
    host.prepare()
    machine.stack(host.service, "auth required pam_twostep.so first_factor=any", "auth required pam_permit.so")
    return host


ANSWERS = {
    "wrong codes": ["123456", "123457", "123458"],
    "short": ["", "12345", "x"],
    "long": ["1234567890", "hello world", "0123-4567-89AB-CDE"],
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("host_class", [Ssh, Login], ids=name)
def test_unknown_user_sees_same_as_wrong_code(machine, host_class, answers):
    host = asked_by_strangers(machine, host_class)
    machine.enroll("alice")
    known = host.attempt("alice", *answers)
    machine.forget_log()
    unknown = host.attempt(STRANGER, *answers)
    assert known.refused and unknown.refused
    assert [text.replace(STRANGER, "alice") for text in unknown.asked] == known.asked
    assert machine.verdicts() == ["deny unknown-user"] * 3
    assert [entry["user"] for entry in machine.log()] == ["?"] * 3


@pytest.mark.parametrize("host_class", [Ssh, Login], ids=name)
def test_stranger_sees_lockout_like_wrong_code(machine, host_class):
    host = asked_by_strangers(machine, host_class)
    alice = machine.enroll("alice")
    wrong = host.attempt("alice", *[alice.wrong_code()] * 3)
    machine.forget_log()
    locked = host.attempt("alice", *[alice.code()] * 3)
    assert locked.refused and locked.asked == wrong.asked
    assert machine.verdicts() == ["deny locked"] * 3


def test_login_says_how_many_codes_were_refused_before(machine):
    host = SshShell(machine)
    host.prepare()
    alice = machine.enroll("alice")
    assert host.attempt("alice", alice.wrong_code()).refused
    machine.clock.advance(3600)
    text = host.attempt("alice", alice.wrong_code(), alice.code()).text
    assert "1 code was refused since your last login" in text, text
    machine.clock.advance(STEP)
    assert "refused" not in host.attempt("alice", alice.code()).text


@pytest.mark.parametrize("host_class", [SudoLogin, SuLogin], ids=name)
def test_a_login_shell_by_sudo_or_su_needs_a_code_too(machine, host_class):
    host = host_class(machine)
    alice = machine.enroll("alice")
    assert host.attempt("alice").refused
    assert host.attempt("alice", alice.code()).granted
    assert machine.log()[-1]["service"] == host.service
