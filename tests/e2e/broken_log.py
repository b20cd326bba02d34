"""A system log that takes no line, in three ways."""

import contextlib
import os
import socket
from pathlib import Path

LOG, AWAY = Path("/dev/log"), Path("/dev/log-away")


def absent():
    return contextlib.nullcontext()


def dead():
    """The socket of a daemon that has ended."""
    listener().close()
    return contextlib.nullcontext()


def full():
    """A daemon that listens and does not read; the kernel keeps no more lines for it."""
    deaf = listener()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(bytes(100), str(LOG))
    return deaf


def listener():
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(LOG))
    os.chmod(LOG, 0o666)
    return log


KINDS = (absent, dead, full)


def waits_allowed(calls):
    """How often a program has let the log wait for a reader, by the lines of its trace: it has set a limit of time, or polls."""
    return sum("SO_SNDTIMEO" in call or ("poll" in call and "DGRAM" in call) for call in calls)


@contextlib.contextmanager
def broken_log(kind):
    """The log is broken within this block."""
    LOG.rename(AWAY)
    try:
        with kind():
            yield
    finally:
        LOG.unlink(missing_ok=True)
        AWAY.rename(LOG)
