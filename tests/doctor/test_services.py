"""`twostep services` on the machines of test_doctor.py: it agrees with doctor about each of them, whoever runs it."""

import json
import os
import re
import subprocess

import pytest

from test_doctor import CASES, HERE, TWOSTEP, lay_out

NOBODY = 65534
FOLDERS = ("etc/pam.d", "usr/lib/pam.d", "usr/etc/pam.d")
LEFTOVERS = ("~", ".bak", ".orig", ".old", ".save", ".swp", ".rpmnew", ".rpmsave", ".pacnew", ".dpkg-old", ".pam-old", ".dpkg-dist", ".dpkg-new")
# What many services include, besides the files that services of a case include.
SHARED = re.compile(r"common-|system-|password-auth|postlogin|fingerprint-auth|smartcard-auth|other$")
OURS = re.compile(r"^\s*-?(auth)\s.*pam_twostep\.so", re.M | re.I)
INCLUDES = re.compile(r"^\s*(?:@include\s+(\S+)|-?\w+\s+\[?(?:include|substack)\]?\s+(\S+))", re.M | re.I)
# The lists of services in these findings are sentences: each name is that of a service that asks for no code.
UNASKED = {
    "pam.service-asks-no-code": re.compile(r"(.*) asks? for no code, though"),
    "pam.partner-asks-no-code": re.compile(r"(\S+) asks for no code, though"),
    "sshd.service-without-code": re.compile(r"sshd uses the PAM service '([^']+)'"),
    "sudo.service-without-code": re.compile(r".*sudo uses the PAM service '([^']+)'"),
}
WITHOUT_CODE = {"asks-for-none", "refuses-everybody"}
FOR_ROOT = "Some of this needs root"


def command(root, *arguments, **user):
    done = subprocess.run([TWOSTEP, "--root", root, *arguments], capture_output=True, text=True, timeout=60, check=False, **user)
    assert done.stderr == ""
    return done


def listed(root, **user):
    done = command(root, "services", "--json", **user)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    return {row["service"]: row for row in told["services"]}, told


def found(root):
    return json.loads(command(root, "doctor", "--json").stdout)["findings"]


def files(root):
    """The files of the services by name, as libpam opens them."""
    by_name = {}
    for folder in FOLDERS:
        if (root / folder).is_dir():
            for file in (root / folder).iterdir():
                if file.is_file() and not file.name.endswith(LEFTOVERS):
                    by_name.setdefault(file.name, file.read_text(errors="replace"))
    return by_name


def names_us(text):
    return OURS.search(re.sub(r"#.*|\\\n", "", text.replace("\\\n", " ")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_doctor(tmp_path, case):
    root = lay_out(case, tmp_path / "root")
    rows, told = listed(root)
    findings = found(root)
    for finding in findings:
        here = [name for name in finding.get("services", []) if name in rows]
        counts = "problems" if finding["severity"] == "problem" else "warnings"
        assert all(rows[name][counts] and finding["id"] in rows[name]["findings"] for name in here)
        assert here or told[f"other_{counts}"]
        if finding["id"] in UNASKED:
            names = re.split(", | and ", UNASKED[finding["id"]].match(finding["what"])[1])
            assert set(names) <= set(finding["services"])
            assert {name: rows[name]["code"] for name in names if rows[name]["code"] not in WITHOUT_CODE} == {}
        if finding["id"] == "pam.no-service-asks":
            assert rows and all(row["code"] in {"asks-for-none", "exempt", "refuses-everybody"} for row in rows.values())
    ids = sum(len(row["findings"]) for row in rows.values())
    assert ids <= sum(row["problems"] + row["warnings"] for row in rows.values())
    assert told["complete"] == json.loads(command(root, "doctor", "--json").stdout)["complete"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_service_without_findings_asks_where_its_file_says_so(tmp_path, case):
    root = lay_out(case, tmp_path / "root")
    rows, told = listed(root)
    if any(one["id"].startswith(("policy.", "files.", "module.")) for one in found(root)):
        return  # the whole machine may refuse
    texts = files(root)
    included = {name for text in texts.values() for pair in INCLUDES.findall(text) for name in pair}
    for name, text in texts.items():
        if names_us(text) and not SHARED.match(name) and name not in included:
            row = rows[name]
            assert row["auth_line"]
            if not row["findings"]:
                assert row["code"] in {"asks", "exempt"} and row["missing"] == []
    clean = [row for row in rows.values() if row["code"] == "asks"]
    assert not [row["service"] for row in clean if not row["auth_line"]]


def by_others(folder):
    command = [folder / "twostep", "--root", folder / "root", "services", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, user=NOBODY, group=NOBODY, extra_groups=[])
    assert (done.returncode, done.stderr) == (0, "")
    return {row["service"]: row for row in json.loads(done.stdout)["services"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_is_not_surer_without_root(outside, case):
    """Others may not know of a way around the code; they are never told that there is one which root does not see."""
    root = lay_out(case, outside / "root")
    by_root, others = listed(root)[0], by_others(outside)
    for name, row in others.items():
        codes = {by_root[name]["code"], "unknown"}
        assert row["code"] in codes or (row["code"], by_root[name]["code"]) in {("asks", "can-be-bypassed"), ("asks", "refuses-everybody")}


KEPT = {
    "etc/pam.d/sshd": {"sshd": "unknown", "login": "asks", "sudo": "asks"},
    "etc/pam.d/common-auth": {"sshd": "unknown", "login": "unknown", "sudo": "unknown"},
    "etc/twostep/policy.toml": {"sshd": "asks", "login": "asks", "sudo": "asks"},
}


@pytest.mark.parametrize("kept", KEPT)
def test_takes_no_unreadable_file_for_a_missing_line(outside, kept):
    root = lay_out(HERE / "stack-debian-clean", outside / "root")
    (root / kept).chmod(0o600)
    rows = by_others(outside)
    assert {name: rows[name]["code"] for name in KEPT[kept]} == KEPT[kept]
    for row in rows.values():
        if row["code"] == "unknown":
            assert (row["auth_line"], row["account_line"], row["file"], row["missing"]) == (None, None, None, [])
        assert (row["rules"] is None) == (kept == "etc/twostep/policy.toml")


TABLES = {
    "stack-debian-clean": {"sshd": "asks", "login": "asks", "sudo": "asks", "sudo-i": "asks", "su": "asks", "su-l": "asks"},
    "stack-debian-stock": {"sshd": "asks-for-none", "login": "asks-for-none", "sudo": "asks-for-none", "su": "asks-for-none"},
    "stack-debian-key": {"sshd": "asks"},
    "sshd-key-alone": {"sshd": "can-be-bypassed", "login": "asks"},
    "sshd-usepam-no": {"sshd": "asks-for-none", "login": "asks"},
    "stack-optional": {"sshd": "can-be-bypassed"},
    "stack-postgresql-not-root": {"postgresql": "refuses-everybody"},
    "stack-module-missing": {"sshd": "refuses-everybody", "sudo": "refuses-everybody"},
    "stack-misspelt-module": {"sshd": "refuses-everybody"},
    "stack-misspelt-module-alone": {"sshd": "refuses-everybody", "login": "refuses-everybody"},
    "stack-misspelt-module-optional": {"sshd": "asks", "sudo": "asks-for-none"},
    "stack-closed": {"sshd": "refuses-everybody", "su": "asks"},
    "stack-carriage-returns": {"sshd": "refuses-everybody"},
    "stack-include-missing": {"sshd": "refuses-everybody"},
    "stack-cut-off": {"sshd": "refuses-everybody"},
    "files-policy-missing": {"sshd": "refuses-everybody"},
    "policy-syntax": {"sshd": "refuses-everybody"},
    "sshd-pam-service-with-a-weak-file": {"ssh-elsewhere": "can-be-bypassed"},
    "sshd-pam-service-without-file": {"ssh-elsewhere": "refuses-everybody", "sshd": "asks"},
    "sshd-pam-service-of-other": {"ssh-elsewhere": "asks"},
    "sshd-pam-service-exempt": {"ssh-elsewhere": "exempt", "sshd": "asks"},
    "sudoers-pam-service": {"sudo": "asks", "sudo-other": "asks-for-none", "other": "asks-for-none"},
    "sudoers-nopasswd": {"sudo": "can-be-bypassed"},
    "stack-unasked-exempt": {"su": "exempt", "sudo": "asks"},
    "stack-unasked-no-file": {"sudo": "asks-for-none"},
    "stack-unasked-named-no-file": {"ssh": "asks-for-none"},
    "stack-falls-back-to-other": {"passwd": "asks"},
    "stack-remote-missing-with-telnetd": {"remote": "asks-for-none"},
}


@pytest.mark.parametrize("name", TABLES)
def test_tells_which_services_ask(tmp_path, name):
    rows = listed(lay_out(HERE / name, tmp_path / "root"))[0]
    assert {service: rows[service]["code"] for service in TABLES[name]} == TABLES[name]
