"""`twostep doctor` on the machine itself: what README says makes it content, and what it prints mends what is wrong."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from hosts import Ssh, ready

SETTINGS = Path("/etc/ssh/sshd_config.d/00-twostep.conf")
DEFS = Path("/etc/login.defs")
POLICY = Path("/etc/twostep/policy.toml")
STORE = Path("/var/lib/twostep")
# As pam.d/README.md says.
README = {
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "AuthenticationMethods": "keyboard-interactive:pam",
    "LoginGraceTime": "300",
}


@pytest.fixture
def prepared(machine):
    """A machine on which README was followed."""
    usual = DEFS.read_text()
    DEFS.write_text(re.sub(r"^LOGIN_TIMEOUT.*$", "LOGIN_TIMEOUT 300", usual, flags=re.M))
    configure(README)
    machine.mandatory()
    yield machine
    DEFS.write_text(usual)
    SETTINGS.unlink(missing_ok=True)
    machine.policy()
    POLICY.chmod(0o644)


def configure(settings):
    SETTINGS.write_text("".join(f"{keyword} {value}\n" for keyword, value in settings.items()))


def findings(machine):
    """All but what is said of the clock: nothing keeps that of the sandbox."""
    report = json.loads(machine.run("twostep", "doctor", "--json").stdout)
    return [finding for finding in report["findings"] if finding["file"] != "clock"]


def test_where_readme_was_followed_there_is_nothing_to_mend(prepared):
    assert findings(prepared) == []
    assert prepared.run("twostep", "doctor").returncode == 0
    alice = prepared.enroll("alice")
    assert ready(Ssh(prepared)).attempt("alice", alice.code()).granted
    assert findings(prepared) == []


def break_store(_machine):
    subprocess.run(["rm", "-r", STORE / "state"], check=True)


MISTAKES = {
    "sshd cannot ask": lambda _: configure({**README, "KbdInteractiveAuthentication": "no"}),
    "a key is enough": lambda _: configure({**README, "AuthenticationMethods": "any"}),
    "a policy that a group can write": lambda _: POLICY.chmod(0o664),
    "a slip in the policy": lambda machine: machine.policy("[gate]\nservice = []\n"),
    "no place for states": break_store,
    "a line that is passed over": lambda machine: machine.stack(
        "sudo", "auth requisite pam_unix.so", "auth optional pam_twostep.so"
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_it_prints_mends_what_is_wrong(prepared, mistake):
    mistake(prepared)
    found = findings(prepared)
    assert found and prepared.run("twostep", "doctor").returncode == 1
    for _ in range(5):
        for finding in [finding for finding in found if finding["remedy"]["kind"] != "advice"][:1]:
            apply(finding["remedy"])
        found = findings(prepared)
    assert found == []


def apply(remedy):
    if remedy["kind"] == "run":
        subprocess.run(["sh", "-euc", remedy["command"]], check=True)
        return
    file = Path(remedy["file"])
    lines = file.read_text().splitlines()
    at = remedy["line"] - 1
    lines[at : at + (remedy["kind"] != "insert")] = remedy["text"].splitlines() if "text" in remedy else []
    file.write_text("".join(f"{line}\n" for line in lines))


def test_a_policy_that_closes_every_login_is_found_before_somebody_needs_one(prepared):
    prepared.policy(mode="optin")
    done = prepared.run("twostep", "doctor")
    assert done.returncode == 1 and "Did you mean 'opt-in'?" in done.stdout
    done = prepared.run("twostep", "policy", "check")
    assert done.returncode == 1 and f"{POLICY}:2:8: error: " in done.stdout
