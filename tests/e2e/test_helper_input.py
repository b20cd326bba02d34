"""Whatever the helper receives, and however slowly, it ends soon, reveals nothing, stores nothing, and holds no lock meanwhile."""

import array
import fcntl
import os
import random
import socket
import time

import pytest

from helper_client import FOR_ROOT, NOTHING, PATIENCE, SOON, UNAVAILABLE, Helper, answers, as_user, enrolled, libc, request
from machine import STORE, uid_of

UNCLEAR = [b"x", b"3"]  # how a refusal begins that is the program's fault
WISHES = {
    "standing": ["standing"],
    "verify": ["verify", "123456"],
    "try": ["try"],
    "enroll": ["enroll", "picture", "plain", "", "tablet"],
    "replace": ["replace", "picture", "plain", ""],
    "replace one": ["replace", "picture", "plain", "", "phone"],
    "recovery": ["recovery"],
    "remove": ["remove"],
    "remove one": ["remove", "phone"],
}
PR_SET_TIMERSLACK = 29
SEED = 20261125


@pytest.fixture
def alice(machine):
    return enrolled(machine, "alice")


def is_locked(user):
    time.sleep(0.01)
    with open(STORE / "state" / str(uid_of(user)), "rb") as state:
        try:
            fcntl.flock(state, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_ends_at_once_if_client_closes_socket(machine):
    helper = Helper("alice")
    helper.socket.close()
    assert helper.end_at_once() == 1


@pytest.mark.parametrize("message", [b"", b"t", b"twostep 1", b"\0"], ids=["empty", "one byte", "no wish", "zero"])
def test_ends_soon_if_client_sends_small_pieces_forever(machine, message):
    with Helper("alice") as helper:
        while helper.send(message):
            assert time.monotonic() - helper.began < PATIENCE
        assert helper.end_at_once() in (0, 1)


@pytest.mark.parametrize("length", [1025, 4096, 200_000, 2_000_000])
def test_refuses_message_that_is_too_long(machine, alice, length):
    before = machine.state_of("alice")
    with Helper("alice") as helper:
        helper.socket.setsockopt(socket.SOL_SOCKET, 32, 4_000_000)  # SO_SNDBUFFORCE: more than any user except root can send
        helper.send(request(helper.uid, "verify", alice.code()).ljust(length, b"\0"))
        assert helper.hear() == UNAVAILABLE
        assert helper.end_at_once() == 1
    assert machine.state_of("alice") == before


def test_takes_no_descriptors_from_client(machine, alice):
    """Otherwise a client could fill its table of descriptors."""
    with Helper("alice") as helper:
        null = os.open("/dev/null", os.O_RDONLY)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 253))
        helper.socket.sendmsg([request(helper.uid, "try")], [rights])
        assert helper.hear()[0] == b"?"
        assert len(os.listdir(f"/proc/{helper.process.pid}/fd")) < 10
        os.close(null)


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
def test_refuses_message_that_ends_too_soon(machine, alice, wish):
    before = machine.state_of("alice")
    whole = request(alice_uid := uid_of("alice"), *wish)
    for length in range(1, len(whole)):
        if whole[:length] in acceptable(alice_uid):
            continue
        with Helper("alice") as helper:
            helper.send(whole[:length])
            answer = helper.hear()
            assert answer[:2] == UNCLEAR or answer == FOR_ROOT, whole[:length]  # of a number the beginning is another one
            assert helper.end_at_once() == 0
    assert machine.state_of("alice") == before


def acceptable(uid):
    """Messages that are complete although they are the beginning of others: any part of a code or label is another one."""
    screen = ["picture", "plain", ""]
    short = (["remove"], ["verify", ""], ["remove", ""], ["enroll", *screen, ""], ["replace", *screen], ["replace", *screen, ""])
    whole = [request(uid, *wish) for wish in short]
    parts = [request(uid, *wish[:-1], wish[-1][:length]) for wish in WISHES.values() if len(wish) > 1 for length in range(1, 9)]
    return {*whole, *parts}


def garbage(generator, uid):
    """A message of random bytes, or a request with some bytes changed, left out or repeated."""
    if generator.random() < 0.3:
        return generator.randbytes(generator.randrange(1, 1100))
    message = bytearray(request(uid, *generator.choice(list(WISHES.values()))))
    for _ in range(generator.randrange(1, 4)):
        at, end = sorted(generator.choices(range(len(message) + 1), k=2))
        message[at : min(end, at + 3)] = generator.randbytes(generator.randrange(3)) + message[at:end] * generator.randrange(2)
    return bytes(message) or b"\0"


def test_survives_two_thousand_random_messages(machine, alice):
    secret = STORE / "users" / f"{uid_of('alice')}.toml"
    before = secret.read_bytes()
    said, statuses = as_user("alice", send_garbage, 100, 20)
    assert set(said) <= {"", "x", "-", "?", "+"} and "x" in said and "?" in said, SEED
    assert set(statuses) == {0, 1}, SEED
    assert secret.read_bytes() == before
    assert machine.status("alice")["problem"] is None


def send_garbage(rounds, at_once):
    """The kinds of the first answers, and how the helpers ended."""
    generator, uid = random.Random(SEED), os.getuid()
    said, statuses = set(), set()
    for _ in range(rounds):
        helpers = [Helper("alice") for _ in range(at_once)]
        for helper in helpers:
            helper.send(garbage(generator, uid))
        said |= {answer[0].decode() for answer in answers(helpers)}
        for helper in helpers:
            helper.send(garbage(generator, uid))  # where it has asked something, this is the answer
            helper.socket.close()
            statuses.add(helper.end())
    return sorted(said), sorted(statuses)


DIALOGUES = {name: wish for name, wish in WISHES.items() if name not in ("standing", "verify", "remove one")}
REPLIES = {
    "nothing": b"",
    "a letter": b"=",
    "a letter that there is not": b"?\x00123456",
    "gone": b"!",
    "gone, and more": b"!!",
    "too much": b"=\0" + b"1" * 1023,
    "a request": b"twostep 1\x000\0standing",
}


@pytest.mark.parametrize("wish", DIALOGUES.values(), ids=DIALOGUES)
def test_ends_dialogue_on_malformed_answer(machine, alice, wish):
    before = machine.state_of("alice")
    for name, reply in REPLIES.items():
        with Helper("alice") as helper:
            assert helper.ask(*wish)[0] == b"?"
            helper.send(reply)
            answer = helper.hear()
            assert answer[:2] in ([b"x", b"1"], UNCLEAR), (name, answer)
            assert helper.end_at_once() == 0
    assert machine.state_of("alice") == before


@pytest.mark.parametrize("wish", DIALOGUES.values(), ids=DIALOGUES)
def test_random_answers_end_dialogue_and_store_nothing(machine, alice, wish):
    generator = random.Random(SEED)
    before = machine.state_of("alice")
    with Helper("alice") as helper:
        said, asked = helper.ask(*wish), 0
        while said[0] == b"?":
            asked += 1
            helper.reply(generator.randbytes(generator.randrange(600)))
            said = helper.hear()
        assert said[:2] == [b"x", b"1"] and asked == 3
        assert helper.end_at_once() == 0
    assert machine.state_of("alice") == before


def wake_late():
    libc.prctl(PR_SET_TIMERSLACK, 60 * 10**9, 0, 0, 0)


def test_silent_client_times_out_and_holds_no_lock(machine, alice):
    """One client is silent from the start. One is also silent, and has asked the kernel to delay its timers by a minute.
    One asks for QR codes without end, with the smallest buffer."""
    with Helper("alice") as silent, Helper("alice", prepare=wake_late) as late, Helper("alice", keep=True) as stuffed:
        began = time.monotonic()
        stuffed.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        stuffed.request("enroll", "picture", "colour", "80x24", "tablet")
        stuffed.reply(alice.code())
        for _ in range(8):
            stuffed.reply("i")
        took, looks = {}, []
        while len(took) < 3:
            looks.append(is_locked("alice"))
            passed = time.monotonic() - began
            assert passed < 2 * PATIENCE + 2, f"only these have ended: {took}"
            for name, helper in (("silent", silent), ("late", late), ("stuffed", stuffed)):
                if helper.process.poll() is not None:
                    took.setdefault(name, passed)
        assert all(PATIENCE - 0.5 < took[name] < SOON for name in ("silent", "late"))
        assert took["stuffed"] > PATIENCE - 0.5, "for its question, and as long again for its last word"
        assert sum(looks) < len(looks) / 10, "one of them has held the lock while it waited"
        assert (silent.end(), late.end()) == (1, 1) and stuffed.end() in (0, 1)
    assert [one["label"] for one in machine.status("alice")["authenticators"]] == ["phone"]


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
def test_does_not_reveal_whether_another_uid_exists(machine, wish):
    enrolled(machine, "bob")
    before = machine.state_of("bob")
    uids = {"bob": uid_of("bob"), "carol, who is not enrolled": uid_of("carol"), "root": 0, "nobody": 4242, "none": 4294967295}
    told = {name: Helper("alice").ask(*wish, uid=uid) for name, uid in uids.items()}
    assert told == dict.fromkeys(uids, FOR_ROOT)
    assert machine.state_of("bob") == before
