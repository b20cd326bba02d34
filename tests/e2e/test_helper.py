"""For which user the helper acts, and how often it judges."""

import os
import shutil
import subprocess
from contextlib import ExitStack

import pytest

from clock import STEP
from helper_client import HELPER, NOTHING, UNAVAILABLE, Helper, answers, enrolled, wrong_code
from hosts import Ssh, LoginSession, become, ready
from machine import STORE, terminal_of, uid_of

FOREIGN = "0123-4567-89AB-CDEF"
NOBODY = "nosuchuser"
ACCEPTED = [b"code", b"0", b"phone"]  # behind how many recovery codes are left
VERBS = {
    "enroll": ["enroll", "--user", "{}"],
    "enroll a label": ["enroll", "--user", "{}", "--label", "tablet"],
    "status": ["status", "--user", "{}"],
    "status in JSON": ["status", "--json", "--user", "{}"],
    "verify": ["verify", "--user", "{}"],
    "recovery": ["recovery", "--user", "{}"],
    "replace": ["replace", "--user", "{}"],
    "remove": ["remove", "--user", "{}"],
    "remove a label": ["remove", "phone", "--user", "{}"],
    **{verb: [verb, "{}"] for verb in ("require", "unrequire", "unlock", "reset", "ticket", "rebind")},
    "unlock, with the clock": ["unlock", "--reset-clock", "{}"],
}


@pytest.fixture
def ssh(machine):
    return ready(Ssh(machine))


def run_as(user, *arguments):
    """What the command prints on a terminal of this user, and its status."""
    terminal = terminal_of("setpriv", [*become(user), "twostep", *arguments])
    said = terminal.read()
    return said, terminal.wait()


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_user_neither_acts_for_nor_learns_of_another(machine, verb):
    enrolled(machine, "alice")
    enrolled(machine, "bob")
    before = stored()
    told = {user: run_as("alice", *(word.replace("{}", user) for word in verb)) for user in ("bob", "root", NOBODY)}
    said, status = told[NOBODY]
    assert said.startswith("error: only root can do this") and status == 1
    assert told == dict.fromkeys(told, (said, status))
    assert stored() == before


def stored():
    return {file: (file.read_bytes(), file.stat().st_ctime_ns) for file in STORE.glob("*/*")}


def verdict(user, code, **start):
    """The helper's answer to a code, without the kind of its message."""
    with Helper(user, **start) as helper:
        return helper.ask("verify", code)[1:]


def test_lockout_at_helper_does_not_lock_out_login(machine, ssh):
    alice = enrolled(machine, "alice")
    for failures in range(1, 21):
        assert verdict("alice", wrong_code(alice)) == [b"wrong-code", b"%d" % failures]
        if failures in (3, 4, 19):
            assert verdict("alice", alice.code())[0] == b"locked"
        machine.clock.advance(3600)
    assert verdict("alice", alice.code())[0] == b"disabled"
    assert machine.failures_of("alice") == 0
    assert ssh.attempt("alice", alice.code()).granted
    machine.clock.advance(STEP)
    assert verdict("alice", alice.code())[0] == b"disabled", "a login gives the helper no new tries"


def test_lockout_at_login_does_not_lock_out_helper(machine, ssh):
    machine.policy(lockout_after=3)
    alice = enrolled(machine, "alice")
    ssh.attempt("alice", *[wrong_code(alice)] * 3)
    machine.clock.advance(3600)
    assert ssh.attempt("alice", alice.code()).refused
    assert machine.verdicts()[:4] == ["deny wrong-code"] * 3 + ["deny disabled"]
    assert verdict("alice", alice.code())[1:] == ACCEPTED
    assert machine.failures_of("alice") == 3, "the helper gives a login no new tries"
    machine.clock.advance(STEP)
    assert ssh.attempt("alice", alice.code()).refused


def test_recovery_code_at_helper_ends_only_its_own_lockout(machine):
    machine.policy(lockout_after=3)
    alice = enrolled(machine, "alice")
    ready(Ssh(machine)).attempt("alice", wrong_code(alice))
    for _ in range(3):
        verdict("alice", wrong_code(alice))
    verdict("alice", FOREIGN)
    assert (machine.failures_of("alice"), machine.helper_failures_of("alice")) == (1, (3, 1))
    assert verdict("alice", alice.code())[0] == b"disabled"
    assert verdict("alice", alice.recovery[0]) == [b"7", b"recovery-code"]
    assert (machine.failures_of("alice"), machine.helper_failures_of("alice")) == (1, (0, 0))
    assert verdict("alice", alice.recovery[0])[0] == b"wrong-recovery-code"
    assert verdict("alice", alice.code())[1:] == ACCEPTED


def test_judges_200_concurrent_wrong_codes_as_in_sequence(machine):
    alice = enrolled(machine, "alice")
    said = at_once(200, "verify", wrong_code(alice))
    reasons = [answer[1] for answer in said]
    assert reasons.count(b"wrong-code") == 3 and {*reasons} == {b"wrong-code", b"locked", b"unavailable"}
    assert machine.helper_failures_of("alice") == (3, 0)


def test_try_charges_as_much_as_verify(machine):
    alice = enrolled(machine, "alice")
    wrong = wrong_code(alice)
    with Helper("alice") as helper:
        helper.request("try")
        for _ in range(3):
            assert helper.hear()[0] == b"?"
            helper.reply(wrong)
        assert helper.hear()[:2] == [b"x", b"1"]
    assert machine.helper_failures_of("alice") == (3, 0)
    assert verdict("alice", alice.code())[0] == b"locked"
    machine.clock.advance(STEP)
    with Helper("alice") as helper:
        helper.request("try")
        assert helper.converse(alice, code=alice.code())[0] == b"+"
    assert machine.helper_failures_of("alice") == (3, 0), "a right one gives no new tries"
    assert verdict("alice", alice.code())[1:] == ACCEPTED, "nor is it used up"


def test_accepts_one_of_50_concurrent_uses_of_a_code(machine):
    alice = enrolled(machine, "alice")
    said = at_once(50, "verify", alice.code())
    assert sorted(answer[0] for answer in said).count(b"*") == 1
    assert {tuple(answer[:2]) for answer in said if answer[0] != b"*"} == {(b"-", b"replayed"), (b"-", b"locked"), (b"-", b"unavailable")}


def test_user_with_16_helpers_gets_no_more_and_delays_nobody(machine, ssh):
    """The kernel does not count them as processes of that user, so they need a limit of their own."""
    alice, bob = enrolled(machine, "alice"), enrolled(machine, "bob")
    with ExitStack() as crowd:
        helpers = [crowd.enter_context(Helper("alice")) for _ in range(16)]
        assert {helper.ask("try")[0] for helper in helpers} == {b"?"}
        assert verdict("alice", alice.code()) == [b"unavailable"]
        assert verdict("bob", bob.code())[1:] == ACCEPTED
        with LoginSession(ssh, "alice", alice.code()) as session:
            assert session.until_the_end().granted
        helpers[3].reply(None)
        helpers[3].end()
        machine.clock.advance(STEP)
        assert verdict("alice", alice.code())[1:] == ACCEPTED
    assert {helper.process.poll() is None for helper in helpers} == {False}


def at_once(count, *request):
    """The answers of this many helpers, all started before the first is asked."""
    helpers = [Helper("alice") for _ in range(count)]
    for helper in helpers:
        helper.request(*request)
    said = list(answers(helpers))
    for helper in helpers:
        helper.end()
    return said


def test_account_twostep_may_name_others(machine):
    """So may a root process that has dropped its rights permanently."""
    alice = enrolled(machine, "alice")
    with Helper("twostep") as helper:
        assert helper.ask("verify", alice.code(), uid=uid_of("alice"))[0] == b"*"
    with Helper("twostep") as helper:
        assert helper.ask("standing", uid=4242) == [b"x", b"1", b"uid 4242 has no account", b""]


@pytest.fixture(scope="module")
def copies():
    """The helper's file, in ways in which it runs without the rights of the account."""
    os.mkdir("/opt/copies")
    for name, mode, owner in (("plain", 0o755, "twostep"), ("of alice", 0o6755, "alice"), ("of root", 0o6755, "root")):
        copy = shutil.copy(HELPER, f"/opt/copies/{name}")
        shutil.chown(copy, owner, owner)
        os.chmod(copy, mode)
    subprocess.run(["mount", "--bind", os.path.dirname(HELPER), "/mnt"], check=True)
    subprocess.run(["mount", "-o", "remount,bind,nosuid", "/mnt"], check=True)
    yield
    subprocess.run(["umount", "/mnt"], check=True)


def drop_effective_uid():
    os.setresuid(0, uid_of("alice"), 0)


WITHOUT_RIGHTS = {
    "root": {"user": "root"},
    "root, as somebody else for the moment": {"user": "root", "prepare": drop_effective_uid},
    "a copy": {"program": "/opt/copies/plain"},
    "a copy of one's own": {"program": "/opt/copies/of alice"},
    "a copy with the rights of root": {"program": "/opt/copies/of root"},
    "a mount without set-uid programs": {"program": f"/mnt/{os.path.basename(HELPER)}"},
    "no new privileges": {"program": "/usr/bin/setpriv", "arguments": ["setpriv", "--no-new-privs", HELPER]},
    "a debugger of one's own": {"program": "/usr/bin/strace", "arguments": ["strace", "-f", "-o", "/dev/null", HELPER]},
    "a user namespace of one's own": {"program": "/usr/bin/unshare", "arguments": ["unshare", "--map-root-user", HELPER]},
}


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("start", WITHOUT_RIGHTS.values(), ids=WITHOUT_RIGHTS)
def test_refuses_root_and_caller_without_set_uid(machine, start):
    alice = enrolled(machine, "alice")
    before = machine.state_of("alice")
    with Helper(**{"user": "alice", **start}) as helper:
        assert helper.ask("verify", alice.code(), uid=uid_of("alice")) in (NOTHING, UNAVAILABLE)
        assert helper.end_at_once() == 1
    assert machine.state_of("alice") == before
    assert verdict("alice", alice.code())[1:] == ACCEPTED
