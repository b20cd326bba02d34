"""The machine under test, as its administrator sees it: stacks, policy, users with their codes, state, log."""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time
import uuid
from pathlib import Path

import pexpect

from clock import STEP, Clock
from person import LONG_CODE, QUESTIONS, Newcomer, keep_secret

REPOSITORY = Path(__file__).resolve().parents[2]
SETUP = "/usr/libexec/twostep/twostep-setup"
STACKS = Path(subprocess.check_output([SETUP, "pam-files"], text=True).strip())  # the shipped service files for this release
STOCK = Path("/run/stock-pam.d")  # the service files as the release's packages have them
STORE = Path("/var/lib/twostep")
LOG = Path(os.environ["SANDBOX_LOG"])
PATIENT = 60  # seconds, in which what is certain to come does so on a busy machine, too
OURS = re.compile(r"\[authpriv\.(\w+)\] .*?pam_twostep\(([^:()]+):(auth|account|setcred)\): (.*)")
PAIR = re.compile(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)')
FIX = Path(os.environ["CARGO_TARGET_DIR"], "debug/examples/fix")  # src/doctor/examples/fix.rs; `cargo test` builds it


def apply(remedy):
    """Carries out a remedy of doctor, as in its JSON."""
    subprocess.run([FIX, "/"], input=json.dumps(remedy), text=True, check=True)


class Machine:
    def __init__(self):
        self.clock = Clock()
        self.said = set()  # what no log, no state and no error text may ever hold
        self._log_from = 0

    def prepare(self):
        """Once, before the first test."""
        shutil.copytree("/etc/pam.d", STOCK, symlinks=True)
        self.clock.take()
        self.clock.stand()
        Path("/etc/sudoers.d/everybody").write_text(
            "ALL ALL=(ALL:ALL) ALL\nDefaults timestamp_timeout=0, passwd_tries=1, lecture=never\n"
        )
        os.chmod("/etc/sudoers.d/everybody", 0o440)

    def reset(self):
        """Before each test: no user is enrolled, the shipped stacks, an hour later than before, not in the past, on a
        stopped clock."""
        for folder in ("users", "state"):
            for file in (STORE / folder).iterdir():
                file.unlink()
        for stack in STACKS.iterdir():
            shutil.copy(stack, "/etc/pam.d/")
        self.policy()
        self.clock.stand(max(self.clock.now(), int(time.time())))
        self.clock.advance(3600)
        self.forget_log()

    def stack(self, service, *lines, account=("account required pam_permit.so",)):
        """Replaces the stack of `service` by these auth and account lines; the rest says yes, or is the distribution's."""
        rest = ("session required pam_permit.so", "password required pam_unix.so")
        Path("/etc/pam.d", service).write_text("\n".join((*lines, *account, *rest, "")))

    def use_stack(self, shipped, service):
        shutil.copy(STACKS / shipped, f"/etc/pam.d/{service}")

    def policy(self, text="", mode="opt-in", **verification):
        keys = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in verification.items())
        Path("/etc/twostep/policy.toml").write_text(f'version = 1\nmode = "{mode}"\n[verification]\n{keys}{text}')

    def mandatory(self, **enrollment):
        """Writes a policy that asks all users; the keys are those of its table [enrollment]."""
        keys = "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in enrollment.items())
        self.policy(f"[enrollment]\n{keys}", mode="mandatory")

    def enroll(self, user, label="phone", then=3 * STEP):
        """Enrolls with the real command, on a terminal. Both codes are used up. Afterwards the clock moves on by `then`
        seconds."""
        person = Newcomer(self, user)
        terminal = terminal_of("twostep", ["enroll", "--user", user, "--label", label])
        converse(terminal, person)
        assert terminal.wait() == 0, f"twostep enroll said {terminal.before!r}"
        self.clock.advance(then)
        return person

    def ticket(self, user, *arguments):
        """A ticket by the real command."""
        output = self.run("twostep", "ticket", user, *arguments).stdout
        ticket = re.match(rf"Ticket for {user}: ({LONG_CODE})\n", output)[1]
        keep_secret(self, ticket)
        return ticket

    def command(self, *arguments):
        """The standard output of the command, which must succeed."""
        done = self.run("twostep", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, user):
        return json.loads(self.command("status", "--user", user, "--json"))

    def run(self, *command, stdin=""):
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENT, check=False)

    def state_of(self, user):
        """The bytes of the user's state file: equal bytes prove that nothing was charged."""
        return self.state_of_uid(uid_of(user))

    def state_of_uid(self, uid):
        return (STORE / "state" / str(uid)).read_bytes()

    def failures_of(self, user):
        """Codes refused in a row at programs that run as root, by docs/FILEFORMAT.md and not by our own command."""
        return struct.unpack_from("<H", self._slot(user), 32)[0]

    def recovery_failures_of(self, user):
        return struct.unpack_from("<H", self._slot(user), 34)[0]

    def helper_failures_of(self, user):
        """The same of the helper's counter: codes, and recovery codes."""
        return struct.unpack_from("<HH", self._slot(user), 48)

    def stored(self, user):
        """The user's record, in words: the name of a secret file, and the fields of the state that are not zero."""
        uid = str(uid_of(user))
        files = [file.name for file in (STORE / "users").iterdir() if uid in file.name]
        slot = self._slot(user) if (STORE / "state" / uid).exists() else bytes(512)
        fields = {"mark": slot[24:32], "ticket": slot[64:96], "recovery codes": slot[96:368]}
        return {*files, *(field for field, value in fields.items() if any(value))}

    def _slot(self, user):
        data = self.state_of(user)
        # A new store has records of format 2: the slot follows a header of 512 bytes.
        blocks = [data[at : at + 4096] for at in (0, 4096)]
        slots = [block[512:] for block in blocks if block[:8] == b"2STEP\0\0\2" and block[512]]
        return max(slots, key=lambda slot: struct.unpack_from("<Q", slot, 8))

    def forget_log(self):
        self._sync_log()
        self._log_from = LOG.stat().st_size

    def log_text(self, whole=False):
        self._sync_log()
        with LOG.open("rb") as log:
            log.seek(0 if whole else self._log_from)
            return log.read().decode(errors="replace")

    def log(self, hang_ups=False):
        """The verdicts of twostep since the test began (or since `forget_log`), each line as a dict, with its priority. A
        client that hangs up at a question may end the program before it logs this: such lines count only on request."""
        entries = []
        for priority, service, phase, text in OURS.findall(self.log_text()):
            entry = {key: value.strip('"') for key, value in PAIR.findall(text)}
            assert entry.keys() & {"result", "remark"} and entry["service"] == service, f"a stray line: {text}"
            entries.append({**entry, "priority": priority, "phase": phase})
        return [entry for entry in entries if "result" in entry and (hang_ups or entry.get("reason") != "conversation")]

    def verdicts(self, hang_ups=False):
        """The log lines of twostep in short: `grant`, `deny wrong-code`, `exempt not-enrolled`, `enrolling`, `enrolled`."""
        return [" ".join(filter(None, (entry["result"], entry.get("reason")))) for entry in self.log(hang_ups)]

    def _sync_log(self):
        """The socket keeps the order: once this mark is in the file, everything logged before is there, too."""
        mark = uuid.uuid4().hex
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.sendto(f"mark {mark}".encode(), "/dev/log")
        wait_until(lambda: mark.encode() in LOG.read_bytes()[-4096:], "the log sink is gone")


def wait_until(holds, otherwise):
    deadline = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.002)


class Terminal(pexpect.spawn):
    """The login of util-linux hangs up its terminal and opens it again: while a program runs, that is not the end of the
    file."""

    def isalive(self):
        self.flag_eof = False  # or pexpect would wait for the end of the program
        return super().isalive()

    def read_nonblocking(self, size=1, timeout=-1):
        deadline = time.monotonic() + (self.timeout if timeout == -1 else timeout)
        while True:
            try:
                return super().read_nonblocking(size, timeout)
            except pexpect.EOF:
                if not self.isalive():
                    raise
                if time.monotonic() > deadline:
                    raise pexpect.TIMEOUT("the program runs, and nobody has its terminal open") from None
                time.sleep(0.01)


def terminal_of(program, arguments):
    """Starts a program on a terminal of 80 by 24, without the pauses that pexpect makes for slow ones."""
    terminal = Terminal(program, arguments, timeout=PATIENT, encoding="utf-8", dimensions=(24, 80))
    terminal.delaybeforesend = None  # every prompt here is printed after the terminal was set up for it
    terminal.delayafterclose = terminal.delayafterterminate = 0.01
    return terminal


def converse(terminal, newcomer, stop=pexpect.EOF):
    """Answers the questions of an enrollment by the command, up to `stop`."""
    while (seen := terminal.expect([stop, *QUESTIONS.values()])) != 0:
        question = list(QUESTIONS)[seen - 1]
        answer = newcomer.answer(question, terminal.before, terminal.match)
        terminal.sendeof() if answer is None else terminal.sendline(answer)


def uid_of(user):
    return int(subprocess.run(["id", "-u", user], check=True, capture_output=True, text=True).stdout)
