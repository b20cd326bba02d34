"""The cost of a command must grow with the number of users, and no faster. Instructions and system calls do not depend on how busy the
machine is. `make bench` measures the seconds with many users."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

import scale

FEW, SOME, MANY = 100, 500, 4_000
# The instructions that a user may cost more among many. A sorted list costs a little more for each: 1,500 are added to what was counted.
# A loop over all users for each of them costs more, even one that the compiler turns into half an instruction for each pair.
GROWTH = {"doctor": 12_000, "explain": 8_500, "explain at sudo": 6_800, "status": 4_600, "status --json": 4_600, "report": 7_400, "report --html": 7_600}
MARGIN_OF_CALLS = 1.02
MOST_KIB = 4  # a user
SUDO = (*scale.EXPLAIN[:-1], "sudo")

COMMANDS = {
    "doctor": ("doctor",),
    "explain": scale.EXPLAIN,
    "explain at sudo": SUDO,
    "status": ("status", "--all"),
    "status --json": ("status", "--all", "--json"),
    "report": ("report",),
    "report --html": ("report", "--html"),
}
UNITS = {
    "instructions": scale.instructions,
    "system calls": scale.system_calls,
    "kib": lambda *words: scale.cost(*words).kib,
}


@pytest.fixture(scope="module")
def costs():
    """Of each command, with each number of users."""
    machine, found = scale.Machine(), {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for users in (FEW, SOME, MANY):
            machine.has(users, users * 9 // 10)
            # valgrind does not know openat2(2), by which `import` opens a file.
            found["import", users, "system calls"] = scale.system_calls("import", "otpauth", scale.list_of(users))
            scale.forget()
            found["import", users, "kib"] = scale.enroll(users).kib
            # These commands change nothing, so they do not disturb each other.
            runs = {(name, users, unit): pool.submit(UNITS[unit], *COMMANDS[name]) for name, unit in product(COMMANDS, UNITS)}
            found |= {which: run.result() for which, run in runs.items()}
    return found


@pytest.mark.parametrize("name, unit", [("import", "system calls"), *product(COMMANDS, ("instructions", "system calls"))])
def test_command_costs_the_same_for_each_user(costs, name, unit):
    few, some, many = (costs[name, users, unit] for users in (FEW, SOME, MANY))
    before, after = (some - few) / (SOME - FEW), (many - some) / (MANY - SOME)
    most = before + GROWTH[name] if unit == "instructions" else before * MARGIN_OF_CALLS
    assert after <= most, f"{name}: {after:,.1f} {unit} a user, and {before:,.1f} with fewer users"


@pytest.mark.parametrize("name", ["import", *COMMANDS])
def test_command_needs_little_memory_for_each_user(costs, name):
    few, many = (costs[name, users, "kib"] for users in (FEW, MANY))
    assert many - few <= MOST_KIB * (MANY - FEW), f"{name}: {few} KiB with {FEW} users, {many} KiB with {MANY}"
