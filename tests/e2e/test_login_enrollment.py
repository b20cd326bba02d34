"""A user who must have a second step and has none enrolls during the login, in an ordinary terminal."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from clock import STEP
from hosts import Login, Ssh, SshKey, SshShell, LoginSession, all_ended, ready
from machine import uid_of
from person import QUESTIONS, WHOLE, Newcomer, password_of
from screen import COLUMNS, DARK_TERMINAL, LIGHT_TERMINAL, ROWS, Screen, check_uri, decode

DONE = "Your second step is set up. From now on, logins here ask for a code."


@pytest.fixture
def camera(tmp_path):
    """What zbar reads from the screen, as a terminal with these colors shows it."""

    def look(screen, terminal=DARK_TERMINAL):
        screen.photograph(tmp_path / "screen.png", terminal)
        return decode(tmp_path / "screen.png")

    return look


def log_in(screen, host, user):
    """Types name and password on a real screen, up to the first question of the enrollment. Returns the user, who has read
    the key, and the lines of the screen."""
    if isinstance(host, Login):
        screen.wait_for_prompt("login:")
        screen.type(user)
    screen.wait_for_prompt("[Pp]assword:")
    screen.type(password_of(user))
    lines = screen.wait_for_prompt(QUESTIONS["first"])
    newcomer = Newcomer(host.machine, user)
    newcomer.read(screen.history())
    return newcomer, lines


def go_on(screen, newcomer):
    """From the key on the screen to the shell."""
    for question in WHOLE:
        lines = screen.wait_for_prompt(QUESTIONS[question])
        screen.type(newcomer.answer(question, screen.history(), re.search(QUESTIONS[question].rstrip(), lines[-1])))
    screen.wait_for(DONE)
    screen.wait_for_prompt(r":~\$")


@pytest.mark.parametrize("host_class", [SshShell, Login], ids=["ssh", "login"])
def test_mandatory_user_enrolls_in_login_on_80_by_24(machine, camera, host_class):
    host = ready(host_class(machine))
    machine.mandatory()
    with all_ended(), on_screen(host, "alice") as screen:
        alice, lines = log_in(screen, host, "alice")
        assert len(lines) <= ROWS and all(len(line) <= COLUMNS for line in lines)
        check_uri(camera(screen), "alice", alice.secret)
        go_on(screen, alice)
        assert len(alice.recovery) == 8

    began, done = machine.log()
    expected = {"user": "alice", "service": host.service, **host.origin, "priority": "notice"}
    assert began == {**began, **expected, "result": "enrolling", "phase": "auth", "rule": "default"}
    assert done == {**done, **expected, "result": "enrolled", "phase": "account"}
    assert (done["authenticator"], done["recovery-codes"]) == ("phone", "8")
    check_what_works(machine, host, alice)


def on_screen(host, user, *before):
    """A login on a screen that can be photographed; `before` is the beginning of the command line."""
    program, arguments = host.command(user)
    return Screen(*before, program, *arguments)


def check_what_works(machine, host, newcomer):
    """Neither typed code works, but the next one does; a recovery code works once, and not twice."""
    user, (first, *_) = newcomer.user, newcomer.recovery
    machine.clock.advance(STEP)
    machine.forget_log()
    assert host.attempt(user, *newcomer.spent, newcomer.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "deny replayed", "grant"]
    machine.forget_log()
    assert host.attempt(user, first).granted
    assert host.attempt(user, first).refused
    assert machine.verdicts() == ["grant", "deny wrong-recovery-code"]
    grant, refusal = machine.log()
    assert grant == {**grant, "result": "grant", "method": "recovery-code", "left": "7", "priority": "notice"}
    assert refusal == {**refusal, "result": "deny", "reason": "wrong-recovery-code", "failures": "1"}


def test_login_lasts_long_enough_to_enroll(machine):
    """The clock runs. Two users, one at a console and one by SSH, find their phones, scan, and wait for the next code."""
    machine.mandatory()
    people = {"alice": ready(SshShell(machine)), "bob": Login(machine)}
    machine.clock.go()
    with all_ended(), ExitStack() as stack:
        sessions = []
        for user, host in people.items():
            newcomer = Newcomer(machine, user, next=[wait_for_the_next_step])
            sessions.append((newcomer, stack.enter_context(LoginSession(host, user, newcomer=newcomer))))
        for question, seconds in (("password", 2), ("first", 8), ("next", 1), ("proof", 10)):
            for _, session in sessions:
                session.until(question)
            time.sleep(seconds)
        for newcomer, session in sessions:
            assert session.until_the_end().granted
    assert machine.verdicts() == ["enrolling", "enrolling", "enrolled", "enrolled"]
    for newcomer, session in sessions:
        assert people[session.user].attempt(session.user, newcomer.code(+1)).granted


def wait_for_the_next_step(person):
    """The code that the app shows, once it differs from the first."""
    while person.code() in person.spent:
        time.sleep(0.3)
    return person.code()


def test_inverted_qr_code_is_readable_on_light_terminal(machine, camera):
    host = ready(Ssh(machine))
    machine.mandatory()
    with all_ended(), on_screen(host, "alice") as screen:
        alice, _ = log_in(screen, host, "alice")
        assert decoded(camera, screen) == {"dark"}
        screen.type("i")
        screen.wait_for_prompt(QUESTIONS["first"])
        assert decoded(camera, screen) == {"light"}
        check_uri(camera(screen, LIGHT_TERMINAL), "alice", alice.secret)
        alice.read(screen.history())
        screen.type("t")
        screen.wait_for_prompt("Type this key(.|\n)*" + QUESTIONS["first"])
        assert not decoded(camera, screen)


def decoded(camera, screen):
    terminals = {"dark": DARK_TERMINAL, "light": LIGHT_TERMINAL}
    return {name for name, terminal in terminals.items() if camera(screen, terminal)}


def test_t_shows_key_alone_in_c_locale(machine, camera):
    """There OpenSSH's client prints each byte of the picture as a number."""
    host = ready(SshShell(machine))
    machine.mandatory()
    with all_ended(), on_screen(host, "alice", "env", "LC_ALL=C") as screen:
        screen.wait_for_prompt("[Pp]assword:")
        screen.type(password_of("alice"))
        screen.wait_for_prompt(QUESTIONS["first"])
        assert r"\342\226\210" in screen.text() and not camera(screen)
        screen.type("t")
        screen.wait_for_prompt("Type this key into your authenticator app:(.|\n)*" + QUESTIONS["first"])
        alice = Newcomer(machine, "alice")
        alice.read(screen.history())
        go_on(screen, alice)
    assert machine.verdicts() == ["enrolling", "enrolled"]


def test_new_authenticator_follows_policy(machine, camera):
    host = ready(Ssh(machine))
    machine.mandatory(issuer="Example Corp", algorithm="SHA256", digits=8, recovery_codes=0)
    alice = Newcomer(machine, "alice", app=("--totp=sha256", "--digits=8"))
    with all_ended(), on_screen(host, "alice") as screen:
        screen.wait_for_prompt("[Pp]assword:")
        screen.type(password_of("alice"))
        screen.wait_for_prompt(QUESTIONS["first"])
        alice.read(screen.history())
        check_uri(camera(screen), "alice", alice.secret, issuer="Example Corp", algorithm="SHA256", digits="8")
        for question in ("first", "next"):
            screen.wait_for_prompt(QUESTIONS[question])
            screen.type(alice.answer(question, "", None))
        screen.wait_for("IN-AS-alice")
    assert machine.log()[-1]["recovery-codes"] == "0"
    machine.clock.advance(2 * STEP)
    assert host.attempt("alice", alice.code()).granted


def test_user_enrolls_after_key_without_password(machine):
    host = ready(SshKey(machine))
    machine.mandatory()
    alice = Newcomer(machine, "alice")
    outcome = host.attempt("alice", newcomer=alice)
    assert outcome.granted and outcome.enrolling == WHOLE
    machine.clock.advance(2 * STEP)
    assert host.attempt("alice", alice.code()).granted


@pytest.mark.parametrize("host_class", [Ssh, Login], ids=lambda host: host.name)
def test_user_is_told_of_typo_and_continues(machine, host_class):
    host = ready(host_class(machine))
    machine.mandatory()
    alice = Newcomer(
        machine,
        "alice",
        first=["what?", "i", "t", *["000000"] * 10, lambda self: self.code(+8)],
        next=[lambda self: self.spent[0], "help"],
        proof=["0000", "", "0000-0000-0000-0000"],
    )
    outcome = host.attempt("alice", newcomer=alice)
    assert outcome.granted
    assert outcome.enrolling == ["first"] * 15 + ["next"] * 3 + ["proof"] * 4
    hints = (
        "Type the 6 digits that your app shows now.",
        "That code does not match this key.",
        "Your phone's clock is 4 minutes fast",
        "That is the same code. Wait until the app",
        "That is not the end of recovery code ",
    )
    assert all(hint in outcome.text for hint in hints)
    assert outcome.text.count("Write down these recovery codes.") == 2, "they are shown again"


class Quiet(Ssh):
    """`ssh -q` hides every text that is not a prompt."""

    client = {**Ssh.client, "LogLevel": "QUIET"}


MOST = 50  # answers in one login
REFUSALS = {
    "wrong codes only": (
        {"first": ["000000", "1"] * 25},
        ["first"] * MOST,
        "The codes did not match the new key.",
    ),
    "a phone that is fast": (
        {"first": [lambda self: self.code(+8)] * MOST},
        ["first"] * MOST,
        "The codes did not match the new key.",
    ),
    "recovery codes unread": (
        {"proof": ["", "yes", "AAAA"] * 16},
        ["first", "next", *["proof"] * (MOST - 2)],
        "The recovery codes were not confirmed.",
    ),
}


@pytest.mark.parametrize(
    "host_class, answers, asked, reason",
    [(Quiet, *refusal) for refusal in REFUSALS.values()] + [(Login, *REFUSALS["recovery codes unread"])],
    ids=[*REFUSALS, "recovery codes unread at a console"],
)
def test_stores_nothing_without_proof_and_says_why(machine, host_class, answers, asked, reason):
    host = ready(host_class(machine))
    machine.mandatory()
    outcome = host.attempt("alice", newcomer=Newcomer(machine, "alice", **answers))
    assert outcome.refused
    assert outcome.enrolling == [*asked, "end"]
    assert reason in outcome.text and "Nothing was saved" in outcome.text
    assert machine.verdicts() == ["enrolling", "deny not-confirmed"]
    assert machine.stored("alice") == set()


def test_files_are_whole_and_belong_to_twostep(machine):
    machine.mandatory()
    assert ready(Ssh(machine)).attempt("alice", newcomer=Newcomer(machine, "alice")).granted
    uid = uid_of("alice")
    assert machine.stored("alice") == {f"{uid}.toml", "mark", "recovery codes"}
    for file in (f"users/{uid}.toml", f"state/{uid}"):
        assert machine.run("stat", "-c", "%U %a %h", Path("/var/lib/twostep", file)).stdout == "twostep 600 1\n"
