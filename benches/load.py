"""Tells whether the machine is quiet enough to measure times, and whether enough rounds were measured."""

import os
import statistics
import time
from multiprocessing import get_context

SPIN = 0.1  # seconds
MOST_BUSY = 0.05  # of the processors' time
PATIENCE = 60  # seconds, for each wait until one fails
TOLERANCE = 0.05  # between the medians of the first half and of the second
MOST = 4  # times as many rounds as asked for


class Quiet:
    """Waits until no other program runs. After the first wait that fails, it only checks."""

    def __init__(self):
        self._patience = PATIENCE

    def wait(self):
        """Whether the machine is quiet now."""
        until = time.monotonic() + self._patience
        while busy() > MOST_BUSY:
            if time.monotonic() >= until:
                self._patience = 0
                return False
            time.sleep(1)
        return True


def busy():
    """The part of the processors' time that others take, found by using all of it for a moment."""
    processors = os.cpu_count()
    with get_context("fork").Pool(processors) as pool:
        return 1 - statistics.mean(pool.map(_own_part, [SPIN] * processors, chunksize=1))


def _own_part(seconds):
    """The part of a processor's time that a busy process gets."""
    start, used = time.monotonic(), time.process_time()
    while time.monotonic() - start < seconds:
        pass
    return (time.process_time() - used) / (time.monotonic() - start)


def repeated(rounds, one_round, tolerance=TOLERANCE):
    """Calls `one_round`, which returns the samples of each subject by its name, until the medians are stable, `rounds` times or more,
    and at most MOST times as often. Returns the samples of all rounds, and whether they are stable."""
    found = []
    while True:
        found.append(one_round())
        stable = len(found) >= rounds and _is_stable(found, tolerance)
        if stable or len(found) >= rounds * MOST:
            return {name: [sample for one in found for sample in one[name]] for name in found[0]}, stable


def _is_stable(found, tolerance):
    """Whether each subject has the same median in both halves of the rounds."""
    if len(found) < 2:
        return False
    halves = found[: len(found) // 2], found[len(found) // 2 :]
    for name in found[0]:
        one, other = (statistics.median(sample for each in half for sample in each[name]) for half in halves)
        if abs(one - other) > tolerance * max(one, other):
            return False
    return True
