"""The machine on which any module is tried: one login after the other in a plain application, and what must hold after each."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from clock import STEP, Clock  # noqa: E402

from modules import OTHER, SECRET  # noqa: E402

SERVICE = "compared"
HOST = "/usr/local/bin/compare-host"
LOG = Path(os.environ["SANDBOX_LOG"])
OWN_LOG = re.compile(r"- descriptor \d+ socket:")  # the host's; whether that stays open is a case of its own
PATIENCE = 8  # seconds, for everything that one login may take
AT_ONCE = 5  # seconds, for which twostep waits for a lock: on a busy machine, too, a login takes less that waits for nothing

SUCCESS, PERM_DENIED, AUTH_ERR, MAXTRIES, CONV_ERR, IGNORE = 0, 6, 7, 11, 19, 25
BROKE_OFF = 90  # the status of a host that cannot go on, and says why
SILENT = 0x8000
CROWD = 20  # users called crowd0, crowd1, ...


@dataclass
class Outcome:
    """What became of one login."""

    status: int = None  # how the host ended; negative: by this signal
    code: int = None  # the last answer of pam_authenticate
    codes: list = field(default_factory=list)  # all of them
    asked: list = field(default_factory=list)  # the questions, as bytes
    told: list = field(default_factory=list)
    account: int = None
    setcred: list = field(default_factory=list)
    user: bytes = b""
    before: str = ""
    after: str = ""
    took: int = 0  # nanoseconds of pam_authenticate
    seconds: float = 0.0  # of the whole process
    text: str = ""  # all that the host printed

    @property
    def granted(self):
        return self.code == SUCCESS

    @property
    def denied(self):
        """Refused, by a host that lives."""
        return self.status == 0 and self.code not in (None, SUCCESS, IGNORE)


class Machine:
    def __init__(self, module):
        self.module = module
        self.clock = Clock()
        self.said = set()  # what no log may hold
        self.outcomes = []

    def prepare(self):
        """Once, before the first case."""
        subprocess.run(["cc", "-O2", "-o", HOST, HERE / "host.c", "-lpam"], check=True)
        self.clock.take()
        self.clock.stand()
        for n in range(CROWD):
            subprocess.run(["useradd", "--create-home", f"crowd{n}"], check=True, capture_output=True)
        self.module.prepare()

    def reset(self):
        """Before each case: nobody is enrolled, an hour later than before, on a clock that stands."""
        self.outcomes, self.said = [], {SECRET, OTHER}
        self.clock.stand(max(self.clock.now(), int(time.time())))
        self.clock.advance(3600)
        for path in self.strays():
            path.unlink()
        self.module.reset()
        self.serve()
        self._log_from = LOG.stat().st_size

    def serve(self, service=SERVICE, arguments="", control="required", behind="auth required pam_permit.so"):
        """A service that asks this module alone. What the module ignores is let in by the line behind."""
        rest = "".join(f"{kind} required pam_permit.so\n" for kind in ("account", "password", "session"))
        only = f"auth [success=ignore default=1] pam_succeed_if.so quiet {self.module.only}\n" if self.module.only else ""
        Path("/etc/pam.d", service).write_text(f"{only}auth {control} {self.module.line} {arguments}\n{behind}\n{rest}")

    def serve_account(self, service):
        """The same, with this module in the account phase, too."""
        self.serve(service)
        ours = f"account required {self.module.line.split()[0]}\n"
        file = Path("/etc/pam.d", service)
        file.write_text(ours + file.read_text())

    def enroll(self, *users):
        """Alice, and whoever else, is enrolled; bob has a secret of his own. The codes of that moment are spent."""
        for user in users or ("alice",):
            self.module.enroll(user, OTHER if user == "bob" else SECRET)
        self.said |= set(self.module.recovery_codes)
        self.clock.advance(4 * STEP)

    def code(self, steps=0, secret=SECRET):
        """The code of the step that is so many steps away."""
        moment = self.clock.now() + steps * STEP
        (code,) = codes(secret, moment)
        self.said.add(code)
        return code

    def wrong(self):
        """A code of none of the steps near."""
        near = {code for secret in (SECRET, OTHER) for code in codes(secret, max(self.clock.now() - 20 * STEP, 0), 40)}
        code = next(code for code in ("314159", "271828", "141421") if code not in near)
        self.said.add(code)
        return code

    def start(self, *answers, user="alice", service=SERVICE, options=(), before=None, wrapper=(), program=HOST, **popen):
        """Starts a login. `before` is called in the new process, before it becomes the host."""
        words = [*wrapper, program, *options]
        for answer in answers:
            words += answer if isinstance(answer, (list, tuple)) else ["--answer", as_bytes(answer).hex()]
        return subprocess.Popen([*words, service, user], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=before, **popen)

    def finish(self, process, begun):
        """Waits for a login, or for several in a row, and reads what their host has printed."""
        times = int(process.args[process.args.index("--times") + 1]) if "--times" in process.args else 1
        try:
            printed, _ = process.communicate(timeout=4 * PATIENCE * times)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
            assert False, f"no answer within {4 * PATIENCE * times} s"
        outcome = read(printed.decode(errors="replace"))
        outcome.status, outcome.seconds = process.returncode, (time.monotonic() - begun) / times
        self.outcomes.append(outcome)
        return outcome

    def login(self, *answers, **how):
        """One login, to its end."""
        begun = time.monotonic()
        return self.finish(self.start(*answers, **how), begun)

    def right(self, **how):
        """One login with the code of the moment."""
        return self.login(self.code(), **how)

    def together(self, count, *answers, users=("alice",)):
        """So many logins at once, which all wait at their question until the last has come there. How many got in."""
        gate, opener = os.pipe()
        ready, come = os.pipe()

        def at_the_gate():
            os.dup2(gate, 3)
            os.dup2(come, 4)

        begun = time.monotonic()
        started = [
            self.start(*answers, user=users[n % len(users)], options=["--hold"], before=at_the_gate, pass_fds=(3, 4, gate, come))
            for n in range(count)
        ]
        os.close(gate), os.close(come)
        for _ in range(count):
            assert os.read(ready, 1), "a login ended without a question"
        os.close(opener), os.close(ready)
        outcomes = [self.finish(process, begun) for process in started]
        return sum(outcome.granted for outcome in outcomes)

    @contextmanager
    def at_the_question(self, *answers, option="--hold"):
        """A login that waits at its first question, or with "--show" at its end."""
        gate, opener = os.pipe()
        ready, come = os.pipe()

        def at_the_gate():
            os.dup2(gate, 3)
            os.dup2(come, 4)

        process = self.start(*answers, options=[option], before=at_the_gate, pass_fds=(3, 4, gate, come))
        os.close(gate), os.close(come)
        try:
            assert os.read(ready, 1), "it ended without a question"
            yield process
        finally:
            os.close(opener), os.close(ready)
            process.outcome = self.finish(process, time.monotonic())

    def log_text(self):
        with LOG.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def check(self):
        """What must hold after every case, whatever it was."""
        time.sleep(0.02)  # the log comes by a socket
        log = self.log_text()
        for word in self.said:
            assert not re.search(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])", log), "the log holds a secret or a code"
        for outcome in self.outcomes:
            assert outcome.seconds < PATIENCE, f"a login took {outcome.seconds:.1f} s"
            assert not outcome.text or outcome.status == BROKE_OFF, f"the module wrote: {outcome.text}"
            if outcome.after:
                changes = [line for line in difference(outcome) if not OWN_LOG.match(line)]
                assert not changes, f"the host was changed: {', '.join(changes)}"
        assert not (strays := self.strays()), f"left behind: {', '.join(path.name for path in strays)}"

    def strays(self):
        """What a login has left in the module's folders, and is none of its files."""
        there = [path for folder in self.module.folders() if folder.is_dir() for path in folder.iterdir()]
        return [path for path in there if re.search(r"~|\.new|\.lock|\.tmp", path.name)]


def difference(outcome):
    """What of the host is no more, and what is new."""
    before, after = outcome.before.splitlines(), outcome.after.splitlines()
    return [f"- {line}" for line in before if line not in after] + [f"+ {line}" for line in after if line not in before]


def read(printed):
    outcome, rest = Outcome(), []
    for line in printed.splitlines():
        event, _, value = line.partition(" ")
        match event:
            case "asked":
                outcome.asked.append(bytes.fromhex(value.split(" ")[1]))
            case "told":
                outcome.told.append(bytes.fromhex(value.split(" ")[1]))
            case "authenticate":
                outcome.code = int(value)
                outcome.codes.append(outcome.code)
            case "took":
                outcome.took = int(value)
            case "account":
                outcome.account = int(value)
            case "setcred":
                outcome.setcred.append(int(value))
            case "user":
                outcome.user = bytes.fromhex(value)
            case "before" | "after":
                setattr(outcome, event, bytes.fromhex(value).decode(errors="replace"))
            case _:
                rest.append(line)
    outcome.text = "\n".join(rest)
    return outcome


def as_bytes(answer):
    return answer if isinstance(answer, bytes) else answer.encode()


def codes(secret, moment, more=0):
    """The code of a moment, and those of so many steps after it, by oathtool."""
    command = ["oathtool", "--totp", "-b", secret, f"--now=@{moment}", f"--window={more}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def limit(which, soft):
    """For `before`: a resource limit of the host."""
    return lambda: resource.setrlimit(which, (soft, soft))


def ignoring(which):
    """For `before`: a signal that the host ignores."""
    return lambda: signal.signal(which, signal.SIG_IGN)


