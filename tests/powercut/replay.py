"""replay.py LOG BASE LOGINS UID ROOT   what a disk may hold after a power cut, from the log of all its writes (qemu's blklogwrites).

A write is durable once a later flush has ended. Until then it may be missing, whatever the order. A write to the state file may also be
torn at a sector. (ext4 does not survive a torn superblock.) For each disk, e2fsck replays the journal, and the state is read as
docs/FILEFORMAT.md says:

  * one slot is whole, and has the uid of the account;
  * the mark is at or after each code that was accepted before this moment, and no used recovery code is left;
  * the secret is unchanged.

On some disks the module logs in, in the machine's root file system ROOT. It refuses the code that was accepted last, and accepts a new
one. For each login there is a disk on which its code is accepted, but PAM has not answered yet, and one right after the answer.
"""

import hashlib
import itertools
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from user import code_of

SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4
MARKERS = 16 << 20  # as in guest.c
MOST_SUBSETS = 6  # up to so many pending writes, each subset is tried; of more, each prefix, each write alone, all but each
STEP = 30
PAM_SUCCESS, PAM_AUTH_ERR = 0, 7
MUCH_LATER = 3600  # seconds, after which no code is near that of a login


def entries(log):
    """Flags, offset and bytes of each entry of the log."""
    magic, _, count, size = struct.unpack_from("<QQQI", log)
    assert magic == 0x6A736677736872 and size == SECTOR, "not a log of writes"
    at = SECTOR
    for _ in range(count):
        sector, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
        at += SECTOR
        data = b"" if flags & DISCARD else log[at : at + sectors * SECTOR]
        at += len(data)
        yield flags, sector * SECTOR, data


def moments(log):
    """For each moment after which something changed: the markers so far, the durable writes, the pending writes."""
    markers, durable, pending = [], [], []
    for flags, offset, data in entries(log):
        if flags & FLUSH:
            durable, pending = durable + pending, []
        assert not flags & DISCARD, "a discard is not in this model"
        if offset >= MARKERS and data:
            markers = [*markers, struct.unpack_from("<QQ", data)]
        elif data and flags & FUA:
            durable = [*durable, (offset, data)]
        elif data:
            pending = [*pending, (offset, data)]
        yield markers, durable, pending


def subsets(writes, state):
    """What may be there of the pending writes, in their order. `state` are the bytes of the disk that the state file has."""
    if len(writes) <= MOST_SUBSETS:
        for count in range(len(writes) + 1):
            yield from (list(chosen) for chosen in itertools.combinations(writes, count))
    else:
        for at in range(len(writes) + 1):
            yield writes[:at]
        for at in range(len(writes)):
            yield [writes[at]]
            yield writes[:at] + writes[at + 1 :]
    for at, (offset, data) in enumerate(writes):
        if offset not in state:
            continue
        for cut in range(SECTOR, len(data), SECTOR):
            for torn in ((offset, data[:cut]), (offset + cut, data[cut:])):
                yield [*writes[:at], torn]
                yield [*writes[:at], torn, *writes[at + 1 :]]


def images(base, durable, pending, state):
    disk = bytearray(base)
    for offset, data in durable:
        disk[offset : offset + len(data)] = data
    for chosen in subsets(pending, state):
        image = bytearray(disk)
        for offset, data in chosen:
            image[offset : offset + len(data)] = data
        yield image


def files(image, place, names):
    """The files of the disk after its journal is replayed."""
    disk = place / "image"
    disk.write_bytes(image[:MARKERS])
    checked = subprocess.run(["e2fsck", "-fy", disk], capture_output=True, text=True, check=False)
    assert checked.returncode in (0, 1), f"the file system is broken: {checked.stdout}"
    found = {}
    for name in names:
        target = place / "file"
        target.unlink(missing_ok=True)
        subprocess.run(["debugfs", "-R", f"dump {name} {target}", disk], capture_output=True, check=True)
        found[name] = target.read_bytes() if target.exists() else None
    return found


def place_of(disk, name):
    """The bytes of the disk that a file has, which are in one piece."""
    ask = lambda question: subprocess.run(["debugfs", "-R", question, disk], capture_output=True, text=True, check=True).stdout
    size = int(re.search(r"Block size: +(\d+)", ask("stats"))[1])
    blocks = [int(block) for block in ask(f"blocks {name}").split()]
    assert blocks == list(range(blocks[0], blocks[0] + 8192 // size)), f"{name} is in pieces: {blocks}"
    return range(blocks[0] * size, blocks[0] * size + 8192)


def newest(state):
    """The fields of the newest whole slot: generation, uid, mark, recovery codes. None if there is none."""
    slots = [slot for slot in (slot_of(state[at : at + 4096]) for at in (0, 4096)) if slot]
    if not slots:
        return None
    slot = max(slots, key=lambda slot: struct.unpack_from("<Q", slot, 8))
    generation, uid, mark = (*struct.unpack_from("<Q", slot, 8), *struct.unpack_from("<I", slot, 20), *struct.unpack_from("<Q", slot, 24))
    codes = [slot[at : at + 16] for at in range(112, 368, 16)]
    return generation, uid, mark, sum(any(code) for code in codes)


def slot_of(block):
    """The slot of a block, if it is whole: in format 2 with the whole header, too."""
    first, second = block[:512], block[512 : 512 + 712]
    if first[:8] == b"2STEP\0\0\1":
        return first if first[16] in STAGES and sha256_of(first) == first[496:] else None
    if first == HEADER and second[0] == CRC_32C and second[1] in STAGES and second[2:4] == struct.pack("<H", len(second)):
        return second if struct.pack("<I", crc32c(second[8:])) == second[4:8] else None
    return None


def sha256_of(slot):
    """The checksum of format 1, which does not cover the stage."""
    return hashlib.sha256(slot[:16] + b"\0" + slot[17:496]).digest()[:16]


STAGES = (1, 2)
CRC_32C = 1
HEADER = b"2STEP\0\0\2".ljust(496, b"\0")
HEADER += sha256_of(HEADER)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Logins:
    """The logins with the module on copies of disks, one for each `kind` of disk."""

    def __init__(self, lines, root):
        self._right = [line for line in lines if not line[2].startswith("000000")]
        self._later = int(lines[-1][3]) + MUCH_LATER
        self._root = root
        self.kinds = set()

    def check(self, kind, accepted, disk, secret):
        """`accepted` right codes of the logins were accepted on `disk`."""
        if kind in self.kinds:
            return
        self.kinds.add(kind)
        copy = self._root / "disk"
        shutil.rmtree(copy)
        copy.mkdir()
        subprocess.run(["debugfs", "-R", f"rdump / {copy}", disk], capture_output=True, check=True)
        if accepted:
            assert self._ends(*self._right[accepted - 1]) == PAM_AUTH_ERR, f"{kind}: a used code logs in"
        service, user, _, _ = self._right[0]
        secret = re.search(r'^secret = "(\w+)"', secret.decode(), re.M)[1]
        assert self._ends(service, user, code_of(secret, self._later), str(self._later)) == PAM_SUCCESS, f"{kind}: a new code does not log in"

    def _ends(self, *line):
        """PAM's code for this login."""
        return subprocess.run(["chroot", self._root, "/init", *line], check=False).returncode


def main(log, base, logins_file, uid, root):
    lines = [line.split() for line in Path(logins_file).read_text().splitlines()]
    names = state_name, secret_name = f"/var/lib/twostep/state/{uid}", f"/var/lib/twostep/users/{uid}.toml"
    state_file = place_of(base, state_name)
    base = Path(base).read_bytes()
    seen, logins = set(), Logins(lines, Path(root))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        place = Path(place)
        first = files(base, place, names)
        _, _, first_mark, recovery = newest(first[state_name])
        for markers, durable, pending in moments(Path(log).read_bytes()):
            granted = [lines[number // 2] for number, status in markers if number % 2 and status == PAM_SUCCESS]
            steps = [int(when) // STEP * STEP for _, _, code, when in granted if code.isdigit()]
            recovery_used = sum(not code.isdigit() for _, _, code, _ in granted)
            for image in images(base, durable, pending, state_file):
                key = (hashlib.sha256(image).digest(), len(granted))
                if key in seen:
                    continue
                seen.add(key)
                found = files(image, place, names)
                assert found[secret_name] == first[secret_name], "the secret changed"
                state = newest(found[state_name] or b"")
                assert state and len(found[state_name]) == 8192, f"no slot is whole after {len(granted)} accepted codes"
                _, owner, mark, left = state
                assert owner == int(uid), f"the state is of {owner}"
                assert mark >= max(steps, default=0), f"mark {mark}: an accepted code of {steps} could be used again"
                assert left <= recovery - recovery_used, "a used recovery code is there again"
                is_ahead = mark > max(steps, default=first_mark) or left < recovery - recovery_used
                logins.check((len(granted), is_ahead), len(granted) + is_ahead, place / "image", found[secret_name])
        files(next(images(base, durable + pending, [], state_file)), place, names)
        logins.check("last", len(granted), place / "image", first[secret_name])
    done = [status for number, status in markers if number % 2]
    right = sum(not code.startswith("000000") for _, _, code, _ in lines)
    assert len(done) == len(lines), f"the machine ended after {len(done)} of {len(lines)} logins"
    assert done.count(PAM_SUCCESS) == right, f"PAM's codes: {done}"
    # Without a disk from the time between the flush of an accepted code and PAM's answer, the promises above were not tested.
    untested = {(before, is_ahead) for before in range(right) for is_ahead in (False, True)} - logins.kinds
    assert not untested, f"no disk is from before or inside these logins: {sorted(untested)}"
    print(f"{len(seen)} disks of {len(lines)} logins with {first[state_name][7]} as their format: one whole slot in each, and no used code usable")
    print(f"the module logged in on {len(logins.kinds)} of them with a new code, and refused the one before")


if __name__ == "__main__":
    main(*sys.argv[1:])
