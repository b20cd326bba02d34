"""The cost of a login must not grow, as far as it does not depend on how busy the machine is.

The figures were counted with the versions below. A change that makes a login cheaper lowers them; one that needs more raises them,
and its commit says why. docs/PERFORMANCE.md explains them.
"""

import os
import re

import pytest

import counts
from counts import Cost, Usage
from measure import size
from subjects import MODULES, prepare, right_code, run, wrong_code

from modules import Twostep  # of tests/compare, where `subjects` looks for it

EXPECTED = {  # the first login of a process, and each later one, beyond pam_permit
    right_code: {"instructions": Cost(246_700, 146_000), "system calls": Cost(57, 42)},
    wrong_code: {"instructions": Cost(895_200, 795_400), "system calls": Cost(57, 42)},
}
# Of a process with one login, beyond pam_permit.
EXPECTED_USAGE = Usage(faults=22, look_ups=87, kib=36)
EXPECTED_SIZE = 1_081_800  # bytes of the module
COUNTED_WITH = ("rustc version 1.95.0", "glibc 2.36")
MARGIN = {"instructions": 1.02, "system calls": 1.0, "size": 1.02}
# The addresses of a process are random, so the pages that it touches vary: 21 to 22 faults were counted.
SPREAD = Usage(faults=2, look_ups=0, kib=8)
MARGIN_ELSEWHERE = 1.25  # with another compiler or library


@pytest.fixture(scope="module")
def subjects():
    return prepare(Twostep)


@pytest.fixture(scope="module")
def counted_here():
    compilers = run("readelf", "--string-dump=.comment", MODULES / "pam_twostep.so").stdout
    return (re.search(r"rustc version [0-9.]+", compilers)[0], os.confstr("CS_GNU_LIBC_VERSION")) == COUNTED_WITH


@pytest.mark.parametrize("code", EXPECTED, ids=lambda code: code.__name__)
@pytest.mark.parametrize("count", [counts.instructions, counts.system_calls], ids=lambda count: count.__name__)
def test_login_costs_no_more_than_expected(subjects, counted_here, code, count):
    permit, twostep = subjects
    unit = count.__name__.replace("_", " ")
    spent, expected = count(twostep, code) - count(permit), EXPECTED[code][unit]
    margin = MARGIN[unit] if counted_here else MARGIN_ELSEWHERE
    assert spent.first <= expected.first * margin and spent.later <= expected.later * margin, f"{spent} {unit}, not {expected}"


def test_process_needs_no_more_than_expected(subjects, counted_here):
    permit, twostep = subjects
    spent, margin = counts.usage(twostep) - counts.usage(permit), 1 if counted_here else MARGIN_ELSEWHERE
    for unit, expected in vars(EXPECTED_USAGE).items():
        most = expected * margin + getattr(SPREAD, unit)
        assert getattr(spent, unit) <= most, f"{spent}, not {EXPECTED_USAGE}"


def test_module_is_no_larger_than_expected(subjects, counted_here):
    _, twostep = subjects
    margin = MARGIN["size"] if counted_here else MARGIN_ELSEWHERE
    assert size(twostep) <= EXPECTED_SIZE * margin, f"{size(twostep):,} bytes, not {EXPECTED_SIZE:,}"
