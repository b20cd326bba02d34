"""Replay and the clock."""

import os

import pytest

from machine import STEP

MOMENTS = {
    "the epoch": 20,
    "the year 2001": 1_000_000_000,
    "before 2^31": (1 << 31) - 40,
    "after 2^31": (1 << 31) + 40,
    "after 2^32": (1 << 32) + 40,
    "the year 9999": 253_402_300_000,
}


def test_twice(machine):
    """A code gets in once"""
    machine.enroll()
    code = machine.code()
    assert machine.login(code).granted and machine.login(code).denied


def test_other_service(machine):
    """A code that was accepted at one service is refused at another"""
    machine.enroll()
    machine.serve("compared-too")
    code = machine.code()
    assert machine.login(code).granted and machine.login(code, service="compared-too").denied


def test_later_first(machine):
    """After the next step's code, the current one is refused"""
    machine.enroll()
    assert machine.login(machine.code(1)).granted and machine.login(machine.code(0)).denied


def test_after_the_window(machine):
    """A used code is refused while its step is in the window"""
    machine.enroll()
    code = machine.code(1)
    assert machine.login(code).granted
    machine.clock.advance(2 * STEP)
    assert machine.login(code).denied


@pytest.mark.parametrize("back", [1, 10, 120])
def test_clock_back(machine, back):
    """A used code stays used after the clock is set back and forward again, steps"""
    machine.enroll()
    code, moment = machine.code(), machine.clock.now()
    assert machine.login(code).granted
    machine.clock.stand(moment - back * STEP)
    machine.login(machine.code())
    machine.clock.stand(moment)
    assert machine.login(code).denied


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_window(machine, steps):
    """A code of an accepted step gets in, off by"""
    machine.enroll()
    assert machine.login(machine.code(steps)).granted


@pytest.mark.parametrize("steps", [-10, -2, 2, 10])
def test_outside(machine, steps):
    """A code of a step that is not accepted is refused, off by"""
    machine.enroll()
    assert machine.login(machine.code(steps)).denied


def test_nothing_learned(machine):
    """The module does not learn a clock from three codes in a row that are minutes off"""
    machine.enroll()
    for _ in range(3):
        machine.login(machine.code(8))
        machine.clock.advance(STEP)
    machine.clock.advance(3600)
    assert machine.login(machine.code(8)).denied


def test_next_step(machine):
    """The next step's code gets in after this one's"""
    machine.enroll()
    assert machine.right().granted
    machine.clock.advance(STEP)
    assert machine.right().granted


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_far_clock(machine, moment):
    """With a clock that is far off the module refuses or judges, and does not crash"""
    machine.enroll()
    usual = machine.clock.now()
    machine.clock.stand(moment)
    outcome = machine.right()
    machine.clock.stand(usual)
    assert outcome.granted or outcome.denied


@pytest.mark.parametrize("zone", [":/etc/shadow", "America/St_Johns", "Nonsense99", ""], ids=["a file", "half an hour off", "no zone", "empty"])
def test_time_zone(machine, zone):
    """The time zone of the process makes no difference"""
    machine.enroll()
    assert machine.right(env={**os.environ, "TZ": zone}).granted


def test_at_the_answer(machine):
    """A code is judged by the time of its answer, not of its question"""
    machine.enroll()
    with machine.at_the_question(machine.code()) as login:
        machine.clock.advance(10 * STEP)
    assert login.outcome.denied
