"""The cases of the other modules' own tests, run on twostep: their files are imported, and then the same is typed at the same moment.

Rewritten as data from google-authenticator-libpam's tests/pam_google_authenticator_unittest.c and oath-toolkit's
pam_oath/tests/test-pam_oath-root.c. If twostep answers differently, the row says why.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from machine import uid_of

DOOR = Path(__file__).with_name("door.py")
SERVICE = "peers"
SUCCESS, SERVICE_ERR, AUTH_ERR = 0, 3, 7
EARLIER = 200  # steps before the case: then the file was imported

KEY = "2SH3V3GDW7ZNMGYE"  # 80 bits
STEP_10000 = "050548"  # its code then
ZEROS = "00" * 20  # the HMAC of their key, which is one byte of zero, and too short for us

NO_REUSE = "a code works once, whatever the file says"
SKEW = "how far a phone's clock may be off is the policy's to say: one step here, three at most"
LEARNED = "clocks are not learned: two wrong codes in a row are no proof of anything"
SCRATCH = "scratch codes are not carried over: recovery codes take their place"
COUNTED = "counted codes are not imported, so alice has no second step: she is asked like everybody else"
LIMIT = "only failures are limited: whoever is right is no guesser"
FIRST_PASS = "the line is refused: a code is never taken out of what another module has asked for; forward_pass asks once for both"


class Case(NamedTuple):
    """What happens at step `at`, with what was typed before it, and the answers of the other module and of twostep:
    libpam's code, and prompts."""

    what: str
    at: int
    answer: object  # what is typed, or the number of a step whose code it is
    theirs: tuple
    ours: tuple = None  # the same if it is not given
    why: str = ""
    options: tuple = ()
    before: tuple = ()  # answers typed before, each with its step
    argument: str = ""
    period: int = 30


YES, NO = (SUCCESS, 1), (AUTH_ERR, 1)

GOOGLE = [
    Case("a wrong code", 10000, "123456", NO),
    Case("five digits", 10000, "50548", NO),
    Case("seven digits", 10000, "0050548", NO),
    Case("eight digits", 10000, "00050548", NO),
    Case("no answer", 10000, "", NO),
    Case("the right code", 10000, STEP_10000, YES),
    Case("the same code again", 10000, STEP_10000, YES, NO, NO_REUSE, before=((10000, STEP_10000),)),
    *(
        Case(f"steps of 60 s, {at - 10000:+}", at, STEP_10000, theirs, options=("STEP_SIZE 60",), period=60)
        for at, theirs in ((9998, NO), (9999, YES), (10001, YES), (10002, NO), (10000, YES))
    ),
    *(
        Case(f"the window of three steps, {at - 10000:+}", at, STEP_10000, theirs)
        for at, theirs in ((9998, NO), (9999, YES), (10001, YES), (10002, NO), (10000, YES))
    ),
    *(
        Case(f"a window of six steps, {at - 10000:+}", at, STEP_10000, theirs, ours, why, options=("WINDOW_SIZE 6",))
        for at, theirs, ours, why in (
            (9996, NO, None, ""), (9997, YES, NO, SKEW), (10002, YES, NO, SKEW), (10003, NO, None, ""), (10000, YES, None, ""),
        )
    ),
    Case("no reuse, the first time", 10000, STEP_10000, YES, options=("DISALLOW_REUSE",)),
    Case("no reuse, the second time", 10000, STEP_10000, NO, options=("DISALLOW_REUSE",), before=((10000, STEP_10000),)),
    Case("no reuse, used before the import", 10000, STEP_10000, NO, options=("DISALLOW_REUSE 10000",)),
    *(
        Case(f"no reuse, step {step}", step, step, YES, options=("DISALLOW_REUSE 10000",),
             before=tuple((earlier, earlier) for earlier in range(10001, step)))
        for step in range(10001, 10008)
    ),
    *(
        Case(f"four in two minutes, the {n + 1}.", step, step, theirs, ours, why, options=("RATE_LIMIT 4 120",),
             before=tuple((earlier, earlier) for earlier in range(20000, min(step, 20005))))
        for n, (step, theirs, ours, why) in enumerate((
            (20000, YES, None, ""), (20001, YES, None, ""), (20002, YES, None, ""), (20003, YES, None, ""),
            (20004, (AUTH_ERR, 0), YES, LIMIT), (20006, YES, None, ""),
        ))
    ),
    *(
        Case(f"a clock that is 1,000 steps behind, the {n + 1}. code", 12000 + n, 11000 + n, theirs, ours, why,
             before=tuple((12000 + m, 11000 + m) for m in range(n)))
        for n, (theirs, ours, why) in enumerate(((NO, None, ""), (NO, None, ""), (YES, NO, LEARNED)))
    ),
    Case("noskewadj", 12020, 11010, NO, (SERVICE_ERR, 0), "skew-steps in the policy is what it was for", argument="noskewadj"),
    Case("no scratch code", 10000, "12345678", NO),
    Case("a scratch code", 10000, "12345678", YES, NO, SCRATCH, options=("12345678",)),
    Case("a scratch code again", 10000, "12345678", NO, options=("12345678",), before=((10000, "12345678"),)),
    Case("a counted code", 10000, "293240", YES, NO, COUNTED, options=("HOTP_COUNTER 1",)),
    Case("a counted code again", 10000, "293240", NO, options=("HOTP_COUNTER 2",)),
    Case("a counted code ahead", 10000, "932068", YES, NO, COUNTED, options=("HOTP_COUNTER 3",)),
    *(
        Case(f"{argument}, password and code in one", 10000, f"password{STEP_10000}", theirs, ours, why, argument=argument)
        for argument, theirs, ours, why in (
            ("forward_pass", YES, None, ""),
            ("use_first_pass", (SUCCESS, 0), (SERVICE_ERR, 0), FIRST_PASS),
            ("try_first_pass", (SUCCESS, 0), (SERVICE_ERR, 0), FIRST_PASS),
        )
    ),
    Case("forward_pass, a wrong code", 10000, "password123456", NO, argument="forward_pass"),
    Case("forward_pass, no answer", 10000, "", NO, argument="forward_pass"),
]

MIDNIGHT = 1165446000 // 30  # 2006-12-07, where they tested
OATH = [
    Case("no code at all", MIDNIGHT, "bad", NO),
    Case("one step ahead", MIDNIGHT, "299833", YES),
    Case("the same again", MIDNIGHT, "299833", NO, before=((MIDNIGHT, "299833"),)),
    Case("an earlier one than the last", MIDNIGHT, "140852", NO, before=((MIDNIGHT, "299833"),)),
    Case("eight steps ahead", MIDNIGHT, "936706", YES, NO, SKEW),
    Case("an earlier one than that", MIDNIGHT, "512368", NO, before=((MIDNIGHT, "936706"),)),
    Case("ten steps ahead", MIDNIGHT, "787399", YES, NO, SKEW),
    Case("eight steps ahead, when it is time", MIDNIGHT + 8, "936706", YES),
]


@pytest.fixture
def peers(machine):
    machine.policy("[enrollment]\nservices = []\n", mode="mandatory", tries=1)
    yield machine
    Path("/home/alice/.google_authenticator").unlink(missing_ok=True)


def enter(machine, case):
    """What libpam answers, and how often it asked, at the last of the moments."""
    machine.stack(SERVICE, f"auth required pam_twostep.so {case.argument}", "auth required pam_permit.so")
    for at, answer in (*case.before, (case.at, case.answer)):
        machine.clock.stand(at * case.period)
        typed = answer if isinstance(answer, str) else code_of(answer)
        done = subprocess.run([sys.executable, DOOR, SERVICE, "alice"], input=f"{typed}\n", capture_output=True, text=True, check=True)
    return int(re.search(r"answer (\d+)", done.stdout)[1]), done.stdout.count("asked")


def code_of(step):
    command = ["oathtool", "--totp", "--base32", f"--now=@{step * 30}", KEY]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[f"{case.what}{'' if case.ours is None else ' (differs)'}" for case in cases])


@named(GOOGLE)
def test_matches_cases_of_google_authenticator(peers, case):
    file = Path("/home/alice/.google_authenticator")
    lines = [option if option.isdigit() else f'" {option}' for option in case.options]
    timed = [] if any("HOTP" in line for line in lines) else ['" TOTP_AUTH']
    file.write_text("\n".join([KEY, *timed, *lines, ""]))
    os.chown(file, uid_of("alice"), -1)
    file.chmod(0o400)
    peers.clock.stand((case.at - EARLIER) * case.period)
    peers.run("twostep", "import", "google-authenticator", "--user", "alice")
    assert_as_told(peers, case)


@named(OATH)
def test_matches_cases_of_pam_oath(peers, case):
    file = Path("/etc/users.oath")
    file.write_text(f"HOTP user1 - {ZEROS}\nHOTP user2 pw {ZEROS}\nHOTP/T30 alice - {ZEROS}\n")
    peers.clock.stand((case.at - EARLIER) * case.period)
    peers.run("twostep", "import", "pam-oath", str(file))
    assert_as_told(peers, case)
    file.unlink()


def assert_as_told(machine, case):
    assert (case.ours is None) == (not case.why) and case.ours != case.theirs
    assert enter(machine, case) == (case.ours or case.theirs)


def test_missing_file_follows_policy(peers):
    """The other module asks and refuses; with nullok it returns PAM_IGNORE and asks nothing. In twostep the policy
    decides."""
    case = Case("", 10000, STEP_10000, NO)
    assert enter(peers, case) == NO
    peers.policy(mode="opt-in", tries=1)
    assert enter(peers, case) == (SUCCESS, 0)  # from the line after that of twostep, which lets every user in
