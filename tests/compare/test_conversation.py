"""The conversation. Nothing that an application or a person answers gets in, crashes, or costs the right code that follows."""

import pytest

from machine import CONV_ERR, STEP

FAILURES = {"PAM_CONV_ERR": 19, "PAM_BUF_ERR": 5, "PAM_ABORT": 26, "99": 99}
NO_CODES = {
    "empty": b"",
    "a blank": b" ",
    "a line end": b"\n",
    "five digits": b"12345",
    "nine digits": b"123456789",
    "with a sign": b"+12345",
    "hexadecimal": b"0x1234",
    "an exponent": b"1e5000",
    "letters": b"abcdef",
    "full-width digits": "１２３４５６".encode(),
    "Arabic digits": "٣١٤١٥٩".encode(),
    "what sshd sends for no such user": b"\b\n\r\177INCORRECT",
    "bytes that are no text": bytes(range(128, 140)),
    "a format": b"%s%s%s%n",
}
ACCEPTED = {"a blank between": " ", "a dash between": "-"}


def followed_by_right(machine):
    """The right code still gets in, an hour later where the module has limits of its own."""
    machine.clock.advance(3600)
    assert machine.right().granted, "the right code after it does not get in"


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES)
def test_failure(machine, code):
    """The conversation fails with a code"""
    machine.enroll()
    assert machine.login(["--fail", str(code)]).denied
    followed_by_right(machine)


def test_failure_with_text(machine):
    """The conversation fails, but gives the right code"""
    machine.enroll()
    assert machine.login(["--fail-with", str(CONV_ERR), machine.code().encode().hex()]).denied
    followed_by_right(machine)


def test_null_response(machine):
    """The conversation succeeds without any response"""
    machine.enroll()
    assert machine.login(["--null-response"]).denied
    followed_by_right(machine)


def test_null_text(machine):
    """A response without a text"""
    machine.enroll()
    assert machine.login(["--null-text"]).denied
    followed_by_right(machine)


def test_no_conversation(machine):
    """An application without a conversation"""
    machine.enroll()
    assert machine.login(options=["--no-conv"]).denied
    followed_by_right(machine)


@pytest.mark.parametrize("answer", NO_CODES.values(), ids=NO_CODES)
def test_no_code(machine, answer):
    """An answer that is not a code is refused"""
    machine.enroll()
    assert machine.login(answer).denied
    followed_by_right(machine)


@pytest.mark.parametrize("length", [100, 513, 65_536, 10 << 20])
def test_long(machine, length):
    """Too many digits are refused"""
    machine.enroll()
    assert machine.login(["--long", str(length)]).denied
    followed_by_right(machine)


@pytest.mark.parametrize("between", ACCEPTED.values(), ids=ACCEPTED)
def test_spelling(machine, between):
    """The right code as users write it gets in, with"""
    machine.enroll()
    code = machine.code()
    assert machine.login(code[:3] + between + code[3:]).granted


def test_line_end(machine):
    """The right code with a line end after it gets in"""
    machine.enroll()
    assert machine.login(machine.code() + "\r").granted


def test_nul(machine):
    """Text after a NUL does not count"""
    machine.enroll()
    assert machine.login(machine.wrong().encode() + b"\0" + machine.code().encode()).denied


def test_not_counted(machine):
    """Fifty answers that are not codes lock no user out"""
    machine.enroll()
    for _ in range(50):
        machine.login("not a code")
    machine.clock.advance(STEP)
    assert machine.right().granted
