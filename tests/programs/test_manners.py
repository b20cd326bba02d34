"""The manners in which programs answer a prompt with echo. None is charged as a wrong code, and none lets in without a code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from person import password_of

HERE = Path(__file__).resolve().parent
PASSWORD = password_of("alice")
NEVER_CODES = {
    "nothing": "deny not-a-code",
    "user": "deny not-a-code",
    "password": "deny not-a-code",
    "error": "deny conversation",
}


def log_in(manner, password):
    command = [sys.executable, HERE / "manner.py", "stubborn", "alice", password, manner]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "stacks")}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def plain(machine):
    machine.stack("stubborn", "@include common-auth", "auth required pam_twostep.so")


@pytest.mark.parametrize("manner", NEVER_CODES)
def test_plain_line_refuses_uncharged_what_is_no_code(machine, alice, manner):
    plain(machine)
    before = machine.state_of("alice")
    assert log_in(manner, PASSWORD) == {"asked": 1, "granted": False}
    assert machine.verdicts(hang_ups=True) == [NEVER_CODES[manner]]
    assert machine.state_of("alice") == before


@pytest.mark.parametrize("manner", NEVER_CODES)
def test_forward_pass_asks_no_echoed_question(machine, alice, manner):
    machine.stack("stubborn", "auth required pam_twostep.so forward_pass", "@include common-auth")
    assert log_in(manner, PASSWORD) == {"asked": 0, "granted": False}
    assert log_in(manner, PASSWORD + alice.code()) == {"asked": 0, "granted": True}
    assert machine.verdicts(hang_ups=True) == ["deny not-a-code", "grant"]
    assert machine.failures_of("alice") == 0


def test_plain_line_judges_only_what_the_user_was_shown(machine, alice):
    plain(machine)
    assert log_in("shown", PASSWORD) == {"asked": 1, "granted": False}
    assert machine.verdicts(hang_ups=True) == ["deny wrong-code"]
    assert machine.failures_of("alice") == 1
