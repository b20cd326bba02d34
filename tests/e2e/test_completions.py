"""The words that shells offer for the command, from the files that `make install` puts where shells look for them."""

import os
import pathlib
import subprocess

import pexpect
import pytest

BASH = pathlib.Path("/usr/share/bash-completion/completions/twostep")
# What readline does for the last of the words given.
READLINE = f"""
source {BASH}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
[[ $(complete -p twostep) == *' -F _twostep '* ]] || exit 1
_twostep twostep "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
PROMPT = "ready to type: "

OFFERS = [
    ("twostep st", {"status"}),
    ("twostep re", {"rebind", "recovery", "remove", "require", "reset"}),
    ("twostep enroll --", {"--user", "--label", "--json", "--qr", "--root", "--help"}),
    ("twostep policy ex", {"explain"}),
    ("twostep import goo", {"google-authenticator"}),
    ("twostep policy explain --fi", {"--first-factor"}),
]
SHELLS = ("twostep completions ", {"bash", "fish", "zsh"})  # what clap makes for fish offers files here


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()


def bash(typed):
    """Options, too, where nothing is typed of the word yet; they are left out."""
    offered = lines_of("bash", "--norc", "-c", READLINE, "bash", *typed.split(" "))
    return {word for word in offered if not typed.endswith(" ") or not word.startswith("-")}


def fish(typed):
    """fish finds the file by itself."""
    return {line.split("\t")[0] for line in lines_of("fish", "-c", "complete --do-complete=$argv[1]", typed)}


@pytest.mark.parametrize("typed, expected", [*OFFERS, SHELLS])
def test_bash_offers_the_words_that_fit(typed, expected):
    assert bash(typed) == expected


@pytest.mark.parametrize("typed, expected", OFFERS)
def test_fish_offers_the_words_that_fit(typed, expected):
    assert fish(typed) == expected


@pytest.fixture
def zsh(tmp_path):
    """zsh finds the file by itself, too. It completes only where somebody types."""
    (tmp_path / ".zshrc").write_text(f"autoload -Uz compinit\ncompinit -u -d {tmp_path}/dump\nPS1='{PROMPT}'\n")
    environment = {**os.environ, "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    options = {"encoding": "utf-8", "timeout": 30, "dimensions": (60, 120)}
    shell = pexpect.spawn("zsh", ["--no-globalrcs", "-i"], env=environment, **options)
    shell.expect_exact(PROMPT)
    yield shell
    shell.close(force=True)


@pytest.mark.parametrize("typed, expected", [*OFFERS, SHELLS])
def test_zsh_completes_a_word_or_lists_those_that_fit(zsh, typed, expected):
    zsh.send(typed + "\t")
    if len(expected) == 1:
        zsh.expect_exact(typed.rsplit(" ", 1)[0] + " " + expected.pop())
    while expected:
        found = zsh.expect_exact(sorted(expected, key=len, reverse=True))
        expected.discard(sorted(expected, key=len, reverse=True)[found])
