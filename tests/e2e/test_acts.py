"""An administrator's act is stored and logged, or neither, even if its output cannot be printed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from broken_log import KINDS, broken_log, full as full_log, waits_allowed
from clock import STEP
from helper_client import Helper
from machine import PATIENT, STORE, uid_of

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
FILE = Path("/tmp/people")
ACT = re.compile(r"\[authpriv\.notice\] .*?twostep\[\d+\]: act=(\w+) user=\S+ uid=\d+")


@pytest.fixture(autouse=True)
def tidy():
    """No key stays in any file: test_leaks checks all of them."""
    yield
    FILE.unlink(missing_ok=True)


def enroll(machine):
    machine.enroll("alice")


def bring(*keys):
    FILE.write_text("".join(f"alice otpauth://totp/alice?secret={key}\n" for key in keys))


def enroll_two_phones(machine):
    bring(KEY, KEY[::-1])
    machine.command("import", "otpauth", FILE)


def bring_one(_):
    bring(KEY)


def require(machine):
    machine.command("require", "alice")


def lose_state(machine):
    machine.enroll("alice")
    (STORE / "state" / str(uid_of("alice"))).write_bytes(bytes(8192))


def rename(machine):
    machine.enroll("alice")
    secret = STORE / "users" / f"{uid_of('alice')}.toml"
    secret.write_text(secret.read_text().replace('"alice"', '"ALICE"'))


def allow_no_recovery_codes(machine):
    machine.enroll("alice")
    machine.policy("[enrollment]\nrecovery-codes = 0\n")


def fail(machine):
    machine.enroll("alice")
    machine.clock.advance(3 * STEP)
    Helper("alice").ask("verify", "000000")
    assert machine.helper_failures_of("alice") == (1, 0)


def nothing(_):
    pass


# What is typed, what comes before, and whether the output is a secret, which must be handed over before it is worth anything.
ACTS = {
    "require alice": (nothing, False),
    "unrequire alice": (require, False),
    "unlock alice": (fail, False),
    "unlock alice --reset-clock": (fail, False),
    "reset alice": (enroll, False),
    "reset alice, state lost": (lose_state, False),
    "rebind alice": (rename, False),
    "rebind --all": (rename, False),
    "remove --user alice": (enroll, False),
    "remove --user alice phone": (enroll_two_phones, False),
    "recovery --user alice": (allow_no_recovery_codes, False),
    "recovery --user alice, eight codes": (enroll, True),
    "import otpauth /tmp/people": (bring_one, False),
    "ticket alice": (nothing, True),
    "enroll --user alice --json": (nothing, True),
    "enroll --user alice": (nothing, True),
}


def full(command):
    with open("/dev/full", "wb") as output:
        return end_of(command, stdout=output)


def without_reader(command):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return end_of(command, stdout=writer)
    finally:
        os.close(writer)


def closed(command):
    return end_of(["sh", "-c", 'exec "$@" >&-', "sh", *command])


def end_of(command, **streams):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENT, check=False, **streams)
    return done.returncode, done.stderr.decode()


def stored():
    return {file: file.read_bytes() for folder in ("users", "state") for file in (STORE / folder).iterdir()}


@pytest.mark.parametrize("output", (full, closed, without_reader), ids=lambda output: output.__name__)
@pytest.mark.parametrize("act", ACTS)
def test_stores_and_logs_act_or_neither_if_output_fails(machine, act, output):
    prepare, is_secret = ACTS[act]
    prepare(machine)
    machine.forget_log()
    before = stored()
    status, error = output(["twostep", *act.split(",")[0].split()])
    logged = ACT.findall(machine.log_text())
    assert logged == ([act.split()[0]] if stored() != before else []), (status, error)
    assert "panicked" not in error and "defect" not in error
    if output is closed:  # the runtime opens /dev/null in its place: all that is said goes there
        return
    assert status == (1 if "cancelled" in error else 3), error
    assert bool(logged) != is_secret, "a secret that nobody has seen is worth nothing; all else is done"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_act_is_done_and_tells_of_log_that_takes_no_line(machine, kind):
    machine.enroll("alice")
    machine.forget_log()
    with broken_log(kind):
        done = machine.run("twostep", "require", "alice")
    assert done.returncode == 0 and "act=" not in machine.log_text()
    assert machine.status("alice")["required_by"]["administrator"]
    line = f"act=require user=alice uid={uid_of('alice')} by="
    assert done.stderr.startswith("warning: ") and done.stderr.count("warning: ") == 1, done.stderr
    assert line in done.stderr


def test_only_first_line_of_import_waits_for_full_log(machine, tmp_path):
    users = ("alice", "bob", "carol", "dave")
    FILE.write_text("".join(f"{user} otpauth://totp/{user}?secret={n}{KEY[1:]}\n" for n, user in enumerate(users, 2)))
    calls = tmp_path / "calls"
    with broken_log(full_log):
        done = machine.run("strace", "-f", "-qq", "-e", "trace=setsockopt", "-o", calls, "twostep", "import", "otpauth", FILE)
    assert done.returncode == 0, done.stdout
    told = re.findall(r"^act=import user=(\w+) ", done.stderr, re.M)
    assert sorted(told) == sorted(users)
    assert waits_allowed(calls.read_text().splitlines()) == 1
