"""measure.py ROUNDS   measures all subjects in turn, ROUNDS times, and prints what it found as JSON. Runs in tests/sandbox, with a
folder of a real disk."""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

import counts
from subjects import MODULES, USER, prepare, right_code, run, wrong_code

from modules import GoogleAuthenticator, Oath, Twostep  # of tests/compare, where `subjects` looks for them

DISK = Path("/run/sandbox/disk")
EACH = 20  # logins of a process that are measured
AT_ONCE = 50  # with one code
CROWD = 200  # concurrent users
ENROLLED = {"twostep": (1, 1000, 1_000_000), "pam_oath": (1, 1000, 100_000)}
PAM_SUCCESS = "0"


def main(rounds):
    permit, twostep, _, oath = subjects = prepare(Twostep, GoogleAuthenticator, Oath)
    judges = subjects[1:]
    found = {"versions": versions()}

    def note(name, value):
        found[name] = value
        print(f"{name}: {value}", file=sys.stderr)

    note("size", {subject.name: size(subject) for subject in judges})
    floor = {"instructions": counts.instructions(permit), "system calls": counts.system_calls(permit)}
    for subject in judges:
        costs = {"instructions": counts.instructions(subject), "system calls": counts.system_calls(subject)}
        note(f"counts {subject.name}", {name: vars(cost - floor[name]) for name, cost in costs.items()})
    note("memory", {subject.name: memory(subject) for subject in subjects})
    note("first in memory", microseconds(rounds * 5, lambda subject: times(subject, 1), subjects))
    note("in memory", microseconds(rounds, later, subjects))
    note("wrong", microseconds(rounds, lambda subject: later(subject, wrong_code), judges[:2]))
    note("race in memory", {subject.name: race(subject, rounds) for subject in judges})
    people = new_people(CROWD)
    note("crowd in memory", {subject.name: crowd(subject, people) for subject in judges})
    on_disk(twostep.module.store, Path("/home"), oath.module.table.parent)
    note("crowd on disk", {subject.name: crowd(subject, people) for subject in judges})
    note("on disk", microseconds(rounds, later, subjects))
    note("first on disk", microseconds(rounds * 5, lambda subject: times(subject, 1), subjects))
    note("race on disk", {subject.name: race(subject, rounds) for subject in judges})
    note("enrolled", {subject.name: growth(subject, rounds, ENROLLED[subject.name]) for subject in (twostep, oath)})
    print(json.dumps(found, indent=1))


def times(subject, count, code=right_code):
    """Nanoseconds of each of `count` logins in one process."""
    lines = [line.split() for line in subject.login("times", count, code=code()).stdout.splitlines()]
    assert all((status == PAM_SUCCESS) == (code is right_code) for status, _ in lines), f"{subject.name}: {lines}"
    return [int(nanoseconds) for _, nanoseconds in lines]


def later(subject, code=right_code):
    """Of all but the first."""
    return times(subject, EACH + 1, code)[1:]


def microseconds(rounds, measure, subjects):
    """Median and 95th percentile of what `measure` returns for each of the subjects, in turn."""
    samples = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            samples[subject.name] += measure(subject)
    return {name: summary(values) for name, values in samples.items()}


def summary(nanoseconds):
    ordered = sorted(nanoseconds)
    return {"median": statistics.median(ordered) / 1000, "p95": ordered[len(ordered) * 95 // 100] / 1000, "logins": len(ordered)}


def size(subject):
    """Bytes of the shared object."""
    return (MODULES / subject.module.line.split()[0]).stat().st_size


def memory(subject):
    """KiB that are the process's own after a login."""
    return min(int(subject.login("memory").stdout) for _ in range(5))


def race(subject, rounds):
    """How many of the concurrent logins with one code got in, in each round."""
    return [int(subject.login("race", AT_ONCE).stdout.split()[0]) for _ in range(rounds * 5)]


def crowd(subject, people):
    """How many of the concurrent users got in, and how fast. Afterwards only `USER` is enrolled, as before."""
    for person in people:
        subject.module.enroll(person)
    accepted, nanoseconds = subject.login("crowd", users=people).stdout.split()
    subject.start_over()
    return {"accepted": int(accepted), "per second": len(people) / int(nanoseconds) * 1e9}


def new_people(count):
    """Accounts with homes, made faster than useradd does."""
    names = [f"crowd{n}" for n in range(count)]
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.writelines(f"{name}:x:{3000 + n}:{3000 + n}::/home/{name}:/bin/sh\n" for n, name in enumerate(names))
    for n, name in enumerate(names):
        Path("/home", name).mkdir(mode=0o700)
        os.chown(f"/home/{name}", 3000 + n, 3000 + n)
    return names


def growth(subject, rounds, sizes):
    """What a login costs as more people are enrolled."""
    found = {}
    for before, count in zip((1, *sizes), sizes):
        enroll_others(subject.module, before - 1, count - 1)
        subject.remember()
        found[count] = microseconds(rounds, later, [subject])[subject.name]
    return found


def enroll_others(module, first, last):
    """Users who never log in: their files are as long as others, and belong to no account."""
    if isinstance(module, Oath):
        own = module.table.read_text()
        others = (f"HOTP/T30\tother{n}\t-\t{'00' * 20}\n" for n in range(first, last))
        module.table.write_text("".join(others) + own)
        return
    owner = module.store.stat()
    for folder, suffix, length in (("users", ".toml", len(module.secret(USER).read_bytes())), ("state", "", 8192)):
        place = os.open(module.store / folder, os.O_RDONLY)
        for number in range(first, last):
            file = os.open(f"{10_000_000 + number}{suffix}", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=place)
            os.ftruncate(file, length)
            os.fchown(file, owner.st_uid, owner.st_gid)
            os.close(file)
        os.close(place)


def on_disk(*folders):
    """From here on the files that logins change are on the disk, not in the sandbox's memory."""
    for number, folder in enumerate(folders):
        run("cp", "-a", folder, DISK / str(number))
        run("mount", "--bind", DISK / str(number), folder)


def versions():
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "twostep": run("twostep", "--version").stdout.split()[-1],
        GoogleAuthenticator.name: package(GoogleAuthenticator.package),
        Oath.name: package(Oath.package),
        "libpam": package("libpam0g"),
        "libc": package("libc6"),
        "Linux": platform.release(),
        "processor": f"{processor[1] if processor else '?'}, {os.cpu_count()} cores",
        "disk": run("stat", "--file-system", "--format=%T", DISK).stdout.strip(),
    }


def package(name):
    query = ["dpkg-query", "--show", "--showformat=${Version}", name]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout or "?"


if __name__ == "__main__":
    main(int(sys.argv[1]))
