//! One slot of a state file, little endian. docs/FILEFORMAT.md specifies both formats.

use std::fmt;

use crc32c::crc32c;
use sha2::{Digest, Sha256};

use crate::os::account::LONGEST_NAME;
use crate::proof::recovery::{HASH, MOST_CODES, RecoveryCodes};
use crate::proof::state::{Count, Requirement, State};
use crate::proof::ticket::Ticket;
use crate::time::UnixTime;
use crate::verdict::origin::is_zero;
use crate::verdict::{Occasion, Origin};

/// Bytes of a slot of format 1.
pub const SLOT_1: usize = 512;
/// Bytes of a slot of format 2.
pub const SLOT_2: usize = 712;
/// The most bytes that a block of either format uses. A later release may write longer slots of format 2 than this one.
pub const USED: usize = SLOT_1 + LONGEST_2;
const LONGEST_2: usize = 2048;

const MAGIC: [u8; 7] = *b"2STEP\0\0";
/// The end of the fields that both formats have.
const COMMON: usize = 496;

/// What each block of format 2 begins with. It ends with the checksum of format 1. So a program that knows only format 1
/// refuses it as a slot of version 2, and does not report a damaged slot.
pub const HEADER: [u8; SLOT_1] = {
    let mut header = [0; SLOT_1];
    let (checked, sum) = header.split_at_mut(COMMON);
    checked.split_at_mut(8).0.copy_from_slice(b"2STEP\0\0\x02");
    sum.copy_from_slice(&[
        0xd3, 0x9d, 0x8f, 0x4d, 0x40, 0xde, 0xf5, 0xfb, 0x01, 0xfb, 0xcc, 0x8e, 0xa4, 0x0c, 0x4b, 0x54,
    ]);
    header
};

/// A slot of format 2 begins with the kind of its checksum, the stage, its length and the checksum.
const START_2: usize = 8;
/// The only kind of checksum so far: CRC-32C (RFC 3720 section 12.1). It finds torn writes and faults of the disk. It need
/// not find forgery: a program that can write a slot can also write its checksum.
const CRC_32C: u8 = 1;
/// The place in a slot of format 2 that says whether the record was moved to another store. Only a later program sets
/// it.
const MOVED: usize = 18;

/// The format of a state file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Slots of 512 bytes with a part of a SHA-256.
    One,
    /// Slots of 712 bytes with a CRC-32C, each after a header. They also hold when and where codes were typed, and when
    /// a second step was required.
    Two,
}

impl Format {
    /// The content of the file `format` in a store whose new state files have this format.
    pub(super) const fn line(self) -> &'static [u8] {
        match self {
            Self::One => b"1\n",
            Self::Two => b"2\n",
        }
    }

    /// The bytes of a block in which no slot was written yet.
    pub(super) const fn empty_block(self) -> &'static [u8] {
        match self {
            Self::One => &[],
            Self::Two => &HEADER,
        }
    }

    /// The offset of the stage in a block. The checksum does not cover the stage, so that it can be changed by writing
    /// one byte, which cannot tear.
    pub const fn stage(self) -> u64 {
        match self {
            Self::One => 16,
            Self::Two => (SLOT_1 as u64).saturating_add(1),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "1",
            Self::Two => "2",
        })
    }
}

/// Whether the content of a slot is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A try was charged, and possibly judged. The writer may have been killed before it flushed.
    Charged,
    /// The writer flushed the slot, and recorded that afterwards.
    Settled,
}

impl Stage {
    /// The byte of the stage.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Charged => 1,
            Self::Settled => 2,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Charged, Self::Settled].into_iter().find(|stage| stage.byte() == byte)
    }
}

/// The content of a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Counts writes. Of two valid slots, the higher one is newer.
    pub generation: u64,
    /// How far the writer got.
    pub stage: Stage,
    /// The account's user id.
    pub uid: u32,
    /// The state in this slot.
    pub state: State,
}

/// Why bytes are not a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// Nothing was written yet.
    Empty,
    /// The length or the checksum is wrong: torn by a power cut, or damaged.
    Damaged,
    /// The slot is whole, but of a version that this program does not know.
    Version(u8),
    /// The slot is of format 2, and holds what only a later program writes.
    Later,
}

impl Slot {
    /// The bytes of a block, from its start to the end of this slot. Format 1 has no room for when and where codes were
    /// typed, and when a second step was required.
    pub fn encode(&self, format: Format) -> Vec<u8> {
        let mut block = Vec::new();
        self.encode_into(&mut block, format);
        block
    }

    /// Replaces what is in `block` by these bytes.
    pub(super) fn encode_into(&self, block: &mut Vec<u8>, format: Format) {
        block.clear();
        block.reserve(SLOT_1 + SLOT_2);
        match format {
            Format::One => {
                block.extend(MAGIC);
                block.push(1);
                self.encode_common(self.stage.byte(), block);
                block.resize(COMMON, 0);
                block.extend(sha256(block));
            }
            Format::Two => {
                block.extend_from_slice(&HEADER);
                block.extend([CRC_32C, self.stage.byte()]);
                block.extend((SLOT_2 as u16).to_le_bytes());
                block.extend([0; 4]);
                self.encode_common(0, block);
                block.resize(SLOT_1.saturating_add(COMMON), 0);
                for occasion in [self.state.granted, self.state.hosts.tried] {
                    let occasion = occasion.unwrap_or(NEVER);
                    let (service, host) = occasion.from.bytes();
                    block.extend(occasion.at.seconds().to_le_bytes());
                    block.extend_from_slice(service);
                    block.extend_from_slice(host);
                }
                let since = self.state.requirement.and_then(|requirement| requirement.since);
                block.extend(since.map_or(0, UnixTime::seconds).to_le_bytes());
                let (before, checked) = block.split_at_mut(SLOT_1.saturating_add(START_2));
                if let Some(sum) = before.last_chunk_mut() {
                    *sum = crc32c(checked).to_le_bytes();
                }
            }
        }
    }

    /// Writes the bytes from 8 to the end of the name, with this byte at 16.
    fn encode_common(&self, at_16: u8, bytes: &mut Vec<u8>) {
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend([at_16, self.state.requirement.is_some().into(), 0, 0]);
        bytes.extend(self.uid.to_le_bytes());
        bytes.extend(self.state.mark.seconds().to_le_bytes());
        for count in [self.state.hosts, self.state.helper] {
            bytes.extend(count.codes.to_le_bytes());
            bytes.extend(count.recovery.to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(count.last.seconds().to_le_bytes());
        }
        bytes.extend(encode_ticket(self.state.ticket));
        bytes.extend(self.state.recovery.salt);
        bytes.extend_from_slice(self.state.recovery.hashes.as_flattened());
        let name = self.state.name.as_bytes();
        let name = name.get(..LONGEST_NAME).unwrap_or(name);
        bytes.push(u8::try_from(name.len()).unwrap_or(0));
        bytes.extend(name);
    }

    /// Reads the slot of the block that begins with these bytes, and its format.
    pub fn decode(block: &[u8; USED]) -> Result<(Format, Self), Unreadable> {
        let (first, second) = block.split_at(SLOT_1);
        if first == HEADER {
            return decode_2(second).map(|slot| (Format::Two, slot));
        }
        decode_1(first).map(|slot| (Format::One, slot))
    }
}

fn decode_1(bytes: &[u8]) -> Result<Slot, Unreadable> {
    if is_zero(bytes) {
        return Err(Unreadable::Empty);
    }
    let (checked, sum) = bytes.split_at(COMMON);
    if sha256(checked) != sum {
        return Err(Unreadable::Damaged);
    }
    let mut reader = Reader(checked);
    if reader.take::<7>() != Some(MAGIC) {
        return Err(Unreadable::Damaged);
    }
    match reader.take() {
        Some([1]) => reader.slot(None).ok_or(Unreadable::Damaged),
        Some([2]) | None => Err(Unreadable::Damaged), // not quite the header of format 2
        Some([version]) => Err(Unreadable::Version(version)),
    }
}

/// Reads what follows the header of a block of format 2.
fn decode_2(bytes: &[u8]) -> Result<Slot, Unreadable> {
    let mut reader = Reader(bytes);
    let [kind, stage] = reader.take().ok_or(Unreadable::Damaged)?;
    let length = u16::from_le_bytes(reader.take().ok_or(Unreadable::Damaged)?);
    let sum = reader.take().ok_or(Unreadable::Damaged)?;
    if kind != CRC_32C {
        return Err(if is_zero(bytes) { Unreadable::Empty } else { Unreadable::Damaged });
    }
    let checked = bytes.get(START_2..length.into()).ok_or(Unreadable::Damaged)?;
    if crc32c(checked).to_le_bytes() != sum {
        return Err(Unreadable::Damaged);
    }
    if usize::from(length) > SLOT_2 || bytes.get(MOVED) != Some(&0) {
        return Err(Unreadable::Later);
    }
    Reader(checked).slot_2(stage).ok_or(Unreadable::Damaged)
}

/// Bytes of a ticket. Without a ticket, all are zero.
const TICKET: usize = 32;

fn encode_ticket(ticket: Option<Ticket>) -> [u8; TICKET] {
    let mut bytes = [0; TICKET];
    if let Some(Ticket { hash, expires, tries }) = ticket {
        let fields = hash.into_iter().chain(expires.seconds().to_le_bytes()).chain([tries]);
        bytes.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    }
    bytes
}

/// What stands for no occasion.
const NEVER: Occasion = Occasion { at: UnixTime::new(0), from: Origin::OWN_PROGRAM };

/// The checksum of format 1, of the bytes before it.
fn sha256(bytes: &[u8]) -> [u8; SLOT_1 - COMMON] {
    let (before, from_stage) = bytes.split_at(Format::One.stage() as usize);
    let after = from_stage.get(1..).unwrap_or_default();
    let hash = Sha256::new().chain_update(before).chain_update([0]).chain_update(after);
    let whole: [u8; 32] = hash.finalize().into();
    let mut short = [0; SLOT_1 - COMMON];
    short.copy_from_slice(whole.split_at(SLOT_1 - COMMON).0);
    short
}

/// Takes numbers off the front of a slot.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// The fields of both formats. The stage is at 16, where format 2 has a zero.
    fn slot(&mut self, stage: Option<u8>) -> Option<Slot> {
        let generation @ 1.. = u64::from_le_bytes(self.take()?) else { return None };
        let [at_16] = self.take()?;
        let stage = match stage {
            None => Stage::of(at_16)?,
            Some(stage) if at_16 == 0 => Stage::of(stage)?,
            Some(_) => return None,
        };
        let requirement = match self.take()? {
            [0] => None,
            [1] => Some(Requirement { since: None }),
            [_] => return None,
        };
        let [0, 0] = self.take()? else { return None };
        let uid = u32::from_le_bytes(self.take()?);
        let mark = UnixTime::new(u64::from_le_bytes(self.take()?));
        let (hosts, helper) = (self.count()?, self.count()?);
        let ticket = self.ticket()?;
        let recovery = self.recovery()?;
        let [length] = self.take()?;
        let padded: [u8; LONGEST_NAME] = self.take()?;
        let (name, padding) = padded.split_at_checked(length.into())?;
        if !is_zero(padding) {
            return None;
        }
        let name = str::from_utf8(name).ok()?.to_owned();
        let state = State { name, mark, hosts, helper, requirement, ticket, recovery, granted: None };
        Some(Slot { generation, stage, uid, state })
    }

    fn slot_2(&mut self, stage: u8) -> Option<Slot> {
        let mut slot = self.slot(Some(stage))?;
        slot.state.granted = self.occasion()?;
        slot.state.hosts.tried = self.occasion()?;
        let since @ 1.. = u64::from_le_bytes(self.take()?) else { return Some(slot) };
        slot.state.requirement.as_mut()?.since = Some(UnixTime::new(since));
        Some(slot)
    }

    fn occasion(&mut self) -> Option<Option<Occasion>> {
        let at = UnixTime::new(u64::from_le_bytes(self.take()?));
        let occasion = Occasion { at, from: Origin::of_bytes(self.take()?, self.take()?)? };
        Some((occasion != NEVER).then_some(occasion))
    }

    fn ticket(&mut self) -> Option<Option<Ticket>> {
        if self.0.first_chunk() == Some(&[0; TICKET]) {
            self.take::<TICKET>()?;
            return Some(None);
        }
        let hash = self.take()?;
        let expires = UnixTime::new(u64::from_le_bytes(self.take()?));
        let [tries] = self.take()?;
        let [0, 0, 0, 0, 0, 0, 0] = self.take()? else { return None };
        Some(Some(Ticket { hash, expires, tries }))
    }

    fn recovery(&mut self) -> Option<RecoveryCodes> {
        let salt = self.take()?;
        let hashes: [u8; MOST_CODES * HASH] = self.take()?;
        let (hashes, _) = hashes.as_chunks();
        Some(RecoveryCodes { salt, hashes: *hashes.first_chunk()? })
    }

    fn count(&mut self) -> Option<Count> {
        let codes = u16::from_le_bytes(self.take()?);
        let recovery = u16::from_le_bytes(self.take()?);
        let [0, 0, 0, 0] = self.take()? else { return None };
        let last = UnixTime::new(u64::from_le_bytes(self.take()?));
        Some(Count { codes, recovery, last, tried: None })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A block with this slot, as it is read.
    fn block(slot: &Slot, format: Format) -> [u8; USED] {
        padded(&slot.encode(format))
    }

    pub(crate) fn padded(bytes: &[u8]) -> [u8; USED] {
        let mut block = [0; USED];
        block[..bytes.len()].copy_from_slice(bytes);
        block
    }

    /// The start of a block with a whole slot of a later version.
    pub(crate) fn of_version_3() -> Vec<u8> {
        let mut bytes = example().encode(Format::One);
        bytes[7] = 3;
        seal(&mut bytes, Format::One);
        bytes
    }

    /// A block of format 2 with a slot that only a later program can read.
    pub(crate) fn of_later_program() -> Vec<u8> {
        let mut bytes = example().encode(Format::Two);
        bytes[SLOT_1 + MOVED] = 1;
        seal(&mut bytes, Format::Two);
        bytes
    }

    fn seal(bytes: &mut [u8], format: Format) {
        match format {
            Format::One => {
                let sum = sha256(&bytes[..COMMON]);
                bytes[COMMON..SLOT_1].copy_from_slice(&sum);
            }
            Format::Two => {
                let length = usize::from(u16::from_le_bytes([bytes[SLOT_1 + 2], bytes[SLOT_1 + 3]]));
                let sum = crc32c(&bytes[SLOT_1 + START_2..SLOT_1 + length]);
                bytes[SLOT_1 + 4..SLOT_1 + START_2].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }

    fn example() -> Slot {
        let mut recovery = RecoveryCodes { salt: [5; 16], ..RecoveryCodes::NONE };
        recovery.hashes[15][15] = 9;
        let ticket = Ticket { hash: [7; 16], expires: UnixTime::new(1_763_790_000), tries: 2 };
        let last = UnixTime::new(1_763_785_000);
        let count = |codes, tried| Count { codes, recovery: 1, last, tried };
        let tried = Occasion { at: UnixTime::new(1_763_785_001), from: Origin::new("sshd", "192.0.2.7") };
        let granted = Occasion { at: UnixTime::new(1_763_785_002), from: Origin::OWN_PROGRAM };
        let state = State {
            name: "ada".to_owned(),
            mark: UnixTime::new(1_763_785_020),
            hosts: count(2, Some(tried)),
            helper: count(3, None),
            requirement: Some(Requirement { since: Some(UnixTime::new(1_763_785_003)) }),
            ticket: Some(ticket),
            recovery,
            granted: Some(granted),
        };
        Slot { generation: 41, stage: Stage::Settled, uid: 1001, state }
    }

    /// What format 1 keeps of it.
    fn of_format_1(slot: &Slot) -> Slot {
        let mut slot = slot.clone();
        (slot.state.granted, slot.state.hosts.tried) = (None, None);
        slot.state.requirement = slot.state.requirement.map(|_| Requirement { since: None });
        slot
    }

    #[test]
    fn reads_slot_as_written() {
        for name in ["a", "ada", &"x".repeat(LONGEST_NAME)] {
            let mut slot = example();
            slot.state.name = name.to_owned();
            for (ticket, requirement) in [(slot.state.ticket, slot.state.requirement), (None, None)] {
                (slot.state.ticket, slot.state.requirement) = (ticket, requirement);
                let first = Slot::decode(&block(&slot, Format::One));
                assert_eq!(first, Ok((Format::One, of_format_1(&slot))));
                for kept in [slot.clone(), of_format_1(&slot)] {
                    assert_eq!(Slot::decode(&block(&kept, Format::Two)), Ok((Format::Two, kept)));
                }
            }
        }
    }

    #[test]
    fn writes_fields_where_specification_says() {
        let first = example().encode(Format::One);
        assert_eq!(first.len(), SLOT_1);
        assert_eq!(first[..8], *b"2STEP\0\0\x01");
        assert_eq!((first[16], first[17]), (2, 1));
        let second = example().encode(Format::Two);
        assert_eq!(second.len(), SLOT_1 + SLOT_2);
        let second = &second[SLOT_1..];
        assert_eq!((second[..4].to_vec(), second[16], second[17]), (vec![1, 2, 0xc8, 0x02], 0, 1));
        for bytes in [&first, second] {
            assert_eq!(bytes[8], 41);
            assert_eq!(bytes[20..24], 1001u32.to_le_bytes());
            assert_eq!(bytes[24..32], 1_763_785_020u64.to_le_bytes());
            assert_eq!((bytes[32], bytes[48]), (2, 3));
            assert_eq!((bytes[64], bytes[79], bytes[88]), (7, 7, 2));
            assert_eq!(bytes[80..88], 1_763_790_000u64.to_le_bytes());
            assert_eq!((bytes[96], bytes[111], bytes[367]), (5, 5, 9));
            assert_eq!(bytes[368..372], *b"\x03ada");
        }
        assert_eq!(second[496..504], 1_763_785_002u64.to_le_bytes());
        assert_eq!(second[504..600], [0; 96]);
        assert_eq!(second[600..608], 1_763_785_001u64.to_le_bytes());
        assert_eq!((&second[608..613], &second[640..650]), (&b"sshd\0"[..], &b"192.0.2.7\0"[..]));
        assert_eq!(second[704..], 1_763_785_003u64.to_le_bytes());
    }

    /// The value is that of RFC 3720 appendix B.4: 32 bytes of zeros.
    #[test]
    fn checks_format_2_with_crc_32c() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    /// A program that knows only format 1 checks the sum of a slot, then its version.
    #[test]
    fn shows_slot_of_version_2_to_older_program() {
        let block = example().encode(Format::Two);
        let (first, sum) = block[..SLOT_1].split_at(COMMON);
        assert_eq!((sha256(first).as_slice(), &first[..8]), (sum, &b"2STEP\0\0\x02"[..]));
    }

    #[test]
    fn notices_every_flipped_bit() {
        for (format, length) in [(Format::One, SLOT_1), (Format::Two, SLOT_1 + SLOT_2)] {
            let bytes = block(&example(), format);
            for bit in 0..length * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 0x80 >> (bit % 8);
                let read = Slot::decode(&damaged);
                // The stage is outside of the checksum, and its two values differ by two bits.
                assert_eq!(read, Err(Unreadable::Damaged), "bit {bit}, {format:?}");
            }
        }
        assert_eq!(Slot::decode(&[0; USED]), Err(Unreadable::Empty));
        assert_eq!(Slot::decode(&padded(&HEADER)), Err(Unreadable::Empty));
    }

    /// If such a slot were written again, the bytes after the name would be lost. A missing slot counts as generation
    /// 0.
    #[test]
    fn takes_impossible_slot_for_damaged_despite_checksum() {
        for (format, start) in [(Format::One, 0), (Format::Two, SLOT_1)] {
            let impossible = block(&Slot { generation: 0, ..example() }, format);
            assert_eq!(Slot::decode(&impossible), Err(Unreadable::Damaged));
            let mut bytes = block(&example(), format);
            bytes[start + COMMON - 1] = 1;
            seal(&mut bytes, format);
            assert_eq!(Slot::decode(&bytes), Err(Unreadable::Damaged));
        }
        let mut bytes = block(&example(), Format::Two);
        bytes[SLOT_1 + 608] = 0x1b;
        seal(&mut bytes, Format::Two);
        assert_eq!(Slot::decode(&bytes), Err(Unreadable::Damaged), "a terminal's control character");
        let mut bytes = block(&example(), Format::Two);
        bytes[SLOT_1 + 17] = 0;
        seal(&mut bytes, Format::Two);
        assert_eq!(Slot::decode(&bytes), Err(Unreadable::Damaged), "a requirement that began and is none");
    }

    #[test]
    fn changes_stage_by_one_byte() {
        for format in [Format::One, Format::Two] {
            let mut charged = block(&Slot { stage: Stage::Charged, ..example() }, format);
            charged[format.stage() as usize] = Stage::Settled.byte();
            assert_eq!(charged, block(&example(), format));
        }
    }

    #[test]
    fn tells_later_version_from_damage() {
        assert_eq!(Slot::decode(&padded(&of_version_3())), Err(Unreadable::Version(3)));
        assert_eq!(Slot::decode(&padded(&of_later_program())), Err(Unreadable::Later));
        for length in [SLOT_2 + 1, 1480, LONGEST_2] {
            let mut longer = block(&example(), Format::Two);
            longer[SLOT_1 + 2..SLOT_1 + 4].copy_from_slice(&(length as u16).to_le_bytes());
            assert_eq!(Slot::decode(&longer), Err(Unreadable::Damaged), "{length}");
            longer[SLOT_1 + length - 1] = 1;
            seal(&mut longer, Format::Two);
            assert_eq!(Slot::decode(&longer), Err(Unreadable::Later), "{length}");
        }
    }
}
