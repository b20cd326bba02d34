"""worlds.py CODE <SERVICES   what the real libpam does with each of the services, whatever else is true at a login by them. CODE is
right now. SERVICES is a JSON object: the text of all files of each service, by its name. Prints one of the verdicts for each.

A process of its own follows the clock of the sandbox.
"""

import itertools
import json
import sys
from pathlib import Path

import conftest  # noqa: F401: where the next ones are
from machine import STORE, uid_of
from pam import SUCCESS, Pam

RUN = Path("/run/agreement")
PAM_D = Path("/etc/pam.d")
USER, PASSWORD = "alice", "alice's password"
CODE = "erification code: "  # the end of twostep's prompts, in lower and in upper case
IN_WITHOUT_CODE, NOBODY, FINE = "in without a code", "nobody gets in", "fine"
# The module, and what may be true for it: how it answers follows from a file.
SWITCHES = {
    "pam_u2f": ["0", "7", "9", "10", "25"],
    "pam_succeed_if": [True, False],
    "pam_access": [True, False],
    "pam_exec": [True, False],
    "pam_listfile": [True, False],
    "pam_faillock": [True, False],
}


class Worlds:
    """The machine with `person`, who is enrolled, at the moment of `code`, which is right."""

    def __init__(self, code):
        self._code, self._wrong = code, f"{(int(code) + 1) % 10**6:06}"
        (RUN / "faillock").mkdir(parents=True, exist_ok=True)
        exec_script = RUN / "exec"
        exec_script.write_text("#!/bin/sh\nread -r status <${0}.status && exit $status\n")
        exec_script.chmod(0o755)
        self._state = STORE / "state" / str(uid_of(USER))
        self._kept = self._state.read_bytes()
        self._tally = RUN / "faillock" / USER
        self._locked = self._lock()

    def end(self):
        """Leaves the code unused."""
        self._state.write_bytes(self._kept)

    def _lock(self):
        """The record of a user who has typed three wrong passwords."""
        service = PAM_D / "agreement-lock"
        service.write_text(f"auth required pam_faillock.so authfail dir={RUN}/faillock deny=3\n")
        for _ in range(3):
            Pam(service.name, USER).authenticate()
        service.unlink()
        return self._tally.read_bytes()

    def verdict(self, service, text):
        """What libpam does with the service, over all worlds. `text` is that of all its files."""
        used = {module: answers for module, answers in SWITCHES.items() if module in text}
        seen_in = False
        for answers in itertools.product(*used.values()):
            world = dict(zip(used, answers, strict=True))
            for password in (PASSWORD, "a wrong password"):
                if any(self._lets_in(service, world, password, code) for code in (None, self._wrong)):
                    return IN_WITHOUT_CODE
                seen_in = seen_in or self._lets_in(service, world, password, self._code)
        return FINE if seen_in else NOBODY

    def _lets_in(self, service, world, password, code):
        self._make(world)
        answers = lambda prompt: self._answer(prompt, password, code)
        pam = Pam(service, USER, answers=answers, rhost="inside" if world.get("pam_succeed_if", True) else "outside")
        done = pam.authenticate()
        pam.end()
        return done == SUCCESS

    @staticmethod
    def _answer(prompt, password, code):
        if "assword" in prompt:
            return password + code if CODE in prompt and code else password
        return code

    def _make(self, world):
        self.end()
        (RUN / "u2f").write_text(world.get("pam_u2f", "0"))
        (RUN / "access").write_text(f"{'+' if world.get('pam_access', True) else '-'}:ALL:ALL\n")
        (RUN / "exec.status").write_text("0\n" if world.get("pam_exec", True) else "1\n")
        (RUN / "list").write_text(f"{USER}\n" if world.get("pam_listfile", True) else "bob\n")
        self._tally.write_bytes(b"" if world.get("pam_faillock", True) else self._locked)


if __name__ == "__main__":
    worlds = Worlds(sys.argv[1])
    json.dump({name: worlds.verdict(name, text) for name, text in json.load(sys.stdin).items()}, sys.stdout)
    worlds.end()
