"""Every system call of the helper itself fails once, with each of four errors. Then it reports a failure, or the act was done and is on
disk. Kills are in test_helper_kills.py."""

import collections
import re
import threading

import pytest

from helper_client import NOTHING, Helper, enrolled, put
from machine import STORE, uid_of
from person import Newcomer
from traced import Traced, calls_in

ERRORS = ("EIO", "ENOSPC", "EINTR", "EACCES")
# The first call of its own; before come the loader's and the runtime's, whose errors end a program in their own ways.
OWN = re.compile(r"getsockopt\(0<.*SO_DOMAIN")
LAST_ANSWER = re.compile(r"recvfrom\(0<")
PEOPLE = ("alice", "bob")  # two at once: each process has the state of one of them to itself
STATES = STORE / "state"


def places(calls, begin):
    """Each call from the last that matches `begin` on: its name, and how many calls of that name came before."""
    first = max(n for n, (name, rest) in enumerate(calls) if begin.match(f"{name}({rest}"))
    counts = collections.Counter()
    for number, (name, _) in enumerate(calls):
        counts[name] += 1
        if number >= first and name != "exit_group":
            yield name, counts[name]


def sweep(machine, folder, deed, begin, judge, errors):
    """Does `deed` once undisturbed, and then once with each error at each call. `judge` gets each result and names it.
    Prints how often each name came up."""
    people = {user: enrolled(machine, user) for user in PEOPLE}
    with Traced("alice", folder / "calls") as helper:
        deed(helper, "alice", people["alice"])
        helper.end()
    found = list(places(calls_in(folder / "calls"), begin))
    left = [(place, error) for place in found for error in errors]
    ended, failures, lock = collections.Counter(), [], threading.Lock()

    def work(user):
        while not failures:
            with lock:
                if not left:
                    return
                (name, count), error = left.pop()
            try:
                file = folder / f"calls-{user}"
                with Traced(user, file, "-e", f"inject={name}:error={error}:when={count}") as helper:
                    answer = deed(helper, user, people[user])
                    helper.end()
                how = judge(user, people[user], answer, calls_in(file))
                with lock:
                    ended[how] += 1
            except BaseException as failure:
                failures.append((f"{name} {count} {error}", failure))

    workers = [threading.Thread(target=work, args=[user]) for user in PEOPLE]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise AssertionError(failures[0][0]) from failures[0][1]
    print(f"{len(found)} calls x {len(errors)} = {sum(ended.values())} faults: {dict(ended)}")
    return ended


def on_disk(calls):
    """Whether every change in the store was flushed afterwards: files, and the folders of new and removed names. The one
    byte that marks a slot as settled need not be."""
    waiting = set()
    for name, rest in calls:
        paths = [path for path in re.findall(r"<([^<>]*)>", rest) if path.startswith(f"{STORE}/")]
        if not paths or rest.endswith("(INJECTED)") or " = -1 " in rest:
            continue
        if name == "write" or name == "pwrite64" and not rest.endswith("= 1"):
            waiting.add(paths[0])
        elif name in ("linkat", "renameat", "renameat2", "unlinkat"):
            waiting.add(paths[-1])
        elif name in ("fsync", "fdatasync"):
            waiting.discard(paths[0])
    return not waiting


def is_refusal(answer):
    return answer == NOTHING or answer[0] in (b"-", b"x")


def test_refuses_or_saves_code_if_any_call_fails(machine, tmp_path):
    before = {}

    def deed(helper, user, person):
        state = STATES / str(helper.uid)
        before.setdefault(user, state.read_bytes())
        put(state, before[user])
        return helper.ask("verify", person.spent_code)

    def judge(user, person, answer, calls):
        again = [Helper(user).ask("verify", person.spent_code)[0] for _ in range(2)]
        accepted = [answer[0], *again].count(b"*")
        assert accepted <= 1, f"one code, {accepted} times: {answer}"
        if answer[0] == b"*":
            assert on_disk(calls), "accepted, and not on disk"
            return "accepted"
        assert is_refusal(answer)
        return "refused"

    people = [enrolled(machine, user) for user in PEOPLE]
    for person in people:
        person.spent_code = person.code()
    ended = sweep(machine, tmp_path, deed, OWN, judge, ERRORS)
    assert ended["accepted"] > 0 and ended["refused"] > 0


# For each: how many authenticators and recovery codes may be left. A removal of all deletes the latter first.
CHANGES = {
    "enroll": (["enroll", "picture", "plain", "", "phone"], {(1, 8), (0, None), (0, 8)}),
    "enroll another": (["enroll", "picture", "plain", "", "tablet"], {(1, 8), (2, 8)}),
    "replace": (["replace", "picture", "plain", ""], {(1, 8)}),
    "recovery": (["recovery"], {(1, 8)}),
    "remove": (["remove"], {(1, 8), (1, None), (0, None)}),
}
DONE = {"enroll": (1, 8), "enroll another": (2, 8), "replace": (1, 8), "recovery": (1, 8), "remove": (0, None)}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_record_whole_or_not_if_any_call_fails(machine, tmp_path, change):
    wish, outcomes = CHANGES[change]

    def deed(helper, user, person):
        enrolled(machine, user)
        if change == "enroll":
            for file in STORE.glob(f"*/{uid_of(user)}*"):
                file.unlink()
        helper.request(*wish)
        return helper.converse(Newcomer(machine, user), code=person.spent_code)

    def judge(user, person, answer, calls):
        status = machine.status(user)
        left = (len(status["authenticators"]), status["recovery_codes"])
        assert status["problem"] is None and left in outcomes, left
        litter = [file.name for file in STORE.glob(f"users/.{uid_of(user)}*")]
        assert litter in ([], [f".{uid_of(user)}.toml.new"]), litter
        if answer[0] == b"+":
            assert left == DONE[change] and on_disk(calls), "it is said to be done, and is not on disk"
            return "done"
        assert is_refusal(answer)
        return f"refused, {'changed' if left == DONE[change] != (1, 8) else 'as it was'}"

    people = [enrolled(machine, user) for user in PEOPLE]
    for person in people:
        person.spent_code = person.code()
    errors = ("EIO", "EINTR") if change == "remove" else ERRORS  # it makes the most calls
    ended = sweep(machine, tmp_path, deed, LAST_ANSWER, judge, errors)
    assert ended["done"] > 0 and len(ended) > 1
