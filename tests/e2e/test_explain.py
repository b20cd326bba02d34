"""`twostep policy explain` and the real programs: what it says of a login is what happens."""

import json
import re
from pathlib import Path

import pytest

from hosts import PasswordMethod, Ssh, SshKey, Sshd, ready

FOLDER = Path("/etc/pam.d")
BOB_IS_FREE = '[[rule]]\nname = "bob"\nusers = ["bob"]\nmode = "opt-in"\n'
ALICE = ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups")


class KeyAlone(SshKey):
    """sshd accepts the key, and runs only the account lines."""

    stack = "sshd"
    server = {"AuthenticationMethods": "any"}
    client = {"PreferredAuthentications": "publickey", "IdentitiesOnly": "yes"}


def explained(machine, user, service="sshd", *arguments, by=()):
    done = machine.run(*by, "twostep", "policy", "explain", "--user", user, "--service", service, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def service(request):
    """A service file of another name than any program's, with these lines."""

    def write(name, text):
        file = FOLDER / name
        file.write_text(text)
        request.addfinalizer(file.unlink)

    return write


@pytest.fixture
def sshd_file():
    """/etc/pam.d/sshd, for a test that changes it."""
    file = FOLDER / "sshd"
    usual = file.read_text()
    yield file
    file.write_text(usual)


@pytest.mark.parametrize(("mode", "granted"), [("mandatory", False), ("opt-in", True), ("exempt", True)])
def test_key_alone_ends_as_explained(machine, mode, granted):
    machine.enroll("alice")
    machine.policy(mode=mode)
    outcome = ready(KeyAlone(machine)).attempt("alice")
    assert (outcome.granted, outcome.asked) == (granted, [])
    told = explained(machine, "alice", "sshd", "--first-factor", "publickey", "--from", "127.0.0.1")
    assert told["outcome"] == {"mandatory": "refused", "opt-in": "nothing", "exempt": "exempt"}[mode]
    assert told["sshd_accepts"] == ["publickey", "keyboard-interactive"]
    assert told["notes"][0] == "sshd accepts publickey alone, and skips the auth lines of PAM"


def test_key_alone_passes_without_account_line(machine, sshd_file):
    machine.enroll("alice")
    machine.policy(mode="mandatory")
    host = ready(KeyAlone(machine))
    sshd_file.write_text(re.sub(r"(?m)^account.*pam_twostep.*\n", "", sshd_file.read_text()))
    assert host.attempt("alice").granted
    told = explained(machine, "alice", "sshd", "--first-factor", "publickey")
    assert (told["outcome"], told["account_line"]) == ("nothing", False)
    assert told["notes"][1] == "the second step is mandatory, and no account line refuses this login"
    told = explained(machine, "bob")
    assert told["outcome"] == "refused" and "nobody enrolls here" in told["notes"][0]


def test_key_and_code_ends_as_explained(machine):
    alice = machine.enroll("alice")
    machine.policy(mode="mandatory")
    assert ready(SshKey(machine)).attempt("alice", alice.code()).granted
    told = explained(machine, "alice", "sshd", "--first-factor", "publickey")
    assert (told["outcome"], told["sshd_accepts"]) == ("code", ["publickey,keyboard-interactive:pam"])
    told = explained(machine, "alice")
    assert told["outcome"] == "refused"
    assert told["notes"] == ["sshd accepts no login by password: name its methods with '--first-factor'"]


def test_method_password_ends_as_explained(machine):
    alice = machine.enroll("alice")
    machine.policy(mode="mandatory")
    host = ready(PasswordMethod(machine))
    Sshd.run({**PasswordMethod.server, "AuthenticationMethods": "any"})
    assert host.attempt("alice", alice.code()).refused
    told = explained(machine, "alice")
    assert (told["outcome"], told["notes"]) == ("refused", ["sshd's method 'password' cannot ask for a code"])


def test_asks_sshd_about_user_and_address(machine):
    """Of Match blocks only sshd can tell."""
    machine.policy(mode="mandatory")
    machine.enroll("alice")
    settings = Path("/etc/ssh/sshd_config.d/00-explain.conf")
    settings.write_text(
        "KbdInteractiveAuthentication yes\nAuthenticationMethods keyboard-interactive:pam\n"
        "Match User alice Address 192.0.2.0/24\n    AuthenticationMethods publickey\n"
    )
    Sshd.stop()
    try:
        told = [explained(machine, "alice", "sshd", "--first-factor", "publickey", *where)["sshd_accepts"] for where in [(), ("--from", "192.0.2.7")]]
        assert told == [["keyboard-interactive:pam"], ["publickey"]]
        settings.write_text("Nonsense yes\n")
        told = explained(machine, "alice")
        assert told["outcome"] == "code" and "sshd_accepts" not in told
        assert told["notes"][0].startswith("sshd's settings are not taken into account:")
    finally:
        settings.unlink()


def test_names_missing_and_unguarded_files(machine, service):
    machine.policy(mode="mandatory")
    service("kiosk", "auth required pam_unix.so\naccount required pam_unix.so\n")
    told = explained(machine, "alice", "kiosk")
    assert (told["outcome"], told["service_file"], told["auth_line"]) == ("nothing", "/etc/pam.d/kiosk", False)
    assert told["notes"][0] == "/etc/pam.d/kiosk has no pam_twostep auth line"
    told = explained(machine, "alice", "kiosc")
    assert told["notes"][:2] == ["there is no /etc/pam.d/kiosc: libpam uses the file 'other' instead", "did you mean 'kiosk'?"]
    assert told["service_file"] == "/etc/pam.d/other"
    assert "did you mean 'sshd'?" in explained(machine, "alice", "ssh")["notes"]
    (FOLDER / "other").rename(FOLDER / ".other")
    try:
        assert explained(machine, "alice", "ssh")["outcome"] == "refused"
    finally:
        (FOLDER / ".other").rename(FOLDER / "other")


def test_says_what_only_root_can_read(machine):
    machine.policy(mode="mandatory")
    ready(Ssh(machine))
    told = explained(machine, "alice", by=ALICE)
    assert told["notes"] == ["only root can ask sshd for its settings: they are not taken into account"]
    assert (told["outcome"], told["auth_line"], told["enrolled"]) == ("code-or-enrolls", True, None)


def test_group_becomes_table(machine):
    """alice is in the group, and bob has it as his primary group."""
    ready(Ssh(machine))
    machine.enroll("alice")
    machine.policy(BOB_IS_FREE, mode="mandatory")
    machine.run("groupadd", "explained")
    machine.run("usermod", "-aG", "explained", "alice")
    machine.run("usermod", "-g", "explained", "bob")
    try:
        words = ["policy", "explain", "--group", "explained", "--service", "sshd", "--service", "su", "--service", "chsh"]
        assert machine.command(*words).splitlines() == [
            "user   sshd     su       chsh",
            "alice  code     code     nothing",
            "bob    nothing  nothing  nothing",
            "chsh: /etc/pam.d/chsh has no pam_twostep auth line",
            "chsh: the second step is mandatory, and no account line refuses this login",
        ]
        told = json.loads(machine.command(*words, "--json"))
        assert [(one["user"], one["service"], one["outcome"]) for one in told][:3] == [
            ("alice", "sshd", "code"),
            ("alice", "su", "code"),
            ("alice", "chsh", "nothing"),
        ]
        assert len(told) == 6
        both = machine.run("twostep", "policy", "explain", "--group", "explained", "--user", "bob", "--service", "su")
        assert both.returncode == 2 and "cannot be used with" in both.stderr
    finally:
        machine.run("usermod", "-g", "bob", "bob")
        machine.run("groupdel", "explained")
    assert "there is no group 'explained'" in machine.run("twostep", *words).stderr
