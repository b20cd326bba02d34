"""A helper whose system calls are watched, made to fail, or made fatal. Only root can do this."""

import os
import re

from helper_client import HELPER, Helper
from machine import uid_of

CALL = re.compile(r"^\d+ +(\w+)\((.*)")


class Traced(Helper):
    """A helper that `user` has started under root's strace."""

    def __init__(self, user, file, *options, variables=()):
        more = [word for name in variables for word in ("-E", f"{name}={variables[name]}")]
        command = ["strace", "-f", "-qq", "-yy", "-s", "80", "-o", file, "-u", user, *more, *options, HELPER]
        super().__init__("root", program="/usr/bin/strace", arguments=command, environment={"PATH": os.environ["PATH"]})
        self.uid = uid_of(user)


def calls_in(file):
    """Name and arguments of each system call. The file is then removed, because it has the typed texts."""
    found = [CALL.match(line) for line in file.read_text(errors="replace").splitlines()]
    file.unlink()
    return [match.groups() for match in found if match]
