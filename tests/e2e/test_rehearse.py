"""`twostep-rehearse`: it finds what is wrong with a planned change by real logins of an account that no other program sees, and
leaves nothing behind, whenever it is killed."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hosts import Sshd, become
from machine import PATIENT, REPOSITORY, STACKS, STORE, uid_of, wait_until

REHEARSE = "/usr/libexec/twostep/twostep-rehearse"
DROPINS = REPOSITORY / "packaging/dropins/sshd_config.d"
DROPIN = "/etc/ssh/sshd_config.d/10-twostep.conf"
ACCOUNT = "twostep-rehearsal"
MODULES = Path(next(Path("/usr/lib").glob("*/security/pam_permit.so"))).parent
OURS = "auth required pam_twostep.so"
ACCOUNT_LINES = "account required pam_twostep.so\n@include common-account\n"
PASSWORD = ["wrong-password", "wrong-code", "no-code", "right"]
KEY = ["no-key", "wrong-code", "no-code", "right"]


def stock(service):
    """The file of the distribution: the shipped one without our lines."""
    text = (STACKS / service).read_text()
    return "".join(line for line in text.splitlines(keepends=True) if "pam_twostep.so" not in line)


@pytest.fixture
def before(machine):
    """A machine with the files of the distribution, on which alice is enrolled."""
    Sshd.stop()
    machine.enroll("alice")
    for service in STACKS.iterdir():
        if service.name != "sshd-key":
            Path("/etc/pam.d", service.name).write_text(stock(service.name))
    Path("/etc/pam.d/sshd-key").unlink(missing_ok=True)
    machine.forget_log()
    return machine


@pytest.fixture
def shared(before):
    """As under systemd, where a mount shows in every namespace that was not told otherwise."""
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    yield before
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def request(files=None, removed=(), services=(), factor="password"):
    files = [{"path": path, "text": text} for path, text in (files or {}).items()]
    services = [{"name": name, "first_factor": factor} for name in services]
    return json.dumps({"files": files, "removed": list(removed), "services": services})


def rehearse(machine, *arguments, **keys):
    done = machine.run(*(arguments or (REHEARSE,)), stdin=request(**keys))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def stack(machine, *lines, service="sshd", account=ACCOUNT_LINES):
    """The reply to a change of one stack."""
    return rehearse(machine, files={f"/etc/pam.d/{service}": "\n".join(lines) + f"\n{account}"}, services=[service])


def faults(reply):
    return {login["case"]: login["fault"] for login in reply["logins"] if login["fault"]}


def problems(reply):
    return {finding["id"] for finding in reply["findings"] if finding["severity"] == "problem"}


# What is right.


@pytest.mark.parametrize("service", ["sshd", "login", "remote", "sudo", "sudo-i", "su"])
def test_finds_nothing_wrong_with_shipped_file(before, service):
    text = (STACKS / service).read_text()
    reply = rehearse(before, files={f"/etc/pam.d/{service}": text, DROPIN: (DROPINS / "10-twostep.conf").read_text()}, services=[service])
    assert [login["case"] for login in reply["logins"]] == PASSWORD
    assert faults(reply) == {}
    assert [login["asked"] for login in reply["logins"]] == [["password"], *[["password", "code"]] * 3]
    assert [login["ended"]["kind"] for login in reply["logins"]] == [*["refused"] * 3, "let-in"]
    assert reply["not_rehearsed"] == []
    assert not [finding for finding in reply["findings"] if finding["location"]["file"] == f"/etc/pam.d/{service}"]
    assert reply["sshd"] and all(run["error"] is None for run in reply["sshd"])


def test_finds_nothing_wrong_with_shipped_file_for_keys(before):
    files = {"/etc/pam.d/sshd": (STACKS / "sshd-key").read_text(), DROPIN: (DROPINS / "10-twostep-key.conf").read_text()}
    reply = rehearse(before, files=files, services=["sshd"], factor="publickey")
    assert [(login["case"], login["fault"]) for login in reply["logins"]] == [(case, None) for case in KEY]
    assert [login["asked"] for login in reply["logins"]] == [[], *[["code"]] * 3]
    assert "sshd.settings-refused" not in problems(reply)


@pytest.mark.parametrize("service", ["i3lock", "swaylock"])
def test_locker_is_rehearsed_as_its_user_by_the_helper(before, service):
    reply = rehearse(before, files={f"/etc/pam.d/{service}": (STACKS / service).read_text()}, services=[service])
    assert [login["case"] for login in reply["logins"]] == PASSWORD
    assert faults(reply) == {}
    assert all(login["asked"][0] == "password-and-code" and "code" not in login["asked"] for login in reply["logins"])


def test_rehearses_new_service_and_link(before):
    """A new file needs another directory; a link leads to the file that is changed, as with authselect."""
    text = f"@include common-auth\n{OURS}\n{ACCOUNT_LINES}"
    linked = Path("/etc/linked-stack")
    linked.write_text(stock("login"))
    Path("/etc/pam.d/login").unlink()
    Path("/etc/pam.d/login").symlink_to("../linked-stack")
    try:
        files = {"/etc/pam.d/brand-new": text, "/etc/pam.d/login": text, "/etc/twostep-new/deeper/file": "x"}
        reply = rehearse(before, files=files, services=["brand-new", "login"])
        assert faults(reply) == {} and len(reply["logins"]) == 8, reply["logins"]
        assert linked.read_text() == stock("login")
        assert not Path("/etc/pam.d/brand-new").exists() and not Path("/etc/twostep-new").exists()
    finally:
        Path("/etc/pam.d/login").unlink()
        linked.unlink()


def test_rehearses_without_removed_file(before):
    reply = rehearse(before, removed=["/etc/pam.d/su", "/etc/pam.d/not-there"], services=["su"])
    assert reply["not_rehearsed"] == [{"service": "su", "first_factor": "password", "why": {"kind": "no-file"}}]
    assert Path("/etc/pam.d/su").read_text() == stock("su")


def test_counts_of_faillock_stay(before):
    tallies = Path("/run/faillock")
    tallies.mkdir(exist_ok=True)
    lines = ("auth required pam_faillock.so preauth", "auth [success=1 default=ignore] pam_unix.so")
    lines += ("auth [default=die] pam_faillock.so authfail deny=1", OURS)
    assert faults(stack(before, *lines)) == {}
    assert list(tallies.iterdir()) == []
    lines = [line.replace("pam_faillock.so", "pam_faillock.so dir=/run/not-there") for line in lines]
    assert stack(before, *lines)["not_rehearsed"][0]["why"]["kind"] == "module"
    assert not Path("/run/not-there").exists()


# What is wrong.


def test_finds_code_asked_after_wrong_password(before):
    assert faults(stack(before, "auth required pam_unix.so", OURS))["wrong-password"] == "code-asked-too-early"


@pytest.mark.parametrize("control", ["sufficient", "optional"])
def test_finds_line_whose_refusal_does_not_count(before, control):
    lines = ("@include common-auth", f"auth {control} pam_twostep.so")
    reply = stack(before, *lines, account="@include common-account\n")
    assert faults(reply) == {"wrong-code": "let-in", "no-code": "let-in"}
    assert problems(reply) & {"pam.refusal-is-ignored", "pam.refusal-is-forgotten"}
    saved_by_account_line = stack(before, *lines)
    assert faults(saved_by_account_line) == {}
    assert [login["ended"].get("phase") for login in saved_by_account_line["logins"]] == ["auth", "account", "account", None]


def test_finds_line_that_is_skipped(before):
    lines = ("auth [success=2 default=ignore] pam_unix.so", "auth requisite pam_deny.so", OURS, "auth required pam_permit.so")
    reply = stack(before, *lines, account="@include common-account\n")
    assert faults(reply) == {"wrong-code": "let-in", "no-code": "let-in", "right": "code-not-asked"}
    assert "pam.line-can-be-skipped" in problems(reply)


def test_finds_password_that_counts_for_nothing(before):
    reply = stack(before, "auth optional pam_unix.so", OURS)
    assert faults(reply)["wrong-password"] == "let-in"


def test_finds_stack_without_key_for_logins_by_key(before):
    reply = rehearse(before, files={"/etc/pam.d/sshd": f"auth required pam_permit.so\n{OURS} first_factor=any\n{ACCOUNT_LINES}"}, services=["sshd"], factor="publickey")
    assert faults(reply)["no-key"] == "let-in"
    reply = rehearse(before, files={"/etc/pam.d/sshd": (STACKS / "sshd").read_text()}, services=["sshd"], factor="publickey")
    assert faults(reply)["right"] == "refused"


def test_finds_missing_account_line(before):
    before.mandatory()
    reply = stack(before, "@include common-auth", OURS, account="@include common-account\n")
    assert faults(reply) == {}
    assert {"pam.account-line-missing"} <= {finding["id"] for finding in reply["findings"]}


@pytest.mark.parametrize(
    "line", ["auth requird pam_twostep.so", "auht required pam_twostep.so", "auth required pam_twostep.so first_facter=any", "@include no-such-file"]
)
def test_finds_line_that_refuses_everybody(before, line):
    reply = stack(before, "@include common-auth", line)
    assert faults(reply)["right"] == "refused"
    assert problems(reply)


def test_finds_account_phase_that_refuses(before):
    reply = stack(before, "@include common-auth", OURS, account="account required pam_deny.so\n")
    assert faults(reply) == {"right": "refused"}
    assert reply["logins"][-1]["ended"]["phase"] == "account"


def test_finds_mistake_in_dropin(before):
    reply = rehearse(before, files={DROPIN: "UsePAM yes\nAuthenticationMethodes any\n"})
    [checked] = reply["sshd"]
    assert "sshd -t" in checked["command"] and f"{DROPIN}" in checked["error"] and "line 2" in checked["error"]
    assert not Path(DROPIN).exists()


def test_asks_sshd_about_each_match_block(before):
    text = "Match User alice,bob\n X11Forwarding no\nMatch Address 192.0.2.0/24\n X11Forwarding no\nMatch LocalPort 2222\n X11Forwarding no\n"
    commands = [run["command"] for run in rehearse(before, files={DROPIN: text})["sshd"]]
    named = [command.partition("user=")[2].split()[0] for command in commands if "user=" in command]
    assert named == ["alice,host=0.0.0.0,addr=0.0.0.0", "root,host=192.0.2.0,addr=192.0.2.0"]


# What cannot be told.


TOUCH = "pam_exec.so /usr/bin/touch /tmp/it-ran"


@pytest.mark.parametrize("kind", ["auth", "account"])
def test_runs_no_module_that_may_change_something(before, kind):
    reply = stack(before, f"{kind} required {TOUCH}", "@include common-auth", OURS)
    [left] = reply["not_rehearsed"]
    assert left["why"] == {"kind": "module", "module": "pam_exec.so", "location": {"file": "/etc/pam.d/sshd", "line": 1}}
    assert reply["logins"] == [] and not Path("/tmp/it-ran").exists()
    assert reply["findings"] and reply["sshd"], "the rest is rehearsed all the same"


@pytest.mark.parametrize("kind", ["auth", "account"])
@pytest.mark.parametrize("control", ["optional", "[success=ok default=ignore]"])
def test_leaves_out_optional_module(before, kind, control):
    reply = stack(before, f"{kind} {control} {TOUCH}", "@include common-auth", OURS)
    assert (reply["left_out"], reply["not_rehearsed"]) == ([{"service": "sshd", "module": "pam_exec.so"}], [])
    assert len(reply["logins"]) == 4 and faults(reply) == {} and not Path("/tmp/it-ran").exists()


def test_finds_optional_module_whose_success_counts(before):
    reply = stack(before, f"auth optional {TOUCH}", account="account required pam_permit.so")
    assert faults(reply)["wrong-password"] == "let-in" and not Path("/tmp/it-ran").exists()


def test_runs_no_unknown_module_under_a_known_name(before):
    other = Path("/opt/pam_unix.so")
    shutil.copy(MODULES / "pam_unix.so", other)
    reply = stack(before, f"auth requisite {other}", OURS)
    assert reply["logins"] == [] and reply["not_rehearsed"][0]["why"]["module"] == str(other)
    missing = stack(before, "-auth optional pam_not_installed.so", "@include common-auth", OURS)
    assert faults(missing) == {} and missing["not_rehearsed"] == [], "what is not there is not run"


def test_says_which_line_refuses_the_account_for_what_it_is(before):
    account = f"account required pam_access.so\n{ACCOUNT_LINES}"
    lines = ("@include common-auth", OURS)
    assert stack(before, *lines, account=account)["not_rehearsed"] == []
    rules = Path("/etc/security/access.conf")
    kept = rules.read_text()
    rules.write_text("-:ALL EXCEPT root alice:ALL\n")
    try:
        reply = stack(before, *lines, account=account)
        assert reply["logins"] == []
        assert reply["not_rehearsed"][0]["why"]["kind"] == "condition"
        reply = stack(before, "auth sufficient pam_permit.so", account="account required pam_permit.so\naccount sufficient pam_access.so\n")
        assert faults(reply)["wrong-password"] == "let-in"
    finally:
        rules.write_text(kept)


def test_says_that_only_sshd_takes_keys(before):
    reply = rehearse(before, files={"/etc/pam.d/su": stock("su")}, services=["su"], factor="publickey")
    assert reply["not_rehearsed"][0]["why"] == {"kind": "not-sshd"}


def test_says_that_there_is_no_namespace(before):
    reply = rehearse(before, "setpriv", "--bounding-set=-sys_admin", REHEARSE, services=["sshd"])
    assert reply["outcome"] == "no-namespace"


# Modules that end their program.


@contextmanager
def module(code):
    """pam_issue.so, whose auth phase does this."""
    place = MODULES / "pam_issue.so"
    kept = place.read_bytes()
    source = f"#include <fcntl.h>\n#include <stdlib.h>\n#include <unistd.h>\nint pam_sm_authenticate(void) {{ {code} return 0; }}\n"
    source += "int pam_sm_setcred(void) { return 0; }\n"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-o", place, "-"], input=source, text=True, check=True)
    try:
        yield
    finally:
        place.write_bytes(kept)


@pytest.mark.parametrize(
    "code, ended",
    [
        ("*(volatile int *)0 = 1;", {"kind": "killed", "signal": signal.SIGSEGV}),
        ("exit(0);", {"kind": "exited", "status": 0}),
        ("if (!fork()) for (;;) pause(); for (;;) pause();", {"kind": "too-slow", "seconds": 20}),
    ],
    ids=["crashes", "ends its program", "hangs"],
)
def test_module_that_ends_its_program_ends_one_login(before, code, ended):
    with module(code):
        reply = stack(before, "@include common-auth", "auth requisite pam_twostep.so", "auth required pam_issue.so")
    assert faults(reply) == {"right": "not-ended"}
    assert (reply["logins"][-1]["ended"], reply["logins"][-1]["asked"]) == (ended, ["password", "code"])
    assert processes_of_rehearsal() == []


# What nobody else sees.


def as_of_now():
    """What a rehearsal could change: mounts, accounts, enrollments, counts, settings, the log."""
    folders = [STORE, *map(Path, ("/etc", "/run", "/usr/libexec/twostep", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"))]
    files = [file for folder in folders for file in [folder, *folder.rglob("*")] if not str(file).startswith("/run/sandbox/")]
    facts = {str(file): file.lstat() for file in files}
    facts = {path: (found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns) for path, found in facts.items()}
    bytes_of = {str(file): file.read_bytes() for file in files if file.is_file() and not file.is_symlink()}
    return Path("/proc/self/mountinfo").read_text(), facts, bytes_of


def logged(machine):
    """The log without the marks of `machine.log_text`."""
    return [line for line in machine.log_text().splitlines() if not line.startswith("mark ")]


def processes_of_rehearsal():
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is a zombie
            if "twostep-rehearse" in os.readlink(process / "exe"):
                found.append(int(process.name))
    return found


EVERYTHING = {
    "files": {"/etc/pam.d/sshd": (STACKS / "sshd").read_text(), "/etc/pam.d/new": f"{OURS}\n", DROPIN: "UsePAM yes\n"},
    "removed": ["/etc/pam.d/su"],
    "services": ["sshd", "sudo"],
}


def test_changes_nothing_outside_its_namespace(shared):
    then = as_of_now()
    reply = rehearse(shared, **EVERYTHING)
    assert len(reply["logins"]) == 8
    assert as_of_now() == then
    assert logged(shared) == [], "its logins are in no log"
    assert ACCOUNT not in shared.run("getent", "passwd", ACCOUNT).stdout


MOMENTS = {
    "at its start": lambda _mounts, _children: True,
    "with its first mount": lambda mounts, _children: "twostep-rehearse" in mounts,
    "with the new files": lambda mounts, _children: " /etc/pam.d " in mounts,
    "with the account": lambda mounts, _children: " /etc/shadow " in mounts,
    "in a login": lambda mounts, children: " /etc/twostep/policy.toml " in mounts and children,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_leaves_nothing_behind_when_it_is_killed(shared, moment):
    then = as_of_now()
    reached = 0
    for _ in range(5):
        rehearsal = subprocess.Popen([REHEARSE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        rehearsal.stdin.write(request(**EVERYTHING))
        rehearsal.stdin.close()
        process = Path("/proc", str(rehearsal.pid))
        deadline = time.monotonic() + PATIENT
        while rehearsal.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):  # it has just ended
                children = (process / f"task/{rehearsal.pid}/children").read_text()
                if MOMENTS[moment]((process / "mountinfo").read_text(), children):
                    rehearsal.kill()
                    break
        reached += rehearsal.wait() == -signal.SIGKILL
        wait_until(lambda: processes_of_rehearsal() == [], "a login goes on without its rehearsal")
        assert as_of_now() == then
    assert reached
    assert logged(shared) == []


def test_account_of_rehearsal_is_of_no_use_meanwhile(before):
    """While its login with all of it right hangs in a module. The login ends with its rehearsal."""
    hangs = Path("/run/login-hangs")
    with module(f'creat("{hangs}", 0600); for (;;) pause();'):
        lines = ("@include common-auth", "auth requisite pam_twostep.so", "auth required pam_issue.so", ACCOUNT_LINES)
        rehearsal = subprocess.Popen([REHEARSE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        rehearsal.stdin.write(request(files={"/etc/pam.d/sshd": "\n".join(lines)}, services=["sshd"]))
        rehearsal.stdin.close()
        wait_until(hangs.exists, "it came to no login")
        hangs.unlink()
        assert before.run("getent", "passwd", ACCOUNT).returncode == 2
        assert before.run("getent", "shadow", ACCOUNT).returncode == 2
        assert ACCOUNT not in Path("/etc/passwd").read_text()
        assert [file.stem for file in (STORE / "users").iterdir()] == [str(uid_of("alice"))]
        rehearsal.kill()
        rehearsal.wait()
        wait_until(lambda: processes_of_rehearsal() == [], "a login goes on without its rehearsal")


def test_reply_holds_no_password_and_no_code(before):
    done = before.run(REHEARSE, stdin=request(**EVERYTHING))
    assert "nobody but us" not in done.stdout and "somebody" not in done.stdout
    codes = [word for word in done.stdout.replace('"', " ").split() if word.isdigit() and len(word) == 6]
    assert codes == []


# Who may run it.


@pytest.mark.parametrize("arguments", [(), ("--login",)], ids=["a rehearsal", "one login"])
def test_refuses_every_user_but_root(before, arguments):
    done = before.run("setpriv", *become("alice"), REHEARSE, *arguments, stdin=request(services=["sshd"]))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: only root can rehearse a change\n"
    mode = Path(REHEARSE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o755 and Path(REHEARSE).owner() == "root"


def test_login_without_its_rehearsal_is_not_tried(before):
    """The rehearsal was killed before its login could ask to end with it."""
    login = {"service": "sshd", "first_factor": "password", "case": "right", "program": {"ids": "root", "is_sshd": True}}
    login |= {"asks_once": False, "tallies": [], "account": {"uid": 59999, "gid": 59999}, "rehearsal": os.getppid()}
    done = before.run(REHEARSE, "--login", stdin=json.dumps(login))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: the rehearsal of this login has ended\n")


def test_refuses_to_be_set_uid(before):
    """As somebody might install it by mistake."""
    other = Path("/opt/rehearse")
    shutil.copy(REHEARSE, other)
    other.chmod(0o4755)
    done = before.run("setpriv", *become("alice"), str(other), stdin=request(services=["sshd"]))
    other.unlink()
    assert (done.returncode, done.stderr) == (1, "error: only root can rehearse a change\n")


@pytest.mark.parametrize(
    "text", ["", "{}", '{"files": [], "services": [], "more": 1}', '{"files": [{"path": "etc/x", "text": ""}], "services": []}']
)
def test_refuses_request_that_it_does_not_understand(before, text):
    then = as_of_now()
    done = before.run(REHEARSE, stdin=text)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("error: ")
    assert as_of_now() == then
