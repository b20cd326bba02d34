"""Fixtures. The suite runs inside tests/sandbox (see run), as root, with sssd and slapd installed there."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from machine import Machine  # noqa: E402
from sssd import Slapd, Sssd  # noqa: E402


@pytest.fixture(scope="session")
def whole_run():
    machine = Machine()
    machine.prepare()
    return machine


@pytest.fixture
def machine(whole_run):
    whole_run.reset()
    return whole_run


@pytest.fixture
def slapd():
    slapd = Slapd()
    slapd.start()
    yield slapd
    slapd.stop()


@pytest.fixture
def sssd(machine, slapd):
    sssd = Sssd()
    sssd.start()
    yield sssd
    sssd.stop()
