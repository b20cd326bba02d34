"""Fixtures. The suite runs inside tests/sandbox (see run), as root, and may do there what it likes."""

import os
import re
import zlib

import pytest

import hosts
from directory import a_directory
from machine import STORE, Machine

assert os.environ.get("SANDBOX_LOG"), "these tests change the machine: start them by tests/e2e/run"

USERS = ("alice", "bob", "carol", "dave", "admin")


@pytest.fixture(scope="session")
def whole_run():
    machine = Machine()
    machine.prepare()
    hosts.make_ssh_keys(USERS)
    yield machine
    hosts.Sshd.stop()


@pytest.fixture
def machine(whole_run):
    whole_run.reset()
    yield whole_run
    states = b"".join(file.read_bytes() for file in (STORE / "state").iterdir())
    secrets = b"".join(file.read_bytes() for file in (STORE / "users").iterdir())
    kept = states + re.sub(rb'^(secret|enrolled|id) = .*$', b"", secrets, flags=re.M)
    for word in whole_run.said:
        assert word.encode() not in kept, "something that was typed or shown is kept, and is no key"


@pytest.fixture
def directory(machine):
    with a_directory() as directory:
        yield directory


@pytest.fixture(params=hosts.ALL, ids=lambda host: host.name)
def host(request, machine):
    host = request.param(machine)
    host.prepare()
    return host


def pytest_addoption(parser):
    parser.addoption("--share", default="1/1", help="N/M: this share of the tests, as another sandbox runs the others")


def pytest_collection_modifyitems(config, items):
    """Tests that check the whole run belong to each share, and come last."""
    number, shares = map(int, config.getoption("--share").split("/"))
    mine, others = [], []
    for item in items:
        is_last = item.get_closest_marker("last") is not None
        is_mine = is_last or zlib.crc32(item.nodeid.encode()) % shares == number - 1
        (mine if is_mine else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = sorted(mine, key=lambda item: item.get_closest_marker("last") is not None)


def pytest_configure(config):
    config.addinivalue_line("markers", "last: runs after all other tests")
