"""The policies that are shipped raise no warning on a stock Debian."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from test_doctor import HERE, POLICY, TWOSTEP, doctor, lay_out

DOCS = HERE.parents[1] / "docs"
# Groups of Debian's base-passwd, and those of the machine's own accounts.
GROUPS = {"root": 0, "adm": 4, "sudo": 27, "staff": 50, "users": 100, "twostep": 102, "nogroup": 65534, "ada": 1001, "bob": 1002}


def examples():
    """Each policy by what it is called."""
    page = (DOCS / "man/twostep.policy.5").read_text().split(".Sh EXAMPLES\n")[1]
    blocks = re.findall(r"^\.Bd [^\n]*\n(version.*?)^\.Ed", page, re.M | re.S)
    assert len(blocks) == 2
    text = (DOCS / "policy.toml").read_text()
    # Of the rules in comments, this one means groups that the machine should have.
    admins = re.search(r'(?:^# .*\n)*^# name = "admins"\n(?:^# .*\n)*', text, re.M)[0]
    whole = text.replace(admins, re.sub(r"^# ", "", admins, flags=re.M))
    presets = {preset.name: preset.read_text() for preset in (DOCS / "presets").iterdir()}
    return {"office": blocks[0], "roll-out": blocks[1], "policy.toml": text, "admins": whole, **presets}


@pytest.mark.parametrize(("name", "text"), examples().items(), ids=examples())
def test_example_raises_no_warning_on_debian(tmp_path, name, text):
    root = lay_out(HERE / "stack-debian-clean", tmp_path / "root")
    (root / "etc/group").write_text("".join(f"{group}:x:{gid}:\n" for group, gid in GROUPS.items()))
    (root / POLICY).write_text(text)
    checked = subprocess.run([TWOSTEP, "--root", root, "policy", "check", "--json"], capture_output=True, text=True, check=True)
    said = json.loads(checked.stdout)["diagnostics"]
    assert [line for line in said if line["severity"] != "note"] == [], name
    found = json.loads(doctor(root, "--json").stdout)["findings"]
    assert [finding for finding in found if finding["file"] == f"/{POLICY}" and finding["line"]] == []
