"""What the policy decides about real logins: only by literal addresses, by the first factor, by the day, by an administrator."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from clock import STEP
from hosts import Login, Ssh, SshKey, Sudo, ready
from machine import REPOSITORY
from person import WHOLE, Newcomer

HOSTS = Path("/etc/hosts")
DAY = 24 * 3600
OFFICE = '[[rule]]\nname = "office"\nfrom = ["127.0.0.1", "10.0.0.0/8"]\nmode = "exempt"\n'
KEYS = '[[rule]]\nname = "keys"\nfirst-factor = ["publickey"]\nmode = "exempt"\n'


class Named(Ssh):
    """An sshd that gives PAM the name of the client's address."""

    server = {**Ssh.server, "UseDNS": "yes"}


class Forging(Ssh):
    """A client that sends variables which only sshd may set, to an sshd that accepts every variable."""

    server = {**Ssh.server, "AcceptEnv": "*", "PermitUserEnvironment": "yes"}
    client = {
        **Ssh.client,
        "SetEnv": "SSH_AUTH_INFO_0='publickey ssh-ed25519 AAAA' PAM_RHOST=127.0.0.1 PAM_AUTHTOK=x TWOSTEP_PENDING=",
    }


@pytest.fixture
def named_localhost():
    """127.0.0.1 has a name that is in no list."""
    usual = HOSTS.read_text()
    HOSTS.write_text("127.0.0.1 office.example.org\n" + usual)
    yield
    HOSTS.write_text(usual)


def wrong_codes(machine, host, user):
    """The rule that decides for a user who knows no code."""
    machine.forget_log()
    outcome = host.attempt(user, "123456", "123456", "123456")
    assert outcome.refused and outcome.asked
    return {entry["rule"] for entry in machine.log()}


def test_address_exempts_login_that_sshd_reports_from_it(machine):
    host = ready(Ssh(machine))
    machine.policy(OFFICE, mode="mandatory")
    outcome = host.attempt("alice")
    assert outcome.granted and not outcome.asked
    assert machine.verdicts() == ["exempt exempt"]


def test_host_name_exempts_nobody_even_if_it_is_right(machine, named_localhost):
    host = ready(Named(machine))
    machine.enroll("alice")
    machine.policy(OFFICE, mode="mandatory")
    assert wrong_codes(machine, host, "alice") == {"default"}
    assert {entry["rhost"] for entry in machine.log()} == {"office.example.org"}


def test_login_without_remote_host_is_not_exempt(machine):
    machine.enroll("alice")
    machine.policy(OFFICE, mode="mandatory")
    assert wrong_codes(machine, Sudo(machine), "alice") == {"default"}


LOGIN = """
import sys
sys.path.insert(0, sys.argv[1])
from pam import Pam
login = Pam("office", "alice", answers=["123456"] * 3, rhost=sys.argv[2])
login.authenticate()
"""


@pytest.mark.parametrize("rhost", ["010.0.0.1", "0x0a.0.0.1", "10.1", "10.0.0.1.example.org", "10.0.0.1 ", "::ffff:010.0.0.1", ""])
def test_malformed_address_exempts_nobody(machine, rhost):
    machine.enroll("alice")
    machine.stack("office", "auth required pam_twostep.so")
    machine.policy(OFFICE, mode="mandatory", tries=1)
    machine.run("/usr/bin/python3", "-c", LOGIN, REPOSITORY / "tests/stacks", rhost)
    (entry,) = machine.log()
    assert (entry["reason"], entry["rule"]) == ("wrong-code", "default")


def test_values_from_client_or_home_exempt_nobody(machine):
    host = ready(Forging(machine))
    machine.enroll("alice")
    machine.policy(KEYS + OFFICE.replace("127.0.0.1", "192.0.2.1"), mode="mandatory")
    home = Path("/home/alice")
    forged = "SSH_AUTH_INFO_0=publickey\nPAM_RHOST=10.0.0.1\nSSH_CONNECTION=10.0.0.1 1 10.0.0.2 22\n"
    (home / ".pam_environment").write_text(forged)
    (home / ".ssh/environment").write_text(forged)
    try:
        assert wrong_codes(machine, host, "alice") == {"default"}
    finally:
        (home / ".pam_environment").unlink()
        (home / ".ssh/environment").unlink()


def test_key_rule_exempts_only_users_with_key(machine):
    machine.enroll("alice")
    machine.policy(KEYS, mode="mandatory")
    outcome = ready(SshKey(machine)).attempt("alice")
    assert outcome.granted and not outcome.asked
    assert machine.log()[0]["rule"] == "keys"
    assert wrong_codes(machine, ready(Ssh(machine)), "alice") == {"default"}


def day(machine, later):
    """The day this many days from now, as a policy writes it."""
    return (datetime.fromtimestamp(machine.clock.now(), timezone.utc) + timedelta(days=later)).date()


def test_announces_mandatory_before_its_day_then_enrolls(machine):
    host = ready(Ssh(machine))
    carol = machine.enroll("carol")
    machine.policy(f'[[rule]]\nname = "everybody"\nmode = "mandatory"\nstarts = {day(machine, 1)}\n')
    outcome = host.attempt("alice")
    assert outcome.granted and not outcome.asked
    assert machine.verdicts() == ["exempt not-enrolled"]
    assert host.attempt("carol", carol.code()).asked == ["Verification code: "], "who is enrolled notices nothing"
    machine.clock.advance(DAY)
    alice = Newcomer(machine, "alice")
    assert host.attempt("alice", newcomer=alice).enrolling == WHOLE
    assert host.attempt("carol", carol.code()).asked == ["Verification code: "]


def test_announces_mandatory_at_console(machine):
    machine.policy(f'[[rule]]\nname = "everybody"\nmode = "mandatory"\nstarts = {day(machine, 1)}\n')
    outcome = Login(machine).attempt("alice")
    assert outcome.granted
    assert f"From {day(machine, 1)} on, a second step is required here" in outcome.text
    assert "run 'twostep enroll'" in outcome.text


def test_an_exemption_ends_with_its_last_day(machine):
    host = ready(Ssh(machine))
    machine.enroll("alice")
    machine.policy(f'[[rule]]\nname = "trip"\nusers = ["alice"]\nmode = "exempt"\nuntil = {day(machine, 0)}\n', mode="mandatory")
    assert not host.attempt("alice").asked
    machine.clock.advance(DAY)
    assert wrong_codes(machine, host, "alice") == {"default"}


def test_required_user_enrolls_at_next_login(machine):
    host = ready(Ssh(machine))
    machine.command("require", "alice")
    assert host.attempt("bob").granted
    alice = Newcomer(machine, "alice")
    assert host.attempt("alice", newcomer=alice).enrolling == WHOLE
    assert machine.status("alice")["required_by"] == {"rule": "default", "line": 2, "administrator": True}
    machine.clock.advance(2 * STEP)
    assert host.attempt("alice", alice.code()).granted
    machine.command("reset", "alice")
    machine.command("unrequire", "alice")
    assert not host.attempt("alice").enrolling


def test_any_user_may_explain_policy(machine):
    machine.policy(OFFICE, mode="mandatory")
    words = ["twostep", "policy", "explain", "--user", "alice", "--service", "sshd", "--from", "127.0.0.1", "--json"]
    as_bob = machine.run("setpriv", "--reuid=bob", "--regid=bob", "--init-groups", *words)
    explained = json.loads(as_bob.stdout)
    assert (explained["mode"], explained["rule"], explained["enrolled"]) == ("exempt", "office", None)
    assert json.loads(machine.command(*words[1:]))["enrolled"] is False
    check = machine.run("setpriv", "--reuid=bob", "--regid=bob", "--init-groups", "twostep", "policy", "check")
    assert check.returncode == 0, check.stderr
