"""The bar of a command that takes longer than a second."""

import fcntl
import os
import pathlib
import pty
import re
import subprocess
import threading

import pytest

from machine import STORE, uid_of

PROGRAM = pathlib.Path("/usr/bin/cvtsudoers")  # which doctor runs
REAL = PROGRAM.with_name("cvtsudoers.real")
SLOW = f'#!/bin/sh\nsleep 1.1\nexec {REAL} "$@"\n'
BAR = re.compile(rb"\[=*>? *\] \d+/\d+")
CLEAR = b"\x1b[2K"  # the line
SHOWN = {"TERM": "xterm"}


@pytest.fixture
def slow_doctor(machine):
    PROGRAM.rename(REAL)
    PROGRAM.write_text(SLOW)
    PROGRAM.chmod(0o755)
    yield
    REAL.rename(PROGRAM)


def on_terminal(verb, *arguments, **environment):
    """What the command writes to a terminal as standard error, and to a pipe as standard output."""
    terminal, its_end = pty.openpty()
    command = ["twostep", *verb.split(), *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its_end, env=os.environ | environment) as running:
        os.close(its_end)
        output = running.stdout.read()
    written = b""
    try:
        while some := os.read(terminal, 65536):
            written += some
    except OSError:  # the end, where no process has the terminal
        pass
    os.close(terminal)
    return written, output


def test_shows_bar_on_terminal_and_clears_it(slow_doctor):
    written, output = on_terminal("doctor", **SHOWN)
    assert BAR.search(written), written
    assert CLEAR in written[BAR.search(written).end() :] and not BAR.search(output)
    *_, last = written.split(CLEAR)
    assert not BAR.search(last), "the bar is still there at the end"


def test_shows_no_bar_in_json_or_on_dumb_terminal(slow_doctor):
    assert on_terminal("doctor", "--json", **SHOWN)[0] == b""
    assert on_terminal("doctor", TERM="dumb")[0] == b""


def test_shows_no_bar_in_pipe(slow_doctor):
    done = subprocess.run(["twostep", "doctor"], capture_output=True, timeout=60, check=False, env=os.environ | SHOWN)
    assert done.stderr == b"" and not BAR.search(done.stdout)


def test_shows_error_on_a_line_without_bar(machine):
    """The lock of the first record is held until the bar is due. The second record is damaged."""
    for user in ("alice", "bob"):
        machine.enroll(user)
    first, second = sorted(map(uid_of, ("alice", "bob")))
    (STORE / "state" / str(second)).write_bytes(bytes(8192))
    with (STORE / "state" / str(first)).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Timer(3, lambda: fcntl.flock(held, fcntl.LOCK_UN)).start()
        written, _ = on_terminal("storage upgrade", **SHOWN)
    before, error, _ = written.partition(b"error: ")
    assert error and BAR.search(before)[0].endswith(b" 1/2"), written
    *_, line = re.split(rb"\n|\x1b\[2K", before)
    assert not BAR.search(line), written
