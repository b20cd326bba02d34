"""No line that twostep sends through PAM is wider than 77 columns: PuTTY breaks longer ones, and a picture in which a line is broken
cannot be scanned. Nothing stands beside the picture that is wider than 30."""

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from clock import STEP
from person import QUESTIONS, Newcomer, password_of

MESSAGES = Path(__file__).with_name("messages.py")
MOST, BESIDE = 77, 30
BLOCKS = re.compile("[█▀▄]")
LONG = "u" * 32  # the longest name that useradd allows
FAR = "a-host-behind-a-very-long-name-of-a-department.of-an-institution.example.org"
WRONG = ["", "12", "123456789", "no code at all, but a whole sentence", "000000"]


@pytest.fixture(scope="module", autouse=True)
def long_name():
    subprocess.run(["useradd", "--create-home", LONG], check=True)
    subprocess.run(["chpasswd"], input=f"{LONG}:{password_of(LONG)}\n", text=True, check=True)
    yield
    subprocess.run(["userdel", "--remove", "--force", LONG], check=True, capture_output=True)


@pytest.fixture
def said(machine):
    """Everything that PAM says in a test. Its lines are measured at the end."""
    machine.use_stack("sshd", "sshd")
    machine.use_stack("login", "login")
    messages = []
    yield messages
    lines = {line for message in messages for line in message.split("\n")}
    assert messages, "something was said"
    wide = {line for line in lines if columns(line) > MOST}
    assert not wide


def columns(line):
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def login(said, user, *answers, service="sshd", rhost=FAR, newcomer=None, phase=()):
    """One login with the password and these answers, then none. Returns libpam's answer."""
    answers = list(answers)
    command = [sys.executable, MESSAGES, service, user, rhost, *phase]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as application:
        for line in application.stdout:
            news = json.loads(line)
            if isinstance(news, dict):
                said += news["said"]
                return news["answer"]
            said += news
            application.stdin.write(reply(news[-1], "\n".join(news), user, answers, newcomer) + "\n")
            application.stdin.flush()
    raise AssertionError("the application broke off")


def reply(question, text, user, answers, newcomer):
    if question == "Password: ":
        return password_of(user)
    for name, pattern in QUESTIONS.items() if newcomer else ():
        if found := re.search(pattern + "$", question):
            return newcomer.answer(name, text, found)
    answer = answers.pop(0) if answers else ""
    return answer() if callable(answer) else answer


# The logins of an enrolled user.


def test_refusals_before_right_code_fit_77_columns(machine, said):
    alice = machine.enroll("alice")
    machine.policy(tries=10)
    used = alice.code()
    assert login(said, "alice", used, service="login", rhost="") == 0
    assert login(said, "alice", *WRONG, used, lambda: alice.code(+1), service="login", rhost="") == 0
    texts = "\n".join(said)
    expected = ("You typed nothing", "too short", "9 digits", "That is not a code.", "already used")
    assert [text for text in expected if text not in texts] == [], texts


def test_text_about_clock_of_phone_fits_77_columns(machine, said):
    alice = machine.enroll("alice")
    machine.policy(tries=10)
    assert login(said, "alice", alice.code(+8), alice.code(+9), alice.code()) == 0
    assert any("Your phone's clock is" in text for text in said), machine.log()


def test_texts_about_recovery_codes_fit_77_columns(machine, said):
    machine.policy("[enrollment]\nrecovery-codes = 4\n")
    alice = machine.enroll("alice")
    for code in alice.recovery:
        assert login(said, "alice", code) == 0
    assert login(said, "alice", alice.code()) == 0
    assert [text for text in said if "Unused codes left: 0" in text] and [text for text in said if "Recovery codes left: 0" in text]


def test_texts_of_lockouts_fit_77_columns(machine, said):
    person = machine.enroll(LONG)
    machine.policy(lockout_after=5)
    for _ in range(4):
        assert login(said, LONG, *[person.wrong_code()] * 3) != 0
        assert login(said, LONG, *["0123-4567-89AB-CDEF"] * 3) != 0
        machine.clock.advance(3600)
    texts = "\n".join(said)
    assert all(text in texts for text in ("Try again after", "codes are disabled", "A recovery code works now", f"unlock {LONG}"))


def test_report_of_earlier_refusals_fits_77_columns(machine, said):
    alice = machine.enroll("alice")
    assert login(said, "alice", alice.wrong_code(), alice.wrong_code()) != 0
    machine.clock.advance(3600)
    assert login(said, "alice", alice.code()) == 0
    assert any(f"The last one came by sshd from\n{FAR[:8]}" in text for text in said)


def test_texts_of_clock_set_back_fit_77_columns(machine, said):
    person = machine.enroll(LONG)
    now = machine.clock.now()
    assert login(said, LONG, person.code()) == 0
    for back in (300, 7200):
        machine.clock.stand(now - back)
        assert login(said, LONG, "000000") != 0
    machine.clock.stand(now + STEP)
    texts = "\n".join(said)
    assert "clock was set back" in texts and f"unlock {LONG} --reset-clock" in texts


# The logins of a user without a second step.

ISSUERS = [
    "x",
    "host.example.org",
    "a-machine-of-many.example.org",
    "n" * 64,
    "An Institute with a Long Name, Department of Something",
]
KINDS = {"SHA1": 6, "SHA256": 7, "SHA512": 8}


@pytest.mark.parametrize("user", ["alice", LONG])
@pytest.mark.parametrize("algorithm", KINDS)
@pytest.mark.parametrize("issuer", ISSUERS, ids=[str(len(issuer)) for issuer in ISSUERS])
def test_enrollment_fits_77_columns(machine, said, user, issuer, algorithm):
    digits = KINDS[algorithm]
    machine.mandatory(issuer=issuer, algorithm=algorithm, digits=digits, recovery_codes=16)
    first = ["?", "i", "i", "t", "000000", lambda self: self.code(+8)]
    answers = {"first": first, "next": ["help", lambda self: self.spent[0], "t", "i"], "proof": ["", "AAAA"]}
    newcomer = Newcomer(machine, user, app=(f"--totp={algorithm}", f"--digits={digits}"), **answers)
    assert login(said, user, newcomer=newcomer) == 0
    pictures = [line for message in said for line in message.split("\n") if BLOCKS.search(line)]
    assert all(columns(BLOCKS.sub("", line).strip()) <= BESIDE for line in pictures)
    assert pictures or (user == LONG and algorithm != "SHA1"), "there is a picture"


def test_enrollment_without_proof_fits_77_columns(machine, said):
    machine.mandatory()
    for answers in ({"first": ["000000"] * 50}, {"proof": ["AAAA"] * 48}):
        assert login(said, "alice", newcomer=Newcomer(machine, "alice", **answers)) != 0
    texts = "\n".join(said)
    assert "did not match the new key" in texts and "were not confirmed" in texts and "Press Enter to disconnect" in texts


def test_question_for_ticket_fits_77_columns(machine, said):
    machine.mandatory(require_ticket=True)
    assert login(said, LONG, "0123-4567-89AB-CDEF", "no ticket") != 0
    assert any("Get a ticket" in text for text in said) and any("That ticket was not accepted" in text for text in said)


def test_announcement_of_mandatory_day_fits_77_columns(machine, said):
    machine.policy('[[rule]]\nname = "all"\nmode = "mandatory"\nstarts = 2099-12-31\n')
    assert login(said, "alice") == 0
    assert any("From 2099-12-31 on" in text for text in said)


def test_refusal_of_skipped_step_fits_77_columns(machine, said):
    machine.mandatory()
    assert login(said, "alice", phase=["account"]) != 0
    assert any("this login did not ask for it" in text for text in said)


def test_text_of_broken_policy_fits_77_columns(machine, said):
    machine.policy("no such key = 1\n")
    assert login(said, "alice") != 0
    assert any("Verification is unavailable" in text for text in said)


def test_one_question_for_both_fits_77_columns(machine, said):
    machine.stack("su", "auth required pam_twostep.so forward_pass", "auth required pam_unix.so use_first_pass")
    alice = machine.enroll("alice")
    assert login(said, "alice", password_of("alice") + alice.code(), service="su", rhost="") == 0
    assert "Password and verification code: " in said
