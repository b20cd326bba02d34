"""A directory service for tests: nss_directory.c as a second source of the name service, and its answers."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from person import password_of

ANSWERS, ASKED = Path("/run/directory"), Path("/run/directory-asked")
NSSWITCH = Path("/etc/nsswitch.conf")
NOT_FOUND, UNAVAILABLE, TRY_AGAIN = 0, -1, -2


@contextmanager
def a_directory():
    """A directory service beside this machine's files."""
    directory = Directory()
    directory.install()
    yield directory
    directory.remove()


class Directory:
    """The directory of one test. Users have homes; `password_of(name)` is their password, to pam_unix, too."""

    def __init__(self):
        folder = Path(f"/usr/lib/{os.uname().machine}-linux-gnu")
        self.library = (folder if folder.exists() else Path("/usr/lib64")) / "libnss_directory.so.2"
        self._usual = NSSWITCH.read_text()
        self._lines = {}
        self._status = {}
        self._homes = set()

    def install(self):
        source = Path(__file__).with_name("nss_directory.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self.library, source], check=True)
        self.sources("files directory")
        self._write()

    def sources(self, groups):
        """Which sources the name service asks for groups."""
        rest = [line for line in self._usual.splitlines() if line.partition(":")[0] not in ("passwd", "group", "initgroups")]
        NSSWITCH.write_text("\n".join([*rest, "passwd: files directory", f"group: {groups}", ""]))

    def remove(self):
        NSSWITCH.write_text(self._usual)
        self.library.unlink(missing_ok=True)
        ANSWERS.unlink(missing_ok=True)
        ASKED.unlink(missing_ok=True)
        for home in self._homes:
            shutil.rmtree(home, ignore_errors=True)  # a test may have moved it

    def user(self, name, uid, *spellings, gid=None):
        """Adds the user `name`, replacing any user with that uid, under all of these spellings. Without `gid` the user has
        a group of their own."""
        home = Path("/home", str(uid))
        home.mkdir(exist_ok=True)
        self._homes.add(home)
        (home / ".hushlogin").touch()
        os.chown(home, uid, gid or uid)
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password_of(name), text=True, capture_output=True, check=True
        ).stdout.strip()
        if gid is None:
            self.group(name, uid)
        self._lines["user", uid] = f"user:{name}:{hashed}:{uid}:{gid or uid}::{home}:/bin/bash" + "".join(
            f":{spelling}" for spelling in spellings
        )
        self._write()

    def more(self, name, uid):
        """Adds a second entry with the uid of another."""
        _, *rest = self._lines["user", uid].removeprefix("user:").split(":")
        self._lines["user", name] = ":".join(["user", name, *rest[:6]])
        self._write()

    def group(self, name, gid, *members, spellings=()):
        line = f"group:{name}:x:{gid}:{','.join(members)}"
        self._lines["group", gid] = line + "".join(f":{spelling}" for spelling in spellings)
        self._write()

    def forget(self, uid):
        """Deletes the user `uid`."""
        del self._lines["user", uid]
        self._write()

    def answer(self, status, of):
        """Every look-up of `of` ends this way: of "passwd", of "group", or of one name."""
        self._status[of] = status
        self._write()

    def delay(self, seconds):
        """Every look-up takes this long."""
        self._lines["delay"] = f"delay:{seconds}"
        self._write()

    def recover(self):
        self._status.clear()
        self._write()

    def asked(self, act):
        """The names and numbers that are looked up while `act` runs."""
        ASKED.write_text("")
        ASKED.chmod(0o666)
        act()
        names = ASKED.read_text().splitlines()
        ASKED.unlink()
        return names

    def _write(self):
        status = [f"status:{of}:{status}" for of, status in self._status.items()]
        ANSWERS.write_text("".join(f"{line}\n" for line in [*status, *self._lines.values()]))
