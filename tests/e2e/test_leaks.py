"""A check after the whole run: no file that the run has written has a text that was typed or shown as a secret."""

import re
from pathlib import Path

import pytest

from person import LONG_CODE

# The files that the sandbox has written are in the upper halves of its overlays; /usr has only installed files.
WRITTEN = [*(Path("/run/sandbox", name, "upper") for name in ("etc", "home", "opt", "root", "tmp", "var")), Path("/run/syslog")]


@pytest.mark.last
def test_no_secret_code_or_password_in_any_written_file(machine):
    assert len(machine.said) > 100, "meant for the whole suite"
    assert any(re.fullmatch(LONG_CODE.lower(), word) for word in machine.said), "recovery codes and tickets, too"
    control = "result=grant"  # a search that finds nothing at all proves nothing
    of_debian = {"452532"}  # a bug in a comment of its sudoers; some code may be the same six digits
    found = found_in_files({*machine.said, control} - of_debian)
    assert found.keys() == {control}, found


def found_in_files(words):
    """Those of `words` that are in a file as separate words, with such a file: six digits inside a longer number are not a code."""
    by_beginning = {}
    for word in words:
        by_beginning.setdefault(re.search("[0-9A-Za-z]+", word)[0].encode(), []).append(word)
    files = [file for place in WRITTEN for file in [place, *place.rglob("*")] if file.is_file() and not file.is_symlink()]
    return {word: str(file) for file in files for word in found_in(file.read_bytes(), by_beginning)}


def found_in(text, by_beginning):
    """Only words that begin like something in the text are looked for one by one."""
    for beginning in by_beginning.keys() & set(re.findall(rb"[0-9A-Za-z]+", text)):
        for word in by_beginning[beginning]:
            if re.search(rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])" % re.escape(word.encode()), text):
                yield word
