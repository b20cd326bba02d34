"""A user's own program with the module in it: `own_program.py SITUATION USER CODE...`. It examines itself before and
after, and prints as JSON libpam's answer and what has changed."""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stacks"))
from pam import Pam  # noqa: E402

CAUGHT = []


def itself():
    """What a host must find unchanged (I7)."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kept = ("Uid", "Gid", "Groups", "Umask", "SigBlk", "SigIgn", "SigCgt", "Threads", "NoNewPrivs")
    return {
        **{key: status[key].strip() for key in kept},
        "descriptors": {name: os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if still_open(name)},
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "limits": [resource.getrlimit(number) for number in range(16)],
        "timer": signal.getitimer(signal.ITIMER_REAL)[1],
        "signals caught": list(CAUGHT),
        "children": children(),
    }


def still_open(name):
    """Not the one by which the directory is listed."""
    try:
        os.fstat(int(name))
    except OSError:
        return False
    return True


def children():
    """Those that wait(2) finds in any way; __WALL."""
    found = ctypes.CDLL(None, use_errno=True).waitpid(-1, None, os.WNOHANG | 0x40000000)
    return "none" if found == -1 else found


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def catch_everything():
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(number, lambda number, _: CAUGHT.append(number))


def die_of_pipes():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def block_everything():
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


def run_threads():
    for _ in range(4):
        threading.Thread(target=signal.pause, daemon=True).start()


def close_standard_streams():
    """Closes them, but keeps a copy of standard output, to report at the end."""
    os.dup2(1, 100)
    for number in (0, 1, 2):
        os.close(number)


SITUATIONS = {
    "as it is": lambda: None,
    "it ignores its children": ignore_children,
    "it catches signals": catch_everything,
    "a pipe can kill it": die_of_pipes,
    "it blocks signals": block_everything,
    "it has threads": run_threads,
    "its standard streams are closed": close_standard_streams,
}

if __name__ == "__main__":
    situation, user, *codes = sys.argv[1:]
    ctypes.CDLL(None).syslog(7, b"libpam logs by syslog(3), which keeps its socket: from here on")
    SITUATIONS[situation]()
    pam = Pam("locker", user, answers=codes)
    Pam("locker", user).end()  # what libpam loads for good is loaded
    before = itself()
    answer = pam.authenticate()
    after = itself()
    pam.end()
    changed = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    out = 100 if situation == "its standard streams are closed" else 1
    os.write(out, json.dumps({"answer": answer, "changed": changed, "said": pam.said}).encode())
    os._exit(0)
