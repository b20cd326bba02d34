"""The helper, started by an attacker. Whatever it is given, it judges as always, or it refuses. It ends soon,
leaves nothing behind, and changes only the store."""

import ctypes
import itertools
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time
from collections import ChainMap
from pathlib import Path

import pytest

from helper_client import HELPER, NOTHING, SOON, UNAVAILABLE, Helper, enrolled, identity, libc, lock_held, request
from helper_client import waits_for_lock, wrong_code
from machine import STORE, uid_of, wait_until

JUDGES, REFUSES, EITHER = "judges", "refuses", "either"
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
UNLIMITED = resource.RLIM_INFINITY
HOME = "/home/alice"
FILES = 128  # as many as may be open where a test says so


EVIL = "/opt/evil/libgcc_s.so.1"
EVIL_SOURCE = f"""
#include <fcntl.h>
__attribute__((constructor)) static void load(void) {{ open("{HOME}/mark", O_CREAT, 0666); }}
unsigned la_version(unsigned version) {{ load(); return version; }}
"""


@pytest.fixture(scope="module")
def evil_library():
    """Leaves a mark if it is loaded."""
    os.mkdir(os.path.dirname(EVIL))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", EVIL, "-xc", "-"], input=EVIL_SOURCE, text=True, check=True)


@pytest.fixture
def nothing_else(machine, evil_library):
    """The test may change no file except those in the store, and these stay the account's."""
    before = written()
    yield
    assert written() == before
    for file in STORE.rglob("*"):
        assert (file.owner(), stat.filemode(file.stat().st_mode)) == ("twostep", "drwx------" if file.is_dir() else "-rw-------")
        assert file.is_dir() or file.name in ("format", "helpers") or file.name.removesuffix(".toml").isdigit()


@pytest.fixture(scope="module", autouse=True)
def cores_are_allowed():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (UNLIMITED, UNLIMITED))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


def written():
    """Everything that was written in this sandbox, except the store and the log."""
    tops = [*Path("/run/sandbox").glob("*/upper"), Path("/dev/shm"), Path("/run/lock"), Path("/run/user")]
    store = Path("/run/sandbox/var/upper/lib/twostep")
    files = [file for top in tops for file in top.rglob("*") if store not in (file, *file.parents)]
    return {file: (now.st_mode, now.st_uid, now.st_size, now.st_ctime_ns) for file in files for now in [file.lstat()]}


# How it is started: what its descriptor 0 is, what is done before exec, arguments, environment.


def execute(arguments=(b"twostep-helper",), environment=()):
    """execve(2) without the care that Python takes: no descriptor is closed, and there may be no argument."""
    vectors = [(ctypes.c_char_p * (len(texts) + 1))(*texts, None) for texts in (arguments, environment)]
    libc.execve(HELPER.encode(), *vectors)


def closed(*numbers):
    return lambda: [os.close(number) for number in numbers]


def open_files(free=0, at_most=FILES):
    """Descriptors that exec leaves open, up to the limit less `free`."""

    def prepare():
        resource.setrlimit(resource.RLIMIT_NOFILE, (at_most, at_most))
        os.closerange(3, at_most)
        for number in range(3, at_most - free):
            assert os.dup(0 if number % 2 else 1) == number
            os.set_inheritable(number, True)
        execute()

    return prepare


def limited(name, soft, hard=None):
    return lambda: resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, soft if hard is None else hard))


def signals_ignored():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


def signals_blocked(*pending):
    def prepare():
        signal.pthread_sigmask(signal.SIG_SETMASK, range(1, signal.NSIG))
        for number in pending:
            os.kill(os.getpid(), number)

    return prepare


def timer(which, seconds):
    return lambda: signal.setitimer(which, seconds)


def killed_with_its_parent():
    if child := os.fork():
        os.closerange(3, 1024)
        name, of_child = (Path(f"/proc/{pid}/comm") for pid in ("self", child))
        wait_until(lambda: of_child.read_text() != name.read_text(), "it does not become the helper")
        os._exit(0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def in_a_removed_directory():
    os.mkdir("/dev/shm/gone")
    os.chdir("/dev/shm/gone")
    os.rmdir("/dev/shm/gone")


def group_leader():
    os.setpgid(0, 0)


def without_new_privileges():
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


CLIENTS = []  # the other end, which stays open until the next one


def connected(kind):
    """A socket of another kind, with a whole request already in it, and a waiting client."""

    def standard_input(message):
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        ours.send(message)
        CLIENTS[:] = [ours]
        return theirs.detach()

    return standard_input


def tcp(message):
    with socket.create_server(("127.0.0.1", 0)) as server:
        CLIENTS[:] = [socket.create_connection(server.getsockname())]
        CLIENTS[0].send(message)
        return server.accept()[0].detach()


def pipe(message):
    reading, writing = os.pipe()
    os.write(writing, message)
    os.close(writing)
    return reading


STANDARD_INPUTS = {
    "a terminal": lambda _: os.openpty()[1],
    "a pipe": pipe,
    "a regular file": lambda _: os.open("/etc/passwd", os.O_RDONLY),
    "a directory": lambda _: os.open("/", os.O_RDONLY),
    "endless zeros": lambda _: os.open("/dev/zero", os.O_RDONLY),
    "a path alone": lambda _: os.open("/etc/passwd", os.O_PATH),
    "a TCP connection": tcp,
    "datagrams": connected(socket.SOCK_DGRAM),
    "a stream": connected(socket.SOCK_STREAM),
    "a socket that leads nowhere": lambda _: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).detach(),
}
# Too little is refused: the name service would not find the group that obliges its caller.
LIMITS = {
    "CPU": [(0, REFUSES), (1, REFUSES), (59, REFUSES), (60, JUDGES)],
    "FSIZE": [(0, REFUSES), (1, REFUSES), (8192, REFUSES), (1 << 20, JUDGES)],
    "NOFILE": [(0, REFUSES), (3, REFUSES), (9, REFUSES), (63, REFUSES), (64, JUDGES)],
    "AS": [(1 << bits, REFUSES) for bits in range(12, 28)] + [(1 << 28, JUDGES)],
    "DATA": [(1 << bits, REFUSES) for bits in range(12, 28, 3)] + [(1 << 28, JUDGES)],
    "STACK": [(1 << bits, REFUSES) for bits in range(12, 20)] + [(1 << 20, JUDGES)],
    "NPROC": [(0, JUDGES), (1, JUDGES)],
    "CORE": [(0, JUDGES), (UNLIMITED, JUDGES)],
    "SIGPENDING": [(0, JUDGES)],
    "MEMLOCK": [(0, JUDGES)],
    "MSGQUEUE": [(0, JUDGES)],
    "RTPRIO": [(0, JUDGES)],
}
EVIL_VARIABLES = {
    "a library to load": {"LD_PRELOAD": EVIL},
    "a library to watch it": {"LD_AUDIT": EVIL},
    "another path for libraries": {"LD_LIBRARY_PATH": os.path.dirname(EVIL), "LD_PRELOAD": os.path.basename(EVIL)},
    "a trace of the loader": {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": f"{HOME}/mark"},
}
MORE_VARIABLES = {
    **{name: "/etc/shadow" for name in ("TZ", "TZDIR", "HOSTALIASES", "LOCPATH", "GETCONF_DIR", "RESOLV_HOST_CONF")},
    **{name: f"{HOME}/mark" for name in ("MALLOC_TRACE", "GMON_OUT_PREFIX", "PCPROFILE_OUTPUT", "NLSPATH", "TMPDIR")},
    "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.mxfast=glibc.malloc.mxfast=AAAAAAAA",
    "RES_OPTIONS": "attempts:9 debug",
    "RUST_BACKTRACE": "full",
    "RUST_MIN_STACK": "18446744073709551615",
    "LANG": "../../home/alice",
}
STARVED = 120  # seconds for a helper that runs only while nothing else does
STARTS = {
    **{
        f"without {' and '.join(map(str, numbers))}": (REFUSES if 0 in numbers else JUDGES, {"prepare": closed(*numbers)})
        for many in (1, 2, 3)
        for numbers in itertools.combinations(range(3), many)
    },
    **{f"standard input is {name}": (REFUSES, {"stdin": what}) for name, what in STANDARD_INPUTS.items()},
    "many descriptors": (JUDGES, {"prepare": open_files(free=8)}),
    "many descriptors, beyond its own limit": (JUDGES, {"prepare": open_files(free=8, at_most=1000)}),
    "one descriptor free": (JUDGES, {"prepare": open_files(free=1)}),
    "no descriptor free": (REFUSES, {"prepare": open_files()}),
    "no argument": (JUDGES, {"prepare": lambda: execute(arguments=())}),
    "an argument": (REFUSES, {"arguments": ["twostep-helper", "--user=root"]}),
    "an empty argument": (REFUSES, {"arguments": ["twostep-helper", ""]}),
    "a thousand arguments": (REFUSES, {"arguments": ["twostep-helper", *"x" * 1000]}),
    "a megabyte of arguments": (REFUSES, {"arguments": ["twostep-helper", *["x" * 100_000] * 10]}),
    "a long name": (JUDGES, {"arguments": ["x" * 4096]}),
    "a name that commands": (JUDGES, {"arguments": ["-\n<0>root: %n%s\x1b[2J"]}),
    "a name that is not UTF-8": (JUDGES, {"arguments": [b"\xff\xfe/\x80"]}),
    "thousands of variables": (JUDGES, {"environment": {f"V{number}": "x" * 20 for number in range(5000)}}),
    "an environment that is not UTF-8": (JUDGES, {"environment": {b"\xff": b"\xfe", b"LANG": b"\xff"}}),
    "an environment without equals signs": (JUDGES, {"prepare": lambda: execute(environment=(b"", b"=", b"x", b"TZ"))}),
    **{name: (JUDGES, {"environment": variables}) for name, variables in EVIL_VARIABLES.items()},
    "all of these, and more": (JUDGES, {"environment": {**MORE_VARIABLES, **dict(ChainMap(*EVIL_VARIABLES.values()))}}),
    "umask 0": (JUDGES, {"umask": 0}),
    "umask 0777": (JUDGES, {"umask": 0o777}),
    "a removed working directory": (JUDGES, {"prepare": in_a_removed_directory}),
    "signals ignored": (JUDGES, {"prepare": signals_ignored}),
    "signals blocked": (JUDGES, {"prepare": signals_blocked()}),
    "a stop on its way": (JUDGES, {"prepare": signals_blocked(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)}),
    "an end on its way": (REFUSES, {"prepare": signals_blocked(signal.SIGTERM)}),
    "a real-time signal on its way": (REFUSES, {"prepare": signals_blocked(signal.SIGRTMIN)}),
    "a timer": (JUDGES, {"prepare": timer(signal.ITIMER_REAL, 2), "pause": 2.1}),
    "a timer at once": (EITHER, {"prepare": timer(signal.ITIMER_REAL, 0.002)}),
    "a timer of processor time": (EITHER, {"prepare": timer(signal.ITIMER_PROF, 0.001)}),
    "to die with its parent": (JUDGES, {"prepare": killed_with_its_parent}),
    "as the leader of its group": (EITHER, {"prepare": group_leader}),
    "nice": (JUDGES, {"prepare": lambda: os.nice(19), "patience": STARVED}),
    "idle": (JUDGES, {"prepare": lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)), "patience": STARVED}),
    "without new privileges": (REFUSES, {"prepare": without_new_privileges}),
    **{
        f"{name} {'unlimited' if value == UNLIMITED else value}": (expected, {"prepare": limited(name, value)})
        for name, values in LIMITS.items()
        for value, expected in values
    },
}


@pytest.mark.parametrize("expected, start", STARTS.values(), ids=STARTS)
@pytest.mark.usefixtures("nothing_else")
def test_judges_or_refuses_however_it_is_started(machine, expected, start):
    alice = enrolled(machine, "alice")
    wrong, right = wrong_code(alice), alice.code()
    before = machine.state_of("alice")

    answer = verdict_of(wrong, **start)
    charged, _ = machine.helper_failures_of("alice")
    if expected == JUDGES or expected == EITHER and charged and answer not in (NOTHING, UNAVAILABLE):
        assert (answer, charged) == ([b"-", b"wrong-code", b"1"], 1)
    else:
        assert answer in (NOTHING, UNAVAILABLE)
        assert machine.state_of("alice") == before or expected == EITHER

    answer = verdict_of(right, **start)
    later = Helper("alice").ask("verify", right)
    if expected == JUDGES or expected == EITHER and answer[0] == b"*":
        assert answer == [b"*", b"8", b"code", b"0", b"phone"]
        assert later == [b"-", b"replayed", b"1"]
    else:
        assert answer in (NOTHING, UNAVAILABLE)
        assert later[0] == b"*" or expected == EITHER
    assert machine.status("alice")["problem"] is None
    assert machine.failures_of("alice") == 0


def verdict_of(code, stdin=None, pause=0, patience=None, **start):
    """The helper's answer to a code, once it has ended: at once, or within `patience` seconds."""
    number = stdin and stdin(request(uid_of("alice"), "verify", code))
    try:
        helper = Helper("alice", stdin=number, cwd=HOME, **start)
    except (OSError, subprocess.SubprocessError):  # it could not even be started
        return NOTHING
    finally:
        if number is not None:
            os.close(number)
    with helper:
        time.sleep(pause)
        helper.request("verify", code)
        answer = helper.hear(patience or SOON)
        status = helper.end(patience) if patience else helper.end_at_once()
        assert status == 0 or answer in (NOTHING, UNAVAILABLE)
        return answer


def all_of_this():
    """Everything that a caller can leave to a program that it starts."""
    limited("CORE", UNLIMITED)()
    limited("NOFILE", 256)()
    os.umask(0)
    os.nice(5)
    signals_ignored()
    signals_blocked()()
    for number in range(3, 40):
        os.dup2(0, number)
    signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
    execute(environment=[b"TZ=/etc/shadow"])


def signals_in(mask):
    """Without the real-time signals, which no program sends."""
    return {number for number in signal.Signals if number < signal.SIGRTMIN and int(mask, 16) >> number - 1 & 1}


def test_keeps_nothing_that_its_caller_left(machine):
    alice = enrolled(machine, "alice")
    with lock_held("alice"):
        helper = Helper("alice", cwd=HOME, prepare=all_of_this)
        helper.request("verify", alice.code())
        wait_until(lambda: waits_for_lock(helper.process.pid, "alice"), "it does not wait for the lock")
        process = Path(f"/proc/{helper.process.pid}")
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
        limits = (process / "limits").read_text()
        account = [str(uid_of("twostep"))] * 4
        assert status["Uid"].split() == account and len(set(status["Gid"].split())) == 1
        assert status["Gid"].split()[0] == str(Path(HELPER).stat().st_gid)
        assert (status["Umask"], status["NoNewPrivs"], status["NSsid"]) == ("0077", "1", status["Pid"])
        assert signals_in(status["SigIgn"]) == set()
        assert signals_in(status["SigBlk"]) == {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}, "while it may hold a lock"
        assert os.readlink(process / "cwd") == "/"
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
        files = {file.name: os.readlink(file) for file in (process / "fd").iterdir()}
        assert len(files) < 8 and files["1"] == files["2"] == "/dev/null"
    assert helper.hear()[0] == b"*"


def test_folder_of_the_test_would_receive_a_core():
    """Otherwise the absence of a core would prove nothing above."""
    assert subprocess.run(["sh", "-c", "kill -SEGV $$"], cwd=HOME, check=False, **identity("alice")).returncode == -signal.SIGSEGV
    assert take_away("core*")


@pytest.mark.parametrize("variables", EVIL_VARIABLES.values(), ids=EVIL_VARIABLES)
@pytest.mark.usefixtures("evil_library")
def test_hostile_environment_affects_other_programs(variables):
    subprocess.run(["/bin/true"], env=variables, cwd=HOME, capture_output=True, check=False, **identity("alice"))
    assert take_away("mark*")


def take_away(pattern):
    """Removes such files from the home, and returns whether there were any."""
    files = list(Path(HOME).glob(pattern))
    for file in files:
        file.unlink()
    return bool(files)
