"""The Debian files of pam.d/ differ from the release's own by the patches of packaging/pam.d, and these contain only lines of twostep.

tests/packages shows in a root of each release that the rest is what the release's packages contain. `packaging/pam.d/build --check`
shows it from the release's archive.
"""

import pathlib
import re
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PATCHES = REPOSITORY / "packaging/pam.d"
SHIPPED = sorted((REPOSITORY / "pam.d").glob("debian-*/*"))

# The lines that a patch may take out, each with what may take its place, beside lines of twostep.
REPLACED = {
    "account required pam_nologin.so": {"account requisite pam_nologin.so"},
    "auth include login": {"@include common-auth", "@include common-account"},
}
# The first factor is the key.
REPLACED_BY_KEY = {**REPLACED, "@include common-auth": {"auth required pam_permit.so"}}


def changes(patch, sign):
    """The rules that a patch removes ('-') or adds ('+')."""
    lines = re.findall(rf"^[{sign}](?![{sign}]{{2}} )(.*)$", patch.read_text(), re.M)
    return {" ".join(line.split()) for line in lines if line.strip() and not line.startswith("#")}


def original(path):
    """The file without the patch, which must fit to the line."""
    command = ["patch", "--reverse", "--fuzz=0", "--quiet", "--output=-", "--reject-file=-", path, PATCHES / f"{path.name}.patch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_shipped_file_is_original_with_our_patch(path):
    assert "twostep" in path.read_text() and "twostep" not in original(path)


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda path: path.stem)
def test_patch_adds_only_our_lines(patch):
    replaced = REPLACED_BY_KEY if patch.stem == "sshd-key" else REPLACED
    removed = changes(patch, "-")
    assert removed <= set(replaced)
    foreign = {line for line in changes(patch, "+") if "pam_twostep.so" not in line}
    assert foreign == set().union(*(replaced[line] for line in removed))


@pytest.mark.parametrize("path", [path for path in SHIPPED if path.parent.name != "debian-12"], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_later_release_gets_nothing_that_it_dropped(path):
    """Users cannot set the environment of their login with a file in their home, and no missing module is named."""
    assert "user_readenv" not in path.read_text() and "pam_lastlog" not in path.read_text()
