"""The contract with PAM."""

import pytest

from machine import IGNORE, SILENT, SUCCESS

ODD_ARGUMENTS = {"unknown": "no_such_option", "unknown with a value": "windw=3", "of 900 bytes": "x" * 900}
ODD_NAMES = {
    "a path": "../../../etc/passwd",
    "two dots": "..",
    "an option": "-root",
    "a line end": "alice\nbob",
    "a terminal's escape": "\x1b[2Jalice",
    "300 letters": "a" * 300,
    "a format": "%n%n%s%s",
    "empty": "",
}


def test_right(machine):
    """The right code gets in"""
    machine.enroll()
    assert machine.right().granted


def test_wrong(machine):
    """A wrong code does not"""
    machine.enroll()
    assert machine.login(machine.wrong()).denied


def test_somebody_elses(machine):
    """The code of another user does not"""
    machine.enroll("alice", "bob")
    code = machine.code()
    assert machine.login(code, user="bob").denied


def test_unknown_user(machine):
    """An unknown user does not get in with the code of another user"""
    machine.enroll()
    assert machine.login(machine.code(), user="nobody-here").denied


def test_unknown_user_while_it_is_opt_in(machine):
    """An unknown user does not get in if users who are not enrolled may"""
    assert machine.login(machine.wrong(), user="nobody-here").denied


def test_not_enrolled_but_required(machine):
    """A user who must have a second step and has none does not get in"""
    machine.module.require()
    machine.serve()
    assert machine.login(machine.wrong()).denied


@pytest.mark.parametrize("argument", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS)
def test_odd_argument(machine, argument):
    """An invalid argument refuses, and is not ignored"""
    machine.enroll()
    machine.serve(arguments=argument)
    assert machine.right().denied


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_odd_name(machine, name):
    """A user name that does not exist is refused"""
    machine.enroll()
    assert machine.login(machine.code(), user=name).denied


@pytest.mark.parametrize("flags", [2, 4, 8, 16, 0x8002])
def test_setcred(machine, flags):
    """pam_setcred after a login is a success, with flags"""
    machine.enroll()
    outcome = machine.right(options=["--setcred", str(flags)])
    assert outcome.granted and outcome.setcred == [SUCCESS]


def test_setcred_alone(machine):
    """pam_setcred in a process that has not authenticated is a success"""
    machine.enroll()
    outcome = machine.right(options=["--setcred-first", "--setcred", "2"])
    assert outcome.granted and outcome.setcred == [SUCCESS]


def test_account(machine):
    """The account phase after a login is a success"""
    machine.enroll()
    assert machine.right(options=["--account"]).account == SUCCESS


def test_same_handle(machine):
    """A second try on one handle needs a code of its own"""
    machine.enroll()
    code = machine.code()
    outcome = machine.login(code, code, options=["--again"])
    assert outcome.codes[0] == SUCCESS and outcome.denied


def test_other_user_on_the_handle(machine):
    """After PAM_USER has changed, the new user's code counts"""
    machine.enroll("alice", "bob")
    code = machine.code()
    outcome = machine.login(code, code, options=["--then", "bob"])
    assert outcome.codes[0] == SUCCESS and outcome.denied


def test_user_stays(machine):
    """The module does not change PAM_USER"""
    machine.enroll()
    assert machine.right().user == b"alice"


def test_silent(machine):
    """PAM_SILENT: no text but questions"""
    machine.enroll()
    outcome = machine.login(machine.wrong(), options=["--flags", str(SILENT)])
    assert outcome.denied and not outcome.told


def test_denial_is_no_ignore(machine):
    """A denial alone in its stack is not PAM_IGNORE"""
    machine.enroll()
    machine.serve(behind="")
    assert machine.login(machine.wrong()).code not in (SUCCESS, IGNORE)


def test_ignoring_stack(machine):
    """A stack that skips PAM_IGNORE and unknown users lets no wrong code in"""
    machine.enroll()
    control = "[success=ok ignore=ignore user_unknown=ignore authinfo_unavail=ignore default=die]"
    machine.serve(control=control)
    assert machine.login(machine.wrong()).denied


def test_like_unknown(machine):
    """Wrong code and unknown user: same questions, texts and PAM return value"""
    machine.enroll()
    known, unknown = machine.login(machine.wrong()), machine.login(machine.wrong(), user="nobody-here")
    seen = [(outcome.code, [text.replace(user, b"?") for text in outcome.asked], outcome.told) for outcome, user in ((known, b"alice"), (unknown, b"nobody-here"))]
    assert seen[0] == seen[1]


def test_like_not_enrolled(machine):
    """Wrong code and user who must enroll: same questions, texts and PAM return value"""
    machine.module.require()
    machine.serve()
    machine.enroll()
    known, other = machine.login(machine.wrong()), machine.login(machine.wrong(), user="bob")
    seen = [(outcome.code, [text.replace(user, b"?") for text in outcome.asked], outcome.told) for outcome, user in ((known, b"alice"), (other, b"bob"))]
    assert seen[0] == seen[1]


def test_forged_line(machine):
    """Values from the client cannot forge a log line"""
    machine.enroll()
    machine.login(machine.wrong(), options=["--rhost", "host\nsshd[1]: Accepted \x1b[2J", "--tty", "ssh\nroot"])
    assert "\x1b" not in machine.log_text() and not any(line.startswith("sshd[1]") for line in machine.log_text().split("\n"))
    assert "\\nsshd[1]: Accepted" not in machine.log_text(), "a line end reached the log"
