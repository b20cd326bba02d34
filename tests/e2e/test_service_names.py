"""The PAM service that a program really uses, if its name is not that of the program: `login -h HOST`, which
telnetd and rlogind call, and sshd with PAMServiceName.

`make night` also runs these in a root of Debian 13: the login of Debian 12 has one service, and its sshd does not know the
setting.
"""

import re
import shutil
from pathlib import Path

import pytest

from hosts import LoginFromElsewhere, Ssh, Sshd, ready
from machine import STACKS, apply
from person import WHOLE, Newcomer
from test_doctor import README, SETTINGS, configure, findings

ELSEWHERE = "ssh-elsewhere"
has_service_of_its_own = pytest.mark.skipif(LoginFromElsewhere.service != "remote", reason="the login of shadow has one service")
sshd_takes_a_service_name = pytest.mark.skipif(not Sshd.knows("PAMServiceName"), reason="OpenSSH before 9.8")


class SshElsewhere(Ssh):
    """sshd uses another service, set in its configuration."""

    service = ELSEWHERE
    server = {**README, "PAMServiceName": ELSEWHERE}

    def prepare(self):
        configure(self.server)
        Sshd.run(self.server)


@pytest.fixture(autouse=True)
def configured(machine):
    """With the settings of README."""
    configure(README)
    yield
    SETTINGS.unlink()


@pytest.fixture
def elsewhere():
    """With the shipped file for that service, as in pam.d/README.md."""
    file = Path("/etc/pam.d", ELSEWHERE)
    shutil.copy(STACKS / "sshd", file)
    yield file
    file.unlink(missing_ok=True)


def asks_for_the_code(machine, host):
    """And accepts nothing less."""
    alice = machine.enroll("alice")
    refused = host.attempt("alice", alice.wrong_code())
    assert refused.refused and refused.asked
    assert host.attempt("alice", alice.code()).granted
    assert machine.verdicts() == ["deny wrong-code", "grant"]
    return {entry["service"] for entry in machine.log()} == {host.service}


def lets_in_by_the_password_alone(machine, host):
    machine.forget_log()
    outcome = host.attempt("alice")
    return outcome.granted and not outcome.asked and machine.verdicts() == []


def fix(machine, name):
    """Applies the remedy of doctor for this service, literally."""
    said = findings(machine)
    found = [finding for finding in said if name in finding["what"] or finding["file"] == f"/etc/pam.d/{name}"]
    assert found, said
    apply(found[0]["remedy"])


def configured_service(machine):
    """The service that sshd reads from its files."""
    return re.search(r"^pamservicename (\S+)$", machine.run("/usr/sbin/sshd", "-T").stdout, re.MULTILINE | re.IGNORECASE)[1]


def test_login_for_another_host_asks_for_the_code(machine):
    assert asks_for_the_code(machine, ready(LoginFromElsewhere(machine)))
    assert all(entry["rhost"] == "192.0.2.7" for entry in machine.log())


def test_login_for_another_host_enrolls_if_policy_says_so(machine):
    host = ready(LoginFromElsewhere(machine))
    machine.mandatory(services=[])
    assert host.attempt("bob", "123456", newcomer=Newcomer(machine, "bob")).enrolling == []
    machine.mandatory(services=[host.service])
    bob = Newcomer(machine, "bob")
    outcome = host.attempt("bob", newcomer=bob)
    assert outcome.granted and outcome.enrolling == WHOLE, outcome.text
    machine.clock.advance(90)
    assert host.attempt("bob", bob.code()).granted


@has_service_of_its_own
def test_doctor_says_that_remote_is_unguarded_and_closes_it(machine):
    host = ready(LoginFromElsewhere(machine))
    Path("/etc/pam.d/remote").unlink()
    alice = machine.enroll("alice")
    machine.mandatory()
    assert lets_in_by_the_password_alone(machine, host)
    fix(machine, "remote")
    refused = host.attempt("alice", alice.wrong_code())
    assert refused.refused and refused.asked
    assert host.attempt("alice", alice.code()).granted


@sshd_takes_a_service_name
def test_sshd_asks_for_the_code_as_another_service(machine, elsewhere):
    assert asks_for_the_code(machine, ready(SshElsewhere(machine)))


@sshd_takes_a_service_name
def test_doctor_fixes_service_of_sshd_that_asks_nobody(machine, elsewhere):
    host = ready(SshElsewhere(machine))
    elsewhere.unlink()
    alice = machine.enroll("alice")
    machine.mandatory()
    assert lets_in_by_the_password_alone(machine, host)
    fix(machine, ELSEWHERE)
    host.server = {**README, "PAMServiceName": configured_service(machine)}
    host.prepare()
    refused = host.attempt("alice", alice.wrong_code())
    assert refused.refused and refused.asked
    assert host.attempt("alice", alice.code()).granted
