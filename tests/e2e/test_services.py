"""`twostep services` on the machine itself: what it says of a service is what its logins do."""

import json
import re
import subprocess
from pathlib import Path

import pexpect
import pytest

from hosts import README, AsInReadme, KeyAlone, Login, Sshd, Su, SuLogin, Sudo, SudoLogin, become, ready
from machine import terminal_of

FOLDER = Path("/etc/pam.d")
SETTINGS = Path("/etc/ssh/sshd_config.d/00-twostep.conf")
POLICY = Path("/etc/twostep/policy.toml")
LOCAL = [Login, Su, SuLogin, Sudo, SudoLogin]
ALICE = ("setpriv", *become("alice"))
SGR = re.compile(r"\x1b\[(?:0|1|31|32|33)m")


@pytest.fixture
def prepared(machine):
    """A machine on which README was followed, and no sshd runs yet."""
    Sshd.stop()
    before = {file: file.read_bytes() for file in FOLDER.iterdir()}
    SETTINGS.write_text("".join(f"{keyword} {value}\n" for keyword, value in README.items()))
    yield machine
    Sshd.stop()
    SETTINGS.unlink()
    POLICY.chmod(0o644)
    for file in set(FOLDER.iterdir()) - set(before):
        file.unlink()
    for file, content in before.items():
        file.write_bytes(content)
        file.chmod(0o644)


def told(machine, *whoever):
    return json.loads(machine.run(*whoever, "twostep", "services", "--json").stdout)


def rows(machine, *whoever):
    return {row["service"]: row for row in told(machine, *whoever)["services"]}


def codes(machine, *whoever):
    return {service: row["code"] for service, row in rows(machine, *whoever).items()}


def row_of(machine, service):
    """The cells of its row in the table."""
    lines = machine.command("services").splitlines()
    [row] = [line for line in lines if line.split()[:1] == [service]]
    return re.split(r"\s{2,}", row)


def rule(name, mode, **lists):
    keys = "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in lists.items())
    return f'[[rule]]\nname = "{name}"\nmode = "{mode}"\n{keys}'


def without_our_lines(service):
    file = FOLDER / service
    file.write_text(re.sub(r"(?m)^.*pam_twostep.*\n", "", file.read_text()))


@pytest.mark.parametrize("host", LOCAL, ids=lambda host: host.name)
def test_service_asks_as_told(prepared, host):
    alice = prepared.enroll("alice")
    assert codes(prepared)[host.service] == "asks"
    assert ready(host(prepared)).attempt("alice", alice.code()).asked
    for service in ("su", "su-l", "sudo", "sudo-i", "login"):
        without_our_lines(service)
    row = rows(prepared)[host.service]
    assert (row["code"], row["auth_line"], row["missing"]) == ("asks-for-none", False, ["auth-line"])
    outcome = ready(host(prepared)).attempt("alice")
    assert outcome.granted and not outcome.asked
    assert row_of(prepared, host.service)[1] == "asks for none"
    assert f"run 'twostep enable {host.service}'" in row_of(prepared, host.service)[3]


@pytest.mark.parametrize("host", LOCAL, ids=lambda host: host.name)
def test_service_exempts_as_told(prepared, host):
    prepared.enroll("alice")
    prepared.policy(rule("by hand", "exempt", services=[host.service]) + rule("rest", "mandatory"))
    row = rows(prepared)[host.service]
    assert (row["code"], row["required"], row["missing"]) == ("exempt", False, [])
    assert row_of(prepared, host.service)[1:3] == ["exempt", "exempt by rule 'by hand'"]
    outcome = ready(host(prepared)).attempt("alice")
    assert outcome.granted and not outcome.asked
    others = {name: row["code"] for name, row in rows(prepared).items() if row["auth_line"] and name != host.service}
    assert set(others.values()) == {"asks"}


def test_sshd_asks_as_told(prepared):
    alice = prepared.enroll("alice")
    assert codes(prepared)["sshd"] == "asks"
    assert ready(AsInReadme(prepared)).attempt("alice", alice.code()).asked
    assert codes(prepared)["sshd"] == "asks"
    outcome = ready(KeyAlone(prepared)).attempt("alice")
    assert outcome.granted and not outcome.asked
    row = rows(prepared)["sshd"]
    assert (row["code"], row["missing"]) == ("can-be-bypassed", ["code-after-key"])
    assert "sshd.key-without-code" in row["findings"] and row["problems"] == 1
    assert row_of(prepared, "sshd")[3] == "sshd accepts a key alone; 1 problem: see 'twostep doctor'"
    assert codes(prepared, *ALICE)["sshd"] == "asks"  # only root sees how a running sshd was started
    assert "run 'sudo twostep services'." in prepared.run(*ALICE, "twostep", "services").stdout
    assert not told(prepared, *ALICE)["complete"]


def test_sshd_without_pam_asks_nobody(prepared):
    SETTINGS.write_text("UsePAM no\n" + SETTINGS.read_text())
    row = rows(prepared)["sshd"]
    assert (row["code"], row["auth_line"], row["missing"]) == ("asks-for-none", True, ["pam"])


def test_lists_service_that_sshd_uses_by_its_name(prepared):
    if "pamservicename" not in prepared.run("/usr/sbin/sshd", "-T").stdout.lower():
        pytest.skip("this sshd is 'sshd' to PAM")
    SETTINGS.write_text("PAMServiceName ssh-corp\n" + SETTINGS.read_text())
    (FOLDER / "ssh-corp").write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
    row = rows(prepared)["ssh-corp"]
    assert (row["sshd"], row["code"]) == (True, "asks-for-none")
    assert row_of(prepared, "ssh-corp")[0] == "ssh-corp (sshd)"


def test_says_for_whom_in_words_of_policy(prepared):
    prepared.policy(
        rule("lan", "exempt", **{"from": ["192.0.2.0/24"]})
        + rule("admins", "mandatory", groups=["sudo"], services=["sshd", "login"])
        + rule("robots", "opt-in", users=["dave"])
    )
    assert row_of(prepared, "sshd")[2] == "exempt by rule 'lan'; mandatory for groups sudo; opt-in for users dave; else opt-in"
    assert row_of(prepared, "su")[2] == "exempt by rule 'lan'; opt-in for users dave; else opt-in"
    found = rows(prepared)
    assert [one["rule"] for one in found["sshd"]["rules"]] == ["lan", "admins", "robots", "default"]
    assert found["sshd"]["rules"][0]["from"] == ["192.0.2.0/24"]
    assert (found["sshd"]["required"], found["su"]["required"]) == (True, False)
    prepared.command("require", "alice")
    assert rows(prepared)["su"]["required"]


def test_refuses_everybody_while_policy_has_an_error(prepared):
    alice = prepared.enroll("alice")
    prepared.policy("unknown = 1\n")
    row = rows(prepared)["su"]
    assert (row["code"], row["rules"], row["required"]) == ("refuses-everybody", None, None)
    assert ready(Su(prepared)).attempt("alice", alice.code()).refused
    assert told(prepared)["other_problems"] >= 1


def test_tells_which_files_only_root_may_read(prepared):
    (FOLDER / "sudo").chmod(0o600)
    POLICY.chmod(0o600)
    found = rows(prepared, *ALICE)
    assert (found["sudo"]["code"], found["sudo"]["auth_line"], found["su"]["code"]) == ("unknown", None, "asks")
    assert found["su"]["rules"] is None
    assert rows(prepared)["sudo"]["code"] == "asks"


@pytest.mark.parametrize("name", ["x\x1b]0;owned\x07\x1b[2J", "x\nsshd  asks", "x\x9b31m\u202egnp", "a\rsshd"])
def test_name_of_file_does_not_change_the_terminal(prepared, name):
    usual = len(rows(prepared))
    (FOLDER / name).write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
    lines = on_terminal([])
    assert all(line.isprintable() for line in SGR.sub("", "\n".join(lines)).split("\n"))
    assert len([line for line in lines if "asks" in line or "exempt" in line]) == usual + 1
    assert len(rows(prepared)) == usual + 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", prepared.command("services", "--json"))


def on_terminal(settings):
    """The lines of the table, as a wide terminal gets them, without the bar that a slow machine shows."""
    terminal = terminal_of("env", [*settings, "sh", "-c", "twostep services 2>/dev/null"])
    terminal.setwinsize(50, 400)
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 0
    return terminal.before.rstrip("\r\n").split("\r\n")


def test_shows_colours_on_terminals_alone(prepared):
    without_our_lines("su")
    prepared.policy(rule("su", "mandatory", services=["su"]))
    shown = "\n".join(on_terminal([]))
    assert re.search(r"^su +\x1b\[31masks for none\x1b\[0m", shown, re.M)
    assert re.search(r"^login +\x1b\[32masks\x1b\[0m", shown, re.M)
    plain = "\n".join(on_terminal(["NO_COLOR=1"]))
    assert plain == SGR.sub("", shown) and "\x1b" not in plain
    assert prepared.command("services").rstrip("\n") == plain


def test_changes_nothing_and_ends_with_0(prepared):
    prepared.enroll("alice")
    before = [prepared.state_of("alice"), {file: file.read_bytes() for file in FOLDER.iterdir()}, POLICY.read_bytes()]
    without_our_lines("sshd")
    done = subprocess.run(["twostep", "services"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("SERVICE ")
    prepared.use_stack("sshd", "sshd")
    assert before == [prepared.state_of("alice"), {file: file.read_bytes() for file in FOLDER.iterdir()}, POLICY.read_bytes()]
