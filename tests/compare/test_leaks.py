"""What is left behind."""

import base64
import os
import re
import subprocess

from machine import SECRET, difference


def memory_of(pid):
    """All that the process has written to."""
    found = b""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if mode.startswith("rw"):
                memory.seek(int(start, 16))
                try:
                    found += memory.read(int(end, 16) - int(start, 16))
                except OSError:
                    pass
    return found


def after_a_login(machine, answer, words):
    """Those of the words that the host's memory holds when all is over."""
    with machine.at_the_question(answer, option="--show") as login:
        memory = memory_of(login.pid)
    return [word for word in words if word in memory]


def forms(secret):
    raw = base64.b32decode(secret)
    return [secret.encode(), raw, raw.hex().encode()]


def test_secret_in_memory(machine):
    """After a login the secret is not in the memory of the host"""
    machine.enroll()
    assert not after_a_login(machine, machine.code(), forms(SECRET)), "it is"


def test_secret_in_memory_after_a_refusal(machine):
    """Nor is it after a refused login"""
    machine.enroll()
    assert not after_a_login(machine, machine.wrong(), forms(SECRET)), "it is"


def test_descriptors_at_the_question(machine):
    """During the prompt no file of the module is open"""
    machine.enroll()
    with machine.at_the_question(machine.wrong()) as login:
        open_files = [os.readlink(f"/proc/{login.pid}/fd/{number}") for number in os.listdir(f"/proc/{login.pid}/fd")]
    folders = [str(folder) for folder in machine.module.folders()]
    assert not [file for file in open_files if any(file.startswith(folder) for folder in folders)]


def test_thousand(machine):
    """A thousand logins in one process leave no descriptors or variables"""
    machine.enroll()
    outcome = machine.login(machine.wrong(), options=["--times", "1000"])
    assert outcome.status == 0 and outcome.before == outcome.after


def test_log_of_the_host(machine):
    """The host's own connection to the log stays open"""
    machine.enroll()
    outcome = machine.right()
    assert not difference(outcome), "it was closed"


def test_readable(machine):
    """The user cannot read the secret"""
    machine.enroll()
    path = machine.module.secret("alice")
    done = subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "cat", path], capture_output=True, check=False)
    assert done.returncode != 0


def test_replaceable(machine):
    """The user cannot replace the secret file"""
    machine.enroll()
    path = machine.module.secret("alice")
    script = f"cp /etc/hostname {path}.mine 2>/dev/null && mv -f {path}.mine {path}"
    done = subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "sh", "-c", script], capture_output=True, check=False)
    assert done.returncode != 0


def test_rolled_back(machine, tmp_path):
    """The user cannot undo what a login has written and use a code again"""
    machine.enroll()
    path = machine.module.state("alice")
    tmp_path.chmod(0o777), tmp_path.parent.chmod(0o777)
    as_alice = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups"]
    subprocess.run([*as_alice, "cp", path, tmp_path / "before"], capture_output=True, check=False)
    code = machine.code()
    assert machine.login(code).granted
    subprocess.run([*as_alice, "sh", "-c", f"chmod u+w {path}; cp {tmp_path}/before {path}; chmod 400 {path}"], capture_output=True, check=False)
    assert machine.login(code).denied
