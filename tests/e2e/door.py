"""A plain application of PAM: `door.py SERVICE USER [storm]`. At each question it prints "asked HEX", and types the next line
that it reads. It goes on with the account phase and setcred, and prints the last answer of libpam's. With `storm` two thousand signals a
second interrupt it, restarting nothing, and its children leave no word."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stacks"))
from pam import SUCCESS, Pam  # noqa: E402


def type_a_line():
    print("asked", pam.said[-1].encode().hex(), flush=True)
    return sys.stdin.readline().rstrip("\n")


def ignore_in_python(*_):
    pass


service, user, *storm = sys.argv[1:]
if storm:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, ignore_in_python)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
pam = Pam(service, user, answers=[type_a_line] * 9)
answer = pam.authenticate()
for phase in (pam.account, pam.setcred):
    answer = answer if answer != SUCCESS else phase()
print(f"answer {answer}", flush=True)
os._exit(0)  # Python would give the signals back first
