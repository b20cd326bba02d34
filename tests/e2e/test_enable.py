"""`twostep enable`, `keep`, `revert` and `disable`, on the service files that the release's packages bring."""

import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pexpect
import pytest

from hosts import PasswordMethod, Ssh, SshKey, Sshd, Sudo, end
from machine import PATIENT, STOCK, STORE, terminal_of, wait_until
from person import Newcomer

PAM = Path("/etc/pam.d")
SSHD_CONFIG = Path("/etc/ssh/sshd_config")
DROP_IN = Path("/etc/ssh/sshd_config.d/10-twostep.conf")
CHANGES = Path("/var/lib/twostep-enable")
PENDING = CHANGES / "pending.json"
SUDOERS = Path("/etc/sudoers.d/everybody")
PID_FILE = Path("/run/sshd.pid")
BOOT = "/proc/sys/kernel/random/boot_id"
WAITS = 600  # seconds
# What changes a file, or what is on a disk.
WRITES = ["mkdir", "openat", "write", "fchown", "fchmod", "fsync", "rename", "unlink", "flock"]


class OwnSshd(Ssh):
    """The sshd that the machine's own files set up: password, then code."""

    server = {}

    def prepare(self):
        """`enable` does that."""


class OwnSshdKey(SshKey):
    """The same: key, then code."""

    def prepare(self):
        """`enable` does that."""


class OwnSshdPassword(PasswordMethod):
    """The same, as Debian sets it up: a password is enough."""

    def prepare(self):
        """It is so before, and must be so again."""


class OwnSudo(Sudo):
    def prepare(self):
        """`enable` does that."""


def files(*folders):
    """Content, mode, owner and extended attributes of all files that 'enable' may change."""
    found = {}
    for folder in folders or (PAM, SSHD_CONFIG.parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                status, names = path.lstat(), os.listxattr(path)
                attributes = {name: os.getxattr(path, name) for name in names}
                found[str(path)] = (path.read_bytes(), status.st_mode, status.st_uid, status.st_gid, attributes)
    return found


@pytest.fixture
def stock(machine):
    """A machine as its packages set it up, with an sshd and a cron that run. Only admin may use sudo."""
    Sshd.stop()
    shutil.rmtree(PAM)
    shutil.copytree(STOCK, PAM, symlinks=True)
    settings, sudoers = SSHD_CONFIG.read_text(), SUDOERS.read_text()
    SSHD_CONFIG.write_text(f"ListenAddress 127.0.0.1\nMaxStartups 100\n{settings}")
    SUDOERS.write_text(sudoers.replace("ALL ALL=", "admin ALL=", 1))
    Path("/run/crond.pid").write_text(str(os.getpid()))
    machine.clock.go()
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D"])
    try:
        wait_until(listens, "sshd does not start")
        yield machine
    finally:
        subprocess.run(["twostep", "revert"], capture_output=True, check=False)
        end(sshd)
        SSHD_CONFIG.write_text(settings)
        SUDOERS.write_text(sudoers)
        DROP_IN.unlink(missing_ok=True)
        shutil.rmtree(CHANGES, ignore_errors=True)
        PID_FILE.unlink(missing_ok=True)


@pytest.fixture
def waiting(stock):
    """A change of sshd that waits; the files before it; and the administrator."""
    os.setxattr(PAM / "sshd", "user.note", b"kept")
    before = files()
    admin = stock.enroll("admin")
    enable(stock, "sshd", "--for", "password")
    return before, admin


def listens():
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", 22)) == 0


@contextmanager
def sshd_starts_again():
    """An sshd that is told to read its settings again does not listen for a moment, and then writes its PID file again."""
    written = PID_FILE.stat().st_mtime_ns
    yield
    wait_until(lambda: PID_FILE.exists() and PID_FILE.stat().st_mtime_ns != written and listens(), "sshd has ended")


def enable(machine, *arguments):
    with sshd_starts_again() if "sshd" in arguments else nullcontext():
        done = machine.run("twostep", "enable", "--yes", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(machine, *arguments):
    """What the command says that refuses. It must not have changed anything."""
    before = files()
    done = machine.run("twostep", *arguments)
    assert done.returncode == 1 and files() == before, done.stdout + done.stderr
    return done.stderr


def test_is_kept_after_login_with_code(stock):
    before = files()
    admin = stock.enroll("admin")
    said = enable(stock, "sshd", "--for", "password")
    assert "sshd, right password and code: let in" in said and "sudo twostep keep" in said
    assert "run 'sudo twostep keep'" in OwnSshd(stock).attempt("admin", admin.code()).text
    assert stock.command("keep").startswith("sshd: kept. admin logged in by sshd with a code at ")
    assert "awaiting_keep" not in (PAM / "sshd").read_text()
    assert not PENDING.exists()
    stock.clock.advance(2 * WAITS)
    stock.command("revert", "--due")
    assert OwnSshd(stock).attempt("admin", "000000").refused
    assert "problem:" not in stock.run("twostep", "doctor").stdout
    stock.command("disable", "--yes", "sshd")
    assert files() == before
    assert re.findall(r"act=(\w+) services=sshd", stock.log_text()) == ["enable", "keep", "disable"]


def test_lets_in_by_key_and_code(stock):
    before = files()
    admin = stock.enroll("admin")
    enable(stock, "sshd", "--for", "key")
    assert OwnSshd(stock).attempt("admin", admin.code()).refused, "a password is no key"
    assert OwnSshdKey(stock).attempt("admin", admin.code()).granted
    stock.command("keep")
    stock.command("disable", "--yes", "sshd")
    assert files() == before


def test_lets_in_by_key_or_password_and_code(stock):
    before = files()
    admin, bob = stock.enroll("admin"), stock.enroll("bob")
    said = enable(stock, "sshd")
    assert "sshd, key and right code: let in" in said and "sshd, right password and code: let in" in said
    key, password = OwnSshdKey(stock), OwnSshd(stock)
    by_key = key.attempt("admin", admin.code())
    assert by_key.granted and len(by_key.asked) == 1 and not re.search("[Pp]assword:", by_key.text)
    assert key.attempt("admin", "000000").refused
    by_password = password.attempt("bob", bob.code())
    assert by_password.granted and re.search("[Pp]assword:", by_password.text)
    assert not password.attempt("bob", bob.code(), password="not hers").asked
    # A key that is not this user's is no key: the password comes first.
    keys = Path("/home/bob/.ssh/authorized_keys")
    keys.rename(keys.with_name("others"))
    assert not key.attempt("bob", bob.code(), password="not hers").asked
    keys.with_name("others").rename(keys)
    # Those who are not enrolled notice nothing, where nobody must be.
    assert key.attempt("carol").granted and password.attempt("carol").granted
    assert stock.command("keep").startswith("sshd: kept.")
    assert "problem:" not in stock.run("twostep", "doctor").stdout
    assert "everything is already so" in stock.command("enable", "sshd", "--yes")
    stock.command("disable", "--yes", "sshd")
    assert files() == before


def test_newcomer_enrolls_after_key_or_password(stock):
    stock.enroll("admin")
    enable(stock, "sshd", "--no-revert")
    stock.mandatory()
    for host, user in ((OwnSshdKey(stock), "bob"), (OwnSshd(stock), "carol")):
        newcomer = Newcomer(stock, user)
        assert host.attempt(user, newcomer=newcomer).granted
        stock.clock.advance(60)  # past the codes that enrolled
        assert host.attempt(user, newcomer.code()).granted


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("default=ignore] pam_twostep", "default=2] pam_twostep", "pam.wrong-password-reaches-code"),
        ("cred_unavail=2", "cred_unavail={past_ours}", "pam.line-can-be-skipped"),
        ("sshd_accepted=publickey", "sshd_accepted=key", "pam.wrong-argument"),
    ],
)
def test_doctor_sees_key_that_leads_elsewhere(stock, old, new, finding):
    stock.enroll("admin")
    enable(stock, "sshd", "--no-revert")
    sshd = PAM / "sshd"
    right = sshd.read_text()
    ours = "auth       required     pam_twostep.so\n"
    auth = [line for line in right.splitlines(keepends=True) if line.startswith("auth")]
    assert "sshd_accepted" in auth[0]
    new = new.format(past_ours=auth.index(ours))
    sshd.write_text(right.replace(ours, f"{ours}auth required pam_permit.so\n").replace(old, new))
    assert sshd.read_text().count(new) == 1
    assert f"[{finding}]" in stock.run("twostep", "doctor").stdout


def test_is_taken_back_if_nobody_keeps_it(stock, waiting):
    before, _ = waiting
    assert files() != before
    stock.clock.advance(WAITS - 60)
    stock.command("revert", "--due")
    assert files() != before
    with sshd_starts_again():
        stock.clock.advance(61)
        wait_until(lambda: not PENDING.exists(), "nothing takes the change back")
    assert files() == before
    assert "act=revert services=sshd" in stock.log_text()
    # sshd has read its settings again: a password is enough.
    assert OwnSshdPassword(stock).attempt("carol").granted


@contextmanager
def another_boot(tmp_path):
    (tmp_path / "boot").write_text("11111111-1111-4111-8111-111111111111\n")
    subprocess.run(["mount", "--bind", tmp_path / "boot", BOOT], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", BOOT], check=True)


def test_is_taken_back_after_restart(stock, waiting, tmp_path):
    before, _ = waiting
    with another_boot(tmp_path):
        stock.command("revert", "--due")
    assert files() == before and not PENDING.exists()


def test_is_taken_back_at_once(stock, waiting):
    before, _ = waiting
    said = stock.command("revert")
    assert files() == before and "/etc/pam.d/sshd: as it was before" in said
    assert "no change waits" in refused(stock, "revert")


def test_only_own_lines_go_if_file_changed_since(stock, waiting):
    before, _ = waiting
    sshd = PAM / "sshd"
    sshd.write_text(sshd.read_text() + "session optional pam_echo.so\n")
    said = stock.command("revert")
    assert "/etc/pam.d/sshd: changed by somebody since" in said
    assert sshd.read_text() == before[str(sshd)][0].decode() + "session optional pam_echo.so\n"
    assert not DROP_IN.exists()


def test_says_in_log_what_cannot_be_put_back(stock, waiting):
    before, _ = waiting
    subprocess.run(["pkill", "-f", "revert --watch"], check=True)
    sshd, aside = PAM / "sshd", PAM / ".sshd"
    sshd.rename(aside)
    sshd.mkdir()
    stock.clock.advance(WAITS + 1)
    done = stock.run("twostep", "revert", "--due")
    assert done.returncode == 3 and "/etc/pam.d/sshd is not a regular file" in done.stderr
    assert re.search(r"authpriv\.err\].*act=revert result=failed cause=", stock.log_text())
    assert PENDING.exists() and not DROP_IN.exists(), "the other file is put back"
    sshd.rmdir()
    aside.rename(sshd)
    stock.command("revert", "--due")
    assert files() == before and not PENDING.exists()


@pytest.mark.parametrize("who", ["nobody", "bob", "by sudo", "enrolled now", "exempt"])
def test_keep_needs_login_with_code_by_administrator(stock, who):
    admin = stock.enroll("admin")
    bob = stock.enroll("bob")
    before = enable(stock, "sshd", "--for", "password")
    if who == "bob":
        assert OwnSshd(stock).attempt("bob", bob.code()).granted
    elif who == "by sudo":
        stock.use_stack("sudo", "sudo")
        assert OwnSudo(stock).attempt("admin", admin.code()).granted
        shutil.copy(STOCK / "sudo", PAM / "sudo")
    elif who == "enrolled now":
        stock.command("reset", "admin")
        stock.mandatory()
        assert OwnSshd(stock).attempt("admin", newcomer=Newcomer(stock, "admin")).granted
    elif who == "exempt":
        stock.policy('[[rule]]\nname = "all"\nmode = "exempt"\nreason = "x"\n')
        assert OwnSshd(stock).attempt("admin").granted
    assert "nobody who may become root has logged in with a code by sshd" in refused(stock, "keep"), before
    assert PENDING.exists()


def test_doctor_tells_what_became_of_change(stock, waiting):
    _, admin = waiting

    def said():
        return stock.run("twostep", "doctor").stdout

    assert "waits to be kept [enable.waits]" in said()
    subprocess.run(["pkill", "-f", "revert --watch"], check=True)
    stock.clock.advance(WAITS + 200)
    assert "was not [enable.not-taken-back]" in said()
    stock.clock.advance(-WAITS - 200)
    assert OwnSshd(stock).attempt("admin", admin.code()).granted
    stock.command("keep")
    assert "[enable." not in said()
    shutil.copy(STOCK / "sshd", PAM / "sshd")  # as an upgrade does whose question is answered with Y
    assert "sshd asks for no code, though 'twostep enable' made it ask [enable.lines-lost]" in said()
    assert "\ntwostep_services_lost 1\n" in stock.command("report", "--prometheus")
    assert stock.command("services", "--log-lost") == ""
    assert re.search(r"authpriv\.err\].*act=enable result=lost services=sshd cause=", stock.log_text())
    stock.command("disable", "--yes", "sshd")
    assert "[enable." not in said() and not (CHANGES / "enabled.json").exists()


def test_keep_comes_too_late(stock, waiting):
    _, admin = waiting
    assert OwnSshd(stock).attempt("admin", admin.code()).granted
    subprocess.run(["pkill", "-f", "revert --watch"], check=True)
    stock.clock.advance(WAITS + 1)
    assert "too late" in refused(stock, "keep")


def test_keep_needs_login_by_each_service(stock):
    admin = stock.enroll("admin")
    enable(stock, "sshd", "sudo", "--for", "password")
    assert OwnSshd(stock).attempt("admin", admin.code()).granted
    assert "with a code by sudo since" in refused(stock, "keep")


def test_says_what_it_would_do(stock):
    before = files()
    said = stock.command("enable", "sshd", "--for", "password", "--dry-run")
    assert files() == before and not PENDING.exists()
    assert "+auth       required     pam_twostep.so awaiting_keep\n" in said and "+++ /etc/ssh/sshd_config.d/10-twostep.conf" in said
    shown = json.loads(stock.command("enable", "sudo", "--dry-run", "--json"))
    assert shown["changed"] is False and shown["services"] == ["sudo", "sudo-i"]
    assert [file["path"] for file in shown["files"]] == ["/etc/pam.d/sudo", "/etc/pam.d/sudo-i"]


def test_asks_before_it_changes_anything(stock):
    stock.enroll("admin")
    before = files()
    for answer, status in (("n", 1), ("", 1), ("y", 0)):
        terminal = terminal_of("twostep", ["enable", "sudo"])
        terminal.expect_exact("[y/N] ")
        assert files() == before
        terminal.sendline(answer)
        terminal.expect_exact("nothing was changed" if status else "sudo: changed.")
        assert terminal.wait() == status
        assert (files() == before) == bool(status)


def test_changes_for_good_and_only_once(stock):
    first = json.loads(enable(stock, "sudo", "--no-revert", "--json"))
    again = json.loads(enable(stock, "sudo", "--no-revert", "--json"))
    assert (first["changed"], again["changed"]) == (True, False)
    assert not PENDING.exists()


def test_refuses_without_way_back(stock):
    stock.enroll("admin")
    Path("/run/crond.pid").unlink()
    assert "neither systemd" in refused(stock, "enable", "--yes", "sudo")


def test_refuses_if_nobody_could_keep_it(stock):
    stock.enroll("bob")
    assert "nobody who may become root has a second step" in refused(stock, "enable", "--yes", "sudo")


def test_refuses_second_change(stock, waiting):
    assert "a change to sshd waits" in refused(stock, "enable", "--yes", "sudo")
    assert "a change to sshd waits" in refused(stock, "disable", "--yes", "sshd")


@pytest.mark.parametrize("act", ["enable", "disable"])
def test_refuses_change_while_another_was_made(stock, act):
    stock.enroll("admin")
    if act == "disable":
        enable(stock, "sudo", "--no-revert")
    before = files()
    terminal = terminal_of("twostep", [act, "sudo"])
    terminal.expect_exact("[y/N] ")
    enable(stock, "su")
    terminal.sendline("y")
    terminal.expect_exact("a change to su waits")
    assert terminal.wait() == 1
    stock.command("revert")
    assert files() == before


def test_warns_before_change_that_root_is_shut_out(stock):
    stock.enroll("admin")
    SSHD_CONFIG.write_text("PermitRootLogin prohibit-password\n" + SSHD_CONFIG.read_text())
    keys = Path("/root/.ssh/authorized_keys")
    keys.write_text(keys.with_name("id_ed25519.pub").read_text())
    try:
        terminal = terminal_of("twostep", ["enable", "sshd"])
        terminal.expect_exact("[y/N] ")
        assert "root cannot log in over SSH, though it has keys [sshd.root-shut-out]" in terminal.before
        terminal.sendline("n")
        terminal.expect(pexpect.EOF)
    finally:
        keys.unlink()


@pytest.mark.parametrize(
    ("settings", "methods"),
    [
        ("PubkeyAuthentication no\n", "keyboard-interactive:pam"),
        ("PasswordAuthentication no\nKbdInteractiveAuthentication no\n", "publickey,keyboard-interactive:pam"),
        ("", "publickey,keyboard-interactive:pam keyboard-interactive:pam"),
    ],
)
def test_code_comes_after_what_sshd_accepts(stock, settings, methods):
    SSHD_CONFIG.write_text(settings + SSHD_CONFIG.read_text())
    assert f"+AuthenticationMethods {methods}\n" in stock.command("enable", "sshd", "--dry-run")


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("/etc/ssh/sshd_config.d/50-broken.conf", "NoSuchKeyword yes\n", "NoSuchKeyword"),
        ("/etc/pam.d/sshd", "auth requierd pam_unix.so\n", "/etc/pam.d/sshd:"),
        ("/etc/pam.d/sshd", "auth required pam_nosuch.so\n@include common-auth\n", "pam_nosuch.so"),
        ("/etc/pam.d/common-auth", "auth required pam_deny.so\n", "no line of this file brings in"),
        ("/etc/pam.d/common-account", "account required pam_deny.so\n", "a program cannot add the lines"),
        ("/etc/pam.d/sshd", "auth sufficient pam_unix.so\naccount required pam_unix.so\n# twostep begin\n", "line 3"),
    ],
    ids=["sshd settings", "control", "module", "no password", "locked", "marks"],
)
def test_refuses_on_broken_machine(stock, file, text, says):
    stock.enroll("admin")
    path = Path(file)
    was = path.read_bytes() if path.exists() else None
    path.write_text(text)
    try:
        assert says in refused(stock, "enable", "--yes", "sshd", "--for", "password")
    finally:
        path.write_bytes(was) if was is not None else path.unlink()


def test_changes_nothing_on_full_disk(stock, tmp_path):
    stock.enroll("admin")
    before = files()
    CHANGES.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", CHANGES], check=True)
    try:
        (CHANGES / "0").write_bytes(b"x" * 4096)
        done = stock.run("twostep", "enable", "--yes", "sudo")
        assert done.returncode == 3 and files() == before, done.stderr
    finally:
        subprocess.run(["umount", CHANGES], check=True)


# -- crashes, on the files below another root


@pytest.fixture
def tree(machine, tmp_path):
    """A root with the service files and settings of a stock machine."""
    root = tmp_path / "root"
    shutil.copytree(STOCK, root / "etc/pam.d", symlinks=True)
    (root / "etc/ssh/sshd_config.d").mkdir(parents=True)
    shutil.copy(SSHD_CONFIG, root / "etc/ssh")
    for folder in ("etc/twostep", "usr/lib/x86_64-linux-gnu", "var/lib", "usr/sbin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy("/etc/twostep/policy.toml", root / "etc/twostep")
    shutil.copy("/etc/debian_version", root / "etc")
    (root / "usr/sbin/sshd").touch()
    modules = root / "usr/lib/x86_64-linux-gnu/security"
    modules.mkdir()
    for module in Path("/", modules.relative_to(root)).iterdir():
        (modules / module.name).touch()
    shutil.copy("/usr/lib/x86_64-linux-gnu/security/pam_twostep.so", modules)
    (modules.parent / "libpam.so.0").touch()
    return root


def of(root):
    return files(root / "etc")


def below(root, *arguments, inject=None):
    strace = []
    if inject:
        call, number = inject
        strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    command = [*strace, "twostep", "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENT, check=False)


def test_killed_at_any_call_it_is_old_or_new(tree):
    change = ("enable", "sshd", "sudo", "--for", "password", "--yes", "--no-revert")
    before = of(tree)
    assert below(tree, *change).returncode == 0
    after = of(tree)
    assert below(tree, "disable", "sshd", "sudo", "--yes").returncode == 0
    assert of(tree) == before != after
    kills = 0
    for call in WRITES:
        for number in range(1, 200):
            if below(tree, *change, inject=(call, number)).returncode == 0:
                break
            kills += 1
            # As the timer does each minute, and killed itself on the first try.
            below(tree, "revert", "--due", inject=(call, 1 + number % 7))
            assert below(tree, "revert", "--due").returncode == 0
            assert of(tree) in (before, after), f"{call} {number}"
            assert not [name for name in of(tree) if "twostep-new" in name]
            below(tree, "revert")
            below(tree, "disable", "sshd", "sudo", "--yes")
            assert of(tree) == before, f"{call} {number}"
        below(tree, "revert")
        below(tree, "disable", "sshd", "sudo", "--yes")
        assert of(tree) == before
    assert kills > 50


def written_by_hand(machine):
    """sshd as somebody sets it up who has read half of a page: a wrong code gets in, and so does a key alone."""
    sshd = PAM / "sshd"
    sshd.write_text(sshd.read_text().replace("@include common-auth\n", "@include common-auth\nauth optional pam_twostep.so\n"))
    SSHD_CONFIG.write_text(SSHD_CONFIG.read_text() + "\nAuthenticationMethods any\n")
    admin = machine.enroll("admin")
    Path("/etc/twostep/policy.toml").chmod(0o666)
    return admin


def test_fix_applies_what_doctor_prints(stock):
    admin = written_by_hand(stock)
    before = files()
    with sshd_starts_again():
        done = stock.run("twostep", "doctor", "--fix", "--yes")
    assert "twostep keep" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    assert OwnSshd(stock).attempt("admin", "000000", "000000", "000000").refused
    stock.clock.advance(60)
    assert OwnSshd(stock).attempt("admin", admin.code()).granted
    stock.command("keep")
    assert "problem:" not in stock.run("twostep", "doctor").stdout
    assert Path("/etc/twostep/policy.toml").stat().st_mode & 0o777 == 0o644
    assert files() != before
    assert "There is no problem that --fix can fix." in stock.command("doctor", "--fix")


def test_fix_changes_no_mode_in_store(stock):
    """Its account could put a link there meanwhile, and root would follow it."""
    folder = STORE / "users"
    folder.chmod(0o755)
    try:
        assert "[files.open-to-others]" in stock.run("twostep", "doctor").stdout
        done = stock.run("twostep", "doctor", "--fix", "--yes")
        assert done.returncode == 1 and "By hand" in done.stdout and folder.stat().st_mode & 0o777 == 0o755
    finally:
        folder.chmod(0o700)


def test_fix_is_taken_back(stock):
    written_by_hand(stock)
    before = files()
    with sshd_starts_again():
        stock.run("twostep", "doctor", "--fix", "--yes")
    assert files() != before
    with sshd_starts_again():
        stock.command("revert")
    assert files() == before


def test_fix_shows_what_it_leaves_to_administrator(stock):
    stock.enroll("admin")
    shutil.copy(STOCK / "sudo", PAM / "sudo")
    stock.policy('[[rule]]\nname = "all"\nmode = "mandatory"\n')
    (PAM / "su").write_text("auth requierd pam_unix.so\nauth required pam_twostep.so\n")
    before = files()
    done = stock.run("twostep", "doctor", "--fix", "--dry-run")
    assert done.returncode == 1 and "By hand" in done.stdout and "[pam.unknown-control]" in done.stdout
    assert files() == before and not PENDING.exists()
