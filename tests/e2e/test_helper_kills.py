"""Root, which alone can, kills the helper at each of its system calls in turn. And which files it opens and writes."""

import collections
import re

import pytest

from clock import STEP
from helper_client import NOTHING, Helper, enrolled, put, wrong_code
from hosts import Ssh, ready
from machine import STORE, uid_of
from person import Newcomer
from traced import Traced, calls_in

# What it is killed at from: everything from where it takes its ids; or from the last answer of a dialogue.
IDS_TAKEN, LAST_ANSWER = re.compile(r"setresuid\("), re.compile(r"recvfrom\(0<")
# At what changes nothing, and is done before or beside the store, it need not be killed: it would be the same as at the next.
ELSEWHERE = re.compile(r'[<"]/(etc|dev|proc)?[/">]|nscd|UNIX-STREAM')
OF_THE_RUNTIME = {"mmap", "munmap", "mprotect", "brk", "rt_sigaction", "sigaltstack", "setitimer", "geteuid", "getuid", "getpid"}
CHANGING = {
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "symlink", "symlinkat", "link", "mknod"),
    *("chown", "fchown", "fchownat", "chmod", "fchmodat", "truncate", "ftruncate", "fork", "vfork", "clone", "clone3"),
}
STATES = STORE / "state"
REPLAYED = [b"-", b"replayed", b"1"]


def moments(calls, begin):
    """The calls from the last that matches `begin` on: how many calls come before, the name, and how many of that name came
    before, which is how strace counts."""
    first = max(number for number, (name, rest) in enumerate(calls) if begin.match(f"{name}({rest}"))
    counts = collections.Counter()
    for number, (name, rest) in enumerate(calls):
        counts[name] += 1
        if number >= first and name not in OF_THE_RUNTIME and (name == "sendto" or not ELSEWHERE.search(rest)):
            yield number, name, counts[name]


def kill_at_each(file, deed, begin):
    """Does `deed` once undisturbed, and then once for each of its calls, where it is killed before the call. Yields the
    answer, and the calls that were made."""
    with Traced("alice", file) as helper:
        answer = deed(helper)
        helper.end()
    whole = calls_in(file)
    yield answer, whole
    found = list(moments(whole, begin))
    assert len(found) > 20
    for number, name, count in found:
        with Traced("alice", file, "-e", f"inject={name}:signal=KILL:when={count}") as helper:
            answer = deed(helper)
            helper.end()
        names = [name for name, _ in calls_in(file)]
        assert names[: number + 1] == [name for name, _ in whole[: number + 1]], "it was another moment"
        yield answer, whole[:number]


def slots_written(calls):
    return len([rest for name, rest in calls if name == "pwrite64" and f"<{STATES}/" in rest and ", 1224, " in rest])


def is_well(machine, user, enrolled=True):
    status = machine.status(user)
    assert (status["problem"], status["enrolled"]) == (None, enrolled)


def logs_in(machine, person):
    machine.clock.advance(STEP)
    return ready(Ssh(machine)).attempt(person.user, person.code()).granted


def test_counts_compared_wrong_code_whenever_killed(machine, tmp_path):
    alice = enrolled(machine, "alice")
    wrong, before = wrong_code(alice), machine.state_of("alice")

    def deed(helper):
        put(STATES / str(helper.uid), before)
        return helper.ask("verify", wrong)

    seen = set()
    for answer, calls in kill_at_each(tmp_path / "calls", deed, IDS_TAKEN):
        charged = min(slots_written(calls), 1)
        assert machine.helper_failures_of("alice") == (charged, 0), calls[-1]
        assert answer == NOTHING or (charged and answer == [b"-", b"wrong-code", b"1"])
        is_well(machine, "alice")
        seen.add((charged, answer == NOTHING))
    assert seen == {(0, True), (1, True), (1, False)}
    assert logs_in(machine, alice)


def test_accepts_right_code_once_whenever_killed(machine, tmp_path):
    alice = enrolled(machine, "alice")
    right, before = alice.code(), machine.state_of("alice")

    def deed(helper):
        put(STATES / str(helper.uid), before)
        return helper.ask("verify", right)

    seen = set()
    for answer, calls in kill_at_each(tmp_path / "calls", deed, IDS_TAKEN):
        is_well(machine, "alice")
        charged = machine.helper_failures_of("alice")[0]
        again = Helper("alice").ask("verify", right)
        used_up = slots_written(calls) >= 2
        assert answer == NOTHING or used_up
        assert again[0] == (b"-" if used_up else b"*"), calls[-1]
        assert charged == (slots_written(calls) == 1)
        seen.add((used_up, answer == NOTHING))
    assert seen == {(False, True), (True, True), (True, False)}
    assert logs_in(machine, alice)


def test_enrollment_is_whole_or_absent_whenever_killed(machine, tmp_path):
    person = None

    def deed(helper):
        nonlocal person
        for file in STORE.glob("*/*"):
            file.unlink()
        person = Newcomer(machine, "alice")
        helper.request("enroll", "picture", "plain", "", "phone")
        return helper.converse(person)

    seen = set()
    for answer, _ in kill_at_each(tmp_path / "calls", deed, LAST_ANSWER):
        stored = f"{uid_of('alice')}.toml" in machine.stored("alice")
        is_well(machine, "alice", enrolled=stored)
        assert answer == NOTHING or (stored and answer[0] == b"+")
        if stored:
            assert machine.status("alice")["recovery_codes"] == 8
            assert Helper("alice").ask("verify", person.spent[-1]) == REPLAYED
        else:
            assert Helper("alice").ask("verify", person.code()) == [b"-", b"not-enrolled"]
            enroll_again(machine)
        seen.add((stored, answer == NOTHING))
    assert seen == {(False, True), (True, True), (True, False)}
    machine.clock.advance(3 * STEP)
    assert logs_in(machine, person)


def enroll_again(machine):
    with Helper("alice") as helper:
        helper.request("enroll", "picture", "plain", "", "phone")
        assert helper.converse(Newcomer(machine, "alice"))[0] == b"+"


# For each: how many authenticators and recovery codes may be left. A removal of all deletes the latter first.
CHANGES = {
    "remove": (["remove"], {(1, 8), (1, None), (0, None)}),
    "recovery": (["recovery"], {(1, 8)}),
    "enroll another": (["enroll", "picture", "plain", "", "tablet"], {(1, 8), (2, 8)}),
}


@pytest.mark.parametrize("wish, outcomes", CHANGES.values(), ids=CHANGES)
def test_change_is_whole_or_absent_whenever_killed(machine, tmp_path, wish, outcomes):
    alice = enrolled(machine, "alice")
    code = alice.code()

    def deed(helper):
        enrolled(machine, "alice")
        helper.request(*wish)
        return helper.converse(Newcomer(machine, "alice"), code=code)

    seen = set()
    for answer, _ in kill_at_each(tmp_path / "calls", deed, LAST_ANSWER):
        there = f"{uid_of('alice')}.toml" in machine.stored("alice")
        is_well(machine, "alice", enrolled=there)
        status = machine.status("alice")
        seen.add((len(status["authenticators"]), status["recovery_codes"]))
        assert answer == NOTHING or answer[0] == b"+"
    assert seen == outcomes
    enrolled(machine, "alice")
    assert logs_in(machine, alice)


def test_replaces_phone_whole_or_not_whenever_killed(machine, tmp_path):
    """The old phone works or the new one does, and the recovery codes work in both cases."""
    alice, new = enrolled(machine, "alice"), None

    def deed(helper):
        nonlocal new
        enrolled(machine, "alice")
        new = Newcomer(machine, "alice")
        helper.request("replace", "picture", "plain", "")
        return helper.converse(new, code=alice.recovery[0])

    seen = set()
    for answer, _ in kill_at_each(tmp_path / "calls", deed, LAST_ANSWER):
        is_well(machine, "alice")
        machine.clock.advance(3 * STEP)
        works = [Helper("alice").ask("verify", phone.code())[0] == b"*" for phone in (alice, new)]
        assert works in ([True, False], [False, True])
        assert answer == NOTHING or (works == [False, True] and answer[0] == b"+")
        assert Helper("alice").ask("verify", alice.recovery[0])[0] == b"-", "it was used up"
        assert Helper("alice").ask("verify", alice.recovery[1])[0] == b"*"
        machine.clock.advance(-3 * STEP)
        seen.add((works.index(True), answer == NOTHING))
    assert seen == {(0, True), (1, True), (1, False)}


OF_THE_SANDBOX = r"/etc/ld\.so\.preload|/usr/lib/sandbox-clock\.so|/run/clock"
OF_THE_LOADER = r"/etc/ld\.so\.cache|/usr/lib\S*/lib(gcc_s|c|dl|m|pthread)[-.]\S*"
OF_THE_RUNTIME_LIBRARY = r"/proc/\d+/maps"
OF_THE_NAME_SERVICE = r"/etc/(nsswitch\.conf|passwd|group)|/usr/lib/\S*/libnss_\S*"
OURS = r"/etc/twostep(/policy\.toml)?|/var/lib/twostep(/format|/helpers|/(users|state)(/{uid}(\.toml)?)?)?"
WRITTEN = r"/dev/null|/var/lib/twostep/(helpers|state/{uid}|(users|state)/#\d+)"  # a number: a file that has no name yet
HOSTILE = {"TZ": "/etc/shadow", "TZDIR": "/etc", "LOCPATH": "/etc", "LD_LIBRARY_PATH": "/tmp", "LD_PRELOAD": "/tmp/evil.so"}
OPENED = re.compile(r"= \d+<([^<>]*)")


@pytest.mark.parametrize("wish", [["verify"], ["enroll", "picture", "plain", "", "phone"]], ids=lambda wish: wish[0])
def test_opens_and_writes_only_expected_files(machine, tmp_path, wish):
    person = enrolled(machine, "alice") if wish == ["verify"] else Newcomer(machine, "alice")
    with Traced("alice", tmp_path / "calls", variables=HOSTILE) as helper:
        helper.request(*wish, *([person.code()] if wish == ["verify"] else []))
        assert helper.converse(person)[0] in (b"*", b"+")
        helper.end()
    calls = calls_in(tmp_path / "calls")
    opened = {OPENED.search(rest)[1]: rest for name, rest in calls if name.startswith("open") and OPENED.search(rest)}
    reads, writes = [], []
    for path, rest in opened.items():
        (writes if re.search("O_RDWR|O_WRONLY|O_CREAT|O_TRUNC|O_TMPFILE", rest) else reads).append(path)
    ours, written = (pattern.replace("{uid}", str(helper.uid)) for pattern in (OURS, WRITTEN))
    readable = "|".join((OF_THE_SANDBOX, OF_THE_LOADER, OF_THE_RUNTIME_LIBRARY, OF_THE_NAME_SERVICE, ours))
    assert [path for path in reads if not re.fullmatch(readable, path)] == []
    assert [path for path in writes if not re.fullmatch(written, path)] == []
    assert f"/var/lib/twostep/users/{helper.uid}.toml" in reads or wish != ["verify"]
    assert set(writes) > {"/dev/null"}
    spoken_to = {path for _, rest in calls for path in re.findall(r'sun_path="([^"]*)"', rest)}
    assert spoken_to == {"/dev/log", "/var/run/nscd/socket"}
    names = [name for name, _ in calls]
    assert not CHANGING & {*names}
    assert names.count("linkat") == (0 if wish == ["verify"] else 2) and names.count("execve") == 1
