"""The cost of a command must grow with the number of users, and no faster. Instructions and system calls do not depend on how busy the
machine is. `make bench` measures the seconds with many users."""

from itertools import product

import pytest

import scale

FEW, SOME, MANY = 100, 300, 1_000
# Programs that run for all users together, and lists that grow in steps, cost not quite the same each time.
MARGIN = 1.25
SLACK = {"instructions": 5_000, "system calls": 3}  # a user
MOST_KIB = 4  # a user
SUDO = (*scale.EXPLAIN[:-1], "sudo")

COMMANDS = {
    "status": ("status", "--all"),
    "status --json": ("status", "--all", "--json"),
    "explain": scale.EXPLAIN,
    "explain at sudo": SUDO,
    "doctor": ("doctor",),
}


@pytest.fixture(scope="module")
def costs():
    """Of each command, with each number of users."""
    machine, found = scale.Machine(), {}
    for users in (FEW, SOME, MANY):
        machine.has(users, users * 9 // 10)
        # valgrind does not know openat2(2), by which `import` opens a file.
        calls = scale.system_calls("import", "otpauth", scale.list_of(users))
        scale.forget()
        found["import", users] = {"system calls": calls, "kib": scale.enroll(users).kib}
        for name, words in COMMANDS.items():
            costs = {"instructions": scale.instructions(*words), "system calls": scale.system_calls(*words), "kib": scale.cost(*words).kib}
            found[name, users] = costs
    return found


@pytest.mark.parametrize("name, unit", [("import", "system calls"), *product(COMMANDS, SLACK)])
def test_command_costs_the_same_for_each_user(costs, name, unit):
    few, some, many = (costs[name, users][unit] for users in (FEW, SOME, MANY))
    before, after = (some - few) / (SOME - FEW), (many - some) / (MANY - SOME)
    assert after <= before * MARGIN + SLACK[unit], f"{name}: {after:,.0f} {unit} a user, and {before:,.0f} with fewer users"


@pytest.mark.parametrize("name", ["import", *COMMANDS])
def test_command_needs_little_memory_for_each_user(costs, name):
    few, many = (costs[name, users]["kib"] for users in (FEW, MANY))
    assert many - few <= MOST_KIB * (MANY - FEW), f"{name}: {few} KiB with {FEW} users, {many} KiB with {MANY}"
