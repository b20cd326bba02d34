"""The picture of an enrollment through real pixels: sshd, OpenSSH, xterm with a TrueType font, and three independent readers."""

import json
import re
import subprocess
from itertools import product

import pytest

from dialogues import ENVIRONMENT
from hosts import Ssh, all_ended, ready
from machine import REPOSITORY
from person import QUESTIONS, Newcomer, password_of
from screen import check_uri, decode
from xterm import DARK, LIGHT, Xterm

ISSUER = "host.example.org"
DECODERS = REPOSITORY / "tests/clients/decoders.py"
PAGE = REPOSITORY / "docs/CLIENTS.md"
ROW = re.compile(r"^\| (dark|light) \| (as it comes|after `i`) \| (sharp|blurred) \| (\w+) \| (\w+) \| (\w+) \|$", re.M)
CELLS = {"yes": {True}, "no": {False}, "sometimes": {True, False}}


def claims():
    """What docs/CLIENTS.md says: which reader reads the picture."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {tuple(row[:3]): dict(zip(("zbar", "OpenCV", "ZXing"), row[3:])) for row in rows}


def test_page_says_of_each_picture_who_reads_it():
    assert claims().keys() == set(product(("dark", "light"), ("as it comes", "after `i`"), ("sharp", "blurred")))
    right = [claims()[terminal, kind, "blurred"] for terminal, kind in (("dark", "as it comes"), ("light", "after `i`"))]
    assert all(set(readers.values()) == {"yes"} for readers in right), "the right picture is read by all three"


@pytest.mark.parametrize("terminal, colours", [("dark", DARK), ("light", LIGHT)], ids=["dark", "light"])
def test_readers_read_pixels_of_xterm_as_page_says(machine, tmp_path, terminal, colours):
    host = ready(Ssh(machine))
    machine.mandatory(issuer=ISSUER)
    alice = Newcomer(machine, "alice")
    program, arguments = host.command("alice")
    with all_ended(), Xterm(tmp_path, [program, *arguments], colours) as window:
        window.wait_for_prompt("Password: ")
        window.type(password_of("alice"))
        alice.read(window.wait_for_prompt(QUESTIONS["first"]))
        window.photograph(tmp_path / "as it comes")
        window.type("i")
        window.wait_for_prompt(QUESTIONS["first"])
        window.photograph(tmp_path / "after `i`")
    for kind in ("as it comes", "after `i`"):
        for how, found in readers(tmp_path / kind).items():
            for reader, uri in found.items():
                claim = claims()[terminal, kind, how][reader]
                assert bool(uri) in CELLS[claim], f"{reader}, {terminal}, {kind}, {how}: {claim!r}, but it reads {uri!r}"
                if uri:
                    check_uri(uri, "alice", alice.secret, issuer=ISSUER)


def readers(picture):
    """What each reader finds in a picture: in its sharp pixels, and blurred."""
    blurred = picture.with_name(f"{picture.name}.png")
    command = ["/usr/bin/python3", DECODERS, picture, blurred]
    others = json.loads(subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return {how: {"zbar": decode(file), **other} for how, file, other in zip(("sharp", "blurred"), (picture, blurred), others)}
