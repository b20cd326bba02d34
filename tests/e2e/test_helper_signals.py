"""The caller may stop or end the helper only until it has taken its own ids. From then on it may hold the lock of the caller's
state file, for which the caller's logins wait (I10)."""

import contextlib
import ctypes
import fcntl
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from clock import STEP
from helper_client import Helper, as_user, enrolled, identity, libc, lock_held, waits_for_lock
from hosts import Ssh, LoginSession, ready
from machine import wait_until

F_SETSIG = 10
PTRACE_ATTACH, PTRACE_SEIZE, IOPRIO_SET = 16, 0x4206, 251
FOREIGN = "0123-4567-89AB-CDEF"  # a recovery code: it takes long to compare, and costs no waiting time


@contextlib.contextmanager
def waiting_at_the_lock(code, **start):
    """A helper that has taken its ids, and waits for the lock of alice's state; at the end it gets the lock."""
    with lock_held("alice"):
        helper = Helper("alice", keep=True, **start)
        helper.request("verify", code)
        wait_until(lambda: waiting(helper), "it does not wait for the lock")
        yield helper


def waiting(helper):
    """The id of the process in which the helper waits for the lock: the started one, or a child of it."""
    below = subprocess.run(["pgrep", "-f", "twostep-helper"], capture_output=True, text=True, check=False).stdout.split()
    return next((int(pid) for pid in below if waits_for_lock(pid, "alice")), None)


def call(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")


def proc(pid, name):
    return Path(f"/proc/{pid}/{name}")


def kill(name):
    return lambda pid: os.kill(pid, signal.Signals[f"SIG{name}"])


ATTACKS = {
    **{name: kill(name) for name in ("STOP", "TSTP", "CONT", "TERM", "HUP", "ALRM", "KILL")},
    "a signal by descriptor": lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGSTOP),
    "to attach": lambda pid: call(libc.ptrace, PTRACE_ATTACH, pid, None, None),
    "to seize": lambda pid: call(libc.ptrace, PTRACE_SEIZE, pid, None, None),
    "a limit": lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)),
    "to see a limit": lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU),
    "a low priority": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "a low priority at the disk": lambda pid: call(libc.syscall, IOPRIO_SET, 1, pid, 3 << 13),
    "the idle class": lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    "one processor": lambda pid: os.sched_setaffinity(pid, {0}),
    **{f"to read {name}": lambda pid, name=name: proc(pid, name).read_bytes() for name in ("environ", "maps", "auxv")},
    "to open mem": lambda pid: proc(pid, "mem").open("rb").close(),
    "to see fd": lambda pid: os.listdir(proc(pid, "fd")),
    "to see cwd": lambda pid: os.readlink(proc(pid, "cwd")),
    "to be ended first": lambda pid: proc(pid, "oom_score_adj").write_text("1000"),
}


def went_through(pid=None):
    """The names of the attacks that work against this process, or else each against an ordinary program."""
    names = []
    for name, attack in ATTACKS.items():
        own = None if pid else sleeping()
        with contextlib.suppress(PermissionError):
            attack(pid or own.pid)
            names.append(name)
        if own:
            own.kill()
    return names


def sleeping():
    """An ordinary program, once it is no longer a copy of this one."""
    program = subprocess.Popen(["sleep", "60"])
    wait_until(lambda: state_of(program.pid) == "S", "it does not sleep")
    return program


def test_caller_cannot_signal_helper_that_waits_for_lock(machine):
    alice = enrolled(machine, "alice")
    assert as_user("alice", went_through) == list(ATTACKS), "against their own programs they can"
    with waiting_at_the_lock(alice.code()) as helper:
        assert as_user("alice", went_through, helper.process.pid) == []
        assert waiting(helper) == helper.process.pid
    assert helper.hear()[0] == b"*"
    assert helper.end() == 0


def in_front_of(terminal):
    """Makes it a job of a shell, in the foreground of this terminal. The shell and the job's leader stay alive: signals of the
    terminal wait for them."""

    def prepare():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, [*KEYS.values(), signal.SIGTTOU, signal.SIGHUP])
        live_on_after_fork()
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpid())
        live_on_after_fork()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    return prepare


def live_on_after_fork():
    if child := os.fork():
        os.closerange(0, 1024)
        os.waitpid(child, os.WUNTRACED)
        signal.pause()


KEYS = {b"\x03": signal.SIGINT, b"\x1a": signal.SIGTSTP, b"\x1c": signal.SIGQUIT}


@pytest.mark.parametrize("key", [*KEYS, None], ids=["^C", "^Z", "^\\", "hang up"])
def test_terminal_of_caller_cannot_signal_helper(machine, key):
    alice = enrolled(machine, "alice")
    master, slave = os.openpty()
    with waiting_at_the_lock(alice.code(), prepare=in_front_of(slave)) as helper:
        pid = waiting(helper)
        assert pid != helper.process.pid
        os.close(slave)
        if key:
            os.write(master, key)
            wait_until(lambda: KEYS[key] in pending_at(parent_of(pid)), "the job gets no signal")
        else:
            os.close(master)
            wait_until(lambda: signal.SIGHUP in pending_at(helper.process.pid), "the shell gets no signal")
    assert helper.hear()[0] == b"*"
    helper.process.kill()
    if key:
        os.close(master)


def state_of(pid):
    """The letter of proc(5): S sleeps, T is stopped."""
    return proc(pid, "stat").read_text().rsplit(")", 1)[1].split()[0]


def parent_of(pid):
    return int(proc(pid, "stat").read_text().rsplit(")", 1)[1].split()[1])


def pending_at(pid):
    """The signals that were sent to this process and that it blocks."""
    mask = int(proc(pid, "status").read_text().split("ShdPnd:")[1].split()[0], 16)
    return {number for number in signal.Signals if mask >> number - 1 & 1}


@pytest.mark.parametrize("name", ["STOP", "KILL", "TERM"])
def test_socket_cannot_signal_helper(machine, name):
    """A socket can report each message with a chosen signal, with the rights of the process that asked for it."""
    alice = enrolled(machine, "alice")
    with waiting_at_the_lock(alice.code()) as helper:
        as_user("alice", ask_for_signal, helper.theirs.fileno(), helper.process.pid, signal.Signals[f"SIG{name}"])
        helper.send(b"something happens")  # the kernel sends the signal before it returns
    assert helper.hear()[0] == b"*"
    assert helper.end() == 0


@pytest.mark.parametrize("name", ["KILL"])
def test_socket_does_signal_ordinary_program(machine, name):
    with Helper("alice", program="/bin/sleep", arguments=["sleep", "60"], keep=True) as sleep:
        as_user("alice", ask_for_signal, sleep.theirs.fileno(), sleep.process.pid, signal.Signals[f"SIG{name}"])
        sleep.send(b"something happens")
        assert sleep.end() == -signal.SIGKILL


def ask_for_signal(number, pid, kind):
    fcntl.fcntl(number, fcntl.F_SETOWN, pid)
    fcntl.fcntl(number, F_SETSIG, kind)
    fcntl.fcntl(number, fcntl.F_SETFL, os.O_ASYNC)


def test_stopped_helpers_do_not_delay_login(machine):
    """At any moment. A login that waits for a stopped helper is refused."""
    ssh = ready(Ssh(machine))
    alice = enrolled(machine, "alice")
    programs = shutil.copytree(Path(__file__).parent, "/dev/shm/e2e")  # where alice, too, can read them
    command = ["/usr/bin/python3", "-c", ATTACKER, programs]
    attacker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **identity("alice"))
    try:
        assert attacker.stdout.readline() == "it begins\n"
        logins = 0
        while logins < 5 or not select.select([attacker.stdout], [], [], 0)[0]:
            machine.clock.advance(STEP)
            with LoginSession(ssh, "alice", alice.code()) as session:
                assert session.until_the_end().granted
            logins += 1
            assert logins < 100, "it does not stop helpers both before and after they have their ids"
        assert attacker.stdout.readline() == "it has stopped enough\n"
    finally:
        attacker.terminate()
        attacker.communicate()
        shutil.rmtree(programs)


ATTACKER = """
import sys
sys.path.insert(0, sys.argv[1])
import test_helper_signals
test_helper_signals.stop_helpers_until_terminated()
"""


def stop_helpers_until_terminated():
    """Tells when ten were stopped, and ten could not be, because they had their ids."""
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("it begins", flush=True)
    stopped, refused, told, kept = 0, 0, False, []
    pause = 0.0025  # seconds; it becomes that after which a helper has its ids on this machine
    while not ended:
        helper = Helper("alice")
        helper.request("verify", FOREIGN)
        time.sleep(random.random() * 2 * pause)
        try:
            os.kill(helper.process.pid, signal.SIGSTOP)
            stopped += 1
            pause *= 1.1
            kept.append(helper)
        except PermissionError:
            refused += 1
            pause /= 1.1
            helper.hear()
        if not told and min(stopped, refused) == 10:
            told = True
            print("it has stopped enough", flush=True)
    for helper in kept:
        helper.process.kill()
