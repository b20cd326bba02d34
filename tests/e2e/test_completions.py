"""The words that shells offer for the command, from the files that `make install` puts where shells look for them."""

import os
import pathlib
import subprocess

import pexpect
import pytest

from hosts import become

BASH = pathlib.Path("/usr/share/bash-completion/completions/twostep")
# What readline does for the last of the words given.
READLINE = f"""
source {BASH}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
function=$(complete -p twostep) function=${{function#* -F }} function=${{function%% *}}
"$function" twostep "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
PROMPT = "ready to type: "

OFFERS = [
    ("twostep sta", {"status"}),
    ("twostep se", {"services"}),
    ("twostep services --", {"--json", "--root", "--help"}),
    ("twostep un", {"unlock"}),
    ("twostep re", {"recovery", "remove", "replace", "report", "require", "reset"}),
    ("twostep enroll --", {"--user", "--label", "--text", "--json", "--qr", "--root", "--help"}),
    ("twostep policy ex", {"explain"}),
    ("twostep import goo", {"google-authenticator"}),
    ("twostep policy explain --fi", {"--first-factor"}),
    ("twostep completions ", {"bash", "fish", "zsh"}),
    ("twostep help po", {"policy"}),
    ("twostep unlock al", {"alice"}),
    ("twostep unlock alice car", {"carol"}),
    ("twostep enroll --user al", {"alice"}),
    ("twostep remove al", {"alice"}),
    ("twostep replace al", {"alice"}),
    ("twostep ticket --group dav", {"dave"}),
    ("twostep policy explain --service passw", {"passwd"}),
    ("twostep policy explain --service sshd --user al", {"alice"}),
    ("twostep import google-authenticator --user al", {"alice"}),
]


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()


def bash(typed, *starter):
    offered = lines_of(*starter, "bash", "--norc", "-c", READLINE, "bash", *typed.split(" "))
    return without_options(typed, offered)


def fish(typed, *starter):
    """fish finds the file by itself."""
    offered = lines_of(*starter, "fish", "-c", "complete --do-complete=$argv[1]", typed)
    return without_options(typed, [line.split("\t")[0] for line in offered])


def without_options(typed, offered):
    """Where nothing is typed of a word yet, options are offered, too."""
    return {word for word in offered if not typed.endswith(" ") or not word.startswith("-")}


@pytest.mark.parametrize("shell", [bash, fish])
def test_offers_root_the_labels_of_the_user_before(machine, shell):
    machine.enroll("alice", label="tablet")
    machine.enroll("bob")
    assert shell("twostep remove alice ") == {"tablet"}
    assert shell("twostep remove --user bob ") == {"phone"}
    assert shell("twostep remove carol ") == set()


@pytest.mark.parametrize("shell", [bash, fish])
def test_offers_users_their_own_labels(machine, shell):
    machine.enroll("alice", label="tablet")
    machine.enroll("bob")
    assert shell("twostep remove ", "setpriv", *become("alice")) == {"tablet"}
    assert shell("twostep remove --user bob ", "setpriv", *become("alice")) == {"tablet"}
    assert shell("twostep remove ", "setpriv", *become("carol")) == set()


def test_variable_of_the_scripts_alone_changes_nothing(machine):
    done = machine.run("env", "TWOSTEP_COMPLETE=bash", "twostep", "require", "alice")
    assert done.stdout.startswith("alice now needs a second step") and machine.status("alice")["required_by"]


@pytest.mark.parametrize("typed, expected", OFFERS)
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


@pytest.mark.parametrize("typed, expected", OFFERS)
def test_zsh_completes_a_word_or_lists_those_that_fit(zsh, typed, expected):
    zsh.send(typed + "\t")
    if len(expected) == 1:
        zsh.expect_exact(typed.rsplit(" ", 1)[0] + " " + expected.pop())
    while expected:
        found = zsh.expect_exact(sorted(expected, key=len, reverse=True))
        expected.discard(sorted(expected, key=len, reverse=True)[found])
