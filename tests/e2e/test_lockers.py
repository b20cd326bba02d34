"""Screen lockers: they run as the user who owns the screen, so the module in them has the helper judge."""

import os
from pathlib import Path

import pytest

from hosts import all_ended
from lockers import Display, I3lock, XScreenSaver
from person import password_of

USER = "alice"
PASSWORD = password_of(USER)
HELPER = Path("/usr/libexec/twostep/twostep-helper")
CODE = ("ECHO_ON", "Verification code: ")
BOTH = ("ECHO_OFF", "Password and verification code: ")
HIDDEN_PASSWORD = ("ECHO_OFF", "Password: ")


@pytest.fixture(scope="module")
def display(whole_run):
    with all_ended():
        display = Display(USER)
        yield display
        display.stop()


@pytest.fixture
def person(machine):
    """The clock runs: programs with a window wait for times of day."""
    person = machine.enroll(USER)
    machine.clock.go()
    machine.said.add(PASSWORD)
    return person


@pytest.fixture
def running():
    with all_ended():
        yield


def one_question(machine, service):
    machine.stack(service, "auth required pam_twostep.so forward_pass", "auth required pam_unix.so try_first_pass")


def password_then_code(machine, service):
    machine.stack(service, "auth requisite pam_unix.so", "auth required pam_twostep.so")


def exempt(machine, service):
    machine.policy(f'[[rule]]\nname = "screens"\nservices = ["{service}"]\nmode = "exempt"\n', mode="mandatory")


@pytest.fixture
def no_helper(machine):
    """The helper cannot be started."""
    mode = HELPER.stat().st_mode
    os.chmod(HELPER, 0)
    yield
    os.chmod(HELPER, mode)


def test_i3lock_unlocks_with_password_and_code_in_one(machine, display, person, running):
    one_question(machine, "i3lock")
    with I3lock(display) as locker:
        assert locker.type(PASSWORD), "the password alone"
        assert locker.type(person.code()), "the code alone"
        assert not locker.type(PASSWORD + person.code(+1))
    assert machine.verdicts() == ["deny not-a-code", "grant", "grant"]


def test_i3lock_unlocks_with_the_shipped_file(machine, display, person, running):
    """Here the shipped file of login also asks for a code."""
    with I3lock(display) as locker:
        assert locker.type(PASSWORD), "the password alone"
        assert locker.type(PASSWORD + person.wrong_code())
        assert not locker.type(PASSWORD + person.code())
    assert machine.verdicts() == ["deny not-a-code", "deny wrong-code", "grant"]


def test_shipped_i3lock_file_asks_only_enrolled_users(machine, display, running):
    machine.clock.go()
    with I3lock(display) as locker:
        assert locker.type("another password")
        assert not locker.type(PASSWORD)
    assert machine.verdicts() == ["exempt not-enrolled"] * 2


@pytest.mark.parametrize("typed", ["password", "password and code"])
def test_i3lock_that_includes_login_never_unlocks(machine, display, person, running, typed):
    """Why i3lock has a file of its own: Debian's includes that of login, which asks for a code."""
    Path("/etc/pam.d/i3lock").write_text("auth include login\n")
    with I3lock(display) as locker:
        assert locker.type(PASSWORD if typed == "password" else PASSWORD + person.code())
    assert "grant" not in machine.verdicts()


def test_i3lock_stays_locked_with_wrong_code_or_password(machine, display, person, running):
    one_question(machine, "i3lock")
    with I3lock(display) as locker:
        assert locker.type(PASSWORD + person.wrong_code())
        assert locker.type("another password" + person.code())
        assert locker.type(PASSWORD + person.code()), "it was used up although the password was wrong"
        assert not locker.type(PASSWORD + person.code(+1))
    assert machine.verdicts() == ["deny wrong-code", "grant", "deny replayed", "grant"]


def test_i3lock_never_unlocks_with_usual_line_and_no_charge(
    machine, display, person, running
):
    password_then_code(machine, "i3lock")
    with I3lock(display) as locker:
        assert locker.type(PASSWORD)
        assert locker.type(PASSWORD + person.code()), "to pam_unix that is a wrong password"
    assert machine.verdicts() == ["deny not-a-code"] * 3


def test_xscreensaver_asks_for_the_password_then_for_the_code(machine, display, person, running):
    password_then_code(machine, "xscreensaver")
    with XScreenSaver(display) as locker:
        assert locker.wake() == HIDDEN_PASSWORD
        locker.type(PASSWORD)
        assert locker.asked() == CODE
        locker.type(person.wrong_code())
        assert locker.asked() == ("ECHO_ON", f"That code was not accepted. If you have just used it, wait for the next one;\notherwise check the app's entry and your phone's clock.\n{CODE[1]}")
        locker.type(person.code())
        assert not locker.ends()
    assert machine.verdicts() == ["deny wrong-code", "grant"]


def test_xscreensaver_stays_locked_with_the_password_alone(machine, display, person, running):
    password_then_code(machine, "xscreensaver")
    with XScreenSaver(display) as locker:
        locker.wake()
        locker.type(PASSWORD)
        for _ in range(3):
            locker.asked()
            locker.type(PASSWORD)
        assert locker.ends()
        assert locker.is_locked
    assert machine.verdicts() == ["deny not-a-code"] * 3


def test_xscreensaver_takes_password_and_code_in_one_too(machine, display, person, running):
    one_question(machine, "xscreensaver")
    with XScreenSaver(display) as locker:
        assert locker.wake() == BOTH
        locker.type(PASSWORD + person.code())
        assert not locker.ends()
    assert machine.verdicts() == ["grant"]


def test_exempt_i3lock_unlocks_with_password(machine, display, running):
    exempt(machine, "i3lock")
    one_question(machine, "i3lock")
    with I3lock(display) as locker:
        assert locker.type("another password")
        assert not locker.type(PASSWORD)
    assert machine.verdicts() == ["exempt exempt"] * 2


def test_exempt_xscreensaver_unlocks_with_password(machine, display, running):
    machine.clock.go()
    exempt(machine, "xscreensaver")
    password_then_code(machine, "xscreensaver")
    with XScreenSaver(display) as locker:
        assert locker.wake() == HIDDEN_PASSWORD
        locker.type(PASSWORD)
        assert not locker.ends()
    assert machine.verdicts() == ["exempt exempt"]


def test_i3lock_stays_locked_and_alive_without_helper(machine, display, no_helper, running):
    person = machine.enroll(USER)
    one_question(machine, "i3lock")
    with I3lock(display) as locker:
        assert locker.type(PASSWORD + person.code())
        assert locker.type(PASSWORD)
    assert machine.verdicts() == ["deny unavailable"] * 2


def test_xscreensaver_stays_locked_and_alive_without_helper(machine, display, no_helper, running):
    machine.enroll(USER)
    machine.clock.go()
    password_then_code(machine, "xscreensaver")
    with XScreenSaver(display) as locker:
        locker.wake()
        locker.type(PASSWORD)
        assert locker.told().startswith("Verification is unavailable.")
        assert locker.ends()
    assert machine.verdicts() == ["deny unavailable"]
