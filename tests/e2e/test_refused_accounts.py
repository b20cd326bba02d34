"""Accounts that other modules refuse: a person who knows the password cannot choose the account's second step."""

import subprocess
from pathlib import Path

import pytest

from hosts import Login, Ssh, Sshd, ready
from person import WHOLE, Newcomer

# Each refuses alice alone, and writes what it reads.
REFUSING = {
    "pam_access.so": ("accessfile=/etc/security/only-alice.conf", "/etc/security/only-alice.conf", "-:alice:ALL\n"),
    "pam_time.so": ("", "/etc/security/time.conf", "*;*;alice;!Al0000-2400\n"),
    "pam_listfile.so": ("item=user sense=deny onerr=fail file=/etc/denied", "/etc/denied", "alice\n"),
    "pam_succeed_if.so": ("quiet user != alice", "/etc/nothing", ""),
    "pam_nologin.so": ("file=/etc/closed", "/etc/closed", "closed\n"),
}


class Refusing(Ssh):
    """sshd, with these account lines."""

    def __init__(self, machine, *account):
        super().__init__(machine)
        self._account = account

    def prepare(self):
        auth = ("@include common-auth", "auth required pam_twostep.so")
        self.machine.stack("sshd", *auth, account=(*self._account, "account required pam_permit.so"))
        Sshd.run(self.server)


OURS = "account required pam_twostep.so"


def refusing(module, control="required"):
    arguments, path, text = REFUSING[module]
    Path(path).write_text(text)
    return f"account {control} {module} {arguments}".strip()


def attempt(machine, host):
    """alice, who must enroll, logs in. If the dialogue does not begin, she types a wrong code."""
    machine.policy(mode="mandatory", tries=1)
    return ready(host).attempt("alice", "123456", newcomer=Newcomer(machine, "alice"))


def assert_no_dialogue(machine, outcome, *causes):
    assert outcome.refused and len(outcome.asked) == 1 and not outcome.enrolling
    assert machine.stored("alice") == set()
    (entry,) = machine.log()
    assert (entry["result"], entry["reason"]) == ("deny", "not-enrolled")
    for cause in causes:
        assert cause in entry["cause"], entry


@pytest.mark.parametrize("module", REFUSING)
def test_starts_no_dialogue_behind_required_line(machine, module):
    line = refusing(module)
    outcome = attempt(machine, Refusing(machine, line, OURS))
    place = "(/etc/pam.d/sshd, line 3): change 'required' to 'requisite' there"
    assert_no_dialogue(machine, outcome, f"a login refused by '{line}'", place)


@pytest.mark.parametrize("module", REFUSING)
def test_stores_nothing_if_requisite_line_refuses(machine, module):
    outcome = attempt(machine, Refusing(machine, refusing(module, "requisite"), OURS))
    assert outcome.refused and outcome.enrolling == WHOLE
    assert machine.stored("alice") == set()
    assert machine.verdicts() == ["enrolling"]


@pytest.mark.parametrize("module", REFUSING)
def test_log_names_module_behind_ours_that_may_refuse(machine, module):
    outcome = attempt(machine, Refusing(machine, OURS, refusing(module)))
    assert outcome.refused and outcome.enrolling == WHOLE
    entry = machine.log()[-1]
    assert (entry["result"], entry["before"]) == ("enrolled", module)


# What chage(1) is told, in days before today, and what the log says then.
AGES = {
    "expired": ({"--expiredate": 30}, "the account has expired: set a later day with 'chage --expiredate DATE alice'"),
    "locked by an old password": ({"--lastday": 1000}, "locks the account: set a new one with 'passwd alice'"),
}
AGELESS = ["--expiredate", "-1", "--maxdays", "-1", "--inactive", "-1"]


@pytest.fixture
def age(machine):
    """Changes the entry of alice in shadow(5)."""

    def change(days, *options):
        today = machine.clock.now() // 86400
        dates = [word for option, ago in days.items() for word in (option, str(today - ago))]
        subprocess.run(["chage", *dates, *options, "alice"], check=True)

    yield change
    change({"--lastday": 1}, *AGELESS)


@pytest.mark.parametrize("host_class", [Ssh, Login], ids=lambda host: host.name)
@pytest.mark.parametrize("days, cause", AGES.values(), ids=AGES)
def test_expired_account_enrolls_nothing(machine, age, host_class, days, cause):
    age(days, "--maxdays", "90", "--inactive", "30")
    assert_no_dialogue(machine, attempt(machine, host_class(machine)), cause)


def test_enrolls_user_whose_password_must_be_changed(machine, age):
    age({"--lastday": 1000}, "--maxdays", "90")
    machine.policy(mode="mandatory", tries=1)
    changed = {"new_password": "another password of alice's"}
    outcome = ready(Ssh(machine)).attempt("alice", newcomer=Newcomer(machine, "alice"), **changed)
    subprocess.run(["chpasswd"], input="alice:alice's password", text=True, check=True)
    assert outcome.granted and outcome.enrolling == WHOLE
    assert machine.verdicts() == ["enrolling", "enrolled"]


@pytest.mark.parametrize("file", ["/etc/nologin", "/run/nologin"])
def test_nobody_enrolls_while_only_root_may_log_in(machine, file):
    Path(file).write_text("We are moving.\n")
    try:
        outcome = attempt(machine, Ssh(machine))
    finally:
        Path(file).unlink()
    name = file.replace("/run", "/var/run")
    assert_no_dialogue(machine, outcome, f"{name} exists, so only root may log in")


def test_nobody_enrolls_if_account_age_is_unknown(machine):
    program = Path("/sbin/unix_chkpwd")
    aside = program.with_suffix(".aside")
    program.rename(aside)
    try:
        outcome = attempt(machine, Ssh(machine))
    finally:
        aside.rename(program)
    assert_no_dialogue(machine, outcome, "unix_chkpwd")


def test_enrolled_user_notices_nothing(machine, age):
    """Only the other module decides to refuse enrolled users."""
    alice = machine.enroll("alice")
    age({"--expiredate": 30})
    outcome = ready(Ssh(machine)).attempt("alice", alice.code())
    assert outcome.refused and machine.verdicts() == ["grant"]
    age({}, *AGELESS)
    machine.clock.advance(60)
    assert ready(Refusing(machine, "account required pam_permit.so", OURS)).attempt("alice", alice.code()).granted
