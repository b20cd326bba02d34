"""The code that `make mutants` leaves out still exists, and so does the test that covers it instead.

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
def test_changed_files_exist(pattern):
    assert list(TOP.glob(pattern))


@pytest.mark.parametrize("pattern", LEFT_OUT)
def test_left_out_mutants_name_existing_functions(pattern):
    file, name = re.fullmatch(r"(src/\S+?):\.\*.* (?:in|replace) (?:[A-Z]\w*::)?([a-z]\w*)(?:\$| -> | with .*)", pattern).groups()
    assert name in functions((TOP / file.replace("\\", "")).read_text())


def test_reasons_name_existing_tests():
    named = re.findall(r"# (\w+) in (tests/\S+\.(?:rs|py))", TEXT)
    assert len(named) == TEXT.count(" in tests/")
    for test, file in named:
        assert test in functions((TOP / file).read_text())


@pytest.mark.parametrize("mutant", BY_HAND, ids=lambda mutant: mutant["name"])
def test_mutant_of_verify_replaces_text_that_occurs_once(mutant):
    assert (TOP / "src/core/verify.rs").read_text().count(mutant["find"]) == 1
