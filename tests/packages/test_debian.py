"""The life of the Debian packages, in a root without any file of twostep: see run.

Each test begins without them, with the distribution's own PAM files, and with a running sshd. Users log in with the real
OpenSSH client; codes come from oathtool.
"""

import itertools
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pexpect
import pytest

from root import (
    HELPER, PASSWORD, REPOSITORY, SECRETS,
    blocks, code, code_of, enroll, everything, findings, restore, run, said, ssh, ssh_session, switch_on, wait_for,
)  # fmt: skip

BUILT = REPOSITORY / "target/deb"
MODULE = next(Path("/usr/lib").glob("*-linux-gnu*/security/pam_unix.so")).with_name("pam_twostep.so")


def debs(folder=BUILT):
    found = sorted(folder.glob("*.deb"))
    assert len(found) == 2, f"{folder} has {found}: run 'make deb'"
    return [str(deb) for deb in found]


@pytest.fixture(scope="session")
def later(tmp_path_factory):
    """The same packages as a later version, whose module is other bytes."""
    folder = tmp_path_factory.mktemp("later")
    for deb in debs():
        tree = folder / "tree"
        run("dpkg-deb", "-R", deb, str(tree))
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"(0\.1\.0)-1", r"\1-2", control.read_text()))
        for module in tree.glob("usr/lib/*/security/pam_twostep.so"):
            module.write_bytes(module.read_bytes() + b"later")
            (tree / "DEBIAN/md5sums").unlink()
        run("dpkg-deb", "-b", str(tree), str(folder / Path(deb).name.replace("-1_", "-2_")))
        shutil.rmtree(tree)
    return debs(folder)


@pytest.fixture(autouse=True)
def machine():
    """Without the packages, and with the distribution's own files."""
    restore()
    run("dpkg", "--purge", "libpam-twostep", "twostep", TWOSTEP_REMOVE_ANYWAY="yes")
    run("systemctl", "reload", "ssh")
    Path("/run/syslog").write_text("")


def install(packages=None):
    return run("dpkg", "--install", *(packages or debs())).stdout


def test_follows_readme_literally():
    first, second = blocks("Install it")[0]
    assert first == "make deb" and second.startswith("apt-get install")  # the first was run before: there is no Rust in here
    run("bash", "-c", f"cd {REPOSITORY} && {second} --yes")
    terminal = pexpect.spawn("su", ["alice", "-c", blocks("Enroll")[0][0]], encoding="utf-8", timeout=60, dimensions=(60, 120))
    terminal.expect(r"First code: ")
    key = "".join(re.findall(r"\b[A-Z2-7]{4}\b", terminal.before))
    assert len(key) == 32, terminal.before
    terminal.sendline(code(key, -1))
    terminal.expect(r"Next code \(wait until it changes\): ")
    terminal.sendline(code(key))
    terminal.expect(r"recovery code (\d+): ")
    number = terminal.match[1]
    terminal.sendline(re.search(rf"\b{number}\. (?:\w{{4}}-){{3}}(\w{{4}})\b", terminal.before)[1])
    terminal.expect("You are enrolled")
    terminal.close()
    run("usermod", "--append", "--groups", "sudo", "alice")
    Path("/run/crond.pid").write_text(str(os.getpid()))  # there is no systemd in here, and a cron would take changes back
    [enable], [keep], *_ = blocks("Switch it on")
    terminal = pexpect.spawn(enable, encoding="utf-8", timeout=600, dimensions=(60, 120))
    terminal.expect_exact("[y/N] ")
    assert "let in" in terminal.before
    terminal.sendline("y")
    terminal.expect_exact("sshd: changed.")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "Port 22" in run("sshd", "-T").stdout.title()
    wait_for(listens)
    assert not ssh("alice", "000000"), "a wrong code gets in"
    assert not ssh("alice", code(key, 1), password="wrong"), "a wrong password gets in"
    assert ssh("alice", code(key, 1)), said()
    assert ssh("bob", "never asked"), "who is not enrolled is asked, or refused"
    assert "result=grant user=alice service=sshd" in said()
    assert run(*keep.split()).stdout.startswith("sshd: kept. alice logged in by sshd with a code at ")
    assert findings() == []


def listens():
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", 22)) == 0


def test_upgrade_that_replaces_file_of_pam_is_in_log():
    install()
    key = enroll("alice")
    run("usermod", "--append", "--groups", "sudo", "alice")
    run("twostep", "enable", "--yes", "--no-revert", "sudo")
    assert key and "pam_twostep.so" in Path("/etc/pam.d/sudo").read_text()
    shutil.copy("/run/pam.d/sudo", "/etc/pam.d/sudo")
    run("dpkg-trigger", "--no-await", "/etc/pam.d/sudo")
    run("dpkg", "--configure", "--pending")
    assert "act=enable result=lost services=sudo" in said() and "services=sudo-i" not in said()
    assert "sudo asks for no code, though 'twostep enable' made it ask" in "\n".join(findings())


def test_install_changes_no_login_and_says_what_is_next():
    before = {path.name: path.read_bytes() for path in Path("/etc/pam.d").iterdir()}
    output = install()
    assert {path.name: path.read_bytes() for path in Path("/etc/pam.d").iterdir()} == before, "it has changed a login"
    told = output.split("Setting up libpam-twostep")[1].split("\n", 1)[1].split("\nProcessing triggers")[0].strip().splitlines()
    assert len(told) == 3 and "no login has changed" in told[0] and "twostep doctor" in told[2], told
    table = {
        MODULE: ("root:root", 0o644),
        HELPER: ("twostep:twostep", 0o6755),
        HELPER.with_name("twostep-rehearse"): ("root:root", 0o755),
        Path("/usr/bin/twostep"): ("root:root", 0o755),
        Path("/etc/twostep/policy.toml"): ("root:root", 0o644),
        SECRETS: ("twostep:twostep", 0o700),
        SECRETS.parent / "state": ("twostep:twostep", 0o700),
        SECRETS.parent: ("twostep:twostep", 0o700),
    }
    for path, expected in table.items():
        owner = run("stat", "-c", "%U:%G", str(path)).stdout.strip()
        assert (owner, stat.S_IMODE(path.stat().st_mode)) == expected, path
    for page in ("man1/twostep.1", "man5/twostep.policy.5", "man8/pam_twostep.8", "man8/twostep-helper.8"):
        assert Path(f"/usr/share/man/{page}.gz").exists(), page
    for name in ("bash-completion/completions/twostep", "zsh/vendor-completions/_twostep", "fish/vendor_completions.d/twostep.fish"):
        assert "TWOSTEP_COMPLETE" in Path("/usr/share", name).read_text()
    assert "/etc/twostep/policy.toml" in run("dpkg-query", "-W", "-f", "${Conffiles}", "twostep").stdout
    assert findings() == ["warning: /etc/pam.d: no login asks for a code yet: no service has a pam_twostep line [pam.no-service-asks]"]


def test_has_same_bytes_if_built_in_another_folder():
    install()
    programs = (HELPER, HELPER.with_name("twostep-rehearse"), Path("/usr/bin/twostep"))
    for file, built in ((MODULE, "libpam_twostep.so"), *((program, program.name) for program in programs)):
        assert file.read_bytes() == (REPOSITORY / "target/release" / built).read_bytes(), file


def test_upgrade_and_downgrade_refuse_no_right_code(later):
    """20 logins a second by a plain program of PAM, 4 through sshd: each with a right code."""
    install()
    switch_on()
    Path("/etc/pam.d/driver").write_text("auth required pam_twostep.so\naccount required pam_permit.so\n")
    seconds = 30
    people = [f"u{number}" for number in range(seconds * 24 // 2)]
    make_users(people)
    load = Load({user: enroll(user) for user in people}, seconds)
    load.start()
    modules, upgrades = set(), 0
    while load.is_running():
        for packages in (later, debs()):
            install(packages)
            modules.add(MODULE.read_bytes()[-5:])
            upgrades += 1
    refused = load.refused()
    print(f"{load.logins} logins, {load.by_ssh} through sshd, during {upgrades} upgrades and downgrades; refused: {refused}")
    assert upgrades >= 4 and len(modules) == 2, "nothing was upgraded meanwhile"
    assert load.logins - load.by_ssh >= 18 * seconds and load.by_ssh >= 3 * seconds, "the machine is too slow for this load"
    assert not refused, said()[-4000:]


def make_users(people):
    hashed = next(line.split(":")[1] for line in Path("/etc/shadow").read_text().splitlines() if line.startswith("alice:"))
    for name, line in (("passwd", "{0}:x:{1}:{1}::/:/bin/sh\n"), ("group", "{0}:x:{1}:\n"), ("shadow", "{0}:{2}:19000:0:99999:7:::\n")):
        text = Path("/etc", name).read_text()
        new = "".join(line.format(user, 3000 + number, hashed) for number, user in enumerate(people) if f"\n{user}:" not in text)
        Path("/etc", name).write_text(text + new)


class Load:
    """Logins at a steady rate, each in a process of its own, with a right code that was not used before."""

    def __init__(self, keys, seconds):
        self._keys, self._seconds = keys, seconds
        self._turns = itertools.cycle(keys)
        self._used = dict.fromkeys(keys, 0)  # the step of the last code
        self._lock = threading.Lock()
        self._results = []
        self.by_ssh = self.logins = 0

    def start(self):
        self._threads = [threading.Thread(target=self._go, args=(rate, one)) for rate, one in ((20, self._pam), (4, ssh))]
        for thread in self._threads:
            thread.start()

    def is_running(self):
        return any(thread.is_alive() for thread in self._threads)

    def refused(self):
        for thread in self._threads:
            thread.join()
        return [result for result in self._results if result]

    def _go(self, rate, login):
        begin, waiting = time.monotonic(), []
        for number in range(rate * self._seconds):
            time.sleep(max(0, begin + number / rate - time.monotonic()))
            waiting.append(threading.Thread(target=self._one, args=(login,)))
            waiting[-1].start()
        for thread in waiting:
            thread.join()

    def _one(self, login):
        with self._lock:
            user = next(self._turns)
            self._used[user] = max(self._used[user] + 1, int(time.time()) // 30)
        granted = login(user, code_of(self._keys[user], self._used[user]))
        with self._lock:
            self.logins += 1
            self.by_ssh += login is ssh
            self._results.append(None if granted else f"{user} by {login.__name__}")

    @staticmethod
    def _pam(user, typed):
        return run(str(REPOSITORY / "tests/packages/login"), "driver", user, typed, check=False).returncode == 0


def test_keeps_helper_set_uid_throughout_upgrade(later):
    """Otherwise screen lockers would refuse all users meanwhile."""
    install()
    seen, end = set(), threading.Event()

    def watch():
        while not end.is_set():
            info = HELPER.stat()
            seen.add((info.st_uid == info.st_gid == 0, stat.S_IMODE(info.st_mode), info.st_ino))

    watcher = threading.Thread(target=watch)
    watcher.start()
    install(later)
    end.set()
    watcher.join()
    assert len({inode for *_, inode in seen}) == 2, "it was not replaced"
    assert {(owner, mode) for owner, mode, _ in seen} == {(False, 0o6755)}


def test_upgrade_keeps_files_of_administrator(later):
    install()
    run("dpkg-statoverride", "--remove", str(HELPER))
    run("dpkg-statoverride", "--update", "--add", "twostep", "twostep", "0755", str(HELPER))  # no test here uses the helper
    key = enroll("alice")
    policy = Path("/etc/twostep/policy.toml")
    policy.write_text(policy.read_text() + "# mine\n")
    stored = {path: path.read_bytes() for path in SECRETS.parent.rglob("*") if path.is_file()}
    output = install(later)
    assert "twostep is installed" not in output, "it says again what is to be done"
    assert policy.read_text().endswith("# mine\n")
    assert stat.S_IMODE(HELPER.stat().st_mode) == 0o755
    assert {path: path.read_bytes() for path in SECRETS.parent.rglob("*") if path.is_file()} == stored
    switch_on()
    assert ssh("alice", code(key))


def test_upgrade_names_profiles_of_apparmor_to_load_again(later):
    assert "AppArmor" not in install() + install(later)
    profile = Path("/etc/apparmor.d/local/usr.sbin.sshd")
    profile.parent.mkdir(exist_ok=True)
    profile.write_text("include <abstractions/twostep>\n")
    try:
        assert "apparmor_parser -r" in install()
    finally:
        profile.unlink()


def test_upgrade_does_not_recreate_missing_store(later):
    """It would mean that no user is enrolled, and all users would get in with the password alone."""
    install()
    key = enroll("alice")
    switch_on()
    shutil.move(SECRETS.parent, "/var/lib/store")
    try:
        output = install(later)
        assert "/var/lib/twostep/state is missing" in output and "mount that disk" in output, output
        assert not SECRETS.parent.exists()
        assert not ssh("alice", code(key)) and not ssh("bob", "")
    finally:
        shutil.move("/var/lib/store", SECRETS.parent)
    shutil.move(SECRETS.with_name("state"), "/var/lib/state")
    assert "is missing" in install() and not ssh("alice", code(key)), "used codes would be forgotten"
    shutil.move("/var/lib/state", SECRETS.with_name("state"))
    assert ssh("alice", code(key))


def test_refuses_and_keeps_file_of_newer_version():
    install()
    key = enroll("alice")
    switch_on()
    file = next(SECRETS.iterdir())
    newer = re.sub(r"^version = 1$", "version = 2", file.read_text(), flags=re.M)
    assert newer != file.read_text()
    file.write_text(newer)
    assert not ssh("alice", code(key))
    assert file.read_text() == newer
    assert "reason=unavailable" in said() and "version" in said(), said()
    assert any("version" in finding for finding in findings()), findings()


def test_refuses_removal_while_service_names_module():
    install()
    key = enroll("alice")
    switch_on()
    done = run("apt-get", "remove", "--quiet", "--yes", "twostep", check=False)
    assert done.returncode != 0
    for words in ("still name pam_twostep.so", "  /etc/pam.d/sshd\n", "TWOSTEP_REMOVE_ANYWAY=yes"):
        assert words in done.stdout, done.stdout
    assert run("dpkg-query", "-W", "-f", "${db:Status-Status} ", "twostep", "libpam-twostep").stdout == "installed installed "
    assert not ssh("alice", "000000") and ssh("alice", code(key)), "logins have changed"


def test_forced_removal_refuses_logins_and_opens_none():
    install()
    key = enroll("alice")
    switch_on()
    run("apt-get", "remove", "--quiet", "--yes", "libpam-twostep", TWOSTEP_REMOVE_ANYWAY="yes")
    assert not MODULE.exists()
    assert not ssh("alice", code(key)) and not ssh("bob", "")
    install()
    assert ssh("alice", code(key)), "what was enrolled is gone"


def test_purge_leaves_nothing():
    before = everything()
    install()
    enroll("alice")
    switch_on()
    assert not ssh("alice", "000000")
    restore()
    run("systemctl", "reload", "ssh")
    run("apt-get", "remove", "--quiet", "--yes", "libpam-twostep", "twostep")
    assert ssh("alice", "never asked"), "who was enrolled cannot log in without us"
    assert list(SECRETS.iterdir()), "a removal has deleted what people enrolled"
    assert Path("/etc/twostep/policy.toml").exists()
    run("apt-get", "purge", "--quiet", "--yes", "libpam-twostep", "twostep")
    assert everything() ^ before == set()


def test_profile_is_off_and_asks_everywhere_when_on():
    install()
    key = enroll("alice")
    assert "pam_twostep" not in Path("/etc/pam.d/common-auth").read_text()
    run("pam-auth-update", "--package", "--enable", "twostep")
    assert "pam_twostep" in Path("/etc/pam.d/common-auth").read_text()
    Path("/etc/ssh/sshd_config.d/10-twostep.conf").write_text("KbdInteractiveAuthentication yes\nPasswordAuthentication no\n")
    run("systemctl", "reload", "ssh")
    assert not ssh("alice", "000000") and ssh("alice", code(key)) and ssh("bob", "")
    Path("/run/syslog").write_text("")
    assert not ssh("alice", code(key, 1), password="wrong")
    assert "twostep" not in said(), "a wrong password reaches the line"
    # The profile is removed automatically; a line added by hand is not.
    Path("/etc/pam.d/mine").write_text("auth required pam_twostep.so\n")
    done = run("apt-get", "remove", "--quiet", "--yes", "libpam-twostep", check=False)
    assert done.returncode != 0 and "/etc/pam.d/mine" in done.stdout and "common-auth" not in done.stdout, done.stdout
    assert "pam_twostep" in Path("/etc/pam.d/common-auth").read_text(), "a removal that was refused has switched it off"
    Path("/etc/pam.d/mine").unlink()
    run("apt-get", "remove", "--quiet", "--yes", "libpam-twostep")
    assert "pam_twostep" not in Path("/etc/pam.d/common-auth").read_text()
    assert ssh("alice", "never asked")


def test_service_files_are_release_files_with_our_patch():
    """packaging/pam.d/build --check compares those of screen lockers: no locker is installed here."""
    install()
    shipped = Path(run("/usr/libexec/twostep/twostep-setup", "pam-files").stdout.strip())
    assert shipped.name == f"debian-{Path('/etc/debian_version').read_text().split('.')[0]}"
    originals = {"sshd": "sshd", "sshd-key": "sshd", "login": "login", "remote": "login", "sudo": "sudo", "sudo-i": "sudo-i", "su": "su"}
    assert {file.name for file in shipped.iterdir()} == {*originals, "i3lock", "swaylock"}
    for name, original in originals.items():
        patch = REPOSITORY / f"packaging/pam.d/{name}.patch"
        run("patch", "--reverse", "--fuzz=0", "--quiet", "--output=/run/without", str(shipped / name), str(patch))
        assert Path("/run/without").read_text() == Path("/run/pam.d", original).read_text(), name


def test_users_cannot_set_more_environment_than_before():
    """Debian 12 reads a file in the home for that; Debian 13 no longer does."""
    def session():
        return ssh_session("bob", "never asked", PASSWORD, "echo FOO is \\'$FOO\\'").stdout

    Path("/home/bob/.pam_environment").write_text("FOO DEFAULT=bar\n")
    before = session()
    assert "FOO is '" in before
    install()
    switch_on()
    assert session() == before


@pytest.mark.parametrize("name", ["10-twostep.conf", "10-twostep-key.conf"])
def test_sshd_accepts_drop_in(name):
    install()
    shutil.copy(f"/usr/share/twostep/sshd_config.d/{name}", "/etc/ssh/sshd_config.d")
    run("sshd", "-t")
    settings = run("sshd", "-T").stdout
    assert "logingracetime 300\n" in settings and "passwordauthentication no\n" in settings
    ways = "publickey,keyboard-interactive:pam" if "key" in name else "keyboard-interactive:pam"
    assert f"authenticationmethods {ways}\n" in settings
