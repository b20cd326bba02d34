"""Faults. Nobody gets in whose code was not noted, the host lives, and all is well when the fault is over."""

import os
import resource
import signal
import socket
import subprocess

import pytest

from machine import AT_ONCE, BROKE_OFF, PATIENCE, STEP, ignoring, limit

INJECTED = {
    "nothing can be written": ["write,pwrite64,writev,pwritev:error=EIO"],
    "the disk is full": ["write,pwrite64,writev,pwritev:error=ENOSPC"],
    "nothing can be flushed": ["fsync,fdatasync:error=EIO"],
    "nothing can be renamed": ["rename,renameat,renameat2:error=EIO"],
    "nothing can be created": ["open,openat:error=EROFS:when=40+"],
    "no lock can be had": ["flock,fcntl:error=ENOLCK"],
    "no file can be looked at": ["fstat,newfstatat,statx:error=EIO:when=60+"],
}


def still_works(machine, spent):
    """The code that was typed gets in once in all, and the next one gets in."""
    again = [machine.login(spent).granted, machine.login(spent).granted]
    machine.clock.advance(3600)
    assert machine.right().granted, "afterwards the right code does not get in"
    return sum(again)


@pytest.mark.parametrize("inject", INJECTED.values(), ids=INJECTED)
def test_injected(machine, inject):
    """A system call fails:"""
    machine.enroll()
    code = machine.code()
    wrapper = ["strace", "-f", "-o", "/dev/null", *(word for rule in inject for word in ("-e", f"inject={rule}"))]
    outcome = machine.login(code, wrapper=wrapper)
    outcome.before = outcome.after = ""  # the host's own look at itself may have failed
    assert outcome.status in (0, BROKE_OFF), f"the host ended with {outcome.status}"
    assert still_works(machine, code) + outcome.granted <= 1, "one code got in twice"


class Full:
    """A file system in memory in place of the folder of the module's, with no room left."""

    def __init__(self, machine, options):
        self.folders = machine.module.folders()
        self.options = options

    def __enter__(self):
        for folder in self.folders:
            copy = f"/run/copy-of-{folder.name}"
            subprocess.run(["cp", "-a", folder, copy], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "full", folder], check=True)
            stat = os.stat(copy)
            os.chown(folder, stat.st_uid, stat.st_gid)
            os.chmod(folder, stat.st_mode & 0o7777)
            subprocess.run(f"cp -a {copy}/. {folder}/", shell=True, check=True)
            self.options(folder)

    def __exit__(self, *_):
        for folder in self.folders:
            subprocess.run(["umount", folder], check=True)
            subprocess.run(["rm", "-rf", f"/run/copy-of-{folder.name}"], check=True)


def no_room(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    os.chmod(folder / "filler", 0o600)


def no_inodes(folder):
    subprocess.run(["mount", "-o", f"remount,nr_inodes={len(os.listdir(folder)) + 1}", folder], check=True)


def read_only(folder):
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


@pytest.mark.parametrize("options", [no_room, no_inodes, read_only], ids=["has no room", "has no inodes", "is read-only"])
def test_full(machine, options):
    """The file system of its files"""
    machine.enroll()
    code = machine.code()
    with Full(machine, options):
        first, second = machine.login(code), machine.login(code)
        assert first.status == second.status == 0
        assert first.granted + second.granted <= 1, "one code got in twice"
        wrong = machine.login(machine.wrong())
        assert wrong.denied


@pytest.mark.parametrize("size", [0, 1, 100, 4096])
def test_file_size(machine, size):
    """The host survives a limit on the size of files, bytes"""
    machine.enroll()
    code = machine.code()

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    outcome = machine.login(code, before=limited)
    assert outcome.status == 0, f"the host ended with {outcome.status}"
    assert still_works(machine, code) + outcome.granted <= 1, "one code got in twice"


@pytest.mark.parametrize("more", range(0, 8))
def test_descriptors(machine, more):
    """With a limit on open files no user counts as not enrolled, files left"""
    machine.enroll()
    outcome = machine.login(machine.wrong(), before=limit(resource.RLIMIT_NOFILE, 4 + more))
    assert not outcome.granted, "a wrong code got in"


@pytest.mark.parametrize("mebibytes", [4, 5, 6, 7, 8, 10, 12])
def test_memory(machine, mebibytes):
    """With a limit on memory no user counts as not enrolled, MiB"""
    machine.enroll()
    outcome = machine.login(machine.wrong(), before=limit(resource.RLIMIT_AS, mebibytes << 20))
    assert not outcome.granted, "a wrong code got in"
    machine.outcomes.clear()


@pytest.mark.parametrize("which", [signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM], ids=lambda which: which.name)
def test_ignored_signal(machine, which):
    """The host ignores"""
    machine.enroll()
    assert machine.right(before=ignoring(which)).granted


def test_killed_at_the_question(machine):
    """A login that is killed at its prompt delays no other login"""
    machine.enroll()
    with machine.at_the_question(machine.code()) as login:
        login.kill()
    after = machine.right()
    assert after.granted and after.seconds < AT_ONCE


def test_somebody_at_the_question(machine):
    """A login that waits at its prompt delays no other login"""
    machine.enroll()
    with machine.at_the_question(machine.wrong()):
        assert machine.right().granted


def test_killed_anywhere(machine):
    """After a kill at any writing system call, the code gets in once in total, and the next one gets in"""
    machine.enroll()
    for call in ("openat", "write", "pwrite64", "rename", "fdatasync", "close", "unlink"):
        for when in range(1, 60, 4):
            code = machine.code()
            wrapper = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={when}"]
            outcome = machine.login(code, wrapper=wrapper)
            machine.outcomes.clear()
            granted = outcome.granted + machine.login(code).granted + machine.login(code).granted
            assert granted <= 1, f"{call} {when}: one code got in {granted} times"
            machine.clock.advance(3600)
            assert machine.right().granted, f"{call} {when}: afterwards the right code does not get in"
            machine.clock.advance(2 * STEP)


def test_no_log(machine):
    """No program reads the log"""
    machine.enroll()
    os.rename("/dev/log", "/dev/log-away")
    try:
        assert machine.right().granted
    finally:
        os.rename("/dev/log-away", "/dev/log")


def fill(path):
    """Sends what nobody reads, until no more is taken."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            while True:
                sender.sendto(bytes(100), path)
        except BlockingIOError:
            pass


def test_full_log(machine):
    """The log is full, and its reader is blocked"""
    machine.enroll()
    os.rename("/dev/log", "/dev/log-away")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
            deaf.bind("/dev/log")
            os.chmod("/dev/log", 0o666)
            fill("/dev/log")
            assert machine.right().seconds < PATIENCE
    finally:
        os.unlink("/dev/log")
        os.rename("/dev/log-away", "/dev/log")
