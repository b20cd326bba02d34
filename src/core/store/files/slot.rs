//! One slot of a state file: 512 bytes, little endian, checked by a hash. docs/FILEFORMAT.md specifies it.

use sha2::{Digest, Sha256};

use crate::os::account::LONGEST_NAME;
use crate::proof::recovery::{MOST_CODES, RecoveryCodes};
use crate::proof::state::{Count, State};
use crate::proof::ticket::Ticket;
use crate::time::UnixTime;

/// Bytes of a slot.
pub const SLOT: usize = 512;

const MAGIC: [u8; 7] = *b"2STEP\0\0";
const VERSION: u8 = 1;
const CHECKED: usize = 496;
/// The place of the stage. The checksum treats it as zero, so that the stage can be changed by writing one byte, which
/// cannot tear.
const STAGE: usize = 16;

/// Whether the content of a slot is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A try was charged, and possibly judged. The writer may have been killed before it flushed.
    Charged,
    /// The writer flushed the slot, and recorded that afterwards.
    Settled,
}

impl Stage {
    /// The offset of the stage in a slot, and its byte.
    pub const fn byte(self) -> (u64, u8) {
        let byte = match self {
            Self::Charged => 1,
            Self::Settled => 2,
        };
        (STAGE as u64, byte)
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
}

impl Slot {
    /// The bytes of the slot, as docs/FILEFORMAT.md specifies them.
    pub fn encode(&self) -> [u8; SLOT] {
        let mut bytes = Vec::with_capacity(SLOT);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.generation.to_le_bytes());
        bytes.push(self.stage.byte().1);
        bytes.push(self.state.required.into());
        bytes.extend([0; 2]);
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
        bytes.extend(self.state.recovery.hashes.as_flattened());
        let name = self.state.name.as_bytes();
        let name = name.get(..LONGEST_NAME).unwrap_or(name);
        bytes.push(u8::try_from(name.len()).unwrap_or(0));
        bytes.extend(name);
        bytes.resize(CHECKED, 0);
        let checksum = checksum(&bytes);
        bytes.extend(checksum);
        let mut slot = [0; SLOT];
        slot.copy_from_slice(&bytes);
        slot
    }

    /// Reads the slot's bytes.
    pub fn decode(bytes: &[u8; SLOT]) -> Result<Self, Unreadable> {
        if *bytes == [0; SLOT] {
            return Err(Unreadable::Empty);
        }
        let (checked, sum) = bytes.split_at(CHECKED);
        if checksum(checked) != sum {
            return Err(Unreadable::Damaged);
        }
        let mut reader = Reader(checked);
        if reader.take::<7>() != Some(MAGIC) {
            return Err(Unreadable::Damaged);
        }
        match reader.take() {
            Some([VERSION]) => reader.slot().ok_or(Unreadable::Damaged),
            Some([version]) => Err(Unreadable::Version(version)),
            None => Err(Unreadable::Damaged),
        }
    }
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

fn checksum(bytes: &[u8]) -> [u8; SLOT - CHECKED] {
    let (before, from_stage) = bytes.split_at(STAGE);
    let after = from_stage.get(1..).unwrap_or_default();
    let hash = Sha256::new().chain_update(before).chain_update([0]).chain_update(after);
    let whole: [u8; 32] = hash.finalize().into();
    let mut short = [0; SLOT - CHECKED];
    short.copy_from_slice(whole.split_at(SLOT - CHECKED).0);
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

    fn slot(&mut self) -> Option<Slot> {
        let generation @ 1.. = u64::from_le_bytes(self.take()?) else { return None };
        let stage = match self.take()? {
            [1] => Stage::Charged,
            [2] => Stage::Settled,
            [_] => return None,
        };
        let required = match self.take()? {
            [0] => false,
            [1] => true,
            [_] => return None,
        };
        let [0, 0] = self.take()? else { return None };
        let uid = u32::from_le_bytes(self.take()?);
        let mark = UnixTime::new(u64::from_le_bytes(self.take()?));
        let (hosts, helper) = (self.count()?, self.count()?);
        let ticket = self.ticket()?;
        let recovery = self.recovery()?;
        let [length] = self.take()?;
        let (name, padding) = self.0.split_at_checked(length.into())?;
        if padding.iter().any(|&byte| byte != 0) {
            return None;
        }
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let state = State { name, mark, hosts, helper, required, ticket, recovery };
        Some(Slot { generation, stage, uid, state })
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
        let mut hashes = [[0; 16]; MOST_CODES];
        for hash in &mut hashes {
            *hash = self.take()?;
        }
        Some(RecoveryCodes { salt, hashes })
    }

    fn count(&mut self) -> Option<Count> {
        let codes = u16::from_le_bytes(self.take()?);
        let recovery = u16::from_le_bytes(self.take()?);
        let [0, 0, 0, 0] = self.take()? else { return None };
        Some(Count { codes, recovery, last: UnixTime::new(u64::from_le_bytes(self.take()?)) })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A whole slot of a later version.
    pub(crate) fn of_version_2() -> [u8; SLOT] {
        let mut bytes = example().encode();
        bytes[7] = 2;
        let sum = checksum(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&sum);
        bytes
    }

    fn example() -> Slot {
        let mut recovery = RecoveryCodes { salt: [5; 16], ..RecoveryCodes::NONE };
        recovery.hashes[15][15] = 9;
        let ticket = Ticket { hash: [7; 16], expires: UnixTime::new(1_763_790_000), tries: 2 };
        let count = |codes| Count { codes, recovery: 1, last: UnixTime::new(1_763_785_000) };
        let state = State {
            name: "ada".to_owned(),
            mark: UnixTime::new(1_763_785_020),
            hosts: count(2),
            helper: count(3),
            required: true,
            ticket: Some(ticket),
            recovery,
        };
        Slot { generation: 41, stage: Stage::Settled, uid: 1001, state }
    }

    #[test]
    fn reads_slot_as_written() {
        for name in ["a", "ada", &"x".repeat(LONGEST_NAME)] {
            let mut slot = example();
            slot.state.name = name.to_owned();
            assert_eq!(Slot::decode(&slot.encode()), Ok(slot.clone()));
            slot.state.ticket = None;
            assert_eq!(Slot::decode(&slot.encode()), Ok(slot));
        }
    }

    #[test]
    fn writes_fields_where_specification_says() {
        let bytes = example().encode();
        assert_eq!(bytes[..8], *b"2STEP\0\0\x01");
        assert_eq!(bytes[8], 41);
        assert_eq!((bytes[16], bytes[17]), (2, 1));
        assert_eq!(bytes[20..24], 1001u32.to_le_bytes());
        assert_eq!(bytes[24..32], 1_763_785_020u64.to_le_bytes());
        assert_eq!((bytes[32], bytes[48]), (2, 3));
        assert_eq!((bytes[64], bytes[79], bytes[88]), (7, 7, 2));
        assert_eq!(bytes[80..88], 1_763_790_000u64.to_le_bytes());
        assert_eq!((bytes[96], bytes[111], bytes[367]), (5, 5, 9));
        assert_eq!(bytes[368..372], *b"\x03ada");
    }

    #[test]
    fn notices_every_flipped_bit() {
        let bytes = example().encode();
        for at in 0..SLOT {
            let mut damaged = bytes;
            damaged[at] ^= 0x80 >> (at % 8);
            assert_eq!(Slot::decode(&damaged), Err(Unreadable::Damaged), "byte {at}");
        }
        assert_eq!(Slot::decode(&[0; SLOT]), Err(Unreadable::Empty));
    }

    /// If such a slot were written again, the bytes after the name would be lost. A missing slot counts as generation
    /// 0.
    #[test]
    fn takes_impossible_slot_for_damaged_despite_checksum() {
        assert_eq!(Slot::decode(&Slot { generation: 0, ..example() }.encode()), Err(Unreadable::Damaged));
        let mut bytes = example().encode();
        bytes[CHECKED - 1] = 1;
        let sum = checksum(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&sum);
        assert_eq!(Slot::decode(&bytes), Err(Unreadable::Damaged));
    }

    #[test]
    fn changes_stage_by_one_byte() {
        let mut charged = Slot { stage: Stage::Charged, ..example() }.encode();
        let (at, byte) = Stage::Settled.byte();
        charged[at as usize] = byte;
        assert_eq!(Slot::decode(&charged), Ok(example()));
    }

    #[test]
    fn tells_later_version_from_damage() {
        assert_eq!(Slot::decode(&of_version_2()), Err(Unreadable::Version(2)));
    }
}
