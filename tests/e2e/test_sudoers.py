"""Whose code sudo asks for, and when it asks for none. What the real sudo does with each sudoers(5) agrees with `policy explain`,
and doctor's remedies, applied literally, make sudo ask its callers."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from hosts import Sudo, become, ready
from machine import apply
from person import password_of

MAIN, FOLDER = Path("/etc/sudoers"), Path("/etc/sudoers.d")
CVTSUDOERS = Path("/usr/bin/cvtsudoers")
NSSWITCH, HOSTS = Path("/etc/nsswitch.conf"), Path("/etc/hosts")
USUAL = "Defaults timestamp_timeout=0, passwd_tries=1, lecture=never\n"
CALLERS = ("alice", "admin", "carol")
TARGETS = ("root", "bob")
COMMANDS = ("/usr/bin/true", "/usr/bin/id")
MANDATORY = '[[rule]]\nname = "r"\nusers = ["alice"]\nmode = "mandatory"\n'

# admin is in the group sudo. Each answer of sudo shows at some target and command of those above.
TABLE = {
    "the stock": "%sudo ALL=(ALL:ALL) ALL",
    "the last of a list": "ALL, !alice ALL=(ALL) ALL\n%sudo, !admin ALL=(ALL) ALL",
    "a negated alias": "User_Alias A = alice, !admin\nUser_Alias B = ALL, !A\nB ALL=(ALL) ALL",
    "an undefined alias": "NONE, alice ALL=(ALL) NOPASSWD: ALL\n!NONE ALL=(ALL) ALL",
    "ids and cases": "#ALICE ALL=(ALL) ALL\n%#GROUP ALL=(ALL) NOPASSWD: ALL\n%SUDO ALL=(ALL) ALL\nCarol ALL=(ALL) ALL",
    "a tag": "alice ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL) ALL",
    "tags along a list": "alice ALL=(ALL) NOPASSWD: /usr/bin/true, PASSWD: /usr/bin/id\ncarol ALL=(root) NOPASSWD: /usr/bin/true, (bob) /usr/bin/id",
    "the last match": "alice ALL=(ALL) NOPASSWD: ALL\nalice ALL=(ALL) ALL\ncarol ALL=(ALL) NOPASSWD: ALL\ncarol ALL=(bob) ALL",
    "commands that are taken away": "Cmnd_Alias T = /usr/bin/true, !/usr/bin/id\nalice ALL=(ALL) NOPASSWD: ALL, !T\ncarol ALL=(ALL) NOPASSWD: ALL, !ALL",
    "commands with options": "alice ALL=(ALL) CWD=/ NOPASSWD: ALL\ncarol ALL=(ALL) NOTAFTER=20990101000000Z NOPASSWD: /usr/bin/true, PASSWD: /usr/bin/id",
    "no authentication": "Defaults !authenticate\nalice ALL=(ALL) ALL\ncarol ALL=(ALL) PASSWD: ALL",
    "of some callers": "Defaults authenticate\nDefaults:alice,!%sudo !authenticate\nALL ALL=(ALL) ALL",
    "of callers, then of all": "Defaults:alice !authenticate\nDefaults authenticate\nALL ALL=(ALL) ALL",
    "of a target": "Defaults>bob !authenticate\nALL ALL=(ALL) ALL",
    "of a command": "Defaults!/usr/bin/id !authenticate\nDefaults authenticate\nALL ALL=(ALL) ALL",
    "an exempt group": "Defaults exempt_group=sudo\nALL ALL=(ALL) PASSWD: ALL",
    "this host and others": "alice sandbox=(ALL) ALL\ncarol elsewhere=(ALL) ALL\nadmin ALL, !sandbox=(ALL) ALL",
    "networks": "alice 127.0.0.0/8=(ALL) ALL\ncarol !10.0.0.0/8, ALL=(ALL) ALL",
    "the target's password": "Defaults targetpw\nALL ALL=(ALL) ALL",
    "root's password": "Defaults targetpw, rootpw, runaspw, runas_default=bob\nALL ALL=(ALL) ALL",
    "the default's password": "Defaults targetpw, runaspw, runas_default=bob\nALL ALL=(ALL) ALL",
    "root's password for some": "Defaults:%sudo rootpw\nDefaults:carol rootpw, !rootpw\nALL ALL=(ALL) ALL",
    "root's password for a target": "Defaults>bob rootpw\nALL ALL=(ALL) ALL",
    "root's password for a command": "Defaults!/usr/bin/id rootpw\nDefaults !rootpw\nALL ALL=(ALL) ALL",
    "root's password on hosts": "Defaults@sandbox rootpw\nDefaults@elsewhere targetpw\nALL ALL=(ALL) ALL",
}


@pytest.fixture
def sudoers(machine):
    """Writes sudoers, and restores them afterwards."""
    usual = {file: file.read_text() for file in [MAIN, *FOLDER.iterdir(), NSSWITCH, HOSTS]}
    # Debian's sudo takes the name that comes first.
    HOSTS.write_text("127.0.0.1 sandbox localhost\n")
    for file in FOLDER.iterdir():
        file.unlink()
    yield lambda text: put(MAIN, USUAL + text + "\n")
    for file, text in usual.items():
        put(file, text)
    for file in (NSSWITCH, HOSTS):
        file.chmod(0o644)


def put(file, text):
    file.write_text(text)
    file.chmod(0o440)


def explained(machine, user):
    return json.loads(machine.command("policy", "explain", "--user", user, "--service", "sudo", "--json"))


def by_explain(machine, user):
    """The answers of `policy explain`: the account that is asked, no account, or that nothing is allowed."""
    told = explained(machine, user)
    notes = told.get("sudoers", [])
    if any("run nothing" in note for note in notes):
        return set()
    owners = {owner for note in notes for owner in re.findall(r"asks for (\w+)'s code", note)}
    if any("named with -u" in note for note in notes):
        owners = set(TARGETS)
    unasked = {"nobody" for note in notes if "asks for no code" in note}
    is_own = told["what_happens"] != "the code of the user who runs sudo is not asked for"
    return owners | unasked | ({user} if is_own else set())


def by_sudo(machine, user):
    """The same, by what the real sudo does: for each command that it allows, whose password it asks for."""
    calls = [(target, command) for target in TARGETS for command in COMMANDS]
    return {asked(machine, user, *call) for call in calls if machine.run("sudo", "-l", "-U", user, "-u", *call).returncode == 0}


def asked(machine, user, target, command):
    as_user = ["setpriv", *become(user), "sudo", "-k", "-S", "-p", "asked:%p:", "-u", target, command]
    done = machine.run(*as_user)
    owner = re.search(r"asked:(\w+):", done.stderr)
    assert owner or done.returncode == 0, done.stderr
    return owner[1] if owner else "nobody"


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("user", CALLERS)
def test_explain_agrees_with_real_sudo(machine, sudoers, name, user):
    ids = {"ALICE": os.stat("/home/alice").st_uid, "GROUP": os.stat("/home/carol").st_gid}
    sudoers(re.sub("#(ALICE|GROUP)", lambda found: f"#{ids[found[1]]}", TABLE[name]))
    machine.policy(mode="mandatory")
    assert by_explain(machine, user) == by_sudo(machine, user)


def test_explain_leaves_open_which_name_sudo_gives_the_host(machine, sudoers):
    HOSTS.write_text("127.0.0.1 localhost sandbox\n")
    machine.policy(mode="mandatory")
    for name in ("localhost", "sandbox"):
        sudoers(f"Defaults@{name} rootpw\nalice ALL=(ALL) ALL")
        assert by_explain(machine, "alice") == {"alice", "root"} > by_sudo(machine, "alice")


def test_explain_names_owner_of_code_and_line_of_sudoers(machine, sudoers):
    machine.policy(MANDATORY)
    machine.enroll("alice")
    sudoers("alice ALL=(ALL) ALL, NOPASSWD: /usr/bin/id\nDefaults targetpw, pam_login_service=other")
    head = "    by rule 'r', /etc/twostep/policy.toml:5\n    the code of the user who runs sudo is not asked for\n"
    notes = (
        "    sudo asks for no code for some commands: NOPASSWD, /etc/sudoers:2\n"
        "    sudo asks for root's code, or that of the user named with -u: Defaults targetpw, /etc/sudoers:3\n"
    )
    service = "    sudo uses the PAM service 'other': Defaults pam_login_service, /etc/sudoers:3\n"
    explain = ["policy", "explain", "--user", "alice", "--service"]
    assert machine.command(*explain, "sudo") == f"alice at sudo: mandatory\n{head}{notes}"
    unguarded = "    'other' has no pam_twostep line\n"
    assert machine.command(*explain, "sudo-i") == f"alice at sudo-i: mandatory\n{head}{notes}{service}{unguarded}"
    assert "sudo asks" not in machine.command(*explain, "su")


def of_sudo(machine):
    """doctor's findings about sudoers, and whether the report is complete."""
    report = json.loads(machine.run("twostep", "doctor", "--json").stdout)
    places = ("/etc/sudoers", "/etc/nsswitch.conf")
    return [finding for finding in report["findings"] if finding["file"].startswith(places)], report["complete"]


@pytest.mark.parametrize("flag", ["targetpw", "rootpw", "runaspw", "runaspw, runas_default=bob"])
def test_reports_flag_that_asks_for_the_code_of_another(machine, sudoers, flag):
    host, owner = ready(Sudo(machine)), "bob" if "bob" in flag else "root"
    machine.policy(MANDATORY)
    ada = machine.enroll("alice")
    sudoers(f"alice ALL=(ALL) ALL\nDefaults env_reset, {flag}")
    subprocess.run(["chpasswd"], input=f"{owner}:{password_of(owner)}", text=True, check=True)
    user = ["-u", "root"]
    host.flags = user
    passed = host.attempt("alice", password=password_of(owner))
    assert passed.granted and not passed.asked  # by a password alone
    [finding], is_complete = of_sudo(machine)
    assert finding["severity"] == "problem" and is_complete and "alice" in finding["why"]
    apply(finding["remedy"])
    assert of_sudo(machine)[0] == []
    assert host.attempt("alice", password=password_of("root")).refused
    outcome = host.attempt("alice", ada.code())
    assert outcome.granted and outcome.asked


def test_reports_pam_service_without_our_line(machine, sudoers):
    host = ready(Sudo(machine))
    machine.policy(MANDATORY)
    ada = machine.enroll("alice")
    Path("/etc/pam.d/sudo-plain").write_text("@include common-auth\n@include common-account\n")
    sudoers("alice ALL=(ALL) ALL\nDefaults pam_service=sudo-plain")
    passed = host.attempt("alice")
    assert passed.granted and not passed.asked
    assert explained(machine, "alice")["what_happens"] == "the code of the user who runs sudo is not asked for"
    [finding], _ = of_sudo(machine)
    assert finding["severity"] == "problem"
    apply(finding["remedy"])
    assert of_sudo(machine)[0] == []
    outcome = host.attempt("alice", ada.code())
    assert outcome.granted and outcome.asked


def test_reports_sudoers_of_suse_with_remedy_that_opens_nothing(machine, sudoers):
    host = ready(Sudo(machine))
    machine.policy(mode="mandatory")
    sudoers("Defaults targetpw\nALL ALL=(ALL) ALL")
    admin = machine.enroll("admin")
    [finding], _ = of_sudo(machine)
    advice = finding["remedy"]["text"]
    assert finding["severity"] == "problem"
    entry, rest, flag = re.search(
        r"at /etc/sudoers:(\d+), .* as in '%wheel (.*?)'.* Then replace 'targetpw' with '!targetpw' at /etc/sudoers:(\d+)", advice
    ).groups()
    lines = MAIN.read_text().splitlines()
    lines[int(entry) - 1] = f"%sudo {rest}"
    lines[int(flag) - 1] = lines[int(flag) - 1].replace("targetpw", "!targetpw")
    put(MAIN, "\n".join(lines) + "\n")
    assert of_sudo(machine)[0] == []
    assert host.attempt("alice").refused
    outcome = host.attempt("admin", admin.code())
    assert outcome.granted and outcome.asked


def test_warns_of_nopasswd_until_policy_exempts(machine, sudoers):
    host = ready(Sudo(machine))
    machine.policy(MANDATORY)
    sudoers("alice ALL=(ALL) NOPASSWD: ALL")
    passed = host.attempt("alice")
    assert passed.granted and not passed.asked
    [finding], is_complete = of_sudo(machine)
    assert finding["severity"] == "warning" and is_complete
    assert explained(machine, "alice")["what_happens"] == "the code of the user who runs sudo is not asked for"
    exempt = '[[rule]]\nname = "e"\nusers = ["alice"]\nservices = ["sudo", "sudo-i"]\nmode = "exempt"\n'
    machine.policy(exempt + MANDATORY)
    assert of_sudo(machine)[0] == []
    machine.policy()  # opt-in: it affects only users who have a second step
    assert of_sudo(machine)[0] == []
    machine.enroll("alice")
    assert [finding["severity"] for finding in of_sudo(machine)[0]] == ["warning"]


@pytest.mark.parametrize(
    ("program", "id_"),
    [
        (None, "sudo.cvtsudoers-fails"),
        ("#!/bin/sh\nexit 1\n", "sudo.file-not-read"),
        ("#!/bin/sh\nsleep 60\n", "sudo.cvtsudoers-fails"),
        ("#!/bin/sh\necho '{'\n", "sudo.cvtsudoers-fails"),
    ],
)
def test_is_not_complete_without_cvtsudoers(machine, sudoers, program, id_):
    sudoers("alice ALL=(ALL) ALL")
    usual = CVTSUDOERS.read_bytes()
    CVTSUDOERS.unlink()
    if program:
        CVTSUDOERS.write_text(program)
        CVTSUDOERS.chmod(0o755)
    try:
        [finding], is_complete = of_sudo(machine)
        assert (finding["id"], finding["severity"], is_complete) == (id_, "warning", False)
        [note] = explained(machine, "alice")["sudoers"]
        assert "is not known" in note
    finally:
        CVTSUDOERS.unlink(missing_ok=True)
        CVTSUDOERS.write_bytes(usual)
        CVTSUDOERS.chmod(0o755)


def test_is_not_complete_if_sudo_takes_entries_from_sssd(machine, sudoers):
    sudoers("alice ALL=(ALL) ALL")
    NSSWITCH.write_text(NSSWITCH.read_text() + "sudoers: files sss\n")
    assert of_sudo(machine) == ([], True)  # as Debian's libsss-sudo leaves it, and SSSD answers nothing
    NSSWITCH.write_text(NSSWITCH.read_text().replace("files sss", "files ldap"))
    [finding], is_complete = of_sudo(machine)
    assert "does not read" in finding["what"] and not is_complete


def test_says_without_root_that_sudoers_is_not_readable(machine, sudoers):
    sudoers("alice ALL=(ALL) ALL\nDefaults targetpw")
    done = machine.run("setpriv", *become("alice"), "twostep", "policy", "explain", "--user", "alice", "--service", "sudo")
    assert "/etc/sudoers: this file cannot be read, so it is not known whose code sudo asks for" in done.stdout
