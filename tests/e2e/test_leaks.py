"""A look back over the whole run: what was typed and shown in it is in no file that the run has written."""

import re
from pathlib import Path

import pytest

# What the sandbox has written lies in the upper halves of its overlays; /usr has only what was installed.
WRITTEN = [*(Path("/run/sandbox", name, "upper") for name in ("etc", "home", "opt", "root", "tmp", "var")), Path("/run/syslog")]


@pytest.mark.last
def test_no_secret_code_or_password_is_in_any_file_that_was_written(machine):
    assert len(machine.said) > 100, "meant for the whole suite"
    control = "result=grant"  # a search that finds nothing at all proves nothing
    assert found_in_files({*machine.said, control}) == {control}


def found_in_files(words):
    """Those of `words` that stand in a file by themselves: six digits inside a longer number are no code."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(rb"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])" % b"|".join(re.escape(w.encode()) for w in longest_first))
    files = [file for place in WRITTEN for file in [place, *place.rglob("*")] if file.is_file() and not file.is_symlink()]
    return {word.decode() for file in files for word in pattern.findall(file.read_bytes())}
