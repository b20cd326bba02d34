"""`twostep doctor` on whole machines: a folder in, a report out.

    CASE/base        on which machines of `machines/` the case builds, the first one lowest; without it, on none
    CASE/root/...    files that lie over that machine's
    CASE/setup       what a shell does in that root then, as what git does not keep: modes, links, missing files
    CASE/expected    the report

A root is like a machine's root directory; whoever owns it counts as root. Below a machine lies the folder of pam.d/ for
its release, as people are told to copy it. An empty pam_twostep.so becomes the module as it was built; a file called twostep-helper
belongs to the account twostep and is set-uid and set-gid, as it is installed. After the report, each remedy is
applied by doctor's own code, one after the other, until no remedy is left that changes anything; `CASE/fixed` is the report then,
"No problems found." if there is no such file. With the variable WRITE_EXPECTED set, both are written, to be read before they are committed.
"""

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PAM_D = HERE.parents[1] / "pam.d"
SHIPPED = {"debian": "debian-12"}  # the folder of pam.d/ where it does not have the machine's name
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"), "release")
TWOSTEP = BUILT / "twostep"
FIX = BUILT.parent / "debug/examples/fix"  # src/doctor/examples/fix.rs; `cargo test` builds it
CASES = sorted(folder for folder in HERE.iterdir() if (folder / "expected").exists())
CLEAN = "No problems found.\n"
# What is said where something could not be looked at.
NOT_LOOKED_AT = {
    "sshd.settings-unknown",
    "sshd.too-many-blocks",
    "sudo.cvtsudoers-fails",
    "sudo.file-not-read",
    "sudo.rules-elsewhere",
}
# The id at the end of the first line of a finding.
ID = re.compile(r"^(?:problem|warning): .* \[([a-z.-]+)\]$", re.M)
POLICY = "etc/twostep/policy.toml"
OTHERWISE = re.compile(r"^    Otherwise (?:insert before|append to) (/\S+):\n((?: {8}.*\n)+)", re.M)
PRIVATE = ("var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state")


def doctor(root, *arguments):
    return subprocess.run(
        [TWOSTEP, "--root", root, "doctor", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def lay(tmp_path):
    """Makes the root of a case."""
    return lambda case: lay_out(case, tmp_path / "root")


def lay_out(case, root):
    machines = (case / "base").read_text().split() if (case / "base").exists() else []
    for machine in machines:
        shipped(root, PAM_D / SHIPPED.get(machine, machine))
        shutil.copytree(HERE / "machines" / machine, root, dirs_exist_ok=True, symlinks=True)
    if (case / "root").exists():
        shutil.copytree(case / "root", root, dirs_exist_ok=True, symlinks=True)
    for module in root.rglob("pam_twostep.so"):
        if not module.stat().st_size:
            shutil.copyfile(BUILT / "libpam_twostep.so", module)
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
    for helper in root.rglob("twostep-helper"):
        os.chown(helper, *account(root))
        helper.chmod(0o6755)
    if (case / "setup").exists():
        subprocess.run(["sh", "-eu", case / "setup"], cwd=root, check=True)
    return root


def account(root):
    """The uid and the gid of twostep on that machine; those of another account if it has none."""
    lines = (root / "etc/passwd").read_text().splitlines()
    ids = [line.split(":")[2:4] for line in lines if line.startswith("twostep:")]
    return (int(number) for number in (ids or [("65534", "65534")])[0])


def shipped(root, folder):
    """Copies what pam.d/README.md tells administrators to copy; `sshd-key` is for another sshd. A case whose machine has
    the other files copies those."""
    (root / "etc/pam.d").mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir() if folder.exists() else []:
        if file.name not in ("sshd-key", "remote", "i3lock", "swaylock"):
            shutil.copyfile(file, root / "etc/pam.d" / file.name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reports_what_is_expected(lay, case):
    root = lay(case)
    done = doctor(root)
    assert done.stderr == ""
    hold(done.stdout, case / "expected", "")
    assert done.returncode == (1 if "problem: " in done.stdout else 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_remedy_applied_literally_fixes_it(lay, case):
    root = lay(case)
    for _ in range(20):
        if not fix_one(root):
            break
    hold(doctor(root).stdout, case / "fixed", CLEAN)


# Fedora's `include` of a file whose success ends the stack, and its substack, need remedies of their own.
LEFT = {
    "stack-line-in-common-auth": set(),
    "stack-fedora-line-in-system-auth": {"pam.line-can-be-skipped", "pam.wrong-password-reaches-code"},
}


@pytest.mark.parametrize("name", LEFT)
def test_one_remedy_replaces_shared_line_at_all_services(lay, name):
    """No service asks twice after it, or for nothing."""
    root = lay(HERE / name)
    shared = [one["remedy"] for one in json.loads(doctor(root, "--json").stdout)["findings"] if one["id"] == "pam.line-in-shared-file"]
    assert [remedy["kind"] for remedy in shared] == ["steps"] * len(shared)
    for remedy in shared:
        apply(root, remedy)
    left = {one["id"] for one in json.loads(doctor(root, "--json").stdout)["findings"]}
    assert left == {"pam.account-line-missing"} | LEFT[name]


@pytest.mark.parametrize("case", [case for case in CASES if OTHERWISE.search((case / "expected").read_text())], ids=lambda case: case.name)
def test_prints_policy_lines_that_can_be_pasted(lay, case):
    """The text has the lines of the remedy unchanged. With them the policy is valid, and the finding is gone."""
    root = lay(case)
    said = doctor(root).stdout
    place, block = OTHERWISE.search(said).groups()
    [remedy] = [remedy for remedy in remedies(root) if remedy["kind"] == "choose"]
    at = remedy["file"] if remedy["line"] is None else f"{remedy['file']}:{remedy['line']}"
    assert (place, textwrap.dedent(block)) == (at, remedy["text"] + "\n")
    apply(root, remedy)
    checked = subprocess.run([TWOSTEP, "--root", root, "policy", "check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    assert not OTHERWISE.search(doctor(root).stdout)


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("stack-debian-clean", []),
        ("stack-twice", [None]),
        ("stack-su-without-su-l", [{"closes": ["su-l"]}]),
        ("sshd-key-alone", [{"closes": ["sshd"]}]),
        ("sshd-key-alone-without-gate", [{"closes": ["sshd"], "locks": ["sshd"]}]),
    ],
)
def test_json_names_services_that_a_remedy_changes(lay, name, effect):
    findings = json.loads(doctor(lay(HERE / name), "--json").stdout)["findings"]
    assert [finding.get("effect") for finding in findings] == effect


def hold(said, file, otherwise):
    """Compares with the file, or with `otherwise` if there is none. With WRITE_EXPECTED set, writes the file."""
    if os.environ.get("WRITE_EXPECTED"):
        if said == otherwise:
            file.unlink(missing_ok=True)
        else:
            file.write_text(said)
    assert said == (file.read_text() if file.exists() else otherwise)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_json_has_id_first_and_says_if_it_is_complete(lay, case):
    ids = ID.findall((case / "expected").read_text())
    report = json.loads(doctor(lay(case), "--json").stdout)
    assert [next(iter(finding.items())) for finding in report["findings"]] == [("id", one) for one in ids]
    assert report["complete"] == NOT_LOOKED_AT.isdisjoint(ids)


def fix_one(root):
    """Applies the first remedy that needs no decision of a person, and returns whether there was one."""
    todo = [remedy for remedy in remedies(root) if remedy["kind"] != "advice"]
    for remedy in todo[:1]:
        apply(root, remedy)
    return bool(todo)


def remedies(root):
    return [finding["remedy"] for finding in json.loads(doctor(root, "--json").stdout)["findings"]]


def apply(root, remedy):
    subprocess.run([FIX, root], input=json.dumps(remedy), text=True, check=True, capture_output=True)
