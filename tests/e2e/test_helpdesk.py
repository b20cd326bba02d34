"""What the shipped file for sudo lets a help desk do without root, and what it refuses. The sudo is the real one. bob and carol are
the help desk, alice needs help, dave has nothing to do with it, and admin may run everything."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from directory import a_directory
from hosts import Su, become, ready
from machine import STORE, uid_of
from person import LONG_CODE, keep_secret, password_of

FILE = Path("/usr/share/twostep/sudoers.d/twostep-help-desk")
MAIN, FOLDER = Path("/etc/sudoers"), Path("/etc/sudoers.d")
GROUPS = [Path("/etc/group"), Path("/etc/gshadow")]
USUAL = "Defaults timestamp_timeout=0, passwd_tries=1, lecture=never\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
DENIED = re.compile(r"not allowed to (execute|run|set|preserve)|not in the sudoers file|not permitted to use")
OWN = "ran sudo, and cannot do this for their own account"
NO_NAMES = [
    "", " ", " alice", "alice ", "alice\n", "alice\nbob", "alice\tdave", "-alice", "--user=alice", "+alice", "@alice", "ALICE", "Alice",
    "CORP\\alice", "root", "root@localhost", "0", "1001", "#1001", "*", "ali*", "alice;id", "$(id)", "`id`", "alice|id", "../alice", "alice/x",
    "alice,dave", "alice=x", "alice:x", "'alice'", "al\u00edce", "alice$", "^alice$", "[a-z]lice", "alice --json", "alice --root /",
]  # fmt: skip
DENIED_ARGUMENTS = [
    "", "--help", "--version", "help", "--", "-- unlock alice", "unlock", "ticket", "reset", "Unlock alice",
    "unlock alice dave", "unlock dave alice", "reset alice dave", "ticket alice dave", "unlock -- alice", "unlock alice --",
    "reset -- alice", "--root / reset alice", "reset --root / alice", "reset alice --root /", "unlock alice --root=/",
    "unlock alice --reset-clock", "unlock --reset-clock alice", "unlock alice --json", "unlock --user alice", "reset --user alice",
    "reset --user=alice", "ticket --user alice", "unlock --group helpdesk", "ticket --group helpdesk", "unlock alice --group helpdesk",
    "unlock --file /etc/shadow", "ticket --file /etc/shadow", "unlock alice --file -", "unlock -h", "reset alice -h",
    "ticket alice --valid 30d", "ticket --valid 30d alice", "ticket alice --sheet", "ticket alice --json",
    "report --output /root/report", "report --output=/root/report", "report --csv --output /etc/cron.d/x", "report --html --output x",
    "report --prometheus --output /etc/cron.d/x", "report --root /", "report --csv --root=/", "report --group", "report --group=staff",
    "report --group -x", "report --group --output", "report --group staff --output x", "report -- --csv", "report alice", "report --help",
    "reports", "report --csvx", "xreport", "enroll", "enroll alice", "enroll --user alice", "enroll --json alice", "enroll alice --json --qr /etc/x",
    "status alice", "status --all", "verify alice", "replace alice", "recovery alice", "remove alice", "remove alice phone",
    "require alice", "unrequire alice", "rebind alice", "rebind --all", "export alice", "export --all", "import otpauth /etc/shadow",
    "import google-authenticator --all-homes", "policy check", "policy check /etc/shadow", "policy explain --user alice --service sshd",
    "doctor", "storage downgrade", "storage upgrade", "completions bash", "guide",
]  # fmt: skip
DENIED_COMMANDS = {
    "shell": ["bash", "-c", "twostep reset alice"],
    "env": ["env", "-u", "SUDO_UID", "twostep", "reset", "bob"],
    "setup": ["/usr/libexec/twostep/twostep-setup", "new"],
    "helper": ["/usr/libexec/twostep/twostep-helper"],
    "su": ["su", "-", "-c", "twostep reset bob"],
    "another program of this name": ["/tmp/twostep", "reset", "alice"],
    "another path": ["/usr/../tmp/twostep", "reset", "alice"],
    "login shell": ["-i", "twostep", "reset", "alice"],
    "shell of sudo": ["-s", "twostep", "reset", "alice"],
    "edit": ["-e", "/etc/twostep/policy.toml"],
    "edit of the command": ["-e", "/usr/bin/twostep"],
    "as the store's account": ["-u", "twostep", "twostep", "reset", "alice"],
    "as another user": ["-u", "alice", "twostep", "reset", "alice"],
    "with a group": ["-g", "root", "twostep", "reset", "alice"],
    "with own environment": ["-E", "twostep", "reset", "alice"],
    "with own SUDO_UID": ["SUDO_UID=0", "twostep", "reset", "bob"],
    "with a library": ["LD_PRELOAD=/tmp/x.so", "twostep", "reset", "alice"],
    "with another root": ["-R", "/tmp", "twostep", "reset", "alice"],
    "in another folder": ["-D", "/tmp", "twostep", "report"],
    "the rights of another": ["-l", "-U", "alice"],
}


@pytest.fixture
def desk(machine):
    """Sets up the help desk by the commands at the top of the file."""
    usual = {file: file.read_bytes() for file in [MAIN, *FOLDER.iterdir(), *GROUPS]}
    for file in FOLDER.iterdir():
        file.unlink()
    put(MAIN, USUAL.encode())
    commands = "\n".join(re.findall(r"^#     (.*)$", FILE.read_text(), re.M))
    try:
        subprocess.run(["bash", "-ec", commands], cwd=FILE.parent, capture_output=True, check=True)
        for user in ("bob", "carol"):
            machine.run("usermod", "--append", "--groups", "helpdesk", user)
        yield Desk(machine)
    finally:
        for file in FOLDER.iterdir():
            file.unlink()
        restore(usual)


def restore(files):
    for file, text in files.items():
        file.write_bytes(text)
        file.chmod(0o640 if file.name == "gshadow" else 0o644 if file.name == "group" else 0o440)


def put(file, text):
    file.write_bytes(text)
    file.chmod(0o440)


class Desk:
    def __init__(self, machine):
        self.machine = machine

    def sudo(self, user, *words, code=None, exported=()):
        """What sudo says to `user`, who types the password, and this code."""
        self.machine.said.add(password_of(user))
        typed = "".join(f"{line}\n" for line in (password_of(user), code) if line)
        return self.machine.run("setpriv", *become(user), "env", *exported, "sudo", "-k", "-S", "-p", "", *words, stdin=typed)

    def done(self, user, *arguments, **more):
        """The output of twostep, which must succeed."""
        done = self.sudo(user, "twostep", *arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_denied(self, user, *words):
        """Whether sudo itself refuses, and nothing is changed."""
        before = self.whole_machine()
        done = self.sudo(user, *words)
        assert before == self.whole_machine() and "act=" not in self.machine.log_text()
        assert done.returncode != 0, done.stdout
        return DENIED.search(done.stderr) is not None

    def refuses_own(self, user, *words, **more):
        """Whether twostep refuses because this is the user's own account, and nothing is changed."""
        before = self.whole_machine()
        done = self.sudo(user, *words, **more)
        assert before == self.whole_machine() and "act=" not in self.machine.log_text()
        return done.returncode == 1 and OWN in done.stderr and not done.stdout

    def whole_machine(self):
        files = [file for folder in (STORE, Path("/etc/twostep"), Path("/etc/cron.d")) for file in sorted(folder.rglob("*"))]
        whole = {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}
        return whole, Path("/root/report").exists()

    def ticket(self, user, of):
        ticket = re.match(rf"Ticket for {of}: ({LONG_CODE})\n", self.done(user, "ticket", of))[1]
        keep_secret(self.machine, ticket)
        return ticket


def fail(machine, user):
    """One wrong code."""
    machine.policy()
    assert ready(Su(machine)).attempt(user, "000000").refused
    assert machine.failures_of(user) == 1


# -- the file


def test_visudo_accepts_file_and_sudo_is_new_enough():
    said = subprocess.run(["visudo", "-c", "-s", "-f", FILE], capture_output=True, text=True, check=True).stdout
    assert "parsed OK" in said
    assert FILE.stat().st_mode & 0o777 == 0o644 and FILE.stat().st_uid == 0
    # sudo ignores files whose name has a dot or ends with a tilde.
    assert re.fullmatch(r"[a-z-]+", FILE.name)


def test_file_is_off_until_copied(machine):
    assert not (FOLDER / FILE.name).exists()
    assert "helpdesk" not in "".join(file.read_text() for file in FOLDER.iterdir())


def test_doctor_has_no_finding_about_help_desk(machine, desk):
    machine.policy('[[rule]]\nname = "desk"\ngroups = ["helpdesk"]\nmode = "mandatory"\n')
    found = machine.run("twostep", "doctor", "--json").stdout
    about = [finding for finding in json.loads(found)["findings"] if "sudoers" in finding["file"]]
    assert about == []
    explained = json.loads(machine.command("policy", "explain", "--user", "bob", "--service", "sudo", "--json"))
    assert "sudoers" not in explained, explained


# -- what a member may do


def test_member_ends_lockout(machine, desk):
    machine.enroll("alice")
    fail(machine, "alice")
    assert desk.done("bob", "unlock", "alice") == "Unlocked alice (1 failed code cleared).\n"
    assert machine.failures_of("alice") == 0


def test_member_prints_ticket(machine, desk):
    machine.policy("[enrollment]\nrequire-ticket = true\n")
    desk.ticket("carol", "alice")
    assert machine.status("alice")["ticket_until"] == machine.clock.now() + 24 * 3600


def test_member_resets_user_and_logs_say_who(machine, desk):
    machine.enroll("alice")
    machine.forget_log()
    assert desk.done("bob", "reset", "alice").startswith("alice is no longer enrolled.")
    assert not machine.status("alice")["enrolled"]
    log = machine.log_text()
    assert re.search(r"sudo.*bob : .*USER=root ; COMMAND=/usr/bin/twostep reset alice$", log, re.M), log
    assert re.search(rf"twostep.*: act=reset user=alice uid={uid_of('alice')} .*by=(root|loginuid:\d+)$", log, re.M), log


def test_member_names_users_of_each_form(desk):
    """sudo lets the name pass, whether there is such a user or not."""
    for user in ("a", "_apt", "svc-web.2", "dave@corp.example"):
        said = desk.sudo("bob", "twostep", "unlock", user)
        assert f"there is no user '{user}'" in said.stderr or f"{user} has no record" in said.stdout, said


def test_member_reads_report(desk):
    for form in ("", "--csv", "--json", "--html", "--no-names", "--no-names --json", "--group helpdesk", "--group helpdesk --csv"):
        report = desk.done("bob", "report", *form.split())
        assert ("dave" in report) == ("--no-names" not in form and "--group" not in form), report
        assert ("carol" in report) == ("--no-names" not in form), report


def test_sudo_asks_enrolled_member_for_code(machine, desk):
    machine.enroll("alice")
    bob = machine.enroll("bob")
    machine.forget_log()
    refused = desk.sudo("bob", "twostep", "reset", "alice", code=bob.wrong_code())
    assert refused.returncode == 1 and machine.status("alice")["enrolled"]
    machine.clock.advance(60)
    desk.done("bob", "reset", "alice", code=bob.code())
    assert not machine.status("alice")["enrolled"]


# -- what sudo refuses


def test_sudo_refuses_member_all_other_arguments(machine, desk):
    machine.enroll("alice")
    machine.forget_log()
    assert [words for words in DENIED_ARGUMENTS if not desk.is_denied("bob", "twostep", *words.split())] == []


@pytest.mark.parametrize("verb", ["unlock", "ticket", "reset"])
def test_sudo_refuses_member_what_is_no_user_name(desk, verb):
    assert [name for name in NO_NAMES if not desk.is_denied("bob", "twostep", verb, name)] == []


@pytest.mark.parametrize("words", DENIED_COMMANDS.values(), ids=DENIED_COMMANDS)
def test_sudo_refuses_member_all_other_commands(machine, desk, words):
    machine.enroll("alice")
    machine.forget_log()
    shutil.copy("/usr/bin/true", "/tmp/twostep")
    try:
        assert desk.is_denied("bob", *words)
    finally:
        Path("/tmp/twostep").unlink()


def test_arguments_in_one_word_are_refused_by_twostep(machine, desk):
    """sudo compares all arguments as one text, so it cannot see where one ends."""
    machine.enroll("alice")
    machine.forget_log()
    before = desk.whole_machine()
    for words in (["unlock alice"], ["reset alice"], ["report --csv"], ["report", "--group helpdesk"], ["report", "--csv --no-names"]):
        done = desk.sudo("bob", "twostep", *words)
        assert done.returncode == 2 and not done.stdout, done
    assert before == desk.whole_machine() and "act=" not in machine.log_text()


def test_sudo_refuses_user_who_is_no_member(machine, desk):
    machine.enroll("alice")
    machine.forget_log()
    allowed = [["unlock", "alice"], ["ticket", "alice"], ["reset", "alice"], ["report"]]
    assert all(desk.is_denied("dave", "twostep", *words) for words in allowed)
    machine.run("gpasswd", "--delete", "bob", "helpdesk")
    assert all(desk.is_denied("bob", "twostep", *words) for words in allowed)


def test_sudo_refuses_member_administrators_named_in_file(machine, desk):
    machine.enroll("admin")
    machine.forget_log()
    copy = FOLDER / FILE.name
    put(copy, copy.read_bytes().replace(b"(root)(@", b"(root|admin)(@"))
    assert desk.is_denied("bob", "twostep", "reset", "admin")
    assert desk.is_denied("bob", "twostep", "unlock", "admin@corp.example")
    assert desk.is_denied("bob", "twostep", "reset", "root")
    assert desk.done("bob", "unlock", "alice") == "alice has no record. Nothing changed.\n"


# -- a member's own account


@pytest.mark.parametrize("verb", ["unlock", "ticket", "reset"])
def test_member_cannot_act_for_own_account(machine, desk, verb):
    if verb == "ticket":
        machine.policy("[enrollment]\nrequire-ticket = true\n")
        code = None
    else:
        code = machine.enroll("bob").code()
    machine.forget_log()
    done = desk.sudo("bob", "twostep", verb, "bob", code=code)
    assert done.returncode == 1 and f"error: bob {OWN}\nAsk another administrator." in done.stderr, done.stderr
    assert not done.stdout and "act=" not in machine.log_text()
    assert machine.status("bob")["enrolled"] == (verb != "ticket") and not machine.status("bob")["ticket_until"]


@pytest.mark.parametrize("exported", ["SUDO_UID=0", "SUDO_UID=", "SUDO_UID=1", "SUDO_USER=root"])
def test_exported_variable_does_not_hide_member(desk, exported):
    for verb in ("unlock", "ticket", "reset"):
        assert desk.refuses_own("bob", "twostep", verb, "bob", exported=[exported])


def test_two_members_can_reset_each_other(machine, desk):
    """The page says so."""
    bob, carol = machine.enroll("bob"), machine.enroll("carol")
    desk.done("bob", "reset", "carol", code=bob.code())
    assert machine.status("bob")["enrolled"] and not machine.status("carol")["enrolled"]
    carol = machine.enroll("carol")
    desk.done("carol", "reset", "bob", code=carol.code())
    assert not machine.status("bob")["enrolled"]


def test_member_with_other_spelling_is_same_account(machine, desk):
    with a_directory() as directory:
        directory.user("remo", 20001, "REMO", "CORP\\remo", "remo@corp.example")
        directory.user("lena", 20002)
        GROUPS[0].write_text(GROUPS[0].read_text().replace(":bob,carol\n", ":bob,carol,remo\n"))
        assert desk.done("remo", "unlock", "lena") == "lena has no record. Nothing changed.\n"
        for verb in ("unlock", "ticket", "reset"):
            for name in ("remo", "remo@corp.example"):
                assert desk.refuses_own("remo", "twostep", verb, name)
            for name in ("REMO", "CORP\\remo", "20001"):
                assert desk.is_denied("remo", "twostep", verb, name)


def test_second_account_with_own_uid_is_own_account(machine, desk):
    with a_directory() as directory:
        directory.user("remo", 20001)
        directory.more("rema", 20001)
        put(FOLDER / "all", b"#20001 ALL=(ALL) ALL\n")
        try:
            for name in ("remo", "rema", "20001"):
                assert desk.refuses_own("remo", "twostep", "reset", name)
        finally:
            (FOLDER / "all").unlink()


# -- users who may run everything


def test_administrator_cannot_act_for_own_account(desk):
    ways = ["{} admin", "{} --user admin", f"{{}} {uid_of('admin')}", "{} --root / admin"]
    words = [f"{flags} twostep {way}".format(verb) for verb in ("unlock", "reset") for flags in ("", "-i", "-s", "-E") for way in ways]
    assert [way for way in words if not desk.refuses_own("admin", *way.split())] == []


def test_administrator_cannot_act_for_group_with_own_account(machine, desk):
    machine.run("usermod", "--append", "--groups", "helpdesk", "admin")
    machine.enroll("bob")
    done = desk.sudo("admin", "twostep", "unlock", "--group", "helpdesk")
    assert done.returncode == 1 and "Unlocked bob" in done.stdout and f"error: admin {OWN}" in done.stderr
    assert "failed for 1 of 3 users" in done.stderr and "admin" not in done.stdout


@pytest.mark.parametrize("way", [["su", "-", "-c"], ["env", "-u", "SUDO_UID", "sh", "-c"]], ids=["su", "env"])
def test_root_shell_without_sudo_is_not_refused(machine, desk, way):
    """As the message says; who may run everything is not stopped."""
    admin = machine.enroll("admin")
    done = desk.sudo("admin", *way, "twostep reset admin", code=admin.code())
    assert done.returncode == 0 and not machine.status("admin")["enrolled"], done.stderr


def test_root_acts_for_itself_by_sudo(machine, desk):
    machine.enroll("root")
    done = machine.run("sudo", "twostep", "reset", "root")
    assert done.returncode == 0 and "root is no longer enrolled" in done.stdout, done.stderr


@pytest.mark.parametrize("verb", ["unlock", "ticket", "reset"])
def test_refuses_all_if_variable_has_no_uid(machine, verb):
    machine.enroll("alice")
    machine.forget_log()
    for value in ("", "bob", "-1", "0x0", "4294967296", "1 2"):
        done = machine.run("env", f"SUDO_UID={value}", "twostep", verb, "alice")
        assert done.returncode == 1 and "the value of SUDO_UID is not a user id" in done.stderr
    assert machine.status("alice")["enrolled"] and "act=" not in machine.log_text()
