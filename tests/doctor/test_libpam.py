"""Stacks of all kinds in the real libpam: what it says of each is in libpam.json, and there doctor's own tests read it.

Modules are pam_debug, which answers what its argument says. `python3 tests/doctor/test_libpam.py` writes the table anew.
"""

import json
import random
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "stacks"))

from pam import Pam  # noqa: E402

TABLE = HERE / "libpam.json"
COUNT = 400
FILES = ["service", "a", "b", "c"]
ANSWERS = ["success"] * 9 + ["auth_err"] * 4 + ["ignore", "ignore", "user_unknown", "new_authtok_reqd", "maxtries", "perm_denied"]
WORDS = ["required", "requisite", "sufficient", "optional", "Required", "SUFFICIENT"]
VALUES = ["success", "default", "ignore", "auth_err", "user_unknown", "new_authtok_reqd", "module_unknown"]
ACTIONS = ["ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3", "ok", "ignore"]
BROKEN = ["auth", "auth required", "auht required pam_permit.so", "auth requierd pam_permit.so", "auth [success=0] pam_permit.so"]


def control(chance):
    if chance.random() < 0.5:
        return chance.choice(WORDS)
    values = chance.sample(VALUES, chance.randint(1, 4))
    return "[" + " ".join(f"{value}={chance.choice(ACTIONS)}" for value in values) + "]"


def line(chance, deeper):
    dice = chance.random()
    if dice < 0.01:
        return chance.choice(BROKEN)
    if dice < 0.25 and deeper:
        return f"auth {chance.choice(['include', 'substack', 'substack'])} {chance.choice(deeper)}"
    if dice < 0.26:
        return f"auth {chance.choice(['include', 'substack'])} nowhere"
    module = "pam_absent.so" if dice < 0.28 else f"pam_debug.so auth={chance.choice(ANSWERS)}"
    return f"{chance.choice(['auth', 'auth', 'auth', '-auth'])} {control(chance)} {module}"


def stack(chance):
    """A service and what it includes: each file only those that come after it."""
    lines = lambda at: [line(chance, FILES[at + 1 :]) for _ in range(chance.randint(1, 5))]
    files = {name: "".join(f"{text}\n" for text in lines(at)) for at, name in enumerate(FILES)}
    for name in FILES[1:]:
        if not any(f" {name}\n" in text for text in files.values()):
            del files[name]
    return files


def ask(folder, files):
    """What libpam says; 1.5 needs the full path of what is included."""
    for name, text in files.items():
        for included in [*FILES, "nowhere"]:
            for word in ("include", "substack"):
                text = text.replace(f"{word} {included}\n", f"{word} {folder}/{included}\n")
        (folder / name).write_text(text)
    return Pam("service", folder=folder).authenticate()


@pytest.mark.parametrize("part", range(6))
def test_table_agrees_with_libpam(tmp_path, part):
    for case in json.loads(TABLE.read_text())[part::6]:
        assert ask(tmp_path, case["files"]) == case["says"], case["files"]


def write():
    import tempfile

    chance = random.Random(6238)
    with tempfile.TemporaryDirectory() as folder:
        stacks = [stack(chance) for _ in range(COUNT)]
        table = [{"files": files, "says": ask(Path(folder), files)} for files in stacks]
    TABLE.write_text("[\n" + ",\n".join(json.dumps(case) for case in table) + "\n]\n")


if __name__ == "__main__":
    write()
