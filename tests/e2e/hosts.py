"""The real programs for logins, each driven on a terminal of its own, as a user would.

A host knows how to start, what its questions look like, and how to recognize a successful login. Everything else is the same for
all: `attempt` answers the password and then the codes that it was given, and returns the outcome.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from machine import PATIENT, STOCK, terminal_of
from person import QUESTIONS, password_of

IN = r"IN-AS-([a-z]\w*)"
SAY_IN = "echo IN-AS-$(id -un)"
CODE = "Verification code: "
LOGIN = r"sandbox login: $"
SHELL = r":~\$ $"


@dataclass
class Outcome:
    granted: bool = False
    asked: list = field(default_factory=list)  # what stood on the screen at each prompt for a code, since the answer before
    enrolling: list = field(default_factory=list)  # the questions of an enrollment that were asked
    text: str = ""  # everything that the user saw

    @property
    def refused(self):
        return not self.granted


class Host:
    name = service = ""
    asks_password = True
    password_prompt = r"[Pp]assword( for \w+)?: "
    denied = ""
    asks_again = False  # whether the login goes on after a refusal
    answers_nothing = False  # whether it may answer an open question, with nothing, when its terminal is gone
    as_user = "{user}"  # the user of the session
    origin = {}  # what our log says about where it came from

    def __init__(self, machine):
        self.machine = machine

    def prepare(self):
        """Before each test, after the machine's reset."""

    def command(self, user):
        raise NotImplementedError

    def more_answers(self, _user):
        """Prompts of this host alone, and what they are answered."""
        return {}

    def attempt(self, user, *codes, **session):
        """One complete login. Hangs up if it is asked for more codes than it has. A code may be a function: it runs at the
        prompt, and its result is typed."""
        with all_ended(), LoginSession(self, user, *codes, **session) as session:
            return session.until_the_end()


def ready(host):
    host.prepare()
    return host


class LoginSession:
    """One login under way. It can be left at any question, and continued later."""

    def __init__(self, host, user, *codes, password=None, new_password=None, newcomer=None):
        self.user = user
        self._denied = False
        self.outcome = Outcome()
        self._machine = host.machine
        self._host = host
        self._codes = list(codes)
        self._password = password_of(user) if password is None else password
        self._new_password = new_password  # what an expired one is changed to
        self._newcomer = newcomer  # the user who enrolls, if the login asks for it; without one the session hangs up there
        self._machine.said |= {self._password, new_password} - {None}
        self._more = host.more_answers(user)
        self._prompts = {
            "code": CODE,
            "in": IN,
            "denied": host.denied,
            **QUESTIONS,
            **{prompt: prompt for prompt in self._more},
            "old password": "Current password: ",
            "new password": "(New|Retype new) password: ",
            "password": host.password_prompt,
            "end of file": pexpect.EOF,
        }
        self.terminal = terminal_of(*host.command(user))
        self._questions = self._converse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Hangs up: without a signal that it can hear, if the program would ask for another name or answer for the person."""
        if self._host.answers_nothing or (self._denied and self._host.asks_again):
            self.terminal.kill(signal.SIGKILL)
        self.terminal.close(force=True)

    def until(self, question):
        """Answers all questions before `question`, which is left open until the next call."""
        assert question in self._questions, f"{question!r} was not asked: {self.outcome.text}"

    def until_the_end(self):
        for _ in self._questions:
            pass
        return self.outcome

    def try_again(self, password, newcomer):
        """Gives these answers from here on."""
        self._password, self._newcomer = password, newcomer

    def _converse(self):
        """Yields the name of each question, and answers it when called again. It ends where there is nothing to say."""
        while (question := self._read()) not in ("in", "denied", "end of file"):
            yield question
            answer = self._answer(question)
            if answer is None:
                return
            self.terminal.sendline(answer)
        self._denied = question == "denied"
        if question == "in":
            assert self.terminal.match[1] == self._host.as_user.format(user=self.user)
            self.outcome.granted = True

    def _read(self):
        seen = self.terminal.expect(list(self._prompts.values()))
        self.outcome.text += self.terminal.before + (self.terminal.after if isinstance(self.terminal.after, str) else "")
        return list(self._prompts)[seen]

    def _answer(self, question):
        if question in ("password", "old password"):
            return self._password
        if question == "new password":
            return self._new_password
        if question == "code":
            return self._next_code()
        if question in self._more:
            return self._more[question]
        self.outcome.enrolling.append(question)
        return self._newcomer and self._newcomer.answer(question, self.terminal.before, self.terminal.match)

    def _next_code(self):
        self.outcome.asked.append(plain(self.terminal.before + CODE))
        if not self._codes:
            return None
        code = self._codes.pop(0)
        code = code() if callable(code) else code
        if len(code) >= 6:  # a shorter answer may be part of anything
            self._machine.said.add(code)
        return code


class Ssh(Host):
    """The OpenSSH client and server, keyboard-interactive: password, then code."""

    name, service = "ssh-password", "sshd"
    denied = "Permission denied"
    answers_nothing = True
    origin = {"rhost": "127.0.0.1", "tty": "ssh"}
    stack = "sshd"
    server = {"AuthenticationMethods": "keyboard-interactive:pam"}
    client = {"PreferredAuthentications": "keyboard-interactive", "PubkeyAuthentication": "no"}

    def prepare(self):
        self.machine.use_stack(self.stack, "sshd")
        Sshd.run(self.server)

    def command(self, user):
        return "ssh", [*self.options(), f"{user}@127.0.0.1", SAY_IN]

    def options(self):
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "NumberOfPasswordPrompts": "1",
            "IdentityFile": "/root/.ssh/id_ed25519",
            **self.client,
        }
        return ["-F/dev/null", *(f"-o{key}={value}" for key, value in options.items())]


class SshShell(Ssh):
    """The same with a shell. It sees the texts that sshd shows before."""

    name = "ssh-shell"

    def command(self, user):
        return "ssh", [*self.options(), f"{user}@127.0.0.1"]

    def more_answers(self, _user):
        return {SHELL: SAY_IN}


class SshKey(Ssh):
    """SSH key, then code."""

    name = "ssh-key"
    asks_password = False
    stack = "sshd-key"
    server = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
    client = {"PreferredAuthentications": "publickey,keyboard-interactive", "IdentitiesOnly": "yes"}


class PasswordMethod(Ssh):
    """sshd asks for the password itself and answers every hidden question of PAM with it."""

    server = {"PasswordAuthentication": "yes", "KbdInteractiveAuthentication": "no"}
    client = {"PreferredAuthentications": "password"}


class Login(Host):
    """login(1), as a getty starts it on a console."""

    name = service = "login"
    denied = "Login incorrect"
    asks_again = True

    def command(self, _user):
        return "login", []

    def more_answers(self, user):
        return {LOGIN: user, SHELL: SAY_IN}


class LoginFromElsewhere(Login):
    """login(1), as telnetd starts it for a user from another host. That of util-linux has a PAM service of its own for
    this."""

    name = "login-from-elsewhere"
    service = "remote" if b"util-linux" in subprocess.run(["login", "--version"], capture_output=True, check=False).stdout else "login"
    origin = {"rhost": "192.0.2.7"}

    def command(self, _user):
        return "login", ["-h", "192.0.2.7"]


class Sudo(Host):
    """sudo asks for the password and the code of its caller."""

    name = service = "sudo"
    program = "sudo"
    flags = []
    denied = "incorrect password attempt|Authentication failure|authentication error|Account validation failure"
    as_user = "root"

    def command(self, user):
        return "setpriv", [*become(user), self.program, *self.flags, "bash", "-c", SAY_IN]


class SudoLogin(Sudo):
    """`sudo -i`, which has a PAM service of its own."""

    name = service = "sudo-i"
    flags = ["-i"]


class SudoRs(Sudo):
    """The sudo of Debian 13 and later that is written in Rust."""

    name = program = "sudo-rs"
    denied = "incorrect authentication attempt|Authentication failed|Maximum .* attempts"

    def prepare(self):
        settings = Path("/etc/sudoers-rs")
        settings.write_text("ALL ALL=(ALL:ALL) ALL\nDefaults timestamp_timeout=0, passwd_tries=1\n")
        settings.chmod(0o440)


class Doas(Host):
    """doas asks for the password and the code of its caller. Its package's service file gets the line of twostep."""

    name = service = "doas"
    denied = "Authentication failed|Operation not permitted"
    as_user = "root"

    def prepare(self):
        Path("/etc/doas.conf").write_text("".join(f"permit {user}\n" for user in ("alice", "bob", "admin")))
        password = "@include common-auth\n"
        lines = (STOCK / "doas").read_text()
        assert password in lines
        Path("/etc/pam.d/doas").write_text(lines.replace(password, f"{password}auth required pam_twostep.so\n"))

    def command(self, user):
        return "setpriv", [*become(user), "doas", "bash", "-c", SAY_IN]


class Su(Host):
    """su asks for the password and the code of the target. The caller is admin."""

    name = service = "su"
    flags = []
    denied = "su: "

    def command(self, user):
        return "setpriv", [*become("admin"), "su", *self.flags, user, "-c", SAY_IN]


class SuLogin(Su):
    """`su -l`, which has a PAM service of its own."""

    name = service = "su-l"
    flags = ["-l"]


ALL = [Ssh, SshKey, Login, Sudo, Su, *(host for host in (SudoRs, Doas) if shutil.which(host.name))]


class Sshd:
    """The one sshd, on 127.0.0.1:22; it is restarted only if a test needs other settings."""

    settings = process = None

    @classmethod
    def run(cls, settings, program="/usr/sbin/sshd"):
        wanted = {
            "program": program,
            "ListenAddress": "127.0.0.1",
            "UsePAM": "yes",
            "KbdInteractiveAuthentication": "yes",
            "PasswordAuthentication": "no",
            "LogLevel": "VERBOSE",
            "PidFile": "none",
            "MaxStartups": "100",
            **cls.patience(),
            **settings,
        }
        if cls.process and cls.settings == wanted and cls.process.poll() is None:
            return
        cls.stop()
        flags = [f"-o{key}={value}" for key, value in wanted.items() if key != "program"]
        cls.process = subprocess.Popen([program, "-D", "-f", "/dev/null", *flags], env={"PATH": os.environ["PATH"]})
        cls.settings = wanted
        cls._wait()

    @staticmethod
    def knows(setting, value="no"):
        """Whether this version of sshd has the setting."""
        command = ["/usr/sbin/sshd", "-t", "-f", "/dev/null", f"-o{setting}={value}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    @classmethod
    def patience(cls):
        """From OpenSSH 9.8 on sshd turns away an address with too many refusals; here all come from one."""
        setting = "PerSourcePenalties"
        return {setting: "no"} if cls.knows(setting) else {}

    @classmethod
    def stop(cls):
        if cls.process:
            end(cls.process)
            cls.process = None

    @classmethod
    def _wait(cls):
        deadline = time.monotonic() + PATIENT
        while True:
            try:
                return socket.create_connection(("127.0.0.1", 22), timeout=1).close()
            except OSError:
                assert cls.process.poll() is None and time.monotonic() < deadline, "sshd did not start"
                time.sleep(0.01)


def end(process):
    """Ends an sshd. One that is about to read its settings again (SIGHUP) forgets a SIGTERM when it replaces itself."""
    deadline = time.monotonic() + PATIENT
    while process.poll() is None:
        assert time.monotonic() < deadline, "sshd does not end"
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)


def make_ssh_keys(users):
    """Makes host keys, and one client key that is accepted for each of `users`."""
    subprocess.run(["ssh-keygen", "-A"], check=True, stdout=subprocess.DEVNULL)
    key = Path("/root/.ssh/id_ed25519")
    key.parent.mkdir(mode=0o700, exist_ok=True)
    key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    for user in users:
        folder = Path(f"/home/{user}/.ssh")
        folder.mkdir(mode=0o700)
        shutil.copy(f"{key}.pub", folder / "authorized_keys")
        subprocess.run(["chown", "-R", f"{user}:", folder], check=True)


def processes():
    return {entry for entry in os.listdir("/proc") if entry.isdigit()}


def wait_for_the_end_of(running):
    """Waits until no process is left that was not there before: then the login has ended, and its lines are in the log."""
    deadline = time.monotonic() + PATIENT
    while running():
        assert time.monotonic() < deadline, f"these processes do not end: {running()}"
        time.sleep(0.005)


@contextmanager
def all_ended():
    """Waits, at its end, for the end of everything that was started in it."""
    others = processes()
    try:
        yield
    finally:
        wait_for_the_end_of(lambda: processes() - others)


def become(user):
    return [f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]


def plain(text):
    """The text of a prompt, without line ends of a terminal, the echo of the answer before, and what ssh and sudo-rs put before
    it: "(user@host) " and "[sudo: input needed] "."""
    lines = [re.sub(r"^(\(\S+@\S+\)|\[sudo: input needed\]) ", "", line.strip("\r")) for line in text.split("\n")]
    return "\n".join(line for line in lines[1:] if line) if len(lines) > 1 else lines[0]


# As pam.d/README.md says.
README = {
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "AuthenticationMethods": "keyboard-interactive:pam",
    "LoginGraceTime": "300",
}


class AsInReadme(Ssh):
    """An sshd with README's settings, on its command line."""

    server = README


class KeyAlone(SshKey):
    """The same sshd, for which a key is enough."""

    stack = "sshd"
    server = {**README, "AuthenticationMethods": "publickey"}
    client = {"PreferredAuthentications": "publickey", "IdentitiesOnly": "yes"}
