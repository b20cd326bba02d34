"""Telling by the clock. The delay after a denial is left out; it hides what is left of a difference."""

import statistics

import pytest

ROUNDS = 40


def medians(machine, answer, *users):
    """Microseconds of a login with this answer, for each of the users in turn; what one leaves behind is taken back."""
    took = {user: [] for user in users}
    kept = [(path, path.read_bytes()) for path in {machine.module.secret("alice"), machine.module.state("alice")}]
    for _ in range(ROUNDS):
        for user, samples in took.items():
            samples.append(machine.login(answer, user=user).took / 1000)
            for path, content in kept:
                path.write_bytes(content)
    return [statistics.median(samples) for samples in took.values()]


def compare(known, unknown, record_property):
    ratio = known / unknown
    record_property("note", f"{known:.0f} and {unknown:.0f} µs, ratio {ratio:.2f}")
    assert 1 / 2 < ratio < 2, f"{known:.0f} and {unknown:.0f} µs, ratio {ratio:.2f}"


def test_unknown(machine, record_property):
    """A wrong code takes about the same time for a known and an unknown user: medians within a factor of two"""
    machine.enroll()
    compare(*medians(machine, machine.wrong(), "alice", "nobody-here"), record_property)


def test_unknown_recovery(machine, record_property):
    """The same with a wrong recovery code"""
    machine.enroll()
    if not machine.module.recovery_codes:
        pytest.skip("it has no recovery codes")
    code = machine.module.recovery_codes[0]
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    compare(*medians(machine, wrong, "alice", "nobody-here"), record_property)
