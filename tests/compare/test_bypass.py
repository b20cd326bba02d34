"""Ways around a rule. It says who needs a code, and whoever does tries to come in without."""

import os
import pwd
import resource
import shutil

import pytest

from machine import HOST, SUCCESS

from directory import NOT_FOUND, TRY_AGAIN, UNAVAILABLE, a_directory

SET_UID_HOST = "/usr/local/bin/compare-host-of-root"
KIB = 1 << 10


@pytest.fixture
def directory(machine):
    with a_directory() as directory:
        yield directory


@pytest.fixture
def vips(machine, directory):
    """alice is in a group that the directory alone knows. Members of it need a code, and she has none."""
    directory.group("vips", 7001, "alice")
    machine.module.require_group("vips")
    machine.serve()
    return directory


def stays_out(outcome):
    assert outcome.code != SUCCESS, "it was let in"


def test_member(machine, vips):
    """A member of the group in a rule does not get in without a code; other users do"""
    stays_out(machine.login(machine.wrong()))
    assert machine.login(user="bob").granted


FAULTS = {
    "is not there": lambda directory: directory.answer(UNAVAILABLE, of="group"),
    "says that it is busy": lambda directory: directory.answer(TRY_AGAIN, of="group"),
    "cannot be loaded": lambda directory: directory.library.write_bytes(b"\x7fELF, and no more"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault(machine, vips, fault):
    """The same if the directory with the group"""
    vips.sources("directory files")
    fault(vips)
    stays_out(machine.login(machine.wrong()))


def test_cold_cache(machine, vips):
    """The same if the cache of the directory has the user, but none of the groups"""
    vips.user("remo", 20001, gid=7001)
    vips.answer(NOT_FOUND, of="group")
    stays_out(machine.login(machine.wrong(), user="remo"))


def test_limits(machine, vips):
    """The same with a set-uid program to which its caller leaves little address space"""
    shutil.copy(HOST, SET_UID_HOST)
    os.chmod(SET_UID_HOST, 0o4755)
    bob = pwd.getpwnam("bob")
    for kib in range(2500, 9000, 100):

        def as_bob(size=kib * KIB):
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
            os.setgroups([])
            os.setgid(bob.pw_gid)
            os.setuid(bob.pw_uid)

        outcome = machine.login(machine.wrong(), before=as_bob, program=SET_UID_HOST)
        assert outcome.code != SUCCESS, f"it was let in with {kib} KiB"
        outcome.text = ""  # of the dynamic linker, where the program cannot even start


@pytest.mark.parametrize("spelling", ["REMO", "remo@corp.example"])
def test_spelling(machine, directory, spelling):
    """The same with another spelling of the name in the rule:"""
    directory.user("remo", 20001, "REMO", "remo@corp.example")
    machine.module.require_user(spelling)
    machine.serve()
    stays_out(machine.login(machine.wrong(), user="remo"))


def test_around_the_auth_phase(machine):
    """A login that skips the auth phase, as with a key at sshd, is refused in the account phase"""
    if not machine.module.has_account_phase:
        pytest.skip("it has no account phase")
    machine.module.require()
    machine.serve_account("sshd")
    outcome = machine.login(service="sshd", options=["--account-alone"])
    assert outcome.account not in (None, SUCCESS)
