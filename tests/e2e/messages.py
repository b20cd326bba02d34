"""An application of PAM that passes everything on: `messages.py SERVICE USER RHOST [account]` prints what PAM says as lines of JSON, and
reads a line for each answer. A list are the messages since the answer before, the last of them a question; an object is the end. With
`account` it begins with the account phase, as sshd does after a key."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stacks"))
from pam import SUCCESS, Pam  # noqa: E402

MOST = 60  # answers
told = 0


def news():
    global told
    said, told = pam.said[told:], len(pam.said)
    return said


def answer():
    print(json.dumps(news()), flush=True)
    return sys.stdin.readline().rstrip("\n")


service, user, rhost, *phase = sys.argv[1:]
pam = Pam(service, user, answers=[answer] * MOST, tty="ssh" if service == "sshd" else "tty1", rhost=rhost or None)
result = SUCCESS if phase else pam.authenticate()
result = result if result != SUCCESS else pam.account()
result = result if result != SUCCESS else pam.setcred()
print(json.dumps({"answer": result, "said": news()}), flush=True)
os._exit(0)
