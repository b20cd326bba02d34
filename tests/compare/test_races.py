"""Many at once."""

import pytest

from machine import CROWD

ROUNDS, PROCESSES = 10, 50


def test_one_code(machine):
    """Of 50 logins with one code, one gets in, ten times"""
    counts = []
    for _ in range(ROUNDS):
        machine.reset()
        machine.enroll()
        counts.append(machine.together(PROCESSES, machine.code()))
    assert counts == [1] * ROUNDS, f"{counts} got in"


def test_two_people(machine):
    """Of two users with 25 concurrent logins each, each gets in once"""
    machine.enroll("alice")
    machine.module.enroll("bob")  # with the same secret, so that one code serves both
    assert machine.together(PROCESSES, machine.code(), users=("alice", "bob")) == 2


def test_people(machine):
    """Twenty users with concurrent logins all get in"""
    people = [f"crowd{n}" for n in range(CROWD)]
    machine.enroll(*people)
    assert machine.together(len(people), machine.code(), users=people) == len(people)


def test_guesses(machine):
    """200 concurrent wrong codes are counted: the right one after them is refused"""
    machine.enroll()
    machine.together(200, machine.wrong())
    assert machine.right().denied


def test_recovery(machine):
    """Of 20 logins with one recovery code, one gets in"""
    machine.enroll()
    if not machine.module.recovery_codes:
        pytest.skip("it has no recovery codes")
    assert machine.together(20, machine.module.recovery_codes[0]) == 1
