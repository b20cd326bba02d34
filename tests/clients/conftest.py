"""Fixtures. The suite runs inside tests/sandbox, in a root of a release of Debian (see run), as root."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS)]
import hosts  # noqa: E402
from machine import Machine  # noqa: E402

assert os.environ.get("SANDBOX_LOG"), "these tests change the machine: start them by tests/clients/run"


@pytest.fixture(scope="session")
def whole_run():
    machine = Machine()
    machine.prepare()
    hosts.make_ssh_keys(("alice", "bob"))
    yield machine
    hosts.Sshd.stop()


@pytest.fixture
def machine(whole_run):
    whole_run.reset()
    return whole_run


def pytest_ignore_collect(collection_path):
    """OpenSSH before 9.8 knows no penalties."""
    if collection_path.name == "test_penalties.py":
        return "PerSourcePenalties" not in hosts.Sshd.patience() or None
    return None
