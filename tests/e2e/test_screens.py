"""What a user sees of an enrollment on terminals of several kinds: in sshd, in login(1), and in the command."""

import re

import pytest

from hosts import Login, SshShell, all_ended, become, ready
from machine import Newcomer, terminal_of
from person import LONG_CODE, QUESTIONS, WHOLE, password_of
from screen import DARK_TERMINAL, LIGHT_TERMINAL, Screen, check_uri, decode

ISSUER = "host.example.org"  # with it the picture has 41 columns and 21 rows
KEY = re.compile(r"Key: (?:[A-Z2-7]{4} ?){8}")
BLOCKS = re.compile("[█▀▄]")
OCTETS = re.compile(r"\\342\\226")  # as the OpenSSH client prints a block where the locale has none


class Command:
    """A user who runs the command, with a locale as after a login."""

    begins = "Type t for text only."
    done = r"You are enrolled \(authenticator 'phone'\)\."

    @staticmethod
    def prepare(machine):
        machine.policy(f"[enrollment]\nissuer = '{ISSUER}'\n")

    @staticmethod
    def on_screen(_machine, *setting, **size):
        return Screen("setpriv", *become("alice"), "env", "LANG=C.UTF-8", *setting, "twostep", "enroll", **size)

    @staticmethod
    def log_in(_screen):
        """There is no login."""


class AtLogin:
    begins = "A second step is required here. Type t for text only."
    done = r"Your second step is set up\.(.|\n)*:~\$"  # and then the shell
    host = None

    @classmethod
    def prepare(cls, machine):
        machine.mandatory(issuer=ISSUER)
        ready(cls.host(machine))

    @classmethod
    def on_screen(cls, machine, *setting, **size):
        program, arguments = cls.host(machine).command("alice")
        return Screen("env", *setting, program, *arguments, **size)

    @classmethod
    def log_in(cls, screen):
        if cls.host is Login:
            screen.wait_for_prompt("login:")
            screen.type("alice")
        screen.wait_for_prompt("[Pp]assword:")
        screen.type(password_of("alice"))


class AtConsole(AtLogin):
    host = Login


class OverSsh(AtLogin):
    host = SshShell


# The terminal, what the program gets in its environment, and who then shows text alone.
TERMINALS = {
    "80x24": ({}, [], []),
    "80x23": ({"rows": 23}, [], []),
    "tmux of 80x24": ({"status": "on"}, [], []),
    "60x20": ({"columns": 60, "rows": 20}, [], [Command, AtConsole]),
    "LANG=C": ({}, ["LANG=C"], [Command]),
    "TERM=dumb": ({}, ["TERM=dumb"], [Command, AtConsole]),
    "NO_COLOR": ({}, ["NO_COLOR=1"], []),
    "TWOSTEP_TEXT": ({}, ["TWOSTEP_TEXT=1"], [Command]),
}


@pytest.mark.parametrize("where", [Command, AtConsole, OverSsh], ids=lambda where: where.__name__)
@pytest.mark.parametrize("name", TERMINALS)
def test_key_comes_first_then_picture_if_it_can_be_shown(machine, tmp_path, where, name):
    size, setting, text_alone = TERMINALS[name]
    where.prepare(machine)
    alice = Newcomer(machine, "alice")
    with all_ended(), where.on_screen(machine, *setting, **size) as screen:
        where.log_in(screen)
        visible = screen.wait_for_prompt(QUESTIONS["first"])
        lines = screen.history().rstrip().split("\n")
        alice.read("\n".join(lines))
        check_order(lines, where, name, has_picture=where not in text_alone)
        if where not in text_alone and name != "60x20" and not (where is OverSsh and name == "LANG=C"):
            assert len([line for line in visible if BLOCKS.search(line)]) == 21, "all of the picture is on the screen"
            decoded = {}
            for terminal, colours in {"dark": DARK_TERMINAL, "light": LIGHT_TERMINAL}.items():
                screen.photograph(tmp_path / "screen.png", colours)
                decoded[terminal] = decode(tmp_path / "screen.png")
            check_uri(decoded["dark"], "alice", alice.secret, issuer=ISSUER)
            assert bool(decoded["light"]) == (where is Command and name != "NO_COLOR"), "only there both colours are set"
        answer_each_question_once(screen, alice)
        screen.wait_for_prompt(where.done)


def check_order(lines, where, name, has_picture):
    """Account, key and kind are on one line each, in this order, above the picture; the prompt is below all."""
    text = "\n".join(lines)
    account, key = (lines.index(line) for line in (f"Account: alice ({ISSUER})", KEY.search(text)[0]))
    assert key == account + 1 and lines[key + 1] == "Time based, 6 digits, 30 s"
    picture = [at for at, line in enumerate(lines) if BLOCKS.search(line) or OCTETS.search(line)]
    assert bool(picture) == has_picture and all(at > key for at in picture)
    assert ("Your window is 60x20, and the picture needs 41x22." in text) == (name == "60x20" and not has_picture)
    assert "Your window is" not in text or name == "60x20"
    assert (where.begins in text.replace("\n", "")) == has_picture
    assert bool(re.search(r"This login ends in 5\d s\.", text)) == (where is AtConsole)
    assert lines[-1].endswith("Type i to invert it. First code:" if has_picture else "First code:")


def answer_each_question_once(screen, alice):
    for question in WHOLE:
        lines = screen.wait_for_prompt(QUESTIONS[question])
        found = re.search(QUESTIONS[question].rstrip(), lines[-1])
        screen.type(alice.answer(question, screen.history(), found))


@pytest.mark.parametrize("where", [Command, AtConsole], ids=lambda where: where.__name__)
def test_i_shows_picture_even_where_it_was_left_out(machine, where):
    where.prepare(machine)
    with all_ended(), where.on_screen(machine, "TERM=dumb") as screen:
        where.log_in(screen)
        screen.wait_for_prompt(QUESTIONS["first"])
        assert not BLOCKS.search(screen.history())
        screen.type("i")
        screen.wait_for_prompt("Type i to invert it. " + QUESTIONS["first"])
        assert BLOCKS.search(screen.text())
        screen.type("t")
        screen.wait_for_prompt("Type i for a picture.(.|\n)*" + QUESTIONS["first"])


def test_option_text_leaves_picture_out(machine):
    command = [*become("alice"), "env", "LANG=C.UTF-8", "twostep", "enroll"]
    for option, has_picture in (["--text"], False), ([], True):
        terminal = terminal_of("setpriv", ["env", "TERM=xterm", "setpriv", *command, *option])
        terminal.expect(QUESTIONS["first"])
        assert bool(BLOCKS.search(terminal.before)) == has_picture
        terminal.sendeof()
        terminal.wait()


def test_ten_wrong_answers_end_no_enrollment(machine):
    """At the command and in a login: after each question's ten wrong answers the right one still counts."""
    machine.mandatory()
    answers = {"first": ["000000"] * 10, "next": ["111111"] * 10, "proof": ["AAAA"] * 10}
    for user, start in {"alice": by_command, "bob": ready(SshShell(machine)).attempt}.items():
        newcomer = Newcomer(machine, user, **{question: list(given) for question, given in answers.items()})
        outcome = start(user, newcomer=newcomer)
        asked = outcome if isinstance(outcome, list) else outcome.enrolling
        assert asked == ["first"] * 11 + ["next"] * 11 + ["proof"] * 11
        assert machine.status(user)["enrolled"]


def by_command(user, newcomer):
    terminal = terminal_of("setpriv", [*become(user), "twostep", "enroll"])
    asked = []
    while (seen := terminal.expect(["You are enrolled", *QUESTIONS.values()])) != 0:
        asked.append(list(QUESTIONS)[seen - 1])
        terminal.sendline(newcomer.answer(asked[-1], terminal.before, terminal.match))
    return asked


def test_questions_are_explained_by_empty_answer_and_help(machine):
    requests = ["", "?", "help"]
    alice = Newcomer(machine, "alice", first=requests, next=requests, proof=requests)
    terminal = terminal_of("setpriv", [*become("alice"), "twostep", "enroll"])
    texts = []
    while (seen := terminal.expect(["You are enrolled", *QUESTIONS.values()])) != 0:
        texts.append(terminal.before)
        terminal.sendline(alice.answer(list(QUESTIONS)[seen - 1], terminal.before, terminal.match))
    assert all("Type the 6 digits that your app shows now." in text for text in texts[1:4] + texts[5:8])
    lists = [re.findall(LONG_CODE, text) for text in texts[8:]]
    assert len(lists) == 4 and len(lists[0]) == 8 and lists == [lists[0]] * 4


def test_one_code_activates_where_policy_says_so(machine):
    machine.mandatory(codes=1)
    host = ready(SshShell(machine))
    alice = Newcomer(machine, "alice")
    outcome = host.attempt("alice", newcomer=alice)
    assert outcome.granted and outcome.enrolling == ["only", "proof"]
    machine.forget_log()
    assert host.attempt("alice", *alice.spent, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "grant"]
