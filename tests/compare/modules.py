"""What a case must know of a module: how to enroll somebody with a known secret, which line asks it, where its files lie.

To compare another module, write one more class, name its Debian package in tests/deps, and add it to `ALL`.
"""

import base64
import json
import os
import pwd
import subprocess
from pathlib import Path

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


class Module:
    name = package = ""
    line = ""  # the text after "auth required"
    only = ""  # if the module has no rules: the condition of pam_succeed_if before that line
    policy = None  # where the administrator's rules lie, if not in the line
    has_account_phase = False
    recovery_codes = ()  # those of the enrolled user, in the module's form

    def prepare(self):
        """Once, before the first case."""

    def reset(self):
        """Before each case: nobody is enrolled, and the usual rules hold: a code each 30 s, one step early or late."""

    def enroll(self, user, secret=SECRET):
        """From now on `user` has a second step: SHA-1, six digits, 30 s."""

    def secret(self, user):
        """The file with the secret of `user`."""

    def state(self, user):
        """The file that a login of `user` writes; it may be the same."""
        return self.secret(user)

    def folders(self):
        """Where a login may leave something behind: folders of this module's."""
        return sorted({self.secret("alice").parent, self.state("alice").parent})

    def require(self):
        """Everybody needs a second step, enrolled or not."""

    def require_group(self, group):
        """Its members need one, enrolled or not."""
        self.require()
        self.only = f"user ingroup {group}"

    def require_user(self, user):
        """This user needs one, enrolled or not."""
        self.require()
        self.only = f"user = {user}"


class Twostep(Module):
    name = "twostep"
    line = "pam_twostep.so"
    has_account_phase = True
    policy = Path("/etc/twostep/policy.toml")
    store = Path("/var/lib/twostep")

    def reset(self):
        for file in [*(self.store / "users").iterdir(), *(self.store / "state").iterdir()]:
            file.unlink()
        self.policy.write_text('version = 1\nmode = "opt-in"\n[verification]\ntries = 1\n')

    def enroll(self, user, secret=SECRET):
        done = subprocess.run(["twostep", "enroll", "--user", user, "--json"], check=True, capture_output=True, text=True)
        file = self.secret(user)
        lines = [f'secret = "{secret}"' if line.startswith("secret") else line for line in file.read_text().splitlines()]
        file.write_text("\n".join(lines) + "\n")
        self.recovery_codes = tuple(json.loads(done.stdout)["recovery_codes"])

    def secret(self, user):
        return self.store / "users" / f"{pwd.getpwnam(user).pw_uid}.toml"

    def state(self, user):
        return self.store / "state" / str(pwd.getpwnam(user).pw_uid)

    def require(self):
        self.policy.write_text(self.policy.read_text().replace("opt-in", "mandatory"))

    def require_group(self, group):
        self._add_rule(f'groups = ["{group}"]')

    def require_user(self, user):
        self._add_rule(f'users = ["{user}"]')

    def _add_rule(self, condition):
        with self.policy.open("a") as policy:
            policy.write(f'[[rule]]\nname = "some"\nmode = "mandatory"\n{condition}\n')


class GoogleAuthenticator(Module):
    name = "google-authenticator"
    package = "libpam-google-authenticator"
    line = "pam_google_authenticator.so nullok"
    options = ("RATE_LIMIT 3 30", "WINDOW_SIZE 3", "DISALLOW_REUSE", "TOTP_AUTH")  # what its own command asks for

    def reset(self):
        self.line, self.only = type(self).line, ""
        for user in ("alice", "bob"):
            self.secret(user).unlink(missing_ok=True)

    def enroll(self, user, secret=SECRET):
        file, account = self.secret(user), pwd.getpwnam(user)
        self.recovery_codes = ("82651724", "17263549")
        file.unlink(missing_ok=True)
        file.write_text("\n".join([secret, *(f'" {option}' for option in self.options), *self.recovery_codes, ""]))
        os.chown(file, account.pw_uid, account.pw_gid)
        file.chmod(0o400)

    def secret(self, user):
        return Path(pwd.getpwnam(user).pw_dir, ".google_authenticator")

    def require(self):
        self.line = self.line.replace(" nullok", "")


class Oath(Module):
    name = "pam_oath"
    package = "libpam-oath"
    table = Path("/etc/oath/users.oath")
    line = f"pam_oath.so usersfile={table} window=1"

    def prepare(self):
        self.table.parent.mkdir(exist_ok=True)

    def reset(self):
        self.only = ""
        for file in self.table.parent.iterdir():
            file.unlink()
        self.table.write_text("# users\n")
        self.table.chmod(0o600)

    def enroll(self, user, secret=SECRET):
        with self.table.open("a") as table:
            table.write(f"HOTP/T30\t{user}\t-\t{base64.b32decode(secret).hex()}\n")

    def secret(self, _user):
        return self.table


ALL = {module.name: module for module in (Twostep, GoogleAuthenticator, Oath)}
