"""A program that lets users in by PAM, and the PAM files with which it is tried."""

import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from machine import PATIENT, STOCK

WORKS = "works"
UNSHIPPED = "@include common-auth\n@include common-account\n"  # for a service whose package ships no file
PASSWORD_LINE = re.compile(r"^(@include +common-auth|auth\s+(substack|include)\s+(common-auth|login))\b.*$", re.M)
PROBE = Path("/run/probe")


class Program:
    """`log_in` returns whether the user got in. A program that asks a second question answers it with `code`."""

    name = service = ""  # the row of docs/HOSTS.md begins with the name
    package = ""  # Debian's, whose version counts
    answers = "typed"  # what it answers a prompt with echo: a word of probe.c
    calls = frozenset()  # what it calls of PAM besides authenticate
    plain = WORKS  # or the verdict of twostep that refuses an enrolled user
    forward_pass = WORKS

    def __init__(self, machine):
        self.machine = machine

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        pass

    def stop(self):
        pass

    def log_in(self, user, password, code=None):
        raise NotImplementedError

    def stock(self):
        """The file of the package, as it ships it."""
        for folder in (STOCK, Path("/usr/lib/pam.d")):
            if (folder / self.service).exists():
                return (folder / self.service).read_text()
        return UNSHIPPED

    def use(self, text):
        Path("/etc/pam.d", self.service).write_text(text)

    def use_stock(self):
        self.use(self.stock())

    def use_plain(self):
        """twostep's line behind the one that checks the password."""
        self.use(put(self.stock(), r"\g<0>\nauth required pam_twostep.so"))

    def use_forward_pass(self):
        self.use(put(self.stock(), r"auth required pam_twostep.so forward_pass\n\g<0>"))

    def use_probe(self):
        """The probe in the place of twostep's line."""
        PROBE.write_text("")
        PROBE.chmod(0o666)
        lines = "".join(f"{kind} required probe.so\n" for kind in ("account", "session"))
        self.use(lines + put(self.stock(), r"\g<0>\nauth required probe.so"))

    def version(self):
        command = ["dpkg-query", "-W", "-f=${Version}", self.package]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return re.match(r"(?:\d+:)?([\d.]+(?:pl?\d+)?)", version)[1].rstrip(".")


def put(text, replacement):
    changed, count = PASSWORD_LINE.subn(replacement, text)
    assert count == 1, f"where does this file check the password? {text}"
    return changed


class Daemon(Program):
    """A program that waits for users on 127.0.0.1, or at a socket."""

    process = None

    def start(self):
        self.configure()
        self.log = Path(f"/run/{self.name}.out")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.until(self.is_ready)

    def stop(self):
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        subprocess.run(["pkill", "-KILL", "--session", str(self.process.pid)], check=False)
        self.process.wait(timeout=PATIENT)

    def configure(self):
        pass

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def until(self, holds):
        deadline = time.monotonic() + PATIENT
        while not holds():
            said = self.log.read_text(errors="replace")[-3000:]
            assert self.process.poll() is None and time.monotonic() < deadline, f"{self.name} does not get ready: {said}"
            time.sleep(0.05)


def listens(port):
    """Whether somebody listens there. It does not connect, because some programs count connections."""
    ports = [line.split()[1].split(":")[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    udp = [line.split()[1].split(":")[1] for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return f"{port:04X}" in ports + udp


def fresh_folder(path, owner="root"):
    shutil.rmtree(path, ignore_errors=True)
    Path(path).mkdir(parents=True)
    shutil.chown(path, owner)
    return Path(path)
