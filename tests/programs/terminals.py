"""Programs that ask on a terminal, each driven by tests/e2e/hosts.py."""

from pathlib import Path

import hosts
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


class SudoRs(OnTerminal):
    name = package = "sudo-rs"
    service = "sudo"
    host = hosts.SudoRs

    def start(self):
        self.host(self.machine).prepare()


class Doas(OnTerminal):
    name = service = "doas"
    package = "opendoas"
    host = hosts.Doas
    password_prompt = r"[Pp]assword(.*| and verification code)?: "

    def start(self):
        rules = Path("/etc/doas.conf")
        rules.write_text("".join(f"permit {user}\n" for user in ("alice", "bob", "carol")))
        rules.chmod(0o400)
