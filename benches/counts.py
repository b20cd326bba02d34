"""Costs that do not depend on how busy the machine is."""

import re
import statistics
from dataclasses import dataclass
from pathlib import Path

from subjects import right_code

CALLGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
MANY = 6  # logins in one process
RUNS = 9  # of a process, whose addresses are different each time


@dataclass
class Cost:
    """The cost of the first login of a process, and of each later one."""

    first: float
    later: float

    def __sub__(self, floor):
        return Cost(self.first - floor.first, self.later - floor.later)


def instructions(subject, code=right_code):
    """Instructions from pam_start to the end of pam_end, counted by valgrind."""
    under = (*CALLGRIND, "--collect-atstart=no", "--toggle-collect=one_login")
    one, many = (collected(subject.login("times", count, code=code(), under=under).stderr) for count in (1, MANY))
    return Cost(one, (many - one) / (MANY - 1))


def collected(said):
    """The instructions that callgrind counted, from what it said at its end."""
    return int(re.search(r"Collected : (\d+)", said)[1])


def system_calls(subject, code=right_code):
    """System calls from pam_start to the end of pam_end."""
    trace = Path("/tmp/trace")
    subject.login("times", 2, code=code(), under=["strace", "-f", "-o", trace])
    counts, inside = [], False
    for line in trace.read_text(errors="replace").splitlines():
        call = line.split(maxsplit=1)[1]
        if call.startswith("getppid("):  # the marker of login.c
            inside = not inside
            counts += [0] if inside else []
        elif inside and re.match(r"\w+\(", call):
            counts[-1] += 1
    return Cost(*counts)


@dataclass
class Usage:
    """What a process with one login needs."""

    faults: float
    look_ups: int
    kib: float

    def __sub__(self, floor):
        return Usage(self.faults - floor.faults, self.look_ups - floor.look_ups, self.kib - floor.kib)


def usage(subject):
    """Page faults, the look-ups of symbols by ld.so, and the memory that is the process's own at the end."""
    runs = [subject.login("usage").stdout.split() for _ in range(RUNS)]
    kib, faults = (statistics.median(map(int, values)) for values in zip(*runs))
    said = subject.login("usage", under=["env", "LD_DEBUG=statistics"]).stderr
    return Usage(faults, int(re.search(r"final number of relocations: (\d+)", said)[1]), kib)
