"""replay.py LOG BASE LOGINS UID   what a disk may hold after a power cut, from the log of all its writes (qemu's blklogwrites).

A write is durable once a later flush has ended. Until then it may be missing, whatever the order. A write to the state file may also be
torn at a sector. (ext4 does not survive a torn superblock.) For each disk, e2fsck replays the journal, and the state is read as
docs/FILEFORMAT.md says:

  * one slot is whole, and has the uid of the account;
  * the mark is at or after each code that was accepted before this moment, and no used recovery code is left;
  * the secret is unchanged.
"""

import hashlib
import itertools
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4
MARKERS = 16 << 20  # as in guest.c
MOST_SUBSETS = 6  # up to so many pending writes, each subset is tried; of more, each prefix, each write alone, all but each
STEP = 30
PAM_SUCCESS = 0


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
        if offset >= MARKERS and data:
            markers = [*markers, struct.unpack_from("<QQ", data)]
            continue
        assert not flags & DISCARD, "a discard is not in this model"
        if data and flags & FUA:
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
    if block[:8] == b"2STEP\0\0\1":
        checked = block[:16] + b"\0" + block[17:496]
        return block[:512] if hashlib.sha256(checked).digest()[:16] == block[496:512] else None
    if block[:8] == b"2STEP\0\0\2" and block[512] == 1:
        slot = block[512 : 512 + 704]
        return slot if struct.pack("<I", crc32c(slot[8:])) == slot[4:8] else None
    return None


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def main(log, base, logins_file, uid):
    logins = [line.split() for line in Path(logins_file).read_text().splitlines()]
    names = (f"/var/lib/twostep/state/{uid}", f"/var/lib/twostep/users/{uid}.toml")
    state_file = place_of(base, names[0])
    base = Path(base).read_bytes()
    seen, count, outcomes = set(), 0, set()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        place = Path(place)
        first = files(base, place, names)
        recovery = newest(first[names[0]])[3]
        markers = []
        for markers, durable, pending in moments(Path(log).read_bytes()):
            granted = [logins[number // 2] for number, status in markers if number % 2 and status == PAM_SUCCESS]
            steps = [int(when) // STEP * STEP for _, _, code, when in granted if code.isdigit()]
            recovery_used = sum(not code.isdigit() for _, _, code, _ in granted)
            for image in images(base, durable, pending, state_file):
                key = (hashlib.sha256(image).digest(), len(granted))
                if key in seen:
                    continue
                seen.add(key)
                count += 1
                found = files(image, place, names)
                assert found[names[1]] == first[names[1]], "the secret changed"
                state = newest(found[names[0]] or b"")
                assert state and len(found[names[0]]) == 8192, f"no slot is whole after {len(granted)} accepted codes"
                _, owner, mark, left = state
                assert owner == int(uid), f"the state is of {owner}"
                assert mark >= max(steps, default=0), f"mark {mark}: an accepted code of {steps} could be used again"
                assert left <= recovery - recovery_used, "a used recovery code is there again"
                outcomes.add((len(granted), mark, left))
    done = [status for number, status in markers if number % 2]
    assert len(done) == len(logins), f"the machine ended after {len(done)} of {len(logins)} logins"
    assert done.count(PAM_SUCCESS) == sum(not code.startswith("000000") for _, _, code, _ in logins), f"PAM's codes: {done}"
    assert len(outcomes) > done.count(PAM_SUCCESS), "no disk is from the middle of a login"
    print(f"{count} disks of {len(logins)} logins with {first[names[0]][7]} as their format: one whole slot in each, and no used code usable")


if __name__ == "__main__":
    main(*sys.argv[1:])
