"""The account phase refuses users who skipped a mandatory second step: SSH keys bypass the whole auth stack."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hosts
from clock import STEP
from hosts import Ssh, SshKey, Sshd, ready
from machine import PATIENT, REPOSITORY
from person import WHOLE, Newcomer

SETTING = "AuthenticationMethods"


class KeyOnly(Ssh):
    """A key, and an sshd that asks for nothing else."""

    name = "key-only"
    asks_password = False
    denied = "Permission denied|Connection closed"
    server = {}
    client = {"PreferredAuthentications": "publickey", "IdentitiesOnly": "yes"}


class Renamed(KeyOnly):
    """The same, with an sshd whose PAM service has another name: that of PAMServiceName, and before OpenSSH 9.8 that by which
    sshd was started."""

    name = service = "ssh-for-guests"

    def prepare(self):
        self.machine.use_stack("sshd", self.service)
        if Sshd.knows("PAMServiceName"):
            return Sshd.run({**self.server, "PAMServiceName": self.service})
        program = Path("/usr/sbin", self.service)
        program.unlink(missing_ok=True)
        program.symlink_to("sshd")
        return Sshd.run(self.server, program=str(program))


class KeyAndHost(KeyOnly):
    """A key, then the key of the client's host (ssh-keysign(8))."""

    name = "key-and-host"
    server = {
        "AuthenticationMethods": "publickey,hostbased",
        "HostbasedAuthentication": "yes",
        "HostbasedUsesNameFromPacketOnly": "yes",
        "IgnoreRhosts": "shosts-only",
    }
    client = {"PreferredAuthentications": "publickey,hostbased", "HostbasedAuthentication": "yes", "IdentitiesOnly": "yes"}

    def prepare(self):
        Path("/etc/ssh/ssh_config.d/keysign.conf").write_text("EnableSSHKeysign yes\n")
        key = Path("/etc/ssh/ssh_host_ed25519_key.pub").read_text()
        Path("/etc/ssh/ssh_known_hosts").write_text(f"localhost {key}")
        Path("/home/alice/.shosts").write_text("localhost root\n")
        shutil.chown("/home/alice/.shosts", "alice", "alice")
        super().prepare()


class Sufficient(Ssh):
    """A stack whose first line succeeds and ends it."""

    def prepare(self):
        auth = ("auth sufficient pam_unix.so", "auth required pam_twostep.so")
        self.machine.stack("sshd", *auth, account=("account required pam_twostep.so", "account required pam_unix.so"))
        Sshd.run(self.server)


@pytest.mark.parametrize("enrolled", [False, True], ids=["newcomer", "enrolled"])
@pytest.mark.parametrize("host_class", [KeyOnly, Renamed], ids=lambda host: host.name)
def test_refuses_key_alone_if_second_step_is_mandatory(machine, host_class, enrolled):
    host = ready(host_class(machine))
    if enrolled:
        machine.enroll("alice")
    machine.mandatory()
    before = machine.stored("alice")
    outcome = host.attempt("alice", newcomer=Newcomer(machine, "alice"))
    assert outcome.refused and not outcome.asked and not outcome.enrolling
    assert re.search(rf"A second step is required here.*{SETTING} in sshd_config", " ".join(outcome.text.split()))
    (entry,) = machine.log()
    expected = {"result": "deny", "reason": "second-step-skipped", "phase": "account", "priority": "warning"}
    assert entry == {**entry, **expected, "user": "alice", "service": host.service, "rhost": "127.0.0.1"}
    assert SETTING in entry["cause"] and "publickey,keyboard-interactive:pam" in entry["cause"]
    assert entry["cause"].endswith("run 'twostep doctor'"), "nothing of what to do is cut off"
    assert machine.stored("alice") == before


def test_lets_in_key_and_code(machine):
    host = ready(SshKey(machine))
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    assert host.attempt("alice", newcomer=alice).enrolling == WHOLE
    machine.clock.advance(2 * STEP)
    machine.forget_log()
    assert host.attempt("alice", alice.code()).granted
    assert machine.verdicts() == ["grant"]


def test_gate_counts_method_that_sshd_has_not_listed_yet(machine):
    """sshd lists the key here, and the host's key only once the account phase is over."""
    host = ready(KeyAndHost(machine))
    assert host.attempt("alice").granted
    machine.policy('[[rule]]\nname = "hosts"\nfirst-factor = ["hostbased"]\nmode = "mandatory"\n')
    assert host.attempt("alice").refused
    assert machine.verdicts() == ["deny second-step-skipped"]


@pytest.mark.parametrize("host_class", [KeyOnly, Renamed], ids=lambda host: host.name)
def test_lets_in_key_alone_if_no_second_step_is_needed(machine, host_class):
    host = ready(host_class(machine))
    machine.enroll("carol")
    assert host.attempt("alice").granted
    assert host.attempt("carol").granted, "opt-in: she is asked where the auth stack runs"
    machine.policy('[[rule]]\nname = "bob"\nusers = ["bob"]\nmode = "exempt"\n', mode="mandatory")
    assert host.attempt("bob").granted
    machine.policy("[gate]\nservices = []\n", mode="mandatory")
    assert host.attempt("alice").granted
    (entry,) = machine.log()
    expected = {"result": "unasked", "user": "carol", "phase": "account", "priority": "warning", "rule": "default"}
    assert entry == {**entry, **expected, "service": host.service, "rhost": "127.0.0.1"}
    assert SETTING in entry["cause"], "carol is enrolled, and nobody else is"


def test_refuses_password_that_bypasses_code(machine):
    host = ready(Sufficient(machine))
    machine.mandatory()
    outcome = host.attempt("alice")
    assert outcome.refused and not outcome.asked
    assert machine.verdicts() == ["deny second-step-skipped"]


def test_a_broken_policy_closes_the_gate(machine):
    host = ready(KeyOnly(machine))
    machine.policy("[gate]\nservice = []\n")
    outcome = host.attempt("alice")
    assert outcome.refused
    (entry,) = machine.log()
    assert (entry["reason"], entry["phase"]) == ("misconfigured", "account")
    assert "unknown key 'service'" in entry["cause"] and "unknown key" not in outcome.text


def test_proof_of_one_user_counts_for_no_other(machine):
    """A code for sudo, in a session of sshd, is not a code for sshd."""
    alice = machine.enroll("alice")
    machine.mandatory()
    assert hosts.Sudo(machine).attempt("alice", alice.code()).granted
    assert ready(KeyOnly(machine)).attempt("alice").refused


JOB = """
import sys
sys.path.insert(0, sys.argv[1])
from pam import Pam
job = Pam(sys.argv[2], "alice")
print(job.account(), job.setcred(), job.said)
"""


@pytest.mark.parametrize("service", ["cron", "atd", "systemd-user"])
def test_lets_cron_jobs_run(machine, service):
    """They have no auth phase; systemd-user has not even auth lines, so that its setcred is that of `other`."""
    machine.mandatory()
    assert job(machine, service) == "0 0 []\n"
    assert machine.verdicts() == []


def test_broken_policy_refuses_cron_jobs(machine):
    """What the policy said about them is unknown."""
    machine.policy("[gate]\nservice = []\n")
    assert job(machine, "cron").startswith("3 0 ")
    assert machine.verdicts() == ["deny misconfigured"]


def job(machine, service):
    """What the account phase and setcred return to a program that never authenticates, and the texts that it gets."""
    auth = [] if service == "systemd-user" else ["auth required pam_unix.so", "auth required pam_twostep.so"]
    machine.stack(service, *auth, account=("account required pam_twostep.so", "account required pam_unix.so"))
    return machine.run("/usr/bin/python3", "-c", JOB, REPOSITORY / "tests/stacks", service).stdout


def test_lets_sudo_without_password_run_in_ssh_session(machine):
    account = ("account required pam_twostep.so", "account required pam_unix.so")
    machine.stack("sudo", "auth required pam_unix.so", "auth required pam_twostep.so", account=account)
    machine.mandatory()
    rule = Path("/etc/sudoers.d/zz-alice")
    rule.write_text("alice ALL=(ALL:ALL) NOPASSWD: ALL\n")
    rule.chmod(0o440)
    session = ["SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22", "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA"]
    command = ["setpriv", *hosts.become("alice"), "env", *session, "sudo", "-n", "id", "-un"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENT, check=False)
    finally:
        rule.unlink()
    assert done.stdout == "root\n", done.stderr
    assert machine.verdicts() == []
