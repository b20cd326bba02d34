"""What one login does to the machine, as strace sees it from outside."""

import re

import pexpect

from hosts import SAY_IN
from machine import PATIENT, uid_of

CALL = re.compile(r"^\d+ +(\w+)\((.*)")
FLUSH = {"fsync", "fdatasync", "sync", "syncfs", "msync", "sync_file_range"}
CHANGE = {
    *("creat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "truncate", "ftruncate", "fallocate", "copy_file_range", "sendfile"),
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "setxattr", "fsetxattr", "utimensat"),
}
OF_THE_HOST_OR_THE_LOG = re.compile(r"/dev/(pts/|tty|ptmx)|UNIX|NETLINK|pipe:")  # su speaks to the audit system, too
WRITE = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"}


def test_grant_flushes_once_and_writes_only_state_and_log(machine, tmp_path):
    alice = machine.enroll("alice")
    place = f"state/{uid_of('alice')}"
    state = f"/var/lib/twostep/{place}"
    calls = trace(machine, tmp_path / "calls", alice.code())

    assert [(call, target(text)) for call, text in calls if call in FLUSH] == [("fdatasync", state)]
    assert not [call for call in calls if call[0] in CHANGE]
    assert not [call for call in calls if call[0].startswith("open") and "O_CREAT" in call[1]]
    opened = {path for call, text in calls for path in re.findall(r'"([^"]*)", [A-Z_|]*(?:O_RDWR|O_WRONLY)', text)}
    assert {path for path in opened if not path.startswith("/dev/")} == {place}
    written = [(call, target(text)) for call, text in calls if call in WRITE]
    assert [call for call, path in written if path == state] == ["pwrite64"] * 3  # charged, judged, then one byte: settled
    connected = {path for call, text in calls if call == "connect" for path in re.findall(r'sun_path="([^"]*)".* = 0$', text)}
    assert connected == {"/dev/log"}
    elsewhere = {path for _, path in written} - {state}
    assert not [path for path in elsewhere if not OF_THE_HOST_OR_THE_LOG.match(path)], elsewhere


def trace(machine, file, code):
    """Root's su to alice with only the line of twostep in its stack: the host that does least besides the module."""
    machine.stack("su", "auth required pam_twostep.so")
    command = ["-f", "-yy", "-s", "64", "-o", str(file), "su", "alice", "-c", SAY_IN]
    terminal = pexpect.spawn("strace", command, timeout=PATIENT, encoding="utf-8")
    terminal.expect("Verification code: ")
    terminal.sendline(code)
    terminal.expect("IN-AS-alice")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert machine.verdicts() == ["grant"]
    lines = file.read_text().splitlines()
    file.unlink()  # it holds what su read: the code
    return [found.groups() for line in lines if (found := CALL.match(line))]


def target(text):
    """The path that strace prints behind a descriptor: 5</var/lib/...>."""
    found = re.match(r"\w+<([^>]*)", text)
    return found[1] if found else text
