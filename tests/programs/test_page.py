"""docs/HOSTS.md says what these tests have seen."""

import pytest

import page
from every import ALL
from jobs import Cron

ROW = "| ftpd 1.2, Debian 13 | root | an error | refused: `conversation` | works | no | `forward_pass` |"
HEAD = "| program | a | b | c | d | e | f |\n|---|---|---|---|---|---|---|\n"


ECHO = {"typed": "shows it", "error": "an error", "user-name": "the user name"}  # the words of probe.c, and those of the page


def in_words(verdict):
    return f"refused: `{verdict.split()[1]}`" if verdict.startswith("deny ") else verdict


@pytest.mark.parametrize("program", [*ALL, Cron], ids=lambda program: program.name, indirect=True)
def test_row_agrees_with_what_the_program_did(program):
    """test_matrix.py and test_probe.py show that the attributes of the program are true."""
    row = next(row for row in page.rows(page.PAGE.read_text()) if row["program"].startswith(f"{program.name} "))
    assert row["program"] == f"{program.name} {program.version()}, Debian 13"
    assert row["plain"].startswith(in_words(program.plain))
    assert row["forward_pass"].startswith(program.forward_pass)
    assert row["echo"].startswith(ECHO.get(program.answers, program.answers))


def test_page_check_finds_no_fault_in_good_row():
    assert page.faults(f"{HEAD}{ROW}\n") == []
    assert page.faults(f"{HEAD}| xlock, not run |{' not run |' * 5} nothing |\n") == []


@pytest.mark.parametrize(
    "good, bad",
    [
        (" 1.2", ""),
        (", Debian 13", ""),
        ("refused: `conversation`", "perhaps"),
        ("| works ", "|  "),
        ("ftpd 1.2, Debian 13", "ftpd, not run"),
    ],
)
def test_page_check_finds_row_without_what_was_seen(good, bad):
    assert len(page.faults(f"{HEAD}{ROW.replace(good, bad)}\n")) == 1


def test_page_check_finds_a_missing_table():
    assert page.faults("# Hosts\n") == ["there is no table"]
