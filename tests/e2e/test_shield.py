"""The caller of su or sudo may send it signals, as its real uid. While it waits for a lock or holds it, that must not work: a
stopped login would delay all other logins of its user (I10)."""

import fcntl
import re
import subprocess
from pathlib import Path

import pexpect
import pytest

import hosts
from machine import PATIENT, REPOSITORY, STORE, uid_of, wait_until
from person import password_of

STOPPED_BY_TERMINAL = 1 << 19 | 1 << 20 | 1 << 21  # SIGTSTP, SIGTTIN and SIGTTOU in the masks of /proc/PID/status


@pytest.mark.parametrize("host_class, caller", [(hosts.Sudo, "alice"), (hosts.Su, "admin")])
def test_caller_cannot_stop_login_that_holds_lock(machine, host_class, caller):
    alice = machine.enroll("alice")
    terminal = at_the_prompt(host_class(machine))
    assert signal(caller, "CONT", terminal.pid) == "", "at the prompt the caller may"
    before = status(terminal.pid)

    with open(STORE / "state" / str(uid_of("alice")), "rb") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        terminal.sendline(alice.code())
        wait_until(lambda: status(terminal.pid)["real"] == 0, "its real uid never became root's")
        for name in ("STOP", "TSTP", "KILL"):
            assert "not permitted" in signal(caller, name, terminal.pid)
        assert status(terminal.pid)["blocked"] & STOPPED_BY_TERMINAL == STOPPED_BY_TERMINAL

    terminal.expect(hosts.IN)
    terminal.expect(pexpect.EOF)
    assert before["real"] == uid_of(caller)
    assert machine.verdicts() == ["grant"]


@pytest.mark.parametrize("host_class, caller", [(hosts.Sudo, "alice"), (hosts.Su, "admin")])
def test_restores_real_uid_after_verdict(machine, host_class, caller):
    alice = machine.enroll("alice")
    terminal = at_the_prompt(host_class(machine))
    before = status(terminal.pid)
    terminal.sendline(alice.wrong_code())
    terminal.expect(hosts.CODE)
    assert status(terminal.pid) == before
    terminal.close(force=True)


def at_the_prompt(host):
    terminal = pexpect.spawn(*host.command("alice"), timeout=PATIENT, encoding="utf-8")
    terminal.expect(host.password_prompt)
    terminal.sendline(password_of("alice"))
    terminal.expect(hosts.CODE)
    return terminal


def signal(user, name, pid):
    """What the shell reports about `kill`, sent by `user`: nothing if it succeeded."""
    command = ["setpriv", *hosts.become(user), "kill", f"-{name}", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def status(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    uids = re.search(r"^Uid:\t(.*)$", text, re.M)[1].split()
    blocked = re.search(r"^SigBlk:\t(\w+)$", text, re.M)[1]
    return {"real": int(uids[0]), "effective": int(uids[1]), "blocked": int(blocked, 16)}


HOST = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pam import Pam
before = os.getresuid()
code = Pam("su", "alice", answers=["000000"] * 3).authenticate()
print(code, before, os.getresuid())
"""


@pytest.mark.parametrize("confined", [[], ["--bounding-set=-setuid"]], ids=["root", "without CAP_SETUID"])
def test_restores_uids_of_set_uid_host(machine, confined):
    """Root's uid could be taken without the capability that restoring it needs."""
    machine.enroll("alice")
    machine.stack("su", "auth required pam_twostep.so")
    uid = uid_of("admin")
    command = ["setpriv", f"--ruid={uid}", *confined, "/usr/bin/python3", "-c", HOST, REPOSITORY / "tests/stacks"]
    assert machine.run(*command).stdout == f"7 ({uid}, 0, 0) ({uid}, 0, 0)\n"
    assert machine.verdicts() == ["deny wrong-code"] * 3
