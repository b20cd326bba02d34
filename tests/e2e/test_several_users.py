"""Root acts for several users at once, by names and by groups."""

import contextlib
import json
from pathlib import Path

import pytest

from person import keep_secret

GROUPS = Path("/etc/group")


@pytest.fixture
def ops(machine):
    """A group that lists alice and dave, and is the primary group of bob."""
    before = {file: file.read_text() for file in (GROUPS, Path("/etc/passwd"))}
    machine.run("groupadd", "ops")
    for user in ("alice", "dave"):
        machine.run("usermod", "--append", "--groups", "ops", user)
    machine.run("usermod", "--gid", "ops", "bob")
    yield "ops"
    for file, text in before.items():
        file.write_text(text)


@contextlib.contextmanager
def away(file):
    """A file that is a folder, so that nothing can read it."""
    text = file.read_text()
    file.unlink()
    file.mkdir()
    yield
    file.rmdir()
    file.write_text(text)


def lines_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def required(machine):
    return {user for user in ("alice", "bob", "carol", "dave") if machine.status(user)["required_by"]}


def test_group_is_its_listed_and_its_primary_members(machine, ops):
    done = machine.run("twostep", "require", "--group", ops, "--json")
    assert {(line["user"], line["result"]) for line in lines_of(done)} == {(user, "required") for user in ("alice", "bob", "dave")}
    assert (done.returncode, done.stderr, required(machine)) == (0, "", {"alice", "bob", "dave"})
    everybody = json.loads(machine.command("status", "--group", ops, "--json"))
    assert {status["user"] for status in everybody} == {"alice", "bob", "dave"}
    assert machine.command("unrequire", "--group", ops, "carol").count("\n") == 4
    assert required(machine) == set()


def test_member_that_is_no_user_stops_nobody(machine, ops):
    GROUPS.write_text("".join(f"{line},gone\n" if line.startswith("ops:") else f"{line}\n" for line in GROUPS.read_text().splitlines()))
    done = machine.run("twostep", "require", "--group", ops)
    assert done.returncode == 1 and required(machine) == {"alice", "bob", "dave"}
    assert "error: group 'ops' has the member 'gone', and there is no such user\n" in done.stderr
    assert done.stderr.splitlines()[-2] == "error: failed for 1 of 4 users"


def test_group_that_cannot_be_read_changes_nothing(machine, ops):
    with away(GROUPS):
        done = machine.run("twostep", "require", "alice", "--group", "no-such-group")
    assert done.returncode == 3 and "/etc/group: cannot be read" in done.stderr, done.stderr
    assert required(machine) == set()


def test_each_member_gets_a_ticket_that_is_stored(machine, ops):
    machine.mandatory(require_ticket=True)
    machine.enroll("dave")
    done = machine.run("twostep", "ticket", "--group", ops, "--valid", "2h", "--json")
    lines = {line["user"]: line for line in lines_of(done)}
    for user in ("alice", "bob"):
        keep_secret(machine, lines[user]["ticket"])
        assert machine.status(user)["ticket_until"] == lines[user]["expires_seconds"] == machine.clock.now() + 7200
    assert done.returncode == 1 and lines["dave"]["result"] == "failed" and "already enrolled" in lines["dave"]["error"]
    acts = [line for line in machine.log_text().splitlines() if "act=ticket" in line]
    assert len(acts) == 2 and all("user=alice" in line or "user=bob" in line for line in acts)


def test_users_from_standard_input(machine):
    done = machine.run("twostep", "require", "--file", "-", stdin="alice\n# bob\n\ncarol\n")
    assert done.returncode == 0 and required(machine) == {"alice", "carol"}
    done = machine.run("twostep", "require", "--file", "-", stdin="bob\nnosuch\n")
    assert done.returncode == 1 and done.stderr.startswith("error: standard input:2: there is no user 'nosuch'\n")
    assert required(machine) == {"alice", "carol"}


def test_file_of_secrets_is_not_quoted(machine):
    done = machine.run("twostep", "unlock", "--file", "/etc/shadow")
    assert done.returncode == 1 and "$" not in done.stderr and ":1: this is not the name of a user" in done.stderr
