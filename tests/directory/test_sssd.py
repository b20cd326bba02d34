"""Logins and commands of users whom only a directory knows, through the real sssd: other spellings of names, renamed users, and
a directory that does not answer. tests/e2e/test_names.py and test_groups.py have more cases, with a stand-in."""

import json

import pytest

from clock import STEP
from hosts import Ssh, Su, ready
from sssd import is_known, wait_for


def rule(mode, **lists):
    named = "".join(f"{key} = {json.dumps(names)}\n" for key, names in lists.items())
    return f'[[rule]]\nname = "named"\nmode = "{mode}"\n{named}'


def twostep(machine, *arguments):
    done = machine.run("twostep", *arguments)
    return done.returncode, done.stdout + done.stderr


def explain(machine, user):
    return json.loads(machine.command("policy", "explain", "--user", user, "--service", "sshd", "--json"))


def login(machine, host, typed, *codes, canonical=None, password=None):
    host = ready(host(machine))
    host.as_user = canonical or typed
    return host.attempt(typed, *codes, password=password or f"{canonical or typed}'s password")


@pytest.mark.parametrize("listed", ["Mixed", "mixed", "MIXED", "mixed@corp", "Mixed@CORP"])
def test_rule_holds_for_every_spelling(machine, sssd, listed):
    machine.policy("[enrollment]\nservices = []\n" + rule("mandatory", users=[listed]))
    for typed in ("mixed", "MIXED"):
        outcome = login(machine, Su, typed, "123456", canonical="mixed", password="Mixed's password")
        assert outcome.refused and outcome.asked, (typed, outcome.text)
    machine.policy(rule("exempt", users=[listed]), mode="mandatory")
    assert login(machine, Su, "mixed", password="Mixed's password").granted
    status, said = twostep(machine, "policy", "check")
    assert (status, "does not know" in said) == (0, False), said


def test_login_by_ssh_asks_enrolled_user_by_any_spelling(machine, sssd):
    remo = machine.enroll("remo")
    code = remo.code()
    assert login(machine, Ssh, "REMO@corp", code, canonical="remo").granted
    assert login(machine, Ssh, "remo", code).refused, "it is used up"


def test_rebind_all_follows_fully_qualified_names(machine, sssd):
    people = {user: machine.enroll(user) for user in ("remo", "mixed", "gap user")}
    sssd.stop()
    sssd.start(domain="use_fully_qualified_names = true", common="override_space = _")
    wait_for(lambda: is_known("passwd", "remo@corp"), "sssd does not answer")
    outcome = login(machine, Su, "remo@corp", people["remo"].code(), canonical="remo")
    assert outcome.refused and "deny unavailable" in machine.verdicts()
    status, said = twostep(machine, "doctor")
    assert "twostep rebind --all" in said, said
    status, planned = twostep(machine, "rebind", "--all", "--dry-run")
    assert status == 0 and "3 would be rebound." in planned, planned
    assert "from 'gap user' to 'gap_user@corp'" in planned
    status, said = twostep(machine, "rebind", "--all")
    assert (status, said) == (0, planned.replace("would be rebound", "rebound"))
    machine.clock.advance(3 * STEP)
    assert login(machine, Su, "remo@corp", people["remo"].code(), canonical="remo").granted
    machine.policy(rule("mandatory", users=["judy"]))
    assert explain(machine, "judy@corp")["mode"] == "mandatory", "the old name is nobody's, and not passed over"
    assert "'judy'" in twostep(machine, "policy", "check")[1]


def test_commands_say_that_sssd_is_down(machine, sssd):
    machine.enroll("alice")
    machine.enroll("remo")
    machine.policy(rule("mandatory", groups=["codes"]) + rule("mandatory", users=["remo"]).replace('"named"', '"remo"'))
    sssd.stop()
    status, said = twostep(machine, "doctor")
    assert status != 0 and "problem: /etc/nsswitch.conf: the look-up of user 'remo' failed" in said, said
    _, said = twostep(machine, "policy", "check")
    assert "the look-up of user 'remo' failed" in said and "0 warnings" not in said, said
    done = machine.run("twostep", "status", "--all")
    assert done.returncode == 3 and "alice (uid" in done.stdout and "uid 20001 failed" in done.stderr, done


def test_unknown_groups_of_a_cold_cache_count_as_mandatory(machine, sssd, slapd):
    """The cache has the user, but none of the groups: sssd says that they do not exist."""
    assert is_known("passwd", "judy")
    slapd.stop()
    wait_for(lambda: not is_known("group", "codes"), "the group is in the cache")
    machine.policy(rule("mandatory", groups=["codes"]))
    assert is_known("passwd", "judy") and explain(machine, "judy")["mode"] == "mandatory"


def test_doctor_advises_no_reset_while_slapd_is_away(machine, sssd, slapd):
    machine.enroll("remo")
    slapd.stop()
    sssd.stop()
    sssd.start()
    assert not is_known("passwd", "remo")
    _, said = twostep(machine, "doctor")
    assert "20001" in said and "may be away" in said and "twostep reset" not in said, said
