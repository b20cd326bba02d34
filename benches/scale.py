"""scale.py   measures the command on machines with many users, and prints what it found as JSON. Runs in tests/sandbox, with a folder
of a real disk."""

import json
import os
import re
import statistics
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from counts import CALLGRIND, collected
from load import Quiet
from subjects import HERE, on_disk, run

DISK = Path("/run/sandbox/disk")
STORE = Path("/var/lib/twostep")
LIST = Path("/root/users.otpauth")
COST = "/usr/local/bin/bench-cost"
CLOCK = Path("/run/clock")  # of tests/e2e/clock.c
GROUP = "everybody"
FIRST_UID = 10_000
ACCOUNTS, MEMBERS = 10_000, 9_000
ENROLLED = 100_000
RUNS = 3
# Most users are in one group, which the policy names.
POLICY = f"""version = 1
mode = "opt-in"

[enrollment]
services = ["sshd"]

[[rule]]
name = "everybody"
groups = ["{GROUP}"]
mode = "mandatory"
"""
SERVICE = "auth requisite pam_unix.so\nauth required pam_twostep.so\naccount requisite pam_twostep.so\naccount required pam_unix.so\n"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
EXPLAIN = ("policy", "explain", "--group", GROUP, "--service", "sshd")
REPORTS = ((), ("--csv",), ("--json",), ("--html",))
HAS_FINDINGS = "1"


@dataclass
class Cost:
    """What one run of a command took."""

    seconds: float
    kib: int


class Machine:
    """A machine with users who are called u0, u1 and so on."""

    def __init__(self):
        run("cc", "-O2", "-o", COST, HERE / "cost.c")
        self._first = {name: Path("/etc", name).read_text() for name in ("passwd", "group", "shadow")}
        Path("/etc/nsswitch.conf").write_text("passwd: files\ngroup: files\n")
        Path("/etc/twostep/policy.toml").write_text(POLICY)
        for service in ("sshd", "sudo"):
            Path("/etc/pam.d", service).write_text(SERVICE)

    def has(self, users, members=0):
        """From here on the machine has so many users, of whom the first `members` are in one group. None is enrolled."""
        lines = {
            "passwd": (f"u{n}:x:{FIRST_UID + n}:{FIRST_UID + n}::/home/u{n}:/bin/sh\n" for n in range(users)),
            "shadow": (f"u{n}:$y$set:20000:0:99999:7:::\n" for n in range(users)),
            "group": (*(f"u{n}:x:{FIRST_UID + n}:\n" for n in range(users)), group_of(members)),
        }
        for name, more in lines.items():
            with open(f"/etc/{name}", "w", encoding="utf-8") as file:
                file.write(self._first[name])
                file.writelines(more)
        forget()


def group_of(members):
    return f"{GROUP}:x:{FIRST_UID - 1}:{','.join(f'u{n}' for n in range(members))}\n"


def forget():
    """From here on no user is enrolled."""
    for folder in ("users", "state"):
        run("find", STORE / folder, "-type", "f", "-delete")


def list_of(users):
    """A file with an otpauth URI for each user."""
    with open(LIST, "w", encoding="utf-8") as file:
        file.writelines(f"u{n} otpauth://totp/Example:u{n}?secret={secret(n)}&issuer=Example\n" for n in range(users))
    LIST.chmod(0o600)
    return LIST


def secret(number):
    """A secret that no other user has."""
    return "A" * 26 + "".join(ALPHABET[number >> shift & 31] for shift in range(0, 30, 5))


def enroll(users):
    """Enrolls the first `users`, an hour ago. In the first seconds after an import, doctor looks in every record for an accepted code:
    the first one that is not in the future is enough."""
    CLOCK.write_bytes(struct.pack("<qq", 0, -3600))
    return cost("import", "otpauth", list_of(users), under=["env", "LD_PRELOAD=/usr/lib/sandbox-clock.so"])


def cost(*words, under=()):
    """Runs `twostep` with these words."""
    with NamedTemporaryFile("r") as report:
        command = [str(word) for word in (COST, report.name, *under, "twostep", *words)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
        status, nanoseconds, kib = report.read().split()
    assert status in ("0", HAS_FINDINGS if words[0] == "doctor" else "0"), f"{words} ended with {status}: {done.stderr}"
    return Cost(int(nanoseconds) / 1e9, int(kib))


def instructions(*words):
    """The instructions of the command from its start to its end, counted by valgrind."""
    with NamedTemporaryFile("r") as log:
        cost(*words, under=[*CALLGRIND, f"--log-file={log.name}"])
        return collected(log.read())


def system_calls(*words):
    """The system calls of the command and of the programs that it runs."""
    with NamedTemporaryFile("r") as trace:
        cost(*words, under=["strace", "-f", "-c", "-o", trace.name])
        return int(re.search(r"^100\.00\s+\S+\s+(?:\d+\s+)?(\d+)", trace.read(), re.M)[1])


def main():
    found, machine, quiet = {}, Machine(), Quiet()

    def note(name, one_run, runs=RUNS):
        is_quiet = quiet.wait()
        runs = [one_run() for _ in range(runs)]
        seconds = statistics.median(one.seconds for one in runs)
        found[name] = {"seconds": seconds, "mb": max(one.kib for one in runs) * 1024 / 1e6, "stable": is_quiet}
        print(f"{name}: {found[name]}", file=sys.stderr)

    def import_all():
        forget()
        return enroll(ACCOUNTS)

    machine.has(ACCOUNTS, MEMBERS)
    note(f"import of {ACCOUNTS:,}, files in memory", import_all)
    note(f"policy explain of one user, with {ACCOUNTS:,} accounts", lambda: cost("policy", "explain", "u5", "--service", "sshd"))
    note(f"policy explain of a group of {MEMBERS:,}", lambda: cost(*EXPLAIN))
    note(f"policy explain of a group of {MEMBERS:,} at two services", lambda: cost(*EXPLAIN, "--service", "sudo"))
    note(f"doctor with {ACCOUNTS:,} accounts, all enrolled", lambda: cost("doctor"))
    forget()
    note(f"doctor with {ACCOUNTS:,} accounts, none enrolled", lambda: cost("doctor"))
    machine.has(ENROLLED, MEMBERS)
    enroll(ENROLLED)
    on_disk(DISK, STORE)
    note(f"status --all with {ENROLLED:,} enrolled", lambda: cost("status", "--all"))
    note(f"status --all --json with {ENROLLED:,} enrolled", lambda: cost("status", "--all", "--json"))
    for form in REPORTS:
        words = ("report", *form)
        note(f"{' '.join(words)} with {ENROLLED:,} enrolled", lambda words=words: cost(*words))
    machine.has(ACCOUNTS, MEMBERS)
    note(f"import of {ACCOUNTS:,}, files on disk", import_all, runs=1)  # the disk needs its time for each flush
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    os.chdir("/")
    main()
