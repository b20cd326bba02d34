"""What an enrollment looks like through each client, in a terminal of 80 by 24, and that it can be finished there."""

import re

import pytest

from dialogues import DRIVEN
from hosts import all_ended, ready
from person import QUESTIONS, WHOLE, Newcomer, password_of
from screen import CELL, DARK_TERMINAL, Screen, check_uri, decode, pixels, write_png
from terminals import PASSWORD_ONLY, TYPED, Dbclient, OpenSsh, Plink
from test_clients import named, row_of, run_without_terminal, says

ISSUER = "host.example.org"  # with it the picture has 41 columns and 21 rows
LONG = "a-machine-of-many.example.org"  # with it, 45 columns and 23 rows: as large as it gets
HINT = "A second step is required here. Type t for text only."


@pytest.mark.parametrize("kind", TYPED, ids=named)
def test_row_says_how_to_enroll_in_terminal(machine, tmp_path, kind):
    client = ready(kind(machine))
    row = row_of(client)
    machine.mandatory(issuer=ISSUER)
    alice = Newcomer(machine, "alice")
    with all_ended(), at_the_key(client, alice) as screen:
        text = text_of(screen)
        assert 0 <= text.find(HINT) < text.find("Key: "), "the hint is above the key, and the key above the picture"
        if uri := read_by_camera(screen, tmp_path):
            check_uri(uri, "alice", alice.secret, issuer=ISSUER)
        else:
            screen.type("t")
            screen.wait_for_prompt("Type i for a picture.(.|\n)*" + QUESTIONS["first"])
        says(row, "enrollment", "picture" if uri else "key")
        finish(screen, alice)
        screen.wait_for("IN-AS-alice" if kind is not Plink else "Access granted")
    assert machine.verdicts() == ["enrolling", "enrolled"]


@pytest.mark.parametrize("kind", [OpenSsh, Plink], ids=named)
def test_largest_picture_is_read_in_80_by_24(machine, tmp_path, kind):
    client = ready(kind(machine))
    machine.mandatory(issuer=LONG)
    alice = Newcomer(machine, "alice")
    with all_ended(), at_the_key(client, alice) as screen:
        check_uri(read_by_camera(screen, tmp_path), "alice", alice.secret, issuer=LONG)


def test_dbclient_shows_hint_first_and_no_block(machine):
    client = ready(Dbclient(machine))
    machine.mandatory(issuer=ISSUER)
    with all_ended(), at_the_key(client, Newcomer(machine, "alice")) as screen:
        text = screen.history()
        assert text.isascii()
        assert "\n" * 20 in text[text.index(HINT) :], "where the picture would be, all is blank"


@pytest.mark.parametrize("kind", DRIVEN, ids=named)
def test_row_says_how_to_enroll_by_program(machine, tmp_path, kind):
    """The program passes the questions on as they came: drawn in a terminal, they show the picture."""
    client = ready(kind(machine))
    row = row_of(client)
    machine.mandatory(issuer=ISSUER)
    alice = Newcomer(machine, "alice")
    outcome = client.enroll(alice)
    assert outcome.granted and machine.verdicts() == ["enrolling", "enrolled"]
    first = next(question for question in outcome.asked if HINT in question)
    rows = pixels(first + "\n", DARK_TERMINAL)
    write_png(tmp_path / "question.png", [line for line in rows for _ in range(CELL)])
    check_uri(decode(tmp_path / "question.png"), "alice", alice.secret, issuer=ISSUER)
    says(row, "enrollment", "picture")


@pytest.mark.parametrize("kind", PASSWORD_ONLY, ids=named)
def test_row_says_that_password_enrolls_nobody(machine, kind):
    client = kind(machine)
    client.server = {**client.server, "LoginGraceTime": "6"}
    ready(client)
    machine.mandatory(issuer=ISSUER)
    with all_ended():
        said, status = run_without_terminal(client.alone("alice"), machine)
    assert "IN-AS-alice" not in said and status != 0
    assert machine.stored("alice") == set() and "enrolled" not in machine.verdicts()
    says(row_of(client), "enrollment", "no")


def at_the_key(client, newcomer):
    """A screen on which the enrollment waits for the first code. The newcomer has read the key."""
    screen = Screen(*client.program(newcomer.user))
    try:
        screen.wait_for_prompt("[Pp]assword:")
        screen.type(password_of(newcomer.user))
        screen.wait_for_prompt(QUESTIONS["first"])
        newcomer.read(text_of(screen))
        assert newcomer.secret, "the key cannot be read"
    except BaseException:
        screen.__exit__()
        raise
    return screen


def text_of(screen):
    """What is on the screen and above it, without the frame that PuTTY draws."""
    return re.sub("^\\| ", "", screen.history(), flags=re.M)


def read_by_camera(screen, folder):
    screen.photograph(folder / "screen.png")
    return decode(folder / "screen.png")


def finish(screen, newcomer):
    for question in WHOLE:
        screen.wait_for_prompt(QUESTIONS[question])
        text = text_of(screen)
        found = re.search(QUESTIONS[question].rstrip() + "$", text.rstrip())
        screen.type(newcomer.answer(question, text, found))
