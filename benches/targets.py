"""The targets. docs/PERFORMANCE.md shows them beside the rows, and whether each is reached."""

from dataclasses import dataclass


@dataclass
class Target:
    """A bound of one row. By default it is for the cost relative to google-authenticator's in the same run."""

    bound: float
    at_least: bool = False
    is_own: bool = False  # of twostep's own value

    def text(self):
        number = f"{self.bound:,g}" if self.is_own else f"{self.bound:.2f} times"
        return f"{'≥' if self.at_least else '≤'} {number}"

    def is_reached(self, own, ratio):
        value = own if self.is_own else ratio
        return value >= self.bound if self.at_least else value <= self.bound


TARGETS = {
    "first login: instructions": [Target(1.7)],
    "first login: system calls": [Target(1.1)],
    "first login: page faults of the process": [Target(24, is_own=True)],
    "first login: symbols looked up by ld.so": [Target(87, is_own=True)],
    "first login: KiB of memory of the process": [Target(52, is_own=True)],
    "first login: µs, files in memory": [Target(1.4)],
    "first login: µs, files on disk": [Target(1.0)],
    "later login: instructions": [Target(1.1), Target(150_000, is_own=True)],
    "later login: system calls": [Target(0.85)],
    "later login: µs, files in memory": [Target(0.6)],
    "later login: µs, files on disk": [Target(0.6)],
    "200 users at once: logins a second, files in memory": [Target(0.8, at_least=True)],
    "200 users at once: logins a second, files on disk": [Target(1.2, at_least=True)],
    "bytes of the module": [Target(950_000, is_own=True)],
}
MOST_SECONDS = Target(2, is_own=True)
MOST_MB = Target(100, is_own=True)
