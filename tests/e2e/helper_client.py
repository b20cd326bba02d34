"""Speaks to the helper, as any program of a user may. It shares no code with twostep."""

import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import re
import select
import shutil
import socket
import subprocess
import time
import traceback
from pathlib import Path

from hosts import CODE
from machine import STORE, uid_of
from person import QUESTIONS

HELPER = "/usr/libexec/twostep/twostep-helper"
PATIENCE = 5  # seconds that it waits for a message, for a reader, or for a lock
SOON = PATIENCE + 2  # by then it has ended, wherever it waits in vain
FOR_ROOT = [b"x", b"1", b"only root can do this for another user", b""]
NOTHING = [b""]  # it has ended without a word
UNAVAILABLE = [b"-", b"unavailable"]
libc = ctypes.CDLL(None, use_errno=True)


class Helper:
    """A helper that `user` has started, and the other end of its socket; with `keep` also a copy of the helper's own end,
    which who starts it may keep. `prepare` is called, as that user, in the process that becomes the helper."""

    def __init__(
        self, user, program=HELPER, arguments=("twostep-helper",), stdin=None, environment=None, prepare=None, keep=False, **popen
    ):
        self.uid = uid_of(user)
        self.socket, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            arguments,
            executable=program,
            stdin=self.theirs if stdin is None else stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment or {},
            preexec_fn=prepare,
            **{**identity(user), **popen},
        )
        if not keep:
            self.theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.theirs.close()
        self.process.kill()
        self.process.wait()

    def ask(self, *fields, uid=None):
        """Sends a request, and returns the answer."""
        self.request(*fields, uid=uid)
        return self.hear()

    def request(self, *fields, uid=None):
        self.send(request(self.uid if uid is None else uid, *fields))

    def reply(self, answer):
        self.send(b"!" if answer is None else b"=\0" + encoded(answer))

    def send(self, message):
        """Returns whether the helper still listens."""
        try:
            self.socket.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def hear(self, timeout=SOON):
        """The fields of its next message."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(32 * 1024).split(b"\0")
        except ConnectionResetError:  # it has left something unread; what it had said comes now
            return self.socket.recv(32 * 1024).split(b"\0")

    def converse(self, person, code=None, until=None):
        """Answers its questions, `code` where it asks for one. Returns what it says in the end, or else the answer to the
        question `until`, which is left open."""
        while (said := self.hear())[0] in (b"?", b"."):
            text = said[1].decode()
            if said[0] == b".":
                person.read(text)
                continue
            question, found = question_of(text)
            answer = code if question == "code" else person.answer(question, text, found)
            if question == until:
                return answer
            self.reply(answer)
        return said

    def end(self, timeout=SOON):
        """Its exit status, after it has ended by itself."""
        return self.process.wait(timeout)

    def end_at_once(self):
        """The same of a helper that has waited for nobody: a wait in vain lasts longer than it has lived."""
        return self.end(timeout=self.began + PATIENCE - time.monotonic())


def request(uid, *fields):
    return b"\0".join([b"twostep 1", *(encoded(field) for field in (uid, *fields))])


def encoded(field):
    return field if isinstance(field, bytes) else str(field).encode()


def question_of(prompt):
    """The name of what a prompt asks for, and its match."""
    found = {name: re.search(f"{pattern}$", prompt) for name, pattern in {**QUESTIONS, "code": CODE}.items()}
    return next((name, match) for name, match in found.items() if match)


def identity(user):
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def enrolled(machine, user, kept={}):  # the default keeps users from test to test
    """An enrolled user. Only the first time by the real command: afterwards the same files are restored."""
    uid = uid_of(user)
    files = [STORE / "users" / f"{uid}.toml", STORE / "state" / str(uid)]
    if user not in kept:
        kept[user] = machine.enroll(user), [file.read_bytes() for file in files]
    person, contents = kept[user]
    for file, content in zip(files, contents):
        put(file, content)
    return person


def put(file, content):
    """Writes a file of the store, as its owner would."""
    if not file.exists():
        file.touch(0o600)
        shutil.chown(file, "twostep", "twostep")
    file.write_bytes(content)


def wrong_code(person):
    """Six digits that no accepted step has now. Faster than that of Person."""
    right = [person.code(step) for step in (-1, 0, 1)]
    return next(code for code in ("271828", "314159", "161803", "141421") if code not in right)


def as_user(user, act, *arguments):
    """What `act(*arguments)` returns in a process of this user."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            become(user)
            os.write(writing, json.dumps(act(*arguments)).encode())
            os._exit(0)
        except BaseException:  # whatever it is, this copy of the test must not go on
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading) as result:
        text = result.read()
    assert os.waitpid(process, 0)[1] == 0, "see above"
    return json.loads(text)


def become(user):
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(*[account.pw_gid] * 3)
    os.setresuid(*[account.pw_uid] * 3)


@contextlib.contextmanager
def lock_held(user):
    """Holds the lock as another login of the user would."""
    with open(STORE / "state" / str(uid_of(user)), "rb") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        yield


def waits_for_lock(pid, user):
    """Whether a helper waits for the lock: it has its own ids, and the state file open."""
    state = str(STORE / "state" / str(uid_of(user)))
    try:
        owner = Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0]
        files = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # something was closed meanwhile
        return False
    return owner == str(uid_of("twostep")) and state in files


def answers(helpers, timeout=SOON):
    """The next message of each of many helpers, in the order of their arrival."""
    poll = select.poll()
    by_number = {helper.socket.fileno(): helper for helper in helpers}
    for number in by_number:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + timeout
    while by_number:
        assert time.monotonic() < deadline, f"{len(by_number)} helpers do not answer"
        for number, _ in poll.poll(100):
            poll.unregister(number)
            yield by_number.pop(number).hear()
