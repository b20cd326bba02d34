"""If a user cannot be asked, or if a program may ignore the result of the account phase, a mandatory user who is not enrolled
cannot enroll: the login is refused soon, and nothing is stored."""

import subprocess

import pytest

from hosts import CODE, Login, PasswordMethod, Ssh, SshKey, Su, Sudo, ready
from machine import REPOSITORY
from person import Newcomer, password_of

SOON = 15  # seconds: the delay of a refusal, and three times as long for a slow machine
EVERYWHERE = ["sshd", "login", "sudo", "sudo-i", "su", "su-l"]


def run(*command, **environment):
    """Without a terminal, as a script does it."""
    env = [f"{key}={value}" for key, value in environment.items()]
    detached = ["env", *env, "setsid", "--wait", *command]
    return subprocess.run(detached, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SOON, check=False)


def nothing_came_of_it(machine, done):
    assert done.returncode != 0 and "IN-AS" not in done.stdout
    assert "Permission denied" in done.stderr
    return machine.stored("alice") == set() and "enrolled" not in machine.verdicts()


def test_refuses_in_batch_mode(machine):
    host = ready(SshKey(machine))
    machine.mandatory()
    program, arguments = host.command("alice")
    assert nothing_came_of_it(machine, run(program, "-oBatchMode=yes", *arguments))
    assert "enrolling" not in machine.verdicts()


def test_refuses_client_without_terminal(machine):
    """OpenSSH's client then sends empty answers."""
    host = ready(SshKey(machine))
    machine.mandatory()
    program, arguments = host.command("alice")
    assert nothing_came_of_it(machine, run(program, *arguments))
    assert machine.verdicts() == ["enrolling", "deny not-confirmed"]


def test_refuses_program_that_answers_all_with_password(machine, tmp_path):
    """As SSH_ASKPASS and sshpass do."""
    host = ready(Ssh(machine))
    machine.mandatory()
    answer = tmp_path / "askpass"
    answer.write_text(f'#!/bin/sh\necho "{password_of("alice")}"\n')
    answer.chmod(0o755)
    machine.said.add(password_of("alice"))
    program, arguments = host.command("alice")
    assert nothing_came_of_it(machine, run(program, *arguments, SSH_ASKPASS=answer, SSH_ASKPASS_REQUIRE="force"))
    assert machine.verdicts() == ["enrolling", "deny not-confirmed"]
    answer.unlink()


def test_refuses_by_password_method(machine):
    host = ready(PasswordMethod(machine))
    machine.mandatory()
    outcome = host.attempt("alice", newcomer=Newcomer(machine, "alice"))
    assert outcome.refused and outcome.enrolling == []
    assert "KbdInteractiveAuthentication" in machine.log(hang_ups=True)[-1]["cause"]
    assert machine.verdicts(hang_ups=True)[-1] == "deny conversation"
    assert machine.stored("alice") == set()


@pytest.mark.parametrize("host_class", [Sudo, Su], ids=lambda host: host.name)
def test_refuses_by_sudo_and_su_even_if_policy_names_them(machine, host_class):
    machine.policy(f"[enrollment]\nservices = {EVERYWHERE}\n", mode="mandatory", tries=1)
    outcome = host_class(machine).attempt("alice", "123456", newcomer=Newcomer(machine, "alice"))
    assert outcome.refused and outcome.enrolling == []
    (entry,) = machine.log()
    assert (entry["result"], entry["reason"]) == ("deny", "not-enrolled")
    assert "cannot enroll here" in entry["cause"]
    assert machine.stored("alice") == set()


MUTE = """
import sys
sys.path.insert(0, sys.argv[1])
from pam import SILENT, Pam
program = Pam("login", "alice", answers=["123456"])
print(program.authenticate(SILENT), program.said)
"""


def test_refuses_by_program_that_shows_no_texts(machine):
    machine.policy(mode="mandatory", tries=1)
    machine.stack("login", "auth required pam_twostep.so")
    done = machine.run("/usr/bin/python3", "-c", MUTE, REPOSITORY / "tests/stacks")
    assert done.stdout == f"7 {[CODE]}\n"
    assert "PAM_SILENT" in machine.log()[0]["cause"]
    assert machine.stored("alice") == set()


def test_refuses_at_service_that_policy_does_not_name(machine):
    machine.policy('[enrollment]\nservices = ["login"]\n', mode="mandatory", tries=1)
    outcome = ready(Ssh(machine)).attempt("alice", "123456", newcomer=Newcomer(machine, "alice"))
    assert outcome.refused and outcome.enrolling == []
    assert Login(machine).attempt("alice", newcomer=Newcomer(machine, "alice")).granted


def test_refuses_with_codes_that_change_each_minute(machine):
    """Two of them would take longer than a login may."""
    machine.policy("[enrollment]\nperiod = 60\n", mode="mandatory", tries=1)
    outcome = ready(Ssh(machine)).attempt("alice", "123456", newcomer=Newcomer(machine, "alice"))
    assert outcome.refused and outcome.enrolling == []
    assert "period of 60 s" in machine.log()[0]["cause"]


def test_offers_no_enrollment_to_opt_in_or_enrolled_user(machine):
    """The opt-in user is asked for no code, and the enrolled user only for a code."""
    host = ready(Ssh(machine))
    outcome = host.attempt("alice", newcomer=Newcomer(machine, "alice"))
    assert outcome.granted and outcome.enrolling == []
    bob = machine.enroll("bob")
    machine.mandatory()
    outcome = host.attempt("bob", bob.code(), newcomer=Newcomer(machine, "bob"))
    assert outcome.granted and outcome.enrolling == []
