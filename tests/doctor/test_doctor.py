"""`twostep doctor` on whole machines: a folder in, a report out.

    CASE/base        on which machine of `machines/` the case builds; without it, on none
    CASE/root/...    files that lie over that machine's
    CASE/setup       what a shell does in that root then, as what git does not keep: modes, links, missing files
    CASE/expected    the report

A root is like a machine's root directory; whoever owns it counts as root. After the report, each remedy that it prints is
applied literally, one after the other, until nothing is left that a remedy mends; `CASE/mended` is what is still said then,
nothing if there is no such file.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TWOSTEP = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"), "release/twostep")
CASES = sorted(folder for folder in HERE.iterdir() if (folder / "expected").exists())
CLEAN = "Nothing to mend.\n"
PRIVATE = ("var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state")


def doctor(root, *arguments):
    return subprocess.run(
        [TWOSTEP, "--root", root, "doctor", *arguments], capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture
def lay(tmp_path):
    """Makes the root of a case."""

    def make(case):
        root = tmp_path / "root"
        layers = [HERE / "machines" / (case / "base").read_text().strip()] if (case / "base").exists() else []
        for layer in [*layers, case / "root"]:
            if layer.exists():
                shutil.copytree(layer, root, dirs_exist_ok=True, symlinks=True)
        for folder in PRIVATE:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)
        for folder in PRIVATE:
            (root / folder).chmod(0o700)
        for file in (root / "var/lib/twostep").rglob("*"):
            if file.is_file():
                file.chmod(0o600)
        if (case / "setup").exists():
            subprocess.run(["sh", "-eu", case / "setup"], cwd=root, check=True)
        return root

    return make


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_report_is_as_expected(lay, case):
    root = lay(case)
    done = doctor(root)
    assert done.stderr == ""
    assert done.stdout == (case / "expected").read_text()
    assert done.returncode == (1 if "problem: " in done.stdout else 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_remedy_applied_literally_mends_it(lay, case):
    root = lay(case)
    for _ in range(20):
        findings = json.loads(doctor(root, "--json").stdout)["findings"]
        todo = [finding["remedy"] for finding in findings if finding["remedy"]["kind"] != "advice"]
        if not todo:
            break
        apply(root, todo[0])
    mended = case / "mended"
    assert doctor(root).stdout == (mended.read_text() if mended.exists() else CLEAN)


def apply(root, remedy):
    if remedy["kind"] == "run":
        # What names a path of the machine's root means this root.
        command = remedy["command"].replace(" /", f" {root}/")
        subprocess.run(["sh", "-eu", "-c", command], check=True, capture_output=True)
        return
    file = root / remedy["file"].lstrip("/")
    lines = file.read_text().splitlines()
    at = len(lines) if remedy["line"] is None else remedy["line"] - 1
    assert at <= len(lines)
    new = remedy.get("text", "").splitlines()
    lines[at : at + (remedy["kind"] != "insert")] = new
    file.write_text("".join(f"{line}\n" for line in lines))
