"""`twostep doctor` on the machine itself: a machine set up as README says has no problems, and each remedy fixes its problem."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from hosts import README, AsInReadme, KeyAlone, Sshd, become, end, ready
from machine import apply, wait_until

SETTINGS = Path("/etc/ssh/sshd_config.d/00-twostep.conf")
DEFS = Path("/etc/login.defs")
POLICY = Path("/etc/twostep/policy.toml")
STORE = Path("/var/lib/twostep")
HELPER = Path("/usr/libexec/twostep/twostep-helper")
PID_FILE = Path("/run/sshd.pid")
PROFILE = Path(__file__).parents[2] / "packaging/pam-configs/twostep"
# polkit's file has no line of twostep, which doctor warns of where the second step is mandatory.
EXEMPT = '[[rule]]\nname = "polkit"\nservices = ["polkit-1"]\nmode = "exempt"\n'


@pytest.fixture
def prepared(machine):
    """A machine on which README was followed, and no sshd runs yet."""
    Sshd.stop()
    usual = DEFS.read_text()
    DEFS.write_text(re.sub(r"^LOGIN_TIMEOUT.*$", "LOGIN_TIMEOUT 300", usual, flags=re.M))
    configure(README)
    machine.policy(EXEMPT, mode="mandatory")
    yield machine
    Sshd.stop()
    DEFS.write_text(usual)
    SETTINGS.unlink(missing_ok=True)
    machine.policy()
    POLICY.chmod(0o644)
    install_helper()


def install_helper():
    shutil.chown(HELPER, "twostep", "twostep")
    HELPER.chmod(0o6755)


def configure(settings):
    SETTINGS.write_text("".join(f"{keyword} {value}\n" for keyword, value in settings.items()))


def findings(machine, *whoever):
    """All findings except those about the clock: the sandbox has no time synchronization."""
    report = json.loads(machine.run(*whoever, "twostep", "doctor", "--json").stdout)
    assert report["complete"] == (not whoever)
    return [finding for finding in report["findings"] if finding["file"] != "clock"]


def test_finds_nothing_where_readme_was_followed(prepared):
    assert findings(prepared) == []
    assert prepared.run("twostep", "doctor").returncode == 0
    alice = prepared.enroll("alice")
    assert ready(AsInReadme(prepared)).attempt("alice", alice.code()).granted
    assert findings(prepared) == []


def test_one_remedy_replaces_line_of_profile(prepared):
    """pam-auth-update takes its line away itself, and each program with a line of its own asks once."""
    folder, saved = Path("/etc/pam.d"), Path("/run/pam.d")
    shutil.copytree(folder, saved)
    shutil.copy(PROFILE, "/usr/share/pam-configs")
    try:
        for file in ("login", "sshd", "su", "sudo", "sudo-i"):
            text = (folder / file).read_text()
            (folder / file).write_text(re.sub(r"(?m)^auth.*pam_twostep.*\n", "", text))
        assert prepared.run("pam-auth-update", "--enable", "twostep").returncode == 0
        shared = [one for one in findings(prepared) if one["id"] == "pam.line-in-shared-file" and "common-auth" in one["file"]]
        assert [one["remedy"]["kind"] for one in shared] == ["steps"]
        assert shared[0]["remedy"]["steps"][-1] == {"kind": "run", "command": "pam-auth-update --disable twostep"}
        apply(shared[0]["remedy"])
        assert "pam_twostep" not in (folder / "common-auth").read_text()
        assert findings(prepared) == []
    finally:
        prepared.run("pam-auth-update", "--disable", "twostep")
        Path("/usr/share/pam-configs/twostep").unlink()
        shutil.copytree(saved, folder, dirs_exist_ok=True)
        shutil.rmtree(saved)


def test_accepted_code_confirms_clock(prepared):
    """Whether a time service keeps the clock is a matter of the machine below the sandbox."""
    ids = lambda: [finding["id"] for finding in json.loads(prepared.run("twostep", "doctor", "--json").stdout)["findings"]]
    is_kept = "clock-not-kept" not in "".join(ids())
    prepared.enroll("alice")
    assert "machine.clock-not-kept" not in ids()
    prepared.clock.advance(8 * 86_400)
    assert ("machine.clock-not-kept" not in ids()) == is_kept


def test_finds_sshd_that_runs_with_other_options(prepared):
    prepared.enroll("alice")
    prepared.policy()
    outcome = ready(KeyAlone(prepared)).attempt("alice")
    assert outcome.granted and not outcome.asked
    [finding] = findings(prepared)
    assert (finding["severity"], finding["file"]) == ("problem", f"/proc/{Sshd.process.pid}/cmdline")
    assert finding["what"] == "AuthenticationMethods: 'publickey' lets users in without a code"
    assert findings(prepared, *ALICE) == []
    Sshd.stop()
    assert findings(prepared) == []


def test_finds_other_service_name_of_sshd(prepared):
    """Before OpenSSH 9.8 the name of the program is the PAM service."""
    if "pamservicename" in prepared.run("/usr/sbin/sshd", "-T").stdout.lower():
        pytest.skip("this sshd is 'sshd' to PAM, whatever its name")
    program = Path("/usr/sbin/ssh-elsewhere")
    program.symlink_to("sshd")
    Sshd.run(README, program=str(program))
    [finding] = findings(prepared)
    assert finding["what"] == "sshd uses the PAM service 'ssh-elsewhere', which has no pam_twostep line"
    program.unlink()


def test_asks_no_other_program_if_one_is_gone(prepared):
    program = Path("/usr/local/sbin/sshd")
    shutil.copy("/usr/sbin/sshd", program)
    Sshd.run(README, program=str(program))
    program.unlink()
    report = json.loads(prepared.run("twostep", "doctor", "--json").stdout)
    whats = {finding["file"]: finding["what"] for finding in report["findings"]}
    what = f"{program} -T cannot be run: No such file or directory (os error 2)"
    assert whats[f"/proc/{Sshd.process.pid}/cmdline"] == f"doctor cannot tell the settings of this sshd: {what}"
    assert not report["complete"]


def test_report_is_incomplete_if_something_cannot_be_seen(prepared):
    """This sshd has too little room for its title, which replaces its arguments."""
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-o", "UsePAM=no"], env={})
    wait_until(lambda: b"sshd: " in Path(f"/proc/{sshd.pid}/cmdline").read_bytes(), "it does not listen")
    report = json.loads(prepared.run("twostep", "doctor", "--json").stdout)
    end(sshd)
    assert not report["complete"]
    assert f"/proc/{sshd.pid}/cmdline" in [finding["file"] for finding in report["findings"]]


def test_finds_settings_that_sshd_has_not_read_yet(prepared):
    PID_FILE.unlink(missing_ok=True)
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D"])
    try:
        wait_until(lambda: is_noted(sshd), NOT_NOTED)
        assert findings(prepared) == []
        configure(README)
        [finding] = findings(prepared)
        assert finding["what"] == f"sshd (process {sshd.pid}) has not read its settings since this file was changed"
        apply(finding["remedy"])
        wait_until(lambda: findings(prepared) == [], "a finding stays")
        assert sshd.poll() is None
    finally:
        end(sshd)


def test_tells_reload_of_each_sshd_with_shared_pid_file(prepared):
    PID_FILE.unlink(missing_ok=True)
    sshds = []
    try:
        for port in ["22", "2222"]:
            sshds.append(subprocess.Popen(["/usr/sbin/sshd", "-D", "-p", port]))
            wait_until(lambda: is_noted(sshds[-1]), NOT_NOTED)
        time.sleep(2)  # /proc tells the start of a process to a second
        assert findings(prepared) == []
        configure(README)
        other, noted = (f"sshd (process {sshd.pid})" for sshd in sshds)
        found = findings(prepared)
        assert sorted(finding["what"] for finding in found) == sorted(
            [
                f"{other} was started before this file was changed",
                f"{noted} has not read its settings since this file was changed",
            ]
        )
        # Of the one that is reloaded it is now known; what was known of the other one is lost.
        apply(next(finding["remedy"] for finding in found if other in finding["what"]))
        wait_until(lambda: is_noted(sshds[0]), NOT_NOTED)
        assert [finding["what"] for finding in findings(prepared)] == [
            f"{noted} was started before this file was changed"
        ]
    finally:
        for sshd in sshds:
            end(sshd)


NOT_NOTED = "it does not write its PID file"


def is_noted(sshd):
    return PID_FILE.exists() and PID_FILE.read_text().strip() == str(sshd.pid)


def break_store(_machine):
    subprocess.run(["rm", "-r", STORE / "state"], check=True)


def helper_of(owner):
    shutil.chown(HELPER, owner, owner)
    HELPER.chmod(0o6755)


def mount_helper(options):
    subprocess.run(["mount", "--bind", HELPER.parent, HELPER.parent], check=True)
    subprocess.run(["mount", "-o", f"remount,bind,{options}", HELPER.parent], check=True)


MISTAKES = {
    "sshd cannot ask": lambda _: configure({**README, "KbdInteractiveAuthentication": "no"}),
    "a key is enough": lambda _: configure({**README, "AuthenticationMethods": "any"}),
    "a policy that a group can write": lambda _: POLICY.chmod(0o664),
    "a slip in the policy": lambda machine: machine.policy("[gate]\nservice = []\n"),
    "no place for states": break_store,
    "a line that is passed over": lambda machine: machine.stack(
        "sudo", "auth requisite pam_unix.so", "auth optional pam_twostep.so"
    ),
    "a helper that is not set-uid": lambda _: HELPER.chmod(0o755),
    "a helper that runs as root": lambda _: helper_of("root"),
    "a helper of bob's": lambda _: helper_of("bob"),
}
ALICE = ("setpriv", *become("alice"))


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_remedies_fix_what_is_wrong(prepared, mistake):
    mistake(prepared)
    found = findings(prepared)
    is_problem = any(finding["severity"] == "problem" for finding in found)
    assert found and prepared.run("twostep", "doctor").returncode == is_problem
    for _ in range(5):
        for finding in [finding for finding in found if finding["remedy"]["kind"] != "advice"][:1]:
            apply(finding["remedy"])
        found = findings(prepared)
    assert found == []


@pytest.mark.parametrize("mistake", [name for name in MISTAKES if name != "no place for states"])
def test_finds_public_problems_without_root(prepared, mistake):
    MISTAKES[mistake](prepared)
    by_root, by_alice = findings(prepared), findings(prepared, *ALICE)
    assert by_alice and all(finding in by_root for finding in by_alice)
    done = prepared.run(*ALICE, "twostep", "doctor")
    assert done.returncode == prepared.run("twostep", "doctor").returncode
    assert done.stdout.splitlines()[-1].startswith("Some checks need root")


def test_finds_nothing_after_readme_without_root(prepared):
    prepared.enroll("alice")
    assert findings(prepared, *ALICE) == []
    done = prepared.run(*ALICE, "twostep", "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("Some checks need root")


def test_users_can_use_command_once_helper_is_fixed(prepared):
    """On a file system mounted nosuid, which the remedy remounts."""
    status = (*ALICE, "twostep", "status")
    assert prepared.run(*status).returncode == 0
    mount_helper("nosuid,noexec")
    try:
        assert prepared.run(*status).returncode == 3
        [finding] = findings(prepared)
        assert finding["severity"] == "warning" and findings(prepared, *ALICE) == [finding]
        apply(finding["remedy"])
        assert findings(prepared) == [] and prepared.run(*status).returncode == 0
    finally:
        subprocess.run(["umount", HELPER.parent], check=True)


def test_finds_missing_helper(prepared):
    HELPER.rename(HELPER.with_suffix(".away"))
    try:
        [finding] = findings(prepared)
        assert (finding["severity"], finding["file"]) == ("warning", str(HELPER))
        assert findings(prepared, *ALICE) == [finding]
    finally:
        HELPER.with_suffix(".away").rename(HELPER)


def test_finds_policy_that_refuses_every_login(prepared):
    prepared.policy(mode="optin")
    done = prepared.run("twostep", "doctor")
    assert done.returncode == 1 and "Did you mean 'opt-in'?" in done.stdout
    done = prepared.run("twostep", "policy", "check")
    assert done.returncode == 1 and f"{POLICY}:2:8: error: " in done.stdout
