"""An application of PAM that answers each question by its words: `answers.py SERVICE USER` reads a line for the password and one
for the code. It prints what was asked, and libpam's answer after authentication and account phase."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stacks"))
from pam import SUCCESS, Pam  # noqa: E402


def answer():
    question = pam.said[-1].lower()
    is_code = "code" in question or "(oath)" in question
    is_password = "password" in question and "(oath)" not in question
    print("asked", "password" * is_password + "code" * is_code)
    return password * is_password + code * is_code


service, user = sys.argv[1:]
password, code = sys.stdin.read().split("\n")[:2]
pam = Pam(service, user, answers=[answer] * 9)
result = pam.authenticate()
result = result if result != SUCCESS else pam.account()
print("answer", result, flush=True)
os._exit(0)  # what modules registered to run at exit is not this program's to wait for
