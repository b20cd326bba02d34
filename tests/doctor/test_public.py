"""`twostep doctor` without root: it finds nothing that root does not find, whatever it may not read.

The machines are those of test_doctor.py. Checks that need root are left out; the report says so.
"""

import json
import os
import re
import subprocess

import pytest

from test_doctor import CASES, HERE, lay_out

NOBODY = 65534
LEFT_OUT = (
    "Some checks need root (stored enrollments, sshd's effective settings): run 'sudo twostep doctor'.\n"
)
# What an administrator may keep from others, and some distributions do.
KEPT = {
    "the policy": ["etc/twostep/policy.toml"],
    "the folder of the policy": ["etc/twostep"],
    "sshd's settings": ["etc/ssh/sshd_config"],
    "sshd's other settings": ["etc/ssh/sshd_config.d", "etc/ssh/more"],
    "sshd's service": ["etc/pam.d/sshd"],
    "what services include": ["etc/pam.d/common-auth", "etc/pam.d/system-auth"],
    "all services": ["etc/pam.d"],
    "the module": [
        "usr/lib/x86_64-linux-gnu/security/pam_twostep.so",
        "usr/lib64/security/pam_twostep.so",
    ],
}
# The cases in which a part says little without the others.
PARTS = ("login-", "policy-", "sshd-match-", "sshd-drop-in-", "sshd-include-", "stack-debian-", "stack-fedora-", "stack-line-")
SEEN = (
    "account-has-a-shell",
    "files-policy-for-the-group",
    "files-store-for-others",
    "helper-set-uid-to-root",
    "helper-without-bits",
    "login-little-time",
    "mounts-nfs",
    "policy-slip",
    "sshd-any",
    "stack-module-missing",
    "stack-optional",
)


def doctor(folder, *arguments, **user):
    command = [folder / "twostep", "--root", folder / "root", "doctor", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **user)
    assert done.stderr == ""
    return done


def found(folder, **user):
    """Severity, place and problem of each finding. The reason is left out, because it may depend on the policy."""
    report = json.loads(doctor(folder, "--json", **user).stdout)
    assert not (user and report["complete"])
    return {tuple(finding[key] for key in ("severity", "file", "line", "what")) for finding in report["findings"]}


def found_by_others(folder):
    return found(folder, user=NOBODY, group=NOBODY, extra_groups=[])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_finds_no_more_without_root_than_as_root(outside, case):
    lay_out(case, outside / "root")
    by_root = found(outside)
    told = {name for finding in by_root for name in re.findall("sudo uses the PAM service '([^']+)'", finding[3])}
    left = found_by_others(outside) - by_root
    # Root is told about a service that sudoers names in that finding; other users cannot read sudoers.
    assert not [what for _, _, _, what in left if not any(re.search(rf"\b{re.escape(name)}\b", what) for name in told)]


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(PARTS)], ids=lambda case: case.name)
def test_reports_no_unreadable_file_as_mistake(outside, case):
    root = lay_out(case, outside / "root")
    for what, names in KEPT.items():
        kept = {path: path.stat().st_mode for path in map(root.joinpath, names) if path.exists()}
        for path in kept:
            path.chmod(0o700 if path.is_dir() else 0o600)
        if kept:
            assert found_by_others(outside) <= found(outside), f"without {what}"
        for path, mode in kept.items():
            path.chmod(mode)


def test_says_without_root_that_checks_were_left_out(outside):
    lay_out(HERE / "stack-debian-clean", outside / "root")
    done = doctor(outside, user=NOBODY, group=NOBODY, extra_groups=[])
    assert (done.returncode, done.stdout) == (0, "No problems found.\n" + LEFT_OUT)


@pytest.mark.parametrize("name", SEEN)
def test_finds_problems_in_public_files_without_root(outside, name):
    lay_out(HERE / name, outside / "root")
    assert found_by_others(outside) == found(outside) != set()
    is_problem = "problem: " in (HERE / name / "expected").read_text()
    assert doctor(outside, user=NOBODY, group=NOBODY, extra_groups=[]).returncode == is_problem
