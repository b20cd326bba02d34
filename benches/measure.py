"""measure.py ROUNDS [brief]   measures all subjects in turn, and prints what it found as JSON. Runs in tests/sandbox, with a folder of
a real disk. With `brief`, only what the first table has."""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
from itertools import count as count_from
from itertools import islice, product
from pathlib import Path
from string import ascii_letters, digits

import counts
from load import Quiet, repeated
from subjects import MODULES, POLICY, USER, on_disk, prepare, right_code, run, wrong_code

from modules import GoogleAuthenticator, Oath, Twostep  # of tests/compare, where `subjects` looks for them

DISK = Path("/run/sandbox/disk")
EACH = 20  # logins of a process that are measured
PROCESSES = 5  # with one login, in a round
AT_ONCE = 50  # with one code
RACES = 5  # in a round
CROWD = 200  # concurrent users
CROWDS = 3  # at least
CROWD_TOLERANCE = 0.15
ENROLLED = {"twostep": (1, 1000, 1_000_000), "pam_oath": (1, 1000, 100_000)}
RULES = {50: 2_500, 200: 10_000}  # how many names they have together
LETTERS = ascii_letters + digits
PAM_SUCCESS = "0"


def main(rounds, brief):
    permit, twostep, _, oath = subjects = prepare(Twostep, GoogleAuthenticator, Oath)
    judges, quiet = subjects[1:], Quiet()
    found = {"versions": versions(), "rounds": {"times": rounds, "crowds": rounds_of_crowds(rounds)}}

    def note(name, value):
        found[name] = value
        print(f"{name}: {value}", file=sys.stderr)

    def note_times(name, measure, of=subjects):
        note(name, timed(quiet, rounds, measure, of))

    note("size", {subject.name: size(subject) for subject in judges})
    note("counts", counted(permit, judges))
    note_times("first in memory", first)
    note_times("in memory", later)
    if not brief:
        note_times("wrong", lambda subject: later(subject, wrong_code), judges[:2])
        note("race in memory", {subject.name: race(subject, rounds) for subject in judges})
        note("policy", {"lines": policy(quiet, rounds, twostep, POLICY)} | with_rules(quiet, rounds, twostep))
    people = new_people(CROWD)
    note("crowd in memory", crowds(quiet, rounds, judges, people))
    on_disk(DISK, twostep.module.store, Path("/home"), oath.module.table.parent)
    note("crowd on disk", crowds(quiet, rounds, judges, people))
    note_times("first on disk", first)
    note_times("on disk", later)
    if not brief:
        note("race on disk", {subject.name: race(subject, rounds) for subject in judges})
        note("enrolled", {subject.name: growth(quiet, subject, rounds) for subject in (twostep, oath)})
    print(json.dumps(found, indent=1))


def times(subject, count, code=right_code):
    """Nanoseconds of each of `count` logins in one process."""
    lines = [line.split() for line in subject.login("times", count, code=code()).stdout.splitlines()]
    assert all((status == PAM_SUCCESS) == (code is right_code) for status, _ in lines), f"{subject.name}: {lines}"
    return [int(nanoseconds) for _, nanoseconds in lines]


def first(subject):
    """Of the first login of some processes."""
    return [nanoseconds for _ in range(PROCESSES) for nanoseconds in times(subject, 1)]


def later(subject, code=right_code):
    """Of all but the first."""
    return times(subject, EACH + 1, code)[1:]


def timed(quiet, rounds, measure, subjects):
    """What `measure` returns for each of the subjects, in turn: median and 95th percentile in microseconds, and whether another run
    would find the same."""
    is_quiet = quiet.wait()
    samples, stable = repeated(rounds, lambda: {subject.name: measure(subject) for subject in subjects})
    return {"stable": is_quiet and stable} | {name: summary(values) for name, values in samples.items()}


def summary(nanoseconds):
    ordered = sorted(nanoseconds)
    return {"median": statistics.median(ordered) / 1000, "p95": ordered[len(ordered) * 95 // 100] / 1000, "logins": len(ordered)}


def counted(permit, judges):
    """The costs beyond those of pam_permit that are the same in each run."""
    kinds = (counts.instructions, counts.system_calls, counts.usage)
    floor = {kind: kind(permit) for kind in kinds}
    return {subject.name: {kind.__name__: vars(kind(subject) - floor[kind]) for kind in kinds} for subject in judges}


def size(subject):
    """Bytes of the shared object."""
    return (MODULES / subject.module.line.split()[0]).stat().st_size


def race(subject, rounds):
    """How many of the concurrent logins with one code got in, in each round."""
    return [int(subject.login("race", AT_ONCE).stdout.split()[0]) for _ in range(rounds * RACES)]


def crowds(quiet, rounds, subjects, people):
    """How fast the concurrent users get in, and the fewest that did."""
    is_quiet, granted = quiet.wait(), {subject.name: [] for subject in subjects}

    def one_round():
        speed = {}
        for subject in subjects:
            accepted, per_second = crowd(subject, people)
            granted[subject.name].append(accepted)
            speed[subject.name] = [per_second]
        return speed

    samples, stable = repeated(rounds_of_crowds(rounds), one_round, CROWD_TOLERANCE)
    each = {name: {"accepted": min(granted[name]), "per second": statistics.median(values)} for name, values in samples.items()}
    return {"stable": is_quiet and stable} | each


def rounds_of_crowds(rounds):
    return max(CROWDS, rounds // CROWDS)


def crowd(subject, people):
    """How many of the concurrent users got in, and how many in a second. Afterwards only `USER` is enrolled, as before."""
    for person in people:
        subject.module.enroll(person)
    subject.remember()
    accepted, nanoseconds = map(int, subject.login("crowd", users=people).stdout.split())
    subject.start_over()
    return accepted, accepted / nanoseconds * 1e9


def new_people(count):
    """Accounts with homes, made faster than useradd does."""
    names = [f"crowd{n}" for n in range(count)]
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.writelines(f"{name}:x:{3000 + n}:{3000 + n}::/home/{name}:/bin/sh\n" for n, name in enumerate(names))
    for n, name in enumerate(names):
        Path("/home", name).mkdir(mode=0o700)
        os.chown(f"/home/{name}", 3000 + n, 3000 + n)
    return names


def policy(quiet, rounds, subject, text):
    """What a login costs with this policy."""
    subject.module.policy.write_text(text)
    found = {"instructions": vars(counts.instructions(subject))}
    for name, measure in (("first", first), ("later", later)):
        timings = timed(quiet, rounds, measure, [subject])
        found[name] = timings[subject.name] | {"stable": timings["stable"]}
    subject.module.policy.write_text(POLICY)
    return found


def with_rules(quiet, rounds, subject):
    return {count: {"names": names} | policy(quiet, rounds, subject, rules(count, names)) for count, names in RULES.items()}


def rules(count, names):
    """A policy with so many rules, which list so many names. Names are short, because twostep reads a policy of 64 KiB at most."""
    short = ("".join(letters) for length in count_from(1) for letters in product(LETTERS, repeat=length))
    some = list(islice(short, names))
    each = names // count
    lists = (",".join(f'"{name}"' for name in some[n * each : (n + 1) * each]) for n in range(count))
    return POLICY + "".join(f'[[rule]]\nname="{n}"\nmode="exempt"\nusers=[{users}]\n' for n, users in enumerate(lists))


def growth(quiet, subject, rounds):
    """What a login costs as more people are enrolled."""
    found, sizes = {}, ENROLLED[subject.name]
    for before, count in zip((1, *sizes), sizes):
        enroll_others(subject.module, before - 1, count - 1)
        subject.remember()
        timings = timed(quiet, rounds, later, [subject])
        found[count] = timings[subject.name] | {"stable": timings["stable"]}
    return found


def enroll_others(module, first_one, last):
    """Users who never log in: their files are as long as others, and belong to no account."""
    if isinstance(module, Oath):
        own = module.table.read_text()
        others = (f"HOTP/T30\tother{n}\t-\t{'00' * 20}\n" for n in range(first_one, last))
        module.table.write_text("".join(others) + own)
        return
    owner = module.store.stat()
    for folder, suffix, like in (("users", ".toml", module.secret(USER)), ("state", "", module.state(USER))):
        place, length = os.open(module.store / folder, os.O_RDONLY), like.stat().st_size
        for number in range(first_one, last):
            file = os.open(f"{10_000_000 + number}{suffix}", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=place)
            os.ftruncate(file, length)
            os.fchown(file, owner.st_uid, owner.st_gid)
            os.close(file)
        os.close(place)


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
    main(int(sys.argv[1]), sys.argv[2:] == ["brief"])
