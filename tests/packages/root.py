"""A root in which the packages are tried: its users, its sshd, and readers of the results."""

import json
import os
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

assert os.environ.get("ROOT_SUITE"), "these tests change the machine: start them by tests/packages/run"

PASSWORD = "correct horse"
HELPER = Path("/usr/libexec/twostep/twostep-helper")
SECRETS = Path("/var/lib/twostep/users")
STAND_IN = """#!/bin/sh
# There is no systemd in here.
[ "$*" = "reload ssh" ] || exit 1
pid=$(cat /run/sshd.pid)
rm /run/sshd.pid
kill -HUP "$pid"
while [ ! -s /run/sshd.pid ]; do sleep 0.05; done
"""
ASKPASS = """#!/bin/sh
case $1 in
*assword*) echo "$TEST_PASSWORD" ;;
*) mkdir "$TEST_ONCE" && echo "$TEST_CODE" ;; # a wrong code is not typed again
esac
"""


def run(*command, check=True, **environment):
    """The output of a command, from both streams, and its exit status. /dev/null is its input."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=600, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}"
    return done


def restore():
    for file in Path("/etc/pam.d").iterdir():
        if not Path("/run/pam.d", file.name).exists():
            file.unlink()
    shutil.copytree("/run/pam.d", "/etc/pam.d", dirs_exist_ok=True)
    for file in Path("/etc/ssh/sshd_config.d").iterdir():
        file.unlink()
    shutil.rmtree("/root/pam.d.before", ignore_errors=True)


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)


def code(secret, steps=0):
    return code_of(secret, int(time.time()) // 30 + steps)


def code_of(secret, step):
    return run("oathtool", "--totp", "--base32", f"--now=@{step * 30}", secret).stdout.strip()


def enroll(user):
    """By root, from a script: returns the key."""
    done = subprocess.run(["twostep", "enroll", "--user", user, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["key"]


def ssh(user, typed, password=PASSWORD):
    """Whether the real client gets in, with the answers of an askpass program."""
    done = ssh_session(user, typed, password, "echo IN-AS-$(id -un)")
    granted = f"IN-AS-{user}" in done.stdout
    assert granted == (done.returncode == 0) and (granted or "Permission denied" in done.stdout), done.stdout
    return granted


def ssh_session(user, typed, password, command):
    """The output of the client, and its exit status."""
    options = ("BatchMode=no", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "NumberOfPasswordPrompts=1", "ConnectionAttempts=5")
    arguments = ["setsid", "-w", "ssh", *(f"-o{option}" for option in options), f"{user}@127.0.0.1", command]
    answers = {"TEST_PASSWORD": password, "TEST_CODE": typed, "TEST_ONCE": f"/run/asked-{uuid.uuid4()}"}
    return run(*arguments, check=False, SSH_ASKPASS="/usr/local/bin/askpass", SSH_ASKPASS_REQUIRE="force", **answers)


def switch_on():
    """Runs the commands of pam.d/README.md."""
    for command in blocks("By hand", "pam.d/README.md")[0]:
        run("bash", "-c", command)


def blocks(heading, page="README.md"):
    """The commands of a page below a heading, block by block, as root types them."""
    section = (REPOSITORY / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", section, re.M | re.S)
    return [[line.strip().split("  #")[0].replace("sudo ", "") for line in block.splitlines()] for block in found]


def said():
    return Path("/run/syslog").read_text()


def findings():
    """doctor's findings, except those about the machine's clock, which the test does not control."""
    lines = run("twostep", "doctor", check=False).stdout.splitlines()
    return [line for line in lines if re.match("problem:|warning:", line) and not line.startswith("warning: clock: ")]


def everything():
    """What a purge may not change: the names of all files except those of dpkg, apt and the log; accounts; dpkg's
    overrides."""
    roots = ("etc", "usr", "var", "root", "home", "opt", "srv")
    skipped = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", str(REPOSITORY))
    left = {run("dpkg-statoverride", "--list", check=False).stdout}
    for name in ("passwd", "group", "shadow", "gshadow"):
        left.update(Path(f"/etc/{name}").read_text().splitlines())
    for top in roots:
        for folder, folders, files in os.walk(f"/{top}"):
            folders[:] = [name for name in folders if not f"{folder}/{name}".startswith(skipped)]
            left.update(f"{folder}/{name}" for name in (*folders, *files))
    return left
