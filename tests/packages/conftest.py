"""Users, sshd and a log, for all tests. They run in a root of their own (see run), where they may change anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from root import ASKPASS, PASSWORD, REPOSITORY, STAND_IN, run, wait_for


@pytest.fixture(scope="session", autouse=True)
def host():
    """Users, sshd, and stand-ins for systemd and a terminal."""
    for name in ("alice", "bob"):
        run("useradd", "--create-home", "--shell", "/bin/sh", name)
    subprocess.run(["chpasswd"], input="".join(f"{name}:{PASSWORD}\n" for name in ("alice", "bob")), text=True, check=True)
    for name, text in (("systemctl", STAND_IN), ("askpass", ASKPASS)):
        Path("/usr/local/bin", name).write_text(text)
        Path("/usr/local/bin", name).chmod(0o755)
    run("ssh-keygen", "-A")
    log, ready = os.pipe()
    sink = subprocess.Popen([REPOSITORY / "tests/devlog", "/dev/log", "/run/syslog", str(ready)], pass_fds=[ready])
    os.read(log, 1)
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-o", "MaxStartups=100", "-o", "UseDNS=no"], stderr=subprocess.DEVNULL)
    wait_for(lambda: Path("/run/sshd.pid").exists())
    shutil.copytree("/etc/pam.d", "/run/pam.d", symlinks=True)
    yield
    sshd.terminate()
    sink.terminate()
