"""`twostep-setup`, which makes the store: which format its records have, whatever is there before, and after a power cut."""

import json
import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from machine import SETUP, STORE

FORMAT = STORE / "format"
ASIDE = STORE.with_name("twostep.aside")
CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.M)


@pytest.fixture
def no_store(machine):
    STORE.rename(ASIDE)
    yield machine
    shutil.rmtree(STORE, ignore_errors=True)
    ASIDE.rename(STORE)


def keep(*names):
    """A store of which only these folders and files are left. The file `format` is of a store with records of format 1."""
    STORE.mkdir(mode=0o700)
    for name in names:
        if name == "format":
            FORMAT.write_text("1\n")
        else:
            (STORE / name).mkdir(mode=0o700)
    for path in (STORE, *STORE.iterdir()):
        shutil.chown(path, "twostep", "twostep")
    if "format" in names:
        FORMAT.chmod(0o600)


def set_up(machine):
    done = machine.run(SETUP, "new")
    assert done.returncode == 0, done.stderr
    assert {"users", "state", "helpers"} <= {*os.listdir(STORE)} <= {"users", "state", "helpers", "format"}


def test_gives_new_store_format_2(no_store):
    set_up(no_store)
    found = FORMAT.stat()
    assert (FORMAT.read_text(), stat.S_IMODE(found.st_mode), FORMAT.owner()) == ("2\n", 0o600, "twostep")
    assert "Records changed to it: 0." in no_store.command("storage", "upgrade")


@pytest.mark.parametrize("left", [("users",), ("state",), ("state", "format"), ("format",), ("users", "state")], ids=" ".join)
def test_keeps_format_of_what_is_left_of_a_store(no_store, left):
    keep(*left)
    set_up(no_store)
    assert (FORMAT.read_text() if FORMAT.exists() else None) == ("1\n" if "format" in left else None)


def test_flushes_format_before_it_has_its_name(no_store):
    """After a power cut the file must not be empty: then no user could enroll."""
    trace = Path("/run/trace")
    no_store.run("strace", "-f", "-o", str(trace), "-e", "trace=write,fsync,rename,renameat,renameat2,mkdir", SETUP, "new")
    calls = [name for name, rest in CALL.findall(trace.read_text()) if name == "fsync" or '"2\\n"' in rest or "format" in rest]
    assert [name.removesuffix("2").removesuffix("at") for name in calls] == ["write", "fsync", "rename", "fsync"], trace.read_text()


def test_remedy_of_doctor_replaces_empty_format(no_store):
    def about_format():
        report = json.loads(no_store.run("twostep", "doctor", "--json").stdout)
        return [finding for finding in report["findings"] if finding["file"] == str(FORMAT)]

    set_up(no_store)
    assert about_format() == []
    FORMAT.write_bytes(b"")
    [finding] = about_format()
    assert finding["id"] == "files.unknown-format"
    remedy = re.search("run '(rm .*)'", finding["remedy"]["text"])[1]
    assert no_store.run("sh", "-c", remedy).returncode == 0
    assert FORMAT.read_text() == "2\n" and about_format() == []
