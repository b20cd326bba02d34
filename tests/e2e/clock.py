"""Moves the sandbox's clock: tests/e2e/clock.c, loaded into every program that starts after `take()`.

The program that moves the clock must itself have started before, and so keeps the real time: its time limits are real.
"""

import struct
import time

PAGE = "/run/clock"
LIBRARY = "/usr/lib/sandbox-clock.so"
STEP = 30  # seconds


class Clock:
    def __init__(self):
        self._standing = 0
        self._offset = 0

    def take(self):
        """From now on each program that starts sees this clock."""
        with open("/etc/ld.so.preload", "w") as preload:
            preload.write(LIBRARY + "\n")

    def now(self):
        return self._standing or int(time.time()) + self._offset

    def stand(self, moment=None):
        """Stops the clock in the middle of a step, so that no test depends on the speed of this machine."""
        moment = self.now() if moment is None else moment
        self._write(moment - moment % STEP + STEP // 2, 0)

    def go(self):
        """Lets the clock run again, at real speed."""
        self._write(0, self.now() - int(time.time()))

    def advance(self, seconds):
        if self._standing:
            self._write(self._standing + seconds, 0)
        else:
            self._write(0, self._offset + seconds)

    def _write(self, standing, offset):
        self._standing, self._offset = standing, offset
        with open(PAGE, "r+b", buffering=0) as page:
            page.write(struct.pack("=qq", standing, offset))
