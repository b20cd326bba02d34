"""Migration: users who have an authenticator in another module keep it, and no code that was used there works here."""

import itertools
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clock import STEP
from hosts import Ssh, become, ready
from machine import REPOSITORY, STORE, uid_of
from person import Person

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OLD_KEY = "JBSWY3DPEHPK3PXP"  # 80 bits, as google-authenticator made them until 2018
SCRATCH_CODE = "82651724"
RECOMMENDED = ("-t", "-d", "-w", "3", "-r", "3", "-R", "30")
USERS_FILE = Path("/etc/users.oath")
DOOR = Path(__file__).with_name("door.py")


def google_authenticator(machine, user, *flags, file=None):
    """Runs the command as its user, and returns the person with the app that scanned the picture."""
    file = file or home_file(user)
    more = () if file == home_file(user) else (f"--secret={file}",)
    done = machine.run("setpriv", *become(user), "google-authenticator", "-f", "-C", "-q", *flags, *more)
    assert done.returncode == 0, done.stderr
    period = flags[flags.index("-S") + 1] if "-S" in flags else "30"
    return Person(machine, user, file.read_text().split("\n")[0], app=("--totp", f"--time-step-size={period}s"))


def home_file(user):
    return Path(pwd.getpwnam(user).pw_dir, ".google_authenticator")


def written(user, *lines, key=KEY):
    """A handmade file of google-authenticator."""
    file = home_file(user)
    file.unlink(missing_ok=True)
    file.write_text("\n".join([key, *lines, ""]))
    os.chown(file, *pwd.getpwnam(user)[2:4])
    file.chmod(0o400)
    return file


@pytest.fixture(autouse=True)
def no_key_stays(tmp_path):
    """After the whole run no file has any of the keys."""
    yield
    shutil.rmtree(tmp_path)
    for user in ("alice", "bob", "carol", "dave"):
        for file in Path(pwd.getpwnam(user).pw_dir).glob(".google_authenticator*"):
            shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()


def rows_of(machine, *arguments):
    """What the command reports for each file, and its exit status."""
    done = machine.run("twostep", "import", *map(str, arguments), "--json")
    assert done.stderr == "", done.stderr
    rows = json.loads(done.stdout)
    outcomes = {row["outcome"] for row in rows}
    assert done.returncode == (4 if "not-looked-at" in outcomes else int("refused" in outcomes))
    return rows


def imported(machine, *arguments):
    """The result for each user: outcome, problem, notes."""
    return {row["user"]: row for row in rows_of(machine, *arguments)}


def not_looked_at(machine, *arguments):
    """The problem of each file that was not looked at, by user, or by path if no user is named."""
    rows = rows_of(machine, "google-authenticator", *arguments)
    return {row["user"] or row["file"]: row["problem"] for row in rows if row["outcome"] == "not-looked-at"}


def of_google(machine, *arguments):
    return imported(machine, "google-authenticator", *(arguments or ("--all-homes",)))


def outcomes(rows):
    return {user: row["outcome"] for user, row in rows.items()}


@pytest.mark.parametrize(
    "flags",
    [
        RECOMMENDED,
        ("-t", "-D", "-W", "-u"),
        ("-t", "-d", "-w", "17", "-u"),
        ("-t", "-d", "-W", "-r", "10", "-R", "600", "-e", "0"),
        ("-t", "-d", "-w", "21", "-u", "-e", "10", "-S", "60"),
        ("-t", "-D", "-w", "3", "-u", "-S", "15"),
        ("-t", "-d", "-w", "3", "-u", "-l", "somebody@somewhere", "-i", "Example"),
    ],
    ids=" ".join,
)
def test_file_of_google_authenticator_works(machine, flags):
    alice = google_authenticator(machine, "alice", *flags)
    row = of_google(machine)["alice"]
    assert row["outcome"] == "imported" and row["file"] == str(home_file("alice"))
    assert any("scratch codes" in note for note in row["notes"]) == ("0" not in flags)
    assert any("skew-steps" in note for note in row["notes"]) == any(wide in flags for wide in ("17", "21"))
    machine.clock.advance(4 * STEP)
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted
    assert machine.verdicts() == ["grant"]
    assert home_file("alice").exists() and outcomes(of_google(machine)) == {"alice": "unchanged"}


def test_imports_every_combination_of_its_flags(machine):
    """In a plain application, which is faster than sshd."""
    machine.policy(tries=1)
    machine.stack("imported", "auth required pam_twostep.so", "auth required pam_permit.so")
    flags = itertools.product(
        ("-d", "-D"),
        ("-u", "-r 3 -R 30"),
        ("-W", "-w 3", "-w 21"),
        ("", "-S 15", "-S 60"),
        ("-e 0", ""),
    )
    for words in flags:
        alice = google_authenticator(machine, "alice", "-t", *" ".join(words).split())
        assert outcomes(of_google(machine)) == {"alice": "imported"}, words
        machine.clock.advance(5 * STEP)
        done = machine.run(sys.executable, DOOR, "imported", "alice", stdin=f"{alice.code()}\n")
        assert done.stdout.endswith("answer 0\n"), words
        machine.command("reset", "alice")


@pytest.mark.parametrize("flags", [("-c", "-w", "3", "-u"), ("-t", "-d", "-w", "3", "-u", "-S", "10")], ids=" ".join)
def test_refuses_unsupported_file_in_one_line(machine, flags):
    google_authenticator(machine, "alice", *flags)
    done = machine.run("twostep", "import", "google-authenticator", "--all-homes")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("alice  refused  /home/alice/.google_authenticator:") and first.endswith("enroll again" + ", with a TOTP app" * ("-c" in flags))
    assert rest[0] == "1 refused." and done.returncode == 1
    assert not machine.stored("alice")


def test_code_used_at_google_authenticator_is_used_here(machine):
    host = ready(Ssh(machine))
    alice = google_authenticator(machine, "alice", *RECOMMENDED)
    machine.stack("sshd", "auth required pam_unix.so", "auth required pam_google_authenticator.so")
    used = alice.code()
    assert host.attempt("alice", used).granted
    host.prepare()
    assert outcomes(of_google(machine)) == {"alice": "imported"}
    assert host.attempt("alice", used, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "grant"]


def test_uses_up_current_codes_if_reuse_was_allowed(machine):
    alice = google_authenticator(machine, "alice", "-t", "-D", "-w", "3", "-u")
    of_google(machine)
    machine.clock.advance(2 * STEP)
    assert ready(Ssh(machine)).attempt("alice", alice.code(-1), alice.code()).granted
    assert machine.verdicts() == ["deny replayed", "grant"]


class OfOath(Ssh):
    """pam_oath, with its own prompt."""

    def __init__(self, machine, code):
        super().__init__(machine)
        self._code = code

    def prepare(self):
        super().prepare()
        self.machine.stack("sshd", "auth required pam_unix.so", f"auth required pam_oath.so usersfile={USERS_FILE} window=5")

    def more_answers(self, _user):
        return {r"One-time password \(OATH\) for `\w+': ": self._code}


def users_file(*lines):
    USERS_FILE.write_text("".join(f"{line}\n" for line in lines))
    USERS_FILE.chmod(0o600)


def hexadecimal(key):
    return subprocess.run(["base32", "-d"], input=key.encode(), capture_output=True, check=True).stdout.hex()


def test_code_used_at_pam_oath_is_used_here(machine):
    alice = Person(machine, "alice", KEY)
    users_file(f"HOTP/T30/6\talice\t-\t{hexadecimal(KEY)}")
    used = alice.code()
    assert ready(OfOath(machine, used)).attempt("alice").granted
    assert used in USERS_FILE.read_text()
    host = ready(Ssh(machine))
    assert outcomes(imported(machine, "pam-oath", USERS_FILE)) == {"alice": "imported"}
    assert host.attempt("alice", used, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "grant"]


@pytest.mark.parametrize("kind, period, digits", [("HOTP/T30", 30, 6), ("HOTP/T30/7", 30, 7), ("HOTP/T60/8", 60, 8), ("HOTP/T60", 60, 6)])
def test_every_timed_type_of_pam_oath_works_here(machine, kind, period, digits):
    users_file("# comment", "", f"{kind} alice + {hexadecimal(KEY)}")
    assert outcomes(imported(machine, "pam-oath", USERS_FILE)) == {"alice": "imported"}
    alice = Person(machine, "alice", KEY, app=("--totp", f"--time-step-size={period}s", f"--digits={digits}"))
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted


def test_imports_or_refuses_each_pam_oath_line_by_number(machine):
    users_file(
        f"HOTP/T30/6 alice - {hexadecimal(KEY)}",
        f"HOTP/E/6 alice - {hexadecimal(OTHER)} 19",
        f"HOTP/T60/8 alice - {hexadecimal(OTHER)}",
        f"HOTP/T30 bob secret {'ab' * 20}",
        f"HOTP/T30 carol - {hexadecimal(KEY)}",
        f"HOTP/T30 nobody-here - {'cd' * 20}",
        "HOTP/T30 dave - 31323",
    )
    done = machine.run("twostep", "import", "pam-oath", str(USERS_FILE), "--label", "token")
    rows = {int(line.split(f"{USERS_FILE}:")[1].split(":")[0]): line for line in done.stdout.splitlines() if f"{USERS_FILE}:" in line}
    assert "imported" in rows[1] and "imported" in rows[3]
    for number, words in {2: "counted", 4: "password in clear", 5: "another account", 6: "second column", 7: "not hexadecimal"}.items():
        assert "refused" in rows[number] and words in rows[number], rows[number]
    assert done.stdout.splitlines()[-1] == "2 imported, 5 refused." and done.returncode == 1
    assert [one["label"] for one in machine.status("alice")["authenticators"]] == ["token", "token 2"]
    host = ready(Ssh(machine))
    second = Person(machine, "alice", OTHER, app=("--totp", "--time-step-size=60s", "--digits=8"))
    assert host.attempt("alice", second.code()).granted
    for user in ("bob", "carol", "dave"):
        assert not machine.stored(user)


HOSTILE = {
    "link": lambda file: (file.rename(file.with_suffix(".x")), file.symlink_to(file.with_suffix(".x"))),
    "link to another's": lambda file: (file.unlink(), file.symlink_to(home_file("bob"))),
    "FIFO": lambda file: (file.unlink(), os.mkfifo(file, 0o600), os.chown(file, uid_of("alice"), -1)),
    "folder": lambda file: (file.unlink(), file.mkdir(0o700), os.chown(file, uid_of("alice"), -1)),
    "another's": lambda file: os.chown(file, uid_of("carol"), -1),
    "for all to read": lambda file: file.chmod(0o444),
    "second name": lambda file: os.link(file, file.with_suffix(".y")),
    "64 KiB and more": lambda file: file.write_bytes(file.read_bytes() + b"12345678\n" * 8000),
    "NUL": lambda file: file.write_bytes(file.read_bytes().replace(b"\n", b"\0\n", 1)),
    "no key": lambda file: file.write_bytes(b"!" + file.read_bytes()),
    "empty": lambda file: file.write_bytes(b""),
    "no text": lambda file: file.write_bytes(file.read_bytes() + b"\xff\n"),
    "not timed": lambda file: file.write_bytes(file.read_bytes().replace(b"TOTP_AUTH", b"TOTP")),
    "step of no number": lambda file: file.write_bytes(file.read_bytes() + b'" STEP_SIZE x\n'),
    "step of none": lambda file: file.write_bytes(file.read_bytes() + b'" STEP_SIZE -30\n'),
    "used in a year": lambda file: file.write_bytes(file.read_bytes().replace(b"REUSE", b"REUSE 99999999")),
    "used at no number": lambda file: file.write_bytes(file.read_bytes().replace(b"REUSE", b"REUSE yesterday")),
    "short key": lambda file: file.write_bytes(file.read_bytes()[24:]),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_refuses_hostile_file_and_imports_others(machine, how):
    file = written("alice", '" DISALLOW_REUSE', '" TOTP_AUTH', SCRATCH_CODE)
    bob = Person(machine, "bob", OTHER)
    written("bob", '" TOTP_AUTH', key=OTHER)
    HOSTILE[how](file)
    done = machine.run("twostep", "import", "google-authenticator", "--all-homes")
    status, outcome = (4, "not") if how == "another's" else (1, "refused")  # which alice cannot even open
    assert done.returncode == status and done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["alice", outcome], ["bob", "imported"], ["1", "imported,"]], lines
    assert not machine.stored("alice") and KEY not in done.stdout
    machine.clock.advance(3 * STEP)
    assert ready(Ssh(machine)).attempt("bob", bob.code()).granted
    for left in Path("/home/alice").glob(".google_authenticator*"):
        left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()


def test_truncated_file_gives_nobody_wrong_secret(machine):
    whole = f'{KEY}\n" RATE_LIMIT 3 30\n" DISALLOW_REUSE 59650000\n" TOTP_AUTH\n{SCRATCH_CODE}\n'
    file = written("alice")
    for length in range(len(whole)):
        file.write_text(whole[:length])
        row = of_google(machine)["alice"]
        is_whole_enough = whole[:length].endswith(('" TOTP_AUTH\n', f"{SCRATCH_CODE}\n"))
        assert row["outcome"] == ("imported" if is_whole_enough else "refused"), (length, row)
        if is_whole_enough:
            assert machine.status("alice")["last_use"] == 59650000 * STEP
            machine.command("reset", "alice")
    assert not list((STORE / "users").iterdir())


def test_truncated_users_file_loses_only_last_line(machine):
    users_file(f"HOTP/T30 bob - {hexadecimal(OTHER)}", f"HOTP/T30/8 alice - {hexadecimal(KEY)}")
    whole = USERS_FILE.read_text()
    for length in range(whole.index("\n") + 1, len(whole)):
        USERS_FILE.write_text(whole[:length])
        rows = imported(machine, "pam-oath", USERS_FILE)
        assert rows.pop("bob")["outcome"] in ("imported", "unchanged")
        assert {row["outcome"] for row in rows.values()} <= {"refused"}, (length, rows)


def test_link_to_file_of_root_reveals_nothing(machine):
    root = Path("/root/.google_authenticator")
    root.write_text(f'{KEY}\n" TOTP_AUTH\n')
    root.chmod(0o400)
    Path("/home/alice/.config").mkdir(exist_ok=True)
    os.chown("/home/alice/.config", uid_of("alice"), -1)
    link = Path("/home/alice/.config/ga")
    link.symlink_to("/root")
    rows = of_google(machine, "--user", "alice", "--secret", "~/.config/ga/.google_authenticator")
    assert outcomes(rows) == {"alice": "not-looked-at"} and "Permission denied" in rows["alice"]["problem"]
    link.unlink()
    root.unlink()


def test_follows_no_link_outside_homes(machine):
    """Root reads there: a file that alice may change must not lead to a file of root, nor may that file be renamed."""
    root = Path("/root/.google_authenticator")
    root.write_text(f'{KEY}\n" TOTP_AUTH\n')
    root.chmod(0o400)
    folder = Path("/var/ga/alice")
    folder.mkdir(parents=True)
    os.chown(folder, uid_of("alice"), -1)
    (folder / "ga").symlink_to("/root")
    rows = of_google(machine, "--user", "alice", "--secret", "/var/ga/${USER}/ga/.google_authenticator", "--retire")
    assert outcomes(rows) == {"alice": "refused"} and "link" in rows["alice"]["problem"]
    assert root.exists()
    root.unlink()
    shutil.rmtree("/var/ga")


def test_finds_files_at_path_of_old_line(machine):
    folder = Path("/var/ga")
    folder.mkdir(mode=0o700, exist_ok=True)
    alice = Person(machine, "alice", KEY)
    for user, key in (("alice", KEY), ("bob", OTHER)):
        (folder / user).write_text(f'{key}\n" TOTP_AUTH\n')
        (folder / user).chmod(0o400)
    rows = of_google(machine, "--all-homes", "--secret", "/var/ga/${USER}", "--retire")
    assert outcomes(rows) == {"alice": "imported", "bob": "imported"}
    assert sorted(file.name for file in folder.iterdir()) == ["alice.imported", "bob.imported"]
    machine.clock.advance(3 * STEP)
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted
    shutil.rmtree(folder)


def test_both_modules_in_one_stack_ask_each_person_once(machine):
    """The stack of docs/MIGRATION.md."""
    host = ready(Ssh(machine))
    [stack] = re.findall(r"^auth  requisite .*?(?=^```)", (REPOSITORY / "docs/MIGRATION.md").read_text(), re.M | re.S)
    machine.stack("sshd", *stack.splitlines())
    alice, bob = Person(machine, "alice", KEY), Person(machine, "bob", OTHER)
    written("alice", '" DISALLOW_REUSE', '" TOTP_AUTH')
    written("bob", '" DISALLOW_REUSE', '" TOTP_AUTH', key=OTHER)
    of_google(machine, "--user", "alice")
    for person in (alice, bob):
        code = person.code()
        outcome = host.attempt(person.user, code)
        assert outcome.granted and len(outcome.asked) == 1
        assert host.attempt(person.user, code).refused
    machine.clock.advance(STEP)
    there = home_file("alice").read_bytes()
    assert host.attempt("alice", *[alice.wrong_code()] * 3).refused
    assert home_file("alice").read_bytes() == there, "the other module was not asked"
    assert [verdict for verdict in machine.verdicts() if not verdict.startswith("deny")] == ["grant", "exempt not-enrolled", "exempt not-enrolled"]


def test_a_dry_run_changes_nothing_and_retiring_renames(machine):
    written("alice", '" TOTP_AUTH')
    machine.forget_log()
    assert outcomes(of_google(machine, "--all-homes", "--dry-run", "--retire")) == {"alice": "would-import"}
    assert not machine.stored("alice") and home_file("alice").exists() and "act=import" not in machine.log_text()
    assert outcomes(of_google(machine, "--all-homes", "--retire")) == {"alice": "imported"}
    retired = home_file("alice").with_name(".google_authenticator.imported")
    assert not home_file("alice").exists() and retired.stat().st_uid == uid_of("alice")
    assert f"act=import user=alice uid={uid_of('alice')} from=google-authenticator authenticators=1 by=" in machine.log_text()


def test_a_secret_of_80_bits_is_taken_and_reported(machine):
    alice = Person(machine, "alice", OLD_KEY)
    written("alice", '" DISALLOW_REUSE', '" TOTP_AUTH', key=OLD_KEY)
    assert any("80 bits" in note for note in of_google(machine)["alice"]["notes"])
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted
    # In a handmade secret file it is not accepted: the minimum is 128 bits.
    secret = STORE / "users" / f"{uid_of('alice')}.toml"
    secret.write_text(secret.read_text().replace("imported = true\n", ""))
    assert ready(Ssh(machine)).attempt("alice", alice.code(+1)).refused
    assert machine.verdicts() == ["grant", "deny unavailable"]


def test_reports_clock_that_was_learned(machine):
    """A phone that is two minutes ahead."""
    alice = Person(machine, "alice", KEY)
    step = machine.clock.now() // STEP
    written("alice", f'" DISALLOW_REUSE {step + 4}', '" TIME_SKEW 4', '" TOTP_AUTH')
    assert any("120 s ahead" in note for note in of_google(machine)["alice"]["notes"])
    used = alice.code(+4)
    machine.clock.advance(4 * STEP)
    assert ready(Ssh(machine)).attempt("alice", used, alice.code(+1)).granted
    assert machine.verdicts() == ["deny replayed", "grant"]


def test_leaves_enrolled_user_unchanged(machine):
    alice = machine.enroll("alice")
    written("alice", '" TOTP_AUTH')
    rows = of_google(machine)
    assert outcomes(rows) == {"alice": "refused"} and "twostep reset alice" in rows["alice"]["notes"][0]
    assert ready(Ssh(machine)).attempt("alice", alice.code()).granted


def test_export_reset_import_gives_the_same_codes(machine, tmp_path):
    alice = machine.enroll("alice")
    lines = machine.command("export", "--all")
    assert lines == f"alice otpauth://totp/sandbox:alice?secret={alice.secret}&issuer=sandbox\n"
    assert "act=export user=alice" in machine.log_text()
    file = tmp_path / "uris"
    users_file(f"HOTP/T60/8 bob - {hexadecimal(OTHER)}")
    imported(machine, "pam-oath", USERS_FILE)
    file.write_text(machine.command("export", "--all"))
    machine.command("reset", "alice")
    machine.command("reset", "bob")
    assert outcomes(imported(machine, "otpauth", file)) == {"alice": "imported", "bob": "imported"}
    machine.clock.advance(5 * STEP)
    host = ready(Ssh(machine))
    bob = Person(machine, "bob", OTHER, app=("--totp", "--time-step-size=60s", "--digits=8"))
    assert host.attempt("alice", alice.code()).granted and host.attempt("bob", bob.code()).granted
    file.unlink()


def test_otpauth_line_names_user_before_or_in_uri(machine, tmp_path):
    file = tmp_path / "uris"
    file.write_text(
        f"otpauth://totp/Example%20Corp:alice?secret={KEY}&issuer=Example%20Corp&image=x\n"
        f"bob\totpauth://totp/whatever?secret={OTHER.lower()}&algorithm=sha256&digits=8\n"
        f"carol otpauth://hotp/carol?secret={OTHER}&counter=1\n"
        f"dave otpauth://totp/dave?secret={KEY}&secret={OTHER}\n"
    )
    rows = imported(machine, "otpauth", file)
    assert outcomes(rows) == {"alice": "imported", "bob": "imported", "carol": "refused", "dave": "refused"}
    assert "counted" in rows["carol"]["problem"] and "two values" in rows["dave"]["problem"]
    bob = Person(machine, "bob", OTHER, app=("--totp=sha256", "--digits=8"))
    machine.clock.advance(3 * STEP)
    assert ready(Ssh(machine)).attempt("bob", bob.code()).granted
    file.unlink()


def test_reports_line_that_is_not_text(machine):
    USERS_FILE.write_bytes(b"HOTP/T30 \xff - 00\n" + f"HOTP/T30 bob - {hexadecimal(OTHER)}\n".encode())
    rows = imported(machine, "pam-oath", USERS_FILE)
    assert rows[None]["problem"] == "the line is not text" and rows["bob"]["outcome"] == "imported"


def test_only_root_imports_and_exports(machine):
    for arguments in (["import", "google-authenticator", "--all-homes"], ["export", "--all"]):
        done = machine.run("setpriv", *become("alice"), "twostep", *arguments)
        assert done.returncode == 1 and "only root can do this" in done.stderr and not done.stdout


@pytest.mark.parametrize(
    "argument, advice",
    {
        "nullok": "opt-in", "secret=/x": "import google-authenticator", "user=root": "helper", "noskewadj": "skew-steps",
        "grace_period=60": "from =", "no_increment_hotp": "HOTP", "allow_readonly": "writable", "usersfile=/x": "import pam-oath",
        "echo_verification_code": "is shown", "window=5": "skew-steps", "debug": "log", "digits=6": "digits",
    }.items(),
)
def test_refuses_arguments_of_other_modules_with_advice(machine, argument, advice):
    host = ready(Ssh(machine))
    machine.stack("sshd", "auth required pam_unix.so", f"auth required pam_twostep.so {argument}")
    assert host.attempt("alice").refused
    [entry] = machine.log()
    assert entry["reason"] == "misconfigured" and argument in entry["cause"] and "run 'twostep doctor'" in entry["cause"]
    told = " ".join(machine.run("twostep", "doctor").stdout.split())
    assert f"does not know the argument '{argument}'" in told and advice in told.partition(f"'{argument}': ")[2]


# Places of a key in a file that cannot be read, or is not read as intended.
SHAPES = {
    "andOTP": f'[{{"secret":"{KEY}","issuer":"My Box","label":"alice","thumbnail":"Default"}}]',
    "Aegis": f'{{"version":1,\n"header":{{"slots":null}},\n"db":{{"entries":[\n{{"info":{{"secret":"{KEY}"}}}}]}}}}',
    "key and name": f"{KEY} alice",
    "name and key": f"alice {KEY}",
    "commas": f"{KEY},alice",
    "scheme in capitals": f"OTPAUTH://totp/a?secret={KEY} alice",
    "migration": f"otpauth-migration://offline?data={KEY}",
    "key in the label": f"otpauth://totp/{KEY}?secret={KEY}",
    "key as the user": f"{KEY} otpauth://totp/alice?secret={KEY}",
    "key as a number": f"alice otpauth://totp/alice?secret={KEY}&period=31323334353637383930",
    "columns swapped": f"HOTP/T30/6 {KEY} - alice",
    "hexadecimal as the user": f"HOTP/T30/6 {'ab12cd34' * 5} - {'ab12cd34' * 5}",
    "byte order mark": f"\ufeffHOTP/T30/6 {KEY} - alice",
    "no type": f"{KEY} alice - 00",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_refusal_repeats_no_key_of_file(machine, shape, tmp_path):
    file = tmp_path / "file"
    file.write_text(SHAPES[shape] + "\n")
    file.chmod(0o600)
    machine.forget_log()
    for source, json_ in itertools.product(("otpauth", "pam-oath", "google-authenticator"), ([], ["--json"])):
        done = machine.run("env", "RUST_BACKTRACE=1", "twostep", "import", source, str(file), *json_)
        said = done.stdout + done.stderr + machine.log_text()
        assert done.returncode == 1 and str(file) in done.stdout, said
        assert not re.search("JBSWY3DP|ab12cd34|31323334", said), said


def test_repeats_no_key_typed_in_place_of_path(machine):
    for arguments in (
        ["otpauth", f"otpauth://totp/alice?secret={KEY}"], ["pam-oath", KEY], ["google-authenticator", KEY],
        ["google-authenticator", "--user", "alice", "--secret", KEY],
    ):
        done = machine.run("twostep", "import", *arguments)
        assert done.returncode in (1, 3) and KEY not in done.stdout + done.stderr, done


def test_sends_no_key_of_damaged_line_to_directory(machine, directory, tmp_path):
    file = tmp_path / "file"
    file.write_text(f"HOTP/T30/6 {KEY} - alice\n{KEY} alice\n# {KEY}\nHOTP/T30/6 remo - {hexadecimal(KEY)}\n")
    asked = directory.asked(lambda: rows_of(machine, "pam-oath", file))
    assert KEY not in asked and "remo" in asked


@pytest.mark.parametrize(
    "line, words",
    {
        f"otpauth://totp/alice@box?secret={KEY}": "write the user and a blank before the URI",
        f"nosuchuser otpauth://totp/alice?secret={KEY}": "what is before the URI",
        SHAPES["andOTP"]: "this export of andOTP",
        SHAPES["Aegis"]: "this export of Aegis",
        SHAPES["migration"]: "Google's app",
    }.items(),
    ids=["user and host", "nobody", "andOTP", "Aegis", "migration"],
)
def test_refusal_says_what_was_expected(machine, tmp_path, line, words):
    file = tmp_path / "file"
    file.write_text(line + "\n")
    [row] = rows_of(machine, "otpauth", file)
    assert row["outcome"] == "refused" and words in row["problem"] and row["user"] is None


def test_loses_no_user_to_byte_order_mark(machine):
    USERS_FILE.write_text(f"\ufeffHOTP/T30 alice - {hexadecimal(KEY)}\r\nHOTP/T30 bob - {hexadecimal(OTHER)}\r\n")
    assert outcomes(imported(machine, "pam-oath", USERS_FILE)) == {"alice": "imported", "bob": "imported"}


# -- no user is left out silently


def everybody(machine, *arguments):
    done = machine.run("twostep", "import", "google-authenticator", "--all-homes", "--dry-run", *arguments)
    return done.returncode, done.stdout


def test_says_that_all_accounts_were_looked_at(machine):
    written("alice", '" TOTP_AUTH')
    status, text = everybody(machine)
    assert status == 0 and re.search(r"^1 would be imported\.\nAll \d+ accounts were looked at\.\n\Z", text, re.M), text


ABSENT = {
    "moved away": (lambda home: home.rename("/home/elsewhere"), "does not exist"),
    "not mounted": (lambda home: subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", home], check=True), "is empty"),
    "not mounted, a link": (lambda home: (home.rename("/home/elsewhere"), home.symlink_to("/opt/nothing")), "does not exist"),
    "eCryptfs": (lambda home: (home / "Access-Your-Private-Data.desktop").touch(), "is encrypted"),
    "closed": (lambda home: (os.chown(home, 0, 0), home.chmod(0o700)), "Permission denied"),
    "a file": (lambda home: (home.rename("/home/elsewhere"), home.touch()), "does not exist"),
}


def bring_back():
    home = Path("/home/alice")
    subprocess.run(["umount", "-q", home], check=False)
    away = Path("/home/elsewhere")
    if away.exists():
        home.unlink(missing_ok=True)
        away.rename(home)
    (home / "Access-Your-Private-Data.desktop").unlink(missing_ok=True)
    os.chown(home, *pwd.getpwnam("alice")[2:4])
    home.chmod(0o755)


@pytest.mark.parametrize("how", ABSENT)
def test_names_account_whose_home_is_not_there(machine, how):
    act, words = ABSENT[how]
    written("bob", '" TOTP_AUTH')
    act(Path("/home/alice"))
    try:
        problems = not_looked_at(machine, "--all-homes", "--dry-run")
        assert words in problems.get("alice", "") and "bob" not in problems
        assert words in not_looked_at(machine, "--user", "alice", "--user", "bob", "--dry-run")["alice"]
        status, text = everybody(machine)
    finally:
        bring_back()
    assert status == 4 and re.search(r"^alice +not looked at +/home/alice/", text, re.M), text
    assert re.search(r"^\d+ accounts were looked at\. Those in lines with 'not looked at' are not counted\.$", text, re.M), text


def lives_at(directory, name, uid, home):
    """A user of the directory, which lists no users, with a file of google-authenticator."""
    directory.user(name, uid)
    shutil.move(f"/home/{uid}", home)
    line = directory._lines["user", uid].replace(f"/home/{uid}:", f"{home}:")
    directory._lines["user", uid] = line
    directory._write()
    file = Path(home, ".google_authenticator")
    file.write_text(f'{KEY}\n" TOTP_AUTH\n')
    file.chmod(0o400)
    os.chown(file, uid, uid)


def test_finds_homes_two_folders_deep_without_listing(machine, directory):
    domain = Path("/home/CORP")
    domain.mkdir()
    lives_at(directory, "remo", 70001, f"{domain}/remo")
    (domain / "old").mkdir()
    try:
        rows = rows_of(machine, "google-authenticator", "--all-homes", "--dry-run")
        [remo] = [row for row in rows if row["user"] == "remo"]
        assert remo["outcome"] == "would-import" and remo["file"] == f"{domain}/remo/.google_authenticator"
        assert [row["file"] for row in rows if row["outcome"] == "nobodys-home"] == [f"{domain}/old"]
        [unlisted] = [row for row in rows if row["outcome"] == "not-looked-at"]
        assert unlisted["file"] == "/etc/nsswitch.conf" and "--user" in unlisted["problem"]
        assert imported(machine, "google-authenticator", "--user", "remo", "--dry-run")["remo"]["outcome"] == "would-import"
        directory.forget(70001)  # its server is away, and its cache is cold
        problems = not_looked_at(machine, "--all-homes", "--dry-run")
        assert "a file of uid 70001" in problems[f"{domain}/remo"]
    finally:
        shutil.rmtree(domain)


def test_finds_owners_of_files_called_after_them(machine, directory):
    folder = Path("/var/ga")
    folder.mkdir(mode=0o700)
    lives_at(directory, "remo", 70001, "/opt/remo")
    for name in ("remo", "alice", "nosuchuser", "bob.imported"):
        (folder / name).write_text(f'{KEY if name == "alice" else OTHER}\n" TOTP_AUTH\n')
        (folder / name).chmod(0o400)
    try:
        rows = rows_of(machine, "google-authenticator", "--all-homes", "--dry-run", "--secret", "/var/ga/${USER}")
    finally:
        shutil.rmtree(folder)
        shutil.rmtree("/opt/remo")
    assert {row["user"]: row["outcome"] for row in rows if row["user"]} == {"alice": "would-import", "remo": "would-import"}
    assert [(row["file"], row["outcome"]) for row in rows if not row["user"]] == [("/var/ga/nosuchuser", "not-looked-at")]


def test_reports_folder_that_is_nobodys_home(machine):
    folder = Path("/home/leaver")
    folder.mkdir()
    os.chown(folder, 71234, 71234)
    try:
        status, text = everybody(machine)
        assert status == 0 and re.search(r"^- +no user's home +/home/leaver$", text, re.M), text
        (folder / ".google_authenticator").touch()
        os.chown(folder / ".google_authenticator", 71234, 71234)
        status, text = everybody(machine)
        assert status == 4 and re.search(r"^- +not looked at +/home/leaver: .* uid 71234$", text, re.M), text
    finally:
        shutil.rmtree(folder)
