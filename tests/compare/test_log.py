"""What the log says."""

import pytest

from machine import SUCCESS


def test_clock_hours_off(machine):
    """The code of a phone whose clock is an hour ahead is refused, and the log says by how much"""
    machine.enroll()
    assert machine.login(machine.code(120)).denied
    assert "3600" in machine.log_text(), "nothing of the clock"


def test_enrolled_and_not_asked(machine):
    """The log names an enrolled user who gets in without the auth phase, if that is allowed"""
    if not machine.module.has_account_phase:
        pytest.skip("it has no account phase")
    machine.enroll()
    machine.serve_account("sshd")
    assert machine.login(service="sshd", options=["--account-alone"]).account == SUCCESS
    assert "alice" in machine.log_text(), "nothing of her"
