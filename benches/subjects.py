"""The subjects: pam_permit, which does nothing, and the modules of tests/compare. Each is alone in its own service."""

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/compare"))

from modules import SECRET, Module  # noqa: E402

LOGIN = "/usr/local/bin/bench-login"
MODULES = next(Path("/usr/lib").glob("*/security/pam_permit.so")).parent
USER = "alice"
STEP = 30  # seconds
# A policy as long as that of a small company.
POLICY = """version = 1
mode = "opt-in"

[verification]
skew-steps = 1
tries = 1

[enrollment]
issuer = "Example Corp"

[[rule]]
name = "console"
services = ["login"]
origin = "local"
mode = "exempt"

[[rule]]
name = "backup"
users = ["backup"]
mode = "exempt"
"""


class Permit(Module):
    """A login without a second step."""

    name = "pam_permit"
    line = "pam_permit.so"


class Subject:
    """One module with a service that uses only this module. `USER` is enrolled."""

    def __init__(self, module):
        self.module = module
        self.name = module.name
        self.service = f"bench-{module.name}"
        module.prepare()
        Path("/etc/pam.d", self.service).write_text(f"auth required {module.line}\n")
        self.start_over()

    def start_over(self):
        """Only `USER` is enrolled."""
        self.module.reset()
        if self.module.policy:
            self.module.policy.write_text(POLICY)
        self.module.enroll(USER)
        self.remember()

    def remember(self):
        """Every login finds the files as they are now. All files are flushed, so that no login does it."""
        self._files = {} if isinstance(self.module, Permit) else {self.module.state(USER): self.module.state(USER).read_bytes()}
        for path in self._files:
            run("sync", "--file-system", path)

    def restore(self):
        for path, content in self._files.items():
            overwrite(path, content)

    def login(self, *options, users=(USER,), code=None, under=()):
        """Runs login.c and returns its output. `options` come before the service, `under` before the command."""
        command = [*under, LOGIN, *options, self.service, right_code() if code is None else code, *users]
        files = self._files if options[0] == "times" else ()
        done = run(*command, *files)
        self.restore()
        return done


def overwrite(path, content):
    """Writes in place, as twostep does, and flushes. A truncated file would get new blocks, and the next login would flush them."""
    with open(path, "r+b", buffering=0) as file:
        file.write(content)
        file.truncate()
        os.fsync(file)


def prepare(*modules):
    """Builds login.c and sets up a machine with few accounts and no other stacks. Returns pam_permit and `modules` as subjects."""
    run("cc", "-O2", "-o", LOGIN, HERE / "login.c", "-lpam")
    few_accounts()
    for group in ("other", "common-auth", "common-account", "common-password", "common-session"):
        Path("/etc/pam.d", group).unlink(missing_ok=True)
    kinds = ("auth", "account", "password", "session")
    Path("/etc/pam.d/other").write_text("".join(f"{kind} required pam_deny.so\n" for kind in kinds))  # libpam reads it at each start
    return [Subject(module()) for module in (Permit, *modules)]


def few_accounts():
    """As many accounts as on a new machine, so that a look-up costs the same everywhere."""
    Path("/etc/nsswitch.conf").write_text("passwd: files\ngroup: files\n")
    passwd = Path("/etc/passwd")
    ours = [line for line in passwd.read_text().splitlines() if line.split(":")[0] in ("root", "alice", "bob", "twostep")]
    others = [f"system{n}:x:{600 + n}:{600 + n}::/nonexistent:/usr/sbin/nologin" for n in range(25)]
    passwd.write_text("\n".join([*others, *ours, ""]))


def on_disk(disk, *folders):
    """From here on the files that logins change are on the disk, not in the sandbox's memory."""
    for folder in folders:
        copy = disk / folder.name
        run("rm", "-rf", copy)
        run("cp", "-a", folder, copy)
        run("mount", "--bind", copy, folder)


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout} {done.stderr}"
    return done


def right_code():
    return code_of(int(time.time()) // STEP)


def wrong_code():
    """A code of no step near the current one."""
    step = int(time.time()) // STEP
    near = [code_of(step + n) for n in range(-3, 4)]
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@cache
def code_of(step):
    return run("oathtool", "--totp", "-b", SECRET, f"--now=@{step * STEP}").stdout.strip()
