"""The machine under test, as its administrator sees it: stacks, policy, people with their codes, state, log."""

import glob
import os
import re
import shutil
import socket
import struct
import subprocess
import time
import uuid
from pathlib import Path

from clock import STEP, Clock

REPOSITORY = Path(__file__).resolve().parents[2]
STACKS = REPOSITORY / "pam.d" / ("debian" if os.path.exists("/etc/pam.d/common-auth") else "fedora")
STORE = Path("/var/lib/twostep")
LOG = Path(os.environ["SANDBOX_LOG"])
OURS = re.compile(r"\[authpriv\.(\w+)\] .*?pam_twostep\(([^:()]+):auth\): (.*)")
PAIR = re.compile(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)')


def password_of(user):
    return f"{user}'s password"


class Machine:
    def __init__(self):
        self.clock = Clock()
        self.said = set()  # what no log, no state and no error text may ever hold
        self._log_from = 0

    def prepare(self):
        """Once, before the first test."""
        self.clock.take()
        self.clock.stand()
        Path("/etc/sudoers.d/everybody").write_text(
            "ALL ALL=(ALL:ALL) ALL\nDefaults timestamp_timeout=0, passwd_tries=1, lecture=never\n"
        )
        os.chmod("/etc/sudoers.d/everybody", 0o440)

    def reset(self):
        """Before each test: nobody is enrolled, the shipped stacks, an hour later than before."""
        for file in glob.glob(f"{STORE}/*/*"):
            os.unlink(file)
        for stack in STACKS.iterdir():
            shutil.copy(stack, "/etc/pam.d/")
        self.policy()
        self.clock.advance(3600)
        self.forget_log()

    def stack(self, service, *lines):
        """Replaces the auth lines of `service`; the rest of such a stack says yes."""
        rest = ("account required pam_permit.so", "session required pam_permit.so")
        Path("/etc/pam.d", service).write_text("\n".join((*lines, *rest, "")))

    def use_stack(self, shipped, service):
        shutil.copy(STACKS / shipped, f"/etc/pam.d/{service}")

    def policy(self, text="", mode="opt-in", **verification):
        keys = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in verification.items())
        Path("/etc/twostep/policy.toml").write_text(f'version = 1\nmode = "{mode}"\n[verification]\n{keys}{text}')

    def enroll(self, user, label="phone", then=3 * STEP):
        """Enrolls by the real command. Both codes are used up by it: `then`, in seconds, the clock moves on behind them."""
        command = ["twostep", "enroll", "--user", user, "--label", label]
        terminal = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        person = Person(self, user, read_key(terminal.stdout))
        output, _ = terminal.communicate(f"{person.code()}\n{person.code(+1)}\n", timeout=10)
        assert terminal.returncode == 0, f"twostep enroll said {output!r}"
        self.clock.advance(then)
        return person

    def run(self, *command, stdin=""):
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=10, check=False)

    def state_of(self, user):
        """The bytes of the user's state file: equal bytes prove that nothing was charged."""
        return (STORE / "state" / str(uid_of(user))).read_bytes()

    def failures_of(self, user):
        """Failures in a row in the budget of root's hosts, by docs/FILEFORMAT.md and not by our own command."""
        data = self.state_of(user)
        slots = [data[at : at + 512] for at in (0, 4096) if data[at : at + 8] == b"2STEP\0\0\1"]
        newest = max(slots, key=lambda slot: struct.unpack_from("<Q", slot, 8))
        return struct.unpack_from("<H", newest, 32)[0]

    def forget_log(self):
        self._sync_log()
        self._log_from = LOG.stat().st_size

    def log_text(self, whole=False):
        self._sync_log()
        with LOG.open("rb") as log:
            log.seek(0 if whole else self._log_from)
            return log.read().decode(errors="replace")

    def log(self):
        """Our verdicts since the test began (or `forget_log`), each line as a dict, with its priority."""
        entries = []
        for priority, service, text in OURS.findall(self.log_text()):
            entry = {key: value.strip('"') for key, value in PAIR.findall(text)}
            assert entry["service"] == service
            entries.append({**entry, "priority": priority})
        return [entry for entry in entries if "result" in entry]

    def verdicts(self):
        """Our lines in short: `grant`, `deny wrong-code`, `exempt not-enrolled`."""
        return [" ".join(filter(None, (entry["result"], entry.get("reason")))) for entry in self.log()]

    def _sync_log(self):
        """The socket keeps the order, so once our own mark is in the file, all that was logged before it is."""
        mark = uuid.uuid4().hex
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.sendto(f"mark {mark}".encode(), "/dev/log")
        deadline = time.monotonic() + 10
        while mark.encode() not in LOG.read_bytes()[-4096:]:
            assert time.monotonic() < deadline, "the log sink is gone"
            time.sleep(0.002)


class Person:
    """An enrolled person with their authenticator app: oathtool, which shares no code with twostep."""

    def __init__(self, machine, user, secret):
        self.user = user
        self._machine = machine
        self.secret = secret
        machine.said.add(secret)

    def code(self, steps=0):
        """The code of the present step, or of one `steps` later."""
        code = self._code(steps)
        self._machine.said.add(code)
        return code

    def wrong_code(self):
        """Six digits that belong to none of the steps that twostep looks at, near or far."""
        near = {self._code(steps) for steps in range(-15, 16)}
        code = next(code for code in (f"{n:06}" for n in range(271828, 10**6, 31415)) if code not in near)
        self._machine.said.add(code)
        return code

    def _code(self, steps):
        moment = self._machine.clock.now() + steps * STEP
        command = ["oathtool", "--totp", "--base32", f"--now=@{moment}", self.secret]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def read_key(output):
    """The secret in groups of four, on two lines, from column 48 on, as `twostep enroll` prints it."""
    groups = []
    for line in output:
        found = re.search(r"((?:[A-Z2-7]{4}(?: |$)){4})\s*$", line.rstrip("\n"))
        groups += found[1].split() if found else []
        if len(groups) == 8:
            return "".join(groups)
    raise AssertionError("twostep enroll printed no key")


def uid_of(user):
    return int(subprocess.run(["id", "-u", user], check=True, capture_output=True, text=True).stdout)
