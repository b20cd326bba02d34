"""Programs that ask on a terminal, each driven by tests/e2e/hosts.py."""

from pathlib import Path

import hosts
from hosts import SAY_IN, become
from program import Program


class OnTerminal(Program):
    """It shows what PAM asks, and the user answers each question."""

    host = hosts.Host
    calls = {"account", "setcred", "session"}
    password_prompt = r"[Pp]assword( for \w+| and verification code)?: "

    def log_in(self, user, password, code=None):
        """Without a code the user hangs up at the question for one."""
        host = self.host(self.machine)
        host.password_prompt = self.password_prompt
        return host.attempt(user, *([code] if code else []), password=password).granted


class Su(OnTerminal):
    name = service = "su"
    package = "util-linux"
    host = hosts.Su


class Sudo(OnTerminal):
    name = service = package = "sudo"
    host = hosts.Sudo


class SudoRsHost(hosts.Host):
    name = "sudo-rs"
    denied = r"incorrect authentication attempt|Authentication failed|Maximum .* attempts"
    as_user = "root"

    def command(self, user):
        return "setpriv", [*become(user), "sudo-rs", "bash", "-c", SAY_IN]


class SudoRs(OnTerminal):
    name = package = "sudo-rs"
    service = "sudo"
    host = SudoRsHost

    def start(self):
        sudoers = Path("/etc/sudoers-rs")
        sudoers.write_text("ALL ALL=(ALL:ALL) ALL\nDefaults passwd_tries=1, timestamp_timeout=0\n")
        sudoers.chmod(0o440)


class DoasHost(hosts.Host):
    name = "doas"
    denied = "Authentication failed|Operation not permitted"
    as_user = "root"

    def command(self, user):
        return "setpriv", [*become(user), "doas", "bash", "-c", SAY_IN]


class Doas(OnTerminal):
    name = service = "doas"
    package = "opendoas"
    host = DoasHost
    password_prompt = r"[Pp]assword(.*| and verification code)?: "

    def start(self):
        rules = Path("/etc/doas.conf")
        rules.write_text("".join(f"permit {user}\n" for user in ("alice", "bob", "carol")))
        rules.chmod(0o400)
