"""Guessing and being locked out."""

import pytest

from machine import STEP

DAY = 24 * 3600


def guess(machine, count, apart=0):
    for _ in range(count):
        machine.login(machine.wrong())
        machine.clock.advance(apart)


def test_limit(machine):
    """After 50 wrong codes, an hour apart, the right one is refused until an administrator acts"""
    machine.enroll()
    guess(machine, 50, 3600)
    assert machine.right().denied


def test_wait(machine):
    """Right after ten wrong codes the right one is refused"""
    machine.enroll()
    guess(machine, 10)
    assert machine.right().denied


def test_two_mistakes(machine):
    """Two mistakes cost nothing"""
    machine.enroll()
    guess(machine, 2)
    assert machine.right().granted


def test_wait_ends(machine):
    """A user who mistyped ten times gets in a day later"""
    machine.enroll()
    guess(machine, 10)
    machine.clock.advance(DAY)
    assert machine.right().granted


def test_clock_forward(machine):
    """Setting the clock forward resets no count"""
    machine.enroll()
    guess(machine, 30, 2 * 3600)
    machine.clock.advance(30 * DAY)
    assert machine.right().denied


def test_clock_back(machine):
    """Setting the clock back resets no count"""
    machine.enroll()
    guess(machine, 30, 2 * 3600)
    machine.clock.stand(machine.clock.now() - 5 * DAY)
    denied = machine.right().denied
    machine.clock.stand(machine.clock.now() + 5 * DAY)
    assert denied


def test_others(machine):
    """Guesses at one user lock no other user out"""
    machine.enroll("alice", "bob")
    for _ in range(30):
        machine.login(machine.wrong(), user="bob")
    assert machine.right().granted


def test_success(machine):
    """A success ends the count"""
    machine.enroll()
    for _ in range(12):
        guess(machine, 2)
        assert machine.right().granted
        machine.clock.advance(2 * STEP)


@pytest.mark.parametrize("service", ["compared", "compared-too"])
def test_services(machine, service):
    """Guesses are counted over all services: 50 at one, the right code at"""
    machine.enroll()
    machine.serve("compared-too")
    guess(machine, 50, 3600)
    assert machine.right(service=service).denied
