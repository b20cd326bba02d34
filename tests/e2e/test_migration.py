"""The tables of docs/MIGRATION.md that say which lines replace an old line, run in the real libpam: the old lines with the
old module, the new lines with twostep. The new lines let in the same users as the old ones, and no others."""

import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hosts import SshKey
from machine import REPOSITORY
from person import Person, password_of

PAGE = (REPOSITORY / "docs/MIGRATION.md").read_text()
ANSWERS = Path(__file__).with_name("answers.py")
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SUCCESS = 0
ACCOUNT = ("account required pam_twostep.so", "account required pam_permit.so")


def table(heading):
    """The rows of the table below this line, each cell as its pieces of code."""
    body = re.search(rf"^{re.escape(heading)}\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)[1]
    return [[re.findall("`(.*?)`", cell) for cell in line.strip("|\n").split(" | ")] for line in body.splitlines()]


ROWS = table("| old auth lines | new auth lines | policy |")
ARGUMENTS = {name for names, *_ in table("| argument | twostep |") for name in names}
rows = pytest.mark.parametrize("old, new, policy", ROWS, ids=[" ".join(old) for old, *_ in ROWS])


@pytest.fixture
def alice(machine):
    """Enrolled in the old modules and in twostep, with the same key; bob is enrolled nowhere."""
    home = Path(pwd.getpwnam("alice").pw_dir, ".google_authenticator")
    home.write_text(f'{KEY}\n" TOTP_AUTH\n')
    os.chown(home, *pwd.getpwnam("alice")[2:4])
    home.chmod(0o400)
    users = Path("/etc/users.oath")
    key = subprocess.run(["base32", "-d"], input=KEY.encode(), capture_output=True, check=True).stdout.hex()
    users.write_text(f"HOTP/T30/6\talice\t-\t{key}\n")
    users.chmod(0o600)
    machine.command("import", "google-authenticator", "--user", "alice")
    machine.clock.advance(120)
    yield Person(machine, "alice", KEY)
    home.unlink()
    users.unlink()


def walk(machine, auth, account, user, password, code):
    """Whether these lines let the user in, and what was asked."""
    machine.stack("moving", *auth, account=account)
    done = machine.run(sys.executable, str(ANSWERS), "moving", user, stdin=f"{password}\n{code}\n")
    assert done.returncode == 0, done.stderr
    *asked, answer = done.stdout.splitlines()
    return answer == f"answer {SUCCESS}", [line.removeprefix("asked ") for line in asked]


def write_policy(policy):
    mode, *more = policy
    Path("/etc/twostep/policy.toml").write_text("\n".join(("version = 1", mode, *more, "")))


def lets_unenrolled_in(policy):
    return policy == ['mode = "opt-in"']


@rows
def test_new_lines_let_in_exactly_the_intended_users(machine, alice, old, new, policy):
    if "first_factor=publickey" in " ".join(new):
        pytest.skip("sshd alone says what a key has proved: below")
    write_policy(policy)
    machine.command("policy", "check")
    right, wrong = password_of("alice"), password_of("alice") + "x"
    assert not walk(machine, new, ACCOUNT, "alice", wrong, alice.code())[0], "a wrong password"
    assert not walk(machine, new, ACCOUNT, "alice", right, alice.wrong_code())[0], "a wrong code"
    machine.clock.advance(60)
    let_in, asked = walk(machine, new, ACCOUNT, "alice", right, alice.code())
    assert let_in and "".join(sorted(asked)) in ("codepassword", "passwordcode"), asked
    for password, gets_in in ((password_of("bob"), lets_unenrolled_in(policy)), (wrong, False)):
        let_in, asked = walk(machine, new, ACCOUNT, "bob", password, "123456")
        assert let_in == gets_in, f"bob, who is enrolled nowhere, with {password!r}: {asked}"


@rows
def test_old_lines_let_in_the_same_users(machine, alice, old, new, policy):
    """Otherwise the row would be wrong. An exception: with forward_pass the old lines refused every user without a file,
    even with nullok, because no line had asked for a password."""
    account = ("account required pam_permit.so",)
    asks_password = any("pam_unix" in line for line in old)
    right = password_of("alice") if asks_password else ""
    assert not walk(machine, old, account, "alice", right, alice.wrong_code())[0]
    if asks_password:
        assert not walk(machine, old, account, "alice", "wrong", alice.code())[0]
    machine.clock.advance(60)
    assert walk(machine, old, account, "alice", right, alice.code())[0]
    let_in, _ = walk(machine, old, account, "bob", password_of("bob"), "123456")
    assert let_in == (lets_unenrolled_in(policy) and not any("forward_pass" in line for line in old))


def test_key_row_lets_in_exactly_the_intended_users(machine, alice):
    [row] = [(new, policy) for _, new, policy in ROWS if "first_factor=publickey" in " ".join(new)]
    new, policy = row
    host = SshKey(machine)
    host.prepare()
    write_policy(policy)
    machine.stack("sshd", *new, account=ACCOUNT)
    assert host.attempt("bob").granted, "who is enrolled nowhere"
    assert host.attempt("alice", *[alice.wrong_code()] * 3).refused
    machine.clock.advance(60)
    assert host.attempt("alice", alice.code()).granted
    assert [verdict for verdict in machine.verdicts() if not verdict.startswith("deny")] == ["exempt not-enrolled", "grant"]


def test_every_old_argument_is_in_table():
    source = (REPOSITORY / "src/doctor/stack/other_modules.rs").read_text()
    advice = re.search(r"const ADVICE.*?= \[\n(.*?)\n\];", source, re.S)[1]
    known = set(re.findall(r'\(\s*"([\w-]+)",', advice))
    assert len(known) == 19 and known | {"forward_pass"} == ARGUMENTS
