"""What `make mutants` leaves out is still there, and so is the test that shows it instead.

The mutants themselves take too long for `make test`.
"""

import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TEXT = (TOP / ".cargo/mutants.toml").read_text()
CONFIGURATION = tomllib.loads(TEXT)
LEFT_OUT = CONFIGURATION["exclude_re"]
BY_HAND = tomllib.loads((TOP / "tests/mutants/verify.toml").read_text())["mutant"]


def functions(text):
    return set(re.findall(r"\b(?:fn|def) (\w+)", text))


@pytest.mark.parametrize("pattern", CONFIGURATION["examine_globs"])
def test_what_is_changed_is_there(pattern):
    assert list(TOP.glob(pattern))


@pytest.mark.parametrize("pattern", LEFT_OUT)
def test_what_is_left_out_is_a_change_of_a_function_that_is_there(pattern):
    file, name = re.fullmatch(r"(src/\S+?):\.\*.* (?:in|replace) (?:[A-Z]\w*::)?([a-z]\w*)(?:\$| -> | with .*)", pattern).groups()
    assert name in functions((TOP / file.replace("\\", "")).read_text())


def test_the_tests_that_the_reasons_name_are_there():
    named = re.findall(r"# (\w+) in (tests/\S+\.(?:rs|py))", TEXT)
    assert len(named) == TEXT.count(" in tests/")
    for test, file in named:
        assert test in functions((TOP / file).read_text())


@pytest.mark.parametrize("mutant", BY_HAND, ids=lambda mutant: mutant["name"])
def test_what_a_mutant_of_verify_replaces_stands_there_once(mutant):
    assert (TOP / "src/core/verify.rs").read_text().count(mutant["find"]) == 1
