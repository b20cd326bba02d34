"""docs/USERS.md, followed word by word by a reader who knows nothing else, on a terminal with a real shell.

A section has commands, and after them a list: a text in backquotes that the screen shows, and what to do then. The reader can do
what ACTIONS names, and stops at a question that the page does not name. The pictures of the page must show what the screen shows.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from clock import STEP
from hosts import Ssh, become, ready
from machine import PATIENT, REPOSITORY
from person import Person, find_key, find_recovery_codes, password_of
from picture import TERMINALS, svg, words_of
from screen import Screen

PAGE = (REPOSITORY / "docs/USERS.md").read_text()
PICTURES = REPOSITORY / "docs/pictures"
TAKEN = Path("/run/sandbox/disk") if os.environ["SANDBOX_DISK"] else None  # where packaging/guide wants new pictures
SHELL = ":~$"  # the end of the prompt of a shell
BULLET = re.compile(r"^- `([^`]*)` (.*)$", re.M)
ROWS = 36  # a window in which the whole screen of an enrollment can be seen


class Reader:
    """What a user can do: read the screen, use the app and the paper, wait for the next code."""

    def __init__(self, machine, screen):
        self.machine, self.screen = machine, screen
        self.app = None
        self.paper = []
        self.used = set()  # steps whose code was typed

    def the_code(self):
        key = find_key(self.screen.text().splitlines())
        if key and (not self.app or key != self.app.secret):  # of another phone
            self.app = Person(self.machine, "alice", key)
        while self.machine.clock.now() // STEP in self.used:
            self.machine.clock.advance(STEP)
        self.used.add(self.machine.clock.now() // STEP)
        return self.app.code()

    def a_recovery_code(self):
        return self.paper.pop()

    def the_last_characters(self):
        text = self.screen.text()
        self.paper = find_recovery_codes(text)
        number = int(re.findall(r"recovery code (\d+):", text)[-1])
        return self.paper[number - 1][-4:]

    def the_password(self):
        return password_of("alice")


ACTIONS = {
    "Type your password.": Reader.the_password,
    "Type the code that your app shows.": Reader.the_code,
    "Type the next code.": Reader.the_code,
    "Type the last 4 characters of that recovery code.": Reader.the_last_characters,
    "Type a recovery code.": Reader.a_recovery_code,
}
DONE = "You are done."
# For each picture: the section and the end of the screen at which it is taken, and how its first line begins.
TAKEN_AT = {
    ("Set it up", "First code:"): ("enroll", "alice@"),
    ("Set it up", "recovery code N:"): ("recovery-codes", "Write down"),
    ("Log in", SHELL): ("login", "alice@"),
    ("Lost phone, new phone", SHELL): ("replace", "alice@"),
}


def sections():
    """The heading of each section that has commands, with the commands and the list."""
    for section in re.split(r"^## ", PAGE, flags=re.M)[1:]:
        for commands, rest in re.findall(r"^```sh\n(.*?)^```$(.*?)(?=^```sh|\Z)", section, re.M | re.S):
            yield section.splitlines()[0], commands.splitlines(), BULLET.findall(rest)


class Desk(Screen):
    """The terminal at which the reader sits: a shell on the machine, in which ssh leads to the same machine."""

    def __init__(self):
        super().__init__("setpriv", *become("alice"), "env", "--chdir=/home/alice", "LANG=C.UTF-8", "bash", "--login", rows=ROWS)
        self.before = ""
        self.photographed = set()

    def clear(self):
        super().clear()
        while self.text().rstrip().count("\n"):
            time.sleep(0.02)

    def say(self, text):
        self.before = self.text().rstrip()
        self.type(text)

    def wait_for_end(self, ends):
        """Which of `ends` the screen ends with, after what was typed last."""
        deadline = time.monotonic() + PATIENT
        while True:
            text = self.text().rstrip()
            found = [end for end in ends if re.search(f"{pattern_of(end)}$", text)]
            if found and text != self.before:
                return found[0]
            assert time.monotonic() < deadline, f"the page does not say what to do at\n{text}"
            time.sleep(0.02)


def pattern_of(end):
    """A pattern of what the page calls `end`; N is a number."""
    return re.escape(end).replace("code\\ N", r"code \d+")


@pytest.fixture
def desk(machine):
    ready(Ssh(machine))
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write("127.0.0.1 server\n")
    known = Path("/etc/ssh/ssh_known_hosts")
    known.write_text(subprocess.run(["ssh-keyscan", "server"], check=True, capture_output=True, text=True).stdout)
    with Desk() as desk:
        desk.wait_for_end([SHELL])
        yield desk
    known.unlink()


def test_page_leads_through_enrollment_login_lost_phone_and_end(machine, desk):
    reader, seen = Reader(machine, desk), []
    for heading, commands, todo in sections():
        follow(desk, reader, heading, commands, dict(todo))
        seen.append(heading)
    assert len(seen) > 4 and machine.stored("alice") == {"mark"}, "the second step was given up"
    assert [verdict for verdict in machine.verdicts() if verdict != "grant"] == []


def follow(desk, reader, heading, commands, todo):
    """Types the commands of a section, and does what its list says at each question."""
    questions = [text for text, action in todo.items() if action != DONE]
    for command in commands:
        desk.clear()
        desk.say(command.replace("NAME@HOST", "server"))
        while True:
            end = desk.wait_for_end([SHELL, *questions])
            photograph(desk, heading, end)
            if end == SHELL:
                break
            desk.say(ACTIONS[todo[end]](reader))
    for done in (text for text, action in todo.items() if action == DONE):
        assert done in desk.text(), f"{done!r} is not on\n{desk.text()}"


def photograph(desk, heading, end):
    """Compares a picture of the page with the screen or, for packaging/guide, takes it."""
    name, first = TAKEN_AT.get((heading, end), (None, None))
    if not name or name in desk.photographed:
        return
    desk.photographed.add(name)
    above = next(number for number, line in enumerate(desk.text().splitlines()) if line.startswith(first))
    screen = "\n".join(desk.in_colour().splitlines()[above:])
    for kind in TERMINALS:
        picture, file = svg(screen, kind), f"{name}-{kind}.svg"
        if TAKEN:
            (TAKEN / file).write_text(picture)
        else:
            assert words_of((PICTURES / file).read_text()) == words_of(picture), f"{file} is old: run packaging/guide --pictures"
