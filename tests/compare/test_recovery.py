"""Recovery codes."""

import pytest


@pytest.fixture
def codes(machine):
    machine.enroll()
    if not machine.module.recovery_codes:
        pytest.skip("it has no recovery codes")
    return machine.module.recovery_codes


def test_once(machine, codes):
    """A recovery code gets in once"""
    assert machine.login(codes[0]).granted and machine.login(codes[0]).denied


def test_another(machine, codes):
    """Another recovery code still gets in"""
    assert machine.login(codes[0]).granted and machine.login(codes[1]).granted


def test_misspelt(machine, codes):
    """A recovery code with one wrong character does not get in"""
    last = codes[0][-1]
    assert machine.login(codes[0][:-1] + ("2" if last != "2" else "3")).denied


def test_somebody_elses(machine, codes):
    """A recovery code of another user does not get in"""
    machine.module.enroll("bob")
    if machine.module.recovery_codes == codes:
        pytest.skip("the adapter gives everybody the same ones")
    machine.said |= set(machine.module.recovery_codes)
    assert machine.login(codes[0], user="bob").denied


def test_lockout(machine, codes):
    """A user who is locked out by wrong codes gets in with a recovery code"""
    for _ in range(10):
        machine.login(machine.wrong())
    assert machine.login(codes[0]).granted


def test_not_kept(machine, codes):
    """Recovery codes are not stored in clear text"""
    kept = machine.module.secret("alice").read_bytes() + machine.module.state("alice").read_bytes()
    assert not any(code.encode() in kept for code in codes)
