"""Faults of the machine around a login, on the real paths: mounts that come and go, full disks, a name service or log that
does not answer, no process available, endless signals. No user counts as not enrolled, a user who gets in has used up the
code, and after the fault everything works again.

System calls that fail one by one: test_helper_faults.py, and tests/libpam (sweep.rs, crash.rs); limits: tests/libpam (limits.rs)."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import broken_log
from clock import STEP
from helper_client import Helper, enrolled, identity, question_of
from machine import REPOSITORY, STORE, uid_of
from person import Newcomer
from traced import Traced, calls_in

SUCCESS, UNAVAILABLE = 0, 9
TESTS = Path("/dev/shm/tests")  # where alice, too, can read the program: the repository may lie where only root can
NAME_SERVICE, UNDER_A_LOCK = Path("/run/name-service"), Path("/run/asked-under-a-lock")
TOO_LATE = 20  # seconds, after which a program is ended that hangs
SOON = 5  # seconds, which a wait for a lock takes; a login that meets a stuck log waits one for it


class Door:
    """A running program with the module in it: as root, or as alice, where the helper judges."""

    def __init__(self, user="root", wrapper=(), storm=False):
        command = [*wrapper, sys.executable, TESTS / "e2e/door.py", "door", "alice", *(["storm"] if storm else [])]
        self.began = time.monotonic()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen(command, **pipes, **({} if user == "root" else identity(user)))
        self.alarm = threading.Timer(TOO_LATE, self.process.kill)
        self.alarm.start()

    def asked(self):
        """The next question; none if it has returned a result instead."""
        line = self.process.stdout.readline()
        assert line, "it has ended, or hung, and said nothing"
        what, text = line.split()
        self.answer = None if what == "asked" else int(text)
        return bytes.fromhex(text).decode() if what == "asked" else None

    def type(self, answer):
        self.process.stdin.write(f"{answer}\n")
        self.process.stdin.flush()

    def enter(self, code):
        """libpam's final answer if this is typed at each question, and the seconds that it took."""
        while self.asked():
            self.type(code)
        return self.end()

    def enroll(self, person):
        while prompt := self.asked():
            question, found = question_of(prompt)
            self.type(person.answer(question, prompt, found))
        return self.end()

    def end(self):
        self.process.communicate()
        self.alarm.cancel()
        assert self.process.returncode == 0, "the host has died"
        self.took = time.monotonic() - self.began
        return self.answer


@pytest.fixture(scope="module", autouse=True)
def programs(whole_run):
    for file in ("e2e/door.py", "stacks/pam.py"):
        copy = TESTS / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "tests" / file, copy)
    subprocess.run(["chmod", "-R", "a+rX", TESTS], check=True)
    yield
    shutil.rmtree(TESTS)


@pytest.fixture(autouse=True)
def door(machine):
    """Opt-in, and a following line that succeeds: a user who counts as not enrolled would get in."""
    machine.policy(tries=1)
    lenient = ("auth required pam_twostep.so first_factor=any", "auth required pam_permit.so")
    machine.stack("door", *lenient, account=("account required pam_twostep.so", "account required pam_permit.so"))


def assert_well(machine, alice, spent=None):
    """The fault is over: the typed code works at most once more, and a later code works."""
    if spent:
        again = [Door().enter(spent) for _ in range(2)]
        assert again.count(SUCCESS) <= 1
    machine.clock.advance(3600)
    assert Door().enter(alice.code()) == SUCCESS and machine.verdicts()[-1] == "grant"


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def unmount(place, *options):
    subprocess.run(["umount", *options, str(place)], check=True)


@contextlib.contextmanager
def moved_to(*options):
    """The store is on a file system of its own, in memory; below it is the store as the package creates it."""
    with contextlib.ExitStack() as end:
        copy = Path("/run/copy-of-the-store")
        subprocess.run(["cp", "-a", STORE, copy], check=True)
        end.callback(shutil.rmtree, copy)
        for file in STORE.glob("*/*"):
            file.unlink()
        mount("-t", "tmpfs", "-o", ",".join(options), "store", STORE)
        end.callback(lambda: STORE.is_mount() and unmount(STORE, "-l"))
        subprocess.run(f"cp -a {copy}/. {STORE}/", shell=True, check=True)
        yield


SMALL = ("size=64k", "nr_inodes=32", "mode=700")


def mounted_in_place(what):
    if what == "a bind":
        mount("--bind", STORE, STORE)
    elif what == "an overlay":
        upper = Path("/run/upper")
        for name in ("upper", "work"):
            (upper / name).mkdir(parents=True)
        shutil.copystat(STORE, upper / "upper")
        shutil.chown(upper / "upper", "twostep", "twostep")
        mount("-t", "overlay", "-o", f"lowerdir={STORE},upperdir={upper}/upper,workdir={upper}/work", "over", STORE)
    else:
        mount("-t", "tmpfs", "-o", "mode=755", "empty", STORE / what.split(" over ")[1])


@pytest.mark.parametrize("what", ["a bind", "an overlay", "nothing over .", "nothing over users", "nothing over state"])
def test_other_mount_over_store_denies_or_is_the_store(machine, what):
    alice = enrolled(machine, "alice")
    code = alice.code()
    place = STORE if " over " not in what else STORE / what.split(" over ")[1]
    mounted_in_place(what)
    try:
        answers = [Door().enter(code), Door().enter(code)]
    finally:
        unmount(place)
    if "nothing" in what:
        assert answers == [UNAVAILABLE] * 2 and set(machine.verdicts()) == {"deny unavailable"}
        assert_well(machine, alice, code)
    else:
        assert answers[0] == SUCCESS != answers[1] and machine.verdicts()[0] == "grant"


@pytest.mark.parametrize("user", ["root", "alice"])
def test_refuses_code_if_store_is_unmounted_at_prompt(machine, user):
    """Below is an empty, valid store: a user who came now would get in as not enrolled."""
    alice = enrolled(machine, "alice")
    with moved_to(*SMALL):
        door = Door(user)
        assert door.asked()
        unmount(STORE, "-l")
        door.type(alice.code())
        assert door.enter(alice.code()) != SUCCESS
    assert "exempt" not in " ".join(machine.verdicts()) and machine.verdicts()


def no_room(blocks=0):
    with (STORE / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    os.truncate(STORE / "filler", (STORE / "filler").stat().st_size - 4096 * blocks)


def no_inodes():
    with contextlib.suppress(OSError):
        for number in range(1000):
            (STORE / f"filler{number}").touch()


FULL = {
    "no room": no_room,
    "room for half a state": lambda: no_room(blocks=1),
    "no inodes": no_inodes,
    "read-only": lambda: mount("-o", "remount,ro", STORE),
}


def room_again():
    mount("-o", "remount,rw", STORE)
    for filler in STORE.glob("filler*"):
        filler.unlink()


@pytest.mark.parametrize("full", FULL)
def test_full_disk_denies_or_has_saved_code(machine, full):
    """A login writes into existing blocks, and so succeeds on a full disk. It flushes first."""
    alice = enrolled(machine, "alice")
    code = alice.code()
    with moved_to(*SMALL):
        before = machine.state_of("alice")
        FULL[full]()
        answers = [Door().enter(code), Door().enter(code)]
        expected = "deny unavailable" if full == "read-only" else "grant"
        assert machine.verdicts()[0] == expected and answers.count(SUCCESS) == (expected == "grant")
        assert (machine.state_of("alice") == before) == (full == "read-only")
        room_again()
        assert_well(machine, alice, code)


@pytest.mark.parametrize("full", FULL)
def test_full_disk_stores_no_new_state_or_enrollment(machine, full):
    alice = enrolled(machine, "alice")
    with moved_to(*SMALL):
        (STORE / "state" / str(uid_of("alice"))).unlink()
        before = sorted(STORE.glob("*/*"))
        FULL[full]()
        assert Door().enter(alice.code()) == UNAVAILABLE
        assert sorted(STORE.glob("*/*")) == before, "litter"
        (refused,) = machine.verdicts()
        assert refused == "deny unavailable"
        if full != "read-only":
            (STORE / "users" / f"{uid_of('alice')}.toml").unlink()
            FULL[full]()
            with Helper("alice") as helper:
                helper.request("enroll", "picture", "plain", "", "phone")
                answer = helper.converse(Newcomer(machine, "alice"))
            assert answer[0] in (b"-", b"x") and f"{uid_of('alice')}.toml" not in machine.stored("alice")
        room_again()
        for file in STORE.glob("users/*"):
            file.unlink()
        machine.clock.advance(3600)
        with Helper("alice") as helper:
            helper.request("enroll", "picture", "plain", "", "phone")
            assert helper.converse(Newcomer(machine, "alice"))[0] == b"+"


@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync"])
def test_a_quota_that_is_used_up_denies(machine, calls):
    alice = enrolled(machine, "alice")
    before, code = machine.state_of("alice"), alice.code()
    wrapper = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={calls}:error=EDQUOT"]
    assert Door(wrapper=wrapper).enter(code) == UNAVAILABLE
    assert calls == "fdatasync" or machine.state_of("alice") == before
    assert_well(machine, alice, code)


@pytest.fixture
def name_service(machine):
    """As with a directory server: `slow` is asked for users and groups."""
    library = Path("/usr/lib/x86_64-linux-gnu/libnss_slow.so.2")
    library = library if library.parent.exists() else Path("/usr/lib64", library.name)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, REPOSITORY / "tests/e2e/nss_slow.c"], check=True)
    settings = Path("/etc/nsswitch.conf")
    usual = settings.read_text()

    def ask(sources, answer):
        NAME_SERVICE.write_text(answer)
        rest = [line for line in usual.splitlines() if not line.startswith(("passwd:", "group:", "initgroups:"))]
        settings.write_text("\n".join([*rest, f"passwd: {sources}", f"group: {sources}", ""]))

    UNDER_A_LOCK.touch()
    UNDER_A_LOCK.chmod(0o666)
    yield ask
    settings.write_text(usual)
    library.unlink()
    NAME_SERVICE.unlink(missing_ok=True)
    UNDER_A_LOCK.unlink()


ASKS_UNDER_A_LOCK = """
import fcntl, pwd
with open("/run/name-service") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    pwd.getpwnam("alice")
"""
BY_GROUP = '[[rule]]\nname = "staff"\ngroups = ["staff"]\nmode = "exempt"\n'


@pytest.mark.parametrize("user", ["root", "alice"])
def test_a_slow_name_service_is_not_asked_while_the_lock_is_held(machine, name_service, user):
    alice = enrolled(machine, "alice")
    machine.policy(BY_GROUP, tries=1)
    name_service("slow files", "0.1 0")
    door = Door(user)
    assert door.enter(alice.code()) == SUCCESS and machine.verdicts()[-1] == "grant"
    assert door.took > 0.1, "it was asked"
    assert UNDER_A_LOCK.read_bytes() == b""
    subprocess.run([sys.executable, "-c", ASKS_UNDER_A_LOCK], check=True)
    assert UNDER_A_LOCK.read_bytes(), "it would have been seen"


@pytest.mark.parametrize("status", [-1, -2], ids=["unavailable", "try again"])
@pytest.mark.parametrize("sources", ["slow files", "slow", "slow [UNAVAIL=return TRYAGAIN=return] files"])
def test_dead_name_service_lets_nobody_in_without_code(machine, name_service, sources, status):
    alice = enrolled(machine, "alice")
    machine.policy(BY_GROUP, tries=1)
    state = STORE / "state" / str(uid_of("alice"))
    before = state.read_bytes()
    name_service(sources, f"0 {status}")
    door = Door()
    answer = door.enter(alice.wrong_code())
    assert answer != SUCCESS and "exempt" not in " ".join(machine.verdicts()), machine.verdicts()
    assert door.took < SOON
    if sources != "slow files":
        assert state.read_bytes() == before, "who cannot be found is charged nothing"
    name_service("files", "0 0")
    assert_well(machine, alice)


@pytest.mark.parametrize("kind", broken_log.KINDS, ids=lambda kind: kind.__name__)
def test_a_log_that_takes_nothing_holds_up_nobody(machine, tmp_path, kind):
    alice = enrolled(machine, "alice")
    with broken_log.broken_log(kind):
        for user in ("root", "alice"):
            door = Door(user)
            assert door.enter(alice.code()) == SUCCESS
            assert door.took < SOON, user
            machine.clock.advance(STEP)
        with Traced("alice", tmp_path / "calls") as helper:
            assert helper.ask("verify", alice.code())[0] == b"*"
            helper.end()
    calls = [f"{name}({rest}" for name, rest in calls_in(tmp_path / "calls")]
    assert any("/dev/log" in call for call in calls) and not broken_log.waits_allowed(calls), "the helper's own lines wait"


def test_refuses_helper_users_if_no_process_can_start(machine):
    alice = enrolled(machine, "alice")
    code, before = alice.code(), machine.state_of("alice")
    assert Door("alice", wrapper=["prlimit", "--nproc=0:0"]).enter(code) == UNAVAILABLE
    assert machine.state_of("alice") == before
    assert Door("alice").enter(code) == SUCCESS


@pytest.mark.parametrize("user", ["root", "alice"])
def test_endless_signals_disturb_no_login(machine, user):
    """From a timer, and from another user; some are ignored, some caught, and no system call is restarted."""
    alice = enrolled(machine, "alice")
    door = Door(user, storm=True)
    assert door.asked()
    over = threading.Event()

    def pester():
        while not over.wait(0.0005):
            for number in (signal.SIGUSR1, signal.SIGCHLD):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(door.process.pid, number)

    pest = threading.Thread(target=pester)
    pest.start()
    code = alice.code()
    try:
        door.type(code)
        assert door.enter(code) == SUCCESS and machine.verdicts() == ["grant"]
    finally:
        over.set()
        pest.join()
    assert Door(user).enter(code) != SUCCESS


def test_refuses_enrolling_login_on_full_disk(machine):
    machine.mandatory(services=["door"])
    with moved_to(*SMALL):
        no_room()
        alice = Newcomer(machine, "alice")
        assert Door().enroll(alice) == UNAVAILABLE
        assert machine.stored("alice") == set()
        room_again()
        assert Door().enroll(Newcomer(machine, "alice")) == SUCCESS
        assert machine.status("alice")["recovery_codes"] == 8
