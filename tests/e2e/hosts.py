"""The real programs that people log in with, each driven on a terminal of its own, as a person would.

A host knows how to start, what its questions look like and how one sees that one is in. Everything else is the same for
all: `attempt` answers the password and then the codes it was given, and says what became of it.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from machine import password_of

IN = r"IN-AS-([a-z]\w*)"
SAY_IN = "echo IN-AS-$(id -un)"
CODE = "Verification code: "


@dataclass
class Outcome:
    granted: bool = False
    asked: list = field(default_factory=list)  # what stood on the screen at each prompt for a code, since the answer before
    text: str = ""  # all that the person saw

    @property
    def refused(self):
        return not self.granted


class Host:
    name = service = ""
    asks_password = True
    password_prompt = r"[Pp]assword( for \w+)?: "
    denied = ""
    as_user = "{user}"  # whom one is afterwards
    origin = {}  # what our log says about where it came from

    def __init__(self, machine):
        self.machine = machine

    def prepare(self):
        """Before each test, after the machine's reset."""

    def command(self, user):
        raise NotImplementedError

    def attempt(self, user, *codes, password=None):
        """One login. Gives up, by hanging up, when asked for more codes than it has. A code may be a function, too: what
        it does and returns happens at the prompt."""
        password = password_of(user) if password is None else password
        self.machine.said.add(password)
        others = processes()
        terminal = pexpect.spawn(*self.command(user), timeout=20, encoding="utf-8", dimensions=(24, 80))
        terminal.delaybeforesend = None  # every prompt here is printed after the terminal was set up for it
        terminal.delayafterclose = terminal.delayafterterminate = 0.01
        try:
            return self._converse(terminal, user, password, list(codes))
        finally:
            terminal.close(force=True)
            wait_for_the_end_of(lambda: processes() - others)

    def _converse(self, terminal, user, password, codes):
        outcome = Outcome()
        while True:
            seen = terminal.expect([CODE, IN, self.denied, self.password_prompt, *self.more_prompts(), pexpect.EOF])
            outcome.text += terminal.before + (terminal.after if isinstance(terminal.after, str) else "")
            if seen == 0:
                outcome.asked.append(plain(terminal.before + CODE))
                if not codes:
                    return outcome
                code = codes.pop(0)
                code = code() if callable(code) else code
                self.machine.said.add(code)
                terminal.sendline(code)
            elif seen == 1:
                assert terminal.match[1] == self.as_user.format(user=user)
                outcome.granted = True
                return outcome
            elif seen == 3:
                terminal.sendline(password)
            elif terminal.after is pexpect.EOF or seen == 2:
                return outcome
            else:
                terminal.sendline(self.more_answers(user)[seen - 4])

    def more_prompts(self):
        return []

    def more_answers(self, _user):
        return []


class Ssh(Host):
    """The OpenSSH client and server, keyboard-interactive: password, then code."""

    name, service = "ssh-password", "sshd"
    denied = "Permission denied"
    origin = {"rhost": "127.0.0.1", "tty": "ssh"}
    stack = "sshd"
    server = {"AuthenticationMethods": "keyboard-interactive:pam"}
    client = {"PreferredAuthentications": "keyboard-interactive", "PubkeyAuthentication": "no"}

    def prepare(self):
        self.machine.use_stack(self.stack, "sshd")
        Sshd.run(self.server)

    def command(self, user):
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "NumberOfPasswordPrompts": "1",
            "IdentityFile": "/root/.ssh/id_ed25519",
            **self.client,
        }
        flags = [f"-o{key}={value}" for key, value in options.items()]
        return "ssh", ["-F/dev/null", *flags, f"{user}@127.0.0.1", SAY_IN]


class SshKey(Ssh):
    """SSH key, then code."""

    name = "ssh-key"
    asks_password = False
    stack = "sshd-key"
    server = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
    client = {"PreferredAuthentications": "publickey,keyboard-interactive", "IdentitiesOnly": "yes"}


class Login(Host):
    """login(1), as a getty starts it on a console."""

    name = service = "login"
    denied = "Login incorrect"

    def command(self, _user):
        return "login", []

    def more_prompts(self):
        return [r"sandbox login: $", r":~\$ $"]

    def more_answers(self, user):
        return [user, SAY_IN]


class Sudo(Host):
    """sudo asks for the password and the code of who calls it."""

    name = service = "sudo"
    flags = []
    denied = "incorrect password attempt|Authentication failure|authentication error|Account validation failure"
    as_user = "root"

    def command(self, user):
        return "setpriv", [*become(user), "sudo", *self.flags, "bash", "-c", SAY_IN]


class SudoLogin(Sudo):
    """`sudo -i`, which has a PAM service of its own."""

    name = service = "sudo-i"
    flags = ["-i"]


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


ALL = [Ssh, SshKey, Login, Sudo, Su]


class Sshd:
    """The one sshd, on 127.0.0.1:22; it starts anew only where a test needs other settings."""

    settings = process = None

    @classmethod
    def run(cls, settings):
        wanted = {
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
        if cls.settings == wanted and cls.process.poll() is None:
            return
        cls.stop()
        flags = [f"-o{key}={value}" for key, value in wanted.items()]
        cls.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", "/dev/null", *flags], env={"PATH": os.environ["PATH"]})
        cls.settings = wanted
        cls._wait()

    @staticmethod
    def patience():
        """From OpenSSH 9.8 on sshd turns away an address with too many refusals; here all come from one."""
        setting = "PerSourcePenalties"
        known = subprocess.run(["/usr/sbin/sshd", "-t", "-f", "/dev/null", f"-o{setting}=no"], capture_output=True, check=False)
        return {setting: "no"} if known.returncode == 0 else {}

    @classmethod
    def stop(cls):
        if cls.process:
            cls.process.terminate()
            cls.process.wait(timeout=10)
            cls.process = None

    @classmethod
    def _wait(cls):
        deadline = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", 22), timeout=1).close()
            except OSError:
                assert cls.process.poll() is None and time.monotonic() < deadline, "sshd did not start"
                time.sleep(0.01)


def make_ssh_keys(users):
    """Host keys, and one key of the client that is welcome to each of `users`."""
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
    """A login is over, and all that it logs is logged, when no process is left that was not there before."""
    deadline = time.monotonic() + 10
    while running():
        assert time.monotonic() < deadline, f"these processes do not end: {running()}"
        time.sleep(0.005)


def become(user):
    return [f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]


def plain(text):
    """What a prompt says: without a terminal's line ends, the echo of the answer before it, and ssh's "(user@host) "."""
    lines = [re.sub(r"^\(\S+@\S+\) ", "", line.strip("\r")) for line in text.split("\n")]
    return "\n".join(line for line in lines[1:] if line) if len(lines) > 1 else lines[0]
