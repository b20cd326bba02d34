"""Files and paths. What is not as it must be is refused at once, and left as it is."""

import os
import socket

import pytest

from machine import AT_ONCE

MODES = {"read by all": 0o644, "read by the group": 0o640, "written by the group": 0o620, "written by all": 0o606}
CONTENTS = {
    "empty": b"",
    "one byte": b"J",
    "bytes that are no text": bytes(range(1, 256)) * 4,
    "zeros": bytes(300),
    "65,537 bytes": b"A" * 65_537,
    "a name and no secret": b"alice\n",
}


def link_elsewhere(path, target):
    target.write_bytes(path.read_bytes())
    target.chmod(0o600)
    path.unlink()
    path.symlink_to(target)


def become_a_socket(path):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def replaced_by(make):
    def spoil(path):
        path.unlink()
        make(path)

    return spoil


KINDS = {
    "a FIFO": replaced_by(lambda path: os.mkfifo(path, 0o600)),
    "a folder": replaced_by(lambda path: path.mkdir(0o700)),
    "a socket": become_a_socket,
    "a device without end": replaced_by(lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))),
    "a terminal": replaced_by(lambda path: path.symlink_to("/dev/tty")),
    "a link to nothing": replaced_by(lambda path: path.symlink_to("/nonexistent/file")),
    "a link to /etc/shadow": replaced_by(lambda path: path.symlink_to("/etc/shadow")),
    "a sparse file of 1 GiB": replaced_by(lambda path: (path.touch(0o600), os.truncate(path, 1 << 30))),
}


def look(path):
    stat = os.lstat(path)
    return stat.st_ino, stat.st_mode, stat.st_uid, stat.st_size, stat.st_mtime_ns


def assert_refused(machine, path):
    before, shadow, code = look(path), look("/etc/shadow"), machine.code()
    outcome = machine.login(code)
    assert outcome.denied, "it was let in" if outcome.granted else f"status {outcome.status}"
    assert outcome.seconds < AT_ONCE, "it waited for something"
    assert (look(path), look("/etc/shadow")) == (before, shadow), "the file was changed"


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_mode(machine, mode):
    """The secret file may be"""
    machine.enroll()
    path = machine.module.secret("alice")
    path.chmod(mode)
    assert_refused(machine, path)


def test_owner(machine):
    """The secret file belongs to another user"""
    machine.enroll()
    path = machine.module.secret("alice")
    os.chown(path, 65534, 65534)
    assert_refused(machine, path)


def test_hard_link(machine):
    """The secret file has a second name (hard link) made by an attacker"""
    machine.enroll()
    path = machine.module.secret("alice")
    other = path.with_name("second-name")
    os.link(path, other)
    try:
        assert_refused(machine, path)
    finally:
        other.unlink()


def test_link(machine, tmp_path):
    """The secret file is a link to a valid file"""
    machine.enroll()
    path = machine.module.secret("alice")
    owner = path.stat()
    link_elsewhere(path, tmp_path / "secret")
    os.chown(tmp_path / "secret", owner.st_uid, owner.st_gid)
    assert_refused(machine, path)


@pytest.mark.parametrize("spoil", KINDS.values(), ids=KINDS)
def test_kind(machine, spoil):
    """Instead of the secret file there is"""
    machine.enroll()
    path = machine.module.secret("alice")
    spoil(path)
    try:
        assert_refused(machine, path)
    finally:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("spoil", [KINDS["a FIFO"], KINDS["a folder"], KINDS["a link to /etc/shadow"]], ids=["a FIFO", "a folder", "a link to /etc/shadow"])
def test_state(machine, spoil):
    """Instead of the file that a login writes there is"""
    machine.enroll()
    path = machine.module.state("alice")
    if path == machine.module.secret("alice"):
        pytest.skip("it writes the file with the secret")
    spoil(path)
    try:
        assert_refused(machine, path)
    finally:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_contents(machine, content):
    """The secret file contains"""
    machine.enroll()
    path = machine.module.secret("alice")
    path.chmod(0o600)
    path.write_bytes(content)
    assert_refused(machine, path)


def test_cut_short(machine):
    """The secret file is cut at any length: it is refused, or the code must be right"""
    machine.enroll()
    path = machine.module.secret("alice")
    whole, mode = path.read_bytes(), path.stat().st_mode
    for length in range(0, len(whole), 7):
        path.chmod(0o600)
        path.write_bytes(whole[:length])
        path.chmod(mode)
        outcome = machine.login(machine.wrong())
        assert outcome.status == 0 and not outcome.granted, f"at {length} bytes"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777], ids=["all may write to", "a group may write to", "all may write to, sticky,"])
def test_folder(machine, mode):
    """A folder with the secret that"""
    machine.enroll()
    folder = machine.module.secret("alice").parent
    before = folder.stat().st_mode
    folder.chmod(mode)
    try:
        assert machine.right().denied
    finally:
        folder.chmod(before)


def test_folder_gone(machine):
    """The folder with the secrets is missing: no user counts as not enrolled"""
    machine.enroll()
    folder = machine.module.secret("alice").parent
    away = folder.with_name("away")
    folder.rename(away)
    try:
        assert machine.login(machine.wrong()).denied
    finally:
        away.rename(folder)


def test_policy(machine):
    """The administrator's rules cannot be read"""
    if not machine.module.policy:
        pytest.skip("it has no file of rules")
    machine.enroll()
    machine.module.policy.write_text("mode = [[[")
    assert machine.right().denied
