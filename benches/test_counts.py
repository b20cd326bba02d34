"""The cost of a login must not grow: instructions and system calls, which do not depend on how busy the machine is.

The figures were counted with the versions below. A change that makes a login cheaper lowers them; one that needs more raises them,
and its commit says why. docs/PERFORMANCE.md explains them.
"""

import os
import re

import pytest

import counts
from counts import Cost
from subjects import MODULES, prepare, right_code, run, wrong_code

from modules import Twostep  # of tests/compare, where `subjects` looks for it

EXPECTED = {  # the first login of a process, and each later one, beyond pam_permit
    right_code: {"instructions": Cost(392_200, 200_600), "system calls": Cost(71, 42)},
    wrong_code: {"instructions": Cost(1_041_500, 850_600), "system calls": Cost(71, 42)},
}
COUNTED_WITH = ("rustc version 1.95.0", "glibc 2.36")
MARGIN = {"instructions": 1.02, "system calls": 1.0}
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
