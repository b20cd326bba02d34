"""Rules for groups of a directory: a failing look-up never makes the verdict milder."""

import os
import resource
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from clock import STEP
from directory import NOT_FOUND, NSSWITCH, TRY_AGAIN, UNAVAILABLE
from hosts import SAY_IN, Su, ready
from person import password_of
from test_people import Self

VIPS = 7001
BY_GROUP = '[[rule]]\nname = "vips"\ngroups = ["vips"]\nmode = "mandatory"\n'
UNKNOWN = "treating rules with groups as mandatory"
NIGHT = bool(os.environ.get("TWOSTEP_NIGHT"))
KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def vips(machine, directory):
    """alice and bob are in a group that only the directory knows, and must therefore have a second step."""
    directory.group("vips", VIPS, "alice", "bob")
    machine.policy("[enrollment]\nservices = []\n" + BY_GROUP)
    return directory


def explained(machine, user="bob"):
    done = machine.run("twostep", "policy", "explain", "--user", user, "--service", "su")
    return done.stdout + done.stderr


def is_mandatory(machine, user="bob"):
    return "mandatory" in explained(machine, user).splitlines()[0]


def test_member_by_directory_alone_is_asked(machine, vips):
    outcome = ready(Su(machine)).attempt("bob", "123456")
    assert outcome.refused and outcome.asked
    outcome = ready(Su(machine)).attempt("carol")
    assert outcome.granted and not outcome.asked
    assert UNKNOWN not in machine.log_text()


@pytest.mark.parametrize("sources", ["files systemd", "files directory"])
def test_group_that_nobody_knows_has_no_members(machine, directory, sources):
    """As on Debian, which has a group sudo and no group wheel, and asks systemd, which may not run."""
    directory.sources(sources)
    machine.policy(BY_GROUP.replace('"vips"]', '"wheel", "sudo"]'))
    assert ready(Su(machine)).attempt("bob").granted
    assert machine.verdicts() == ["exempt not-enrolled"]
    assert UNKNOWN not in machine.log_text()


def broken_library(directory):
    directory.library.write_bytes(b"\x7fELF, and no more")


FAULTS = {
    "unavailable": lambda directory: directory.answer(UNAVAILABLE, of="group"),
    "try again": lambda directory: directory.answer(TRY_AGAIN, of="group"),
    "library cannot be loaded": broken_library,
    "cold cache": lambda directory: directory.answer(NOT_FOUND, of="group"),
}


@pytest.mark.parametrize("sources", ["files directory", "directory files", "files directory compat"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_group_is_unknown_where_directory_does_not_answer(machine, vips, fault, sources):
    """A cold cache can be recognized only by the user's primary group, if the directory has that, too."""
    user = "remo" if fault is FAULTS["cold cache"] else "bob"
    vips.user("remo", 20001, gid=VIPS)
    vips.sources(sources)
    fault(vips)
    outcome = ready(Su(machine)).attempt(user, "123456")
    assert outcome.refused and outcome.asked, outcome.text
    assert UNKNOWN in machine.log_text()


def test_source_that_is_not_installed_makes_nothing_unknown(machine, vips):
    vips.sources("files not-there")
    assert ready(Su(machine)).attempt("bob").granted
    assert UNKNOWN not in machine.log_text()


def test_cold_cache_lets_nobody_give_up_the_second_step(machine, vips):
    vips.user("remo", 20001, gid=20000)
    vips.group("remo", 20000)
    vips.group("vips", VIPS, "remo")
    remo = Self(machine, "remo").enroll()
    machine.clock.advance(2 * STEP)
    vips.answer(NOT_FOUND, of="group")
    remo.run("remove", says=1)
    assert machine.status("remo")["enrolled"]


# What set-uid programs do under limits that their caller has set. Each is given bob's or alice's right password.


def su():
    return ["su", "bob", "-c", SAY_IN], f"{password_of('bob')}\n"


def sudo():
    return ["sudo", "-k", "-S", "-p", "", "bash", "-c", SAY_IN], f"{password_of('alice')}\n"


def polkit():
    """It asks for bob, on request of alice: a cookie, then the answers."""
    return ["/usr/lib/polkit-1/polkit-agent-helper-1", "bob"], f"cookie\n{password_of('bob')}\n"


PROGRAMS = {"su": su, "sudo": sudo, "polkit-1": polkit}
# Where to begin, in the unit of the limit, and what the module needs.
LIMITS = {
    "AS": (4 * MIB, 256 * MIB),
    "DATA": (64 * KIB, 256 * MIB),
    "NOFILE": (3, 64),
    "STACK": (64 * KIB, MIB),
    "FSIZE": (1, MIB),
    "CPU": (1, 60),
}
STEPS = 100 if NIGHT else 6


def steps(low, needed):
    """From `low` to a little more than needed, each by the same factor."""
    ratio = (1.2 * needed / low) ** (1 / (STEPS - 1))
    return sorted({int(low * ratio**step) for step in range(STEPS)})


def under(limit, program):
    """The outcome of the program with a limit that alice has set."""
    command, answers = program()
    kind, value = limit

    def limits():
        resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (value, value))

    alice = {"user": "alice", "group": "alice", "extra_groups": [], "preexec_fn": limits, "start_new_session": True}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        command, input=answers + 9 * "123456\n", capture_output=True, text=True, timeout=60, check=False, env=environment, **alice
    )
    return limit, done.stdout + done.stderr


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("service", PROGRAMS)
def test_limits_of_the_caller_never_make_it_milder(machine, vips, service, kind):
    ours = ("auth required pam_twostep.so",)
    machine.stack(service, "auth requisite pam_unix.so nodelay", *ours, account=("account required pam_permit.so",))
    quick_hash("alice", "bob")
    values = steps(*LIMITS[kind]) + ([6500 * KIB] if kind == "AS" else [])
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(partial(under, program=PROGRAMS[service]), [(kind, value) for value in values]))
    assert [limit for limit, said in outcomes if "IN-AS" in said] == []
    assert {verdict.split()[0] for verdict in machine.verdicts(hang_ups=True)} <= {"deny"}
    assert "deny not-enrolled" in machine.verdicts(hang_ups=True), "with enough, a code is asked for"


@pytest.mark.parametrize("variable", ["_SSS_LOOPS", "_NO_WINBINDD"])
def test_environment_of_the_caller_never_makes_it_milder(machine, vips, variable):
    """With these variables the libraries of SSSD and Samba say "not found", also in set-uid programs."""
    machine.stack("su", "auth requisite pam_unix.so nodelay", "auth required pam_twostep.so")
    command, answers = su()
    alice = {"user": "alice", "group": "alice", "extra_groups": [], "start_new_session": True}
    environment = {"PATH": os.environ["PATH"], variable: "NO"}
    done = subprocess.run(
        command, input=answers + 9 * "123456\n", capture_output=True, text=True, timeout=60, check=False, env=environment, **alice
    )
    assert "IN-AS" not in done.stdout
    assert f"{variable} in the environment stops" in machine.log_text()


def quick_hash(*users):
    """A hash that takes a few milliseconds, and one that needs little memory."""
    for user in users:
        hashed = subprocess.run(
            ["openssl", "passwd", "-5", "-stdin"], input=password_of(user), text=True, capture_output=True, check=True
        )
        subprocess.run(["usermod", "-p", hashed.stdout.strip(), user], check=True)


# Every system call of a look-up, failed once.


def test_no_failed_system_call_makes_it_milder(machine, vips, tmp_path):
    explain = ["twostep", "policy", "explain", "--user", "bob", "--service", "su"]
    trace = tmp_path / "calls"
    # Only the search for PAM's files reads links, and it reads hundreds.
    subprocess.run(["strace", "-o", trace, "-e", "trace=!readlink", *explain], check=True, capture_output=True)
    calls = len(trace.read_text().splitlines())
    errors = ["EIO", "ENOMEM", "EMFILE", "EAGAIN"] if NIGHT else ["EIO"]
    cases = [(number, error) for error in errors for number in range(1, calls + 1)]

    def injected(case):
        number, error = case
        inject = ["-e", f"inject=!readlink:error={error}:when={number}"]
        done = subprocess.run(
            ["strace", "-o", "/dev/null", *inject, *explain], capture_output=True, text=True, timeout=60, check=False
        )
        return case, done

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(injected, cases))
    milder = [
        (case, done.stdout) for case, done in outcomes if done.returncode == 0 and "mandatory" not in done.stdout.partition("\n")[0]
    ]
    assert milder == []
    assert sum(done.returncode == 0 for _, done in outcomes) > len(outcomes) / 10
