"""Fixtures. The suite runs in a root of Debian 13 inside tests/sandbox (see run), as root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "stacks")]
from machine import Machine  # noqa: E402


@pytest.fixture(scope="session")
def whole_run():
    machine = Machine()
    machine.prepare()
    module = next(Path("/usr/lib").glob("*/security/pam_unix.so")).parent / "probe.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, HERE / "probe.c", "-l:libpam.so.0"], check=True)
    return machine


@pytest.fixture
def machine(whole_run):
    """One question a login, and a clock that runs, because daemons wait for times of day."""
    whole_run.reset()
    whole_run.policy(tries=1)
    whole_run.clock.go()
    return whole_run


@pytest.fixture
def alice(machine):
    alice = machine.enroll("alice")
    machine.forget_log()
    return alice


@pytest.fixture
def program(request, machine):
    with request.param(machine) as program:
        yield program


def pytest_collection_modifyitems(config, items):
    """proftpd has a root of its own: see run."""
    mine = [item for item in items if ("proftpd" in item.name) == (os.environ["PROGRAMS"] == "proftpd")]
    config.hook.pytest_deselected(items=[item for item in items if item not in mine])
    items[:] = mine
