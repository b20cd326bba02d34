"""Each SSH client with the real sshd and twostep: what it does is what its row in docs/CLIENTS.md says."""

import os
import re
import signal
import subprocess
import time

import pytest

from dialogues import DRIVEN, ENVIRONMENT, LibSsh2, Paramiko
from hosts import all_ended, ready
from machine import PATIENT, REPOSITORY
from person import password_of
from tables import NOT_RUN, rows_of
from terminals import PASSWORD_ONLY, TYPED

PAGE = REPOSITORY / "docs/CLIENTS.md"
BY_HAND = "October 2026"  # in the version of a row that no test repeats
GRACE = "6"  # seconds after which sshd ends a login
ALL = TYPED + DRIVEN + PASSWORD_ONLY


def named(client):
    return client.__name__


def row_of(client):
    """The row of docs/CLIENTS.md about this client in the version that is here."""
    rows = [row for row in rows_of(PAGE) if row["client"] == client.row and client.version() in row["version"].split(", ")]
    assert len(rows) == 1, f"{len(rows)} rows about {client.row} {client.version()}"
    return rows[0]


def says(row, column, observed):
    """That the cell begins with what was observed."""
    assert re.match(rf"{re.escape(observed)}\b", row[column]), (
        f"{observed!r} was observed, and docs/CLIENTS.md says {row[column]!r}"
    )


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_row_says_what_password_and_code_do(machine, kind):
    client = ready(kind(machine))
    row = row_of(client)
    alice = machine.enroll("alice")
    if kind in PASSWORD_ONLY:
        says(row, "password, then code", "no")
        return
    outcome = client.log_in("alice", alice.code())
    assert outcome.granted, outcome.text
    assert machine.verdicts() == ["grant"]
    says(row, "password, then code", "yes")


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_row_says_what_password_alone_does(machine, kind):
    client = kind(machine)
    client.server = {**client.server, "LoginGraceTime": GRACE}
    ready(client)
    row = row_of(client)
    machine.enroll("alice")
    machine.forget_log()
    before = machine.state_of("alice")
    with all_ended():
        said, status = run_without_terminal(client.alone("alice"), machine)
    assert "IN-AS-alice" not in said and status != 0
    assert "grant" not in machine.verdicts()
    assert machine.state_of("alice") == before and machine.failures_of("alice") == 0
    says(row, "password alone", "waits" if status is None else "refused")
    for text in re.findall("`(.*?)`", row["seen"]):
        assert text in said, f"{text!r} is in docs/CLIENTS.md, and was seen nowhere in {said!r}"


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_password_alone_is_enough_where_no_code_is_asked(machine, kind):
    """Otherwise the refusals above would show nothing about codes."""
    client = ready(kind(machine))
    with all_ended():
        said, _ = run_without_terminal(client.alone("alice"), machine)
    assert ("IN-AS-alice" in said) == client.knows_password, said
    assert machine.verdicts() == (["exempt not-enrolled"] if client.knows_password else [])


@pytest.mark.parametrize("kind", [Paramiko, LibSsh2], ids=named)
def test_never_counts_password_that_is_sent_as_code(machine, kind):
    """Not even one that has the form of a code."""
    client = ready(kind(machine))
    alice = machine.enroll("alice")
    password = alice.wrong_code()
    subprocess.run(["chpasswd"], input=f"alice:{password}\n", text=True, check=True)
    try:
        with all_ended():
            run_without_terminal([password if word == password_of("alice") else word for word in client.alone("alice")], machine)
    finally:
        subprocess.run(["chpasswd"], input=f"alice:{password_of('alice')}\n", text=True, check=True)
    assert machine.verdicts() == ["deny not-a-code"] * 3
    assert machine.failures_of("alice") == 0


def run_without_terminal(command, machine):
    """What a program prints, and its exit status: none if it still runs when sshd has ended the login. The clock runs, because lftp
    waits for it."""
    machine.clock.go()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=ENVIRONMENT,
    ) as process:
        try:
            deadline, was_connected = time.monotonic() + PATIENT, False
            while process.poll() is None and not (was_connected and not connections()):
                assert time.monotonic() < deadline, "neither the program nor sshd ends"
                was_connected |= connections()
                time.sleep(0.1)
            try:
                status = process.wait(10)
            except subprocess.TimeoutExpired:
                status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return process.stdout.read(), status


def connections():
    """Whether sshd has a connection open."""
    command = ["ss", "--no-header", "--tcp", "--numeric", "state", "established", "sport = :22"]
    return bool(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def test_each_row_is_shown_by_a_test_or_says_by_hand():
    shown = {kind.row for kind in ALL}
    for row in rows_of(PAGE):
        assert row["client"] in shown or row["version"] == NOT_RUN or BY_HAND in row["version"], row
