//! Reads and writes the state file, from docs/FILEFORMAT.md alone.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::paper;

const MAGIC: &[u8; 8] = b"2STEP\0\0\x01";
const SLOT: usize = 512;
const CHECKED: usize = 496;
const STAGE: usize = 16;
const BLOCK: usize = 4096;

/// The stage of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Written, perhaps not flushed.
    Charged,
    /// Flushed.
    Settled,
}

/// The failures counted by one kind of host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounter {
    /// Wrong codes in a row.
    pub codes: u16,
    /// Wrong recovery codes in a row.
    pub recoveries: u16,
    /// Unix time of the last failure.
    pub last_failure: u64,
}

/// The contents of one slot.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// The slot with the higher generation is valid.
    pub generation: u64,
    /// The stage.
    pub stage: Stage,
    /// The uid of the account.
    pub uid: u32,
    /// The replay high-water mark: the start of the latest used step, in Unix time.
    pub mark: u64,
    /// Failures in programs that run as root.
    pub root: AttemptCounter,
    /// Failures in the helper.
    pub helper: AttemptCounter,
    /// The name of the account.
    pub name: String,
    /// Byte 17: 0 for none, 1 for required by an administrator.
    pub requirement: u8,
    /// Bytes 64 to 368: ticket, salt and recovery codes.
    pub reserved: Vec<u8>,
}

impl State {
    /// A state with nothing used up and no failure.
    pub fn new(uid: u32, name: &str) -> Self {
        Self {
            generation: 1,
            stage: Stage::Settled,
            uid,
            mark: 0,
            root: AttemptCounter::default(),
            helper: AttemptCounter::default(),
            name: name.into(),
            requirement: 0,
            reserved: vec![0; 304],
        }
    }

    /// Adds the first `count` recovery codes of [`crate::paper`].
    pub fn with_recovery_codes(mut self, count: usize) -> Self {
        self.reserved[32..48].copy_from_slice(&paper::SALT);
        for (hash, known) in self.reserved[48..].chunks_mut(16).zip(&paper::hashes()[..count]) {
            hash.copy_from_slice(known);
        }
        self
    }

    /// Adds a ticket of ten bytes with three tries, which expires at `expires`.
    pub fn with_ticket(mut self, ticket: &[u8], expires: i64) -> Self {
        let salt = [b"twostep ticket", &self.uid.to_le_bytes()[..], &expires.to_le_bytes()].concat();
        self.reserved[..16].copy_from_slice(&paper::hash(ticket, &salt));
        self.reserved[16..24].copy_from_slice(&expires.to_le_bytes());
        self.reserved[24] = 3;
        self
    }

    /// The salt of the recovery codes.
    pub fn salt(&self) -> &[u8] {
        &self.reserved[32..48]
    }

    /// The hashes of the recovery codes. The hash of a used code is zero.
    pub fn hashes(&self) -> Vec<&[u8]> {
        self.reserved[48..].chunks(16).collect()
    }

    /// The number of hashes that are not zero.
    pub fn recovery_codes_left(&self) -> usize {
        self.hashes().iter().filter(|hash| ***hash != [0; 16]).count()
    }

    /// The hash of the ticket, its expiry in Unix time, and its remaining tries. All are zero without a ticket.
    pub fn ticket(&self) -> (&[u8], u64, u8) {
        let ticket = &self.reserved[..32];
        (&ticket[..16], u64::from_le_bytes(ticket[16..24].try_into().unwrap()), ticket[24])
    }

    /// The newest valid slot of a file.
    pub fn parse(file: &[u8]) -> Option<Self> {
        assert_eq!(file.len(), 2 * BLOCK, "a state file's size");
        let slots = [Self::slot(&file[..SLOT]), Self::slot(&file[BLOCK..BLOCK + SLOT])];
        slots.into_iter().flatten().max_by_key(|state| state.generation)
    }

    /// A file with this state in slot A and an empty slot B.
    pub fn file(&self) -> Vec<u8> {
        let mut file = vec![0; 2 * BLOCK];
        file[..SLOT].copy_from_slice(&self.bytes());
        file
    }

    fn slot(bytes: &[u8]) -> Option<Self> {
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        if bytes[..8] != *MAGIC || checksum(bytes) != bytes[CHECKED..] {
            return None;
        }
        assert_eq!(bytes[18..20], [0, 0], "reserved bytes");
        let length = usize::from(bytes[368]);
        assert!(bytes[369 + length..CHECKED].iter().all(|&byte| byte == 0), "the name's padding");
        Some(Self {
            generation: u64_at(8),
            stage: match bytes[STAGE] {
                1 => Stage::Charged,
                2 => Stage::Settled,
                other => panic!("stage {other}"),
            },
            requirement: bytes[17],
            uid: u32::from_le_bytes(bytes[20..24].try_into().unwrap()),
            mark: u64_at(24),
            root: AttemptCounter::parse(&bytes[32..48]),
            helper: AttemptCounter::parse(&bytes[48..64]),
            reserved: bytes[64..368].to_vec(),
            name: String::from_utf8(bytes[369..369 + length].to_vec()).unwrap(),
        })
    }

    fn bytes(&self) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(MAGIC);
        slot[8..16].copy_from_slice(&self.generation.to_le_bytes());
        slot[STAGE] = if self.stage == Stage::Charged { 1 } else { 2 };
        slot[17] = self.requirement;
        slot[20..24].copy_from_slice(&self.uid.to_le_bytes());
        slot[24..32].copy_from_slice(&self.mark.to_le_bytes());
        slot[32..48].copy_from_slice(&self.root.bytes());
        slot[48..64].copy_from_slice(&self.helper.bytes());
        slot[64..368].copy_from_slice(&self.reserved);
        slot[368] = self.name.len() as u8;
        slot[369..369 + self.name.len()].copy_from_slice(self.name.as_bytes());
        seal(&mut slot);
        slot
    }
}

/// Writes the right checksum into a changed slot.
pub fn seal(slot: &mut [u8]) {
    let checksum = checksum(slot);
    slot[CHECKED..SLOT].copy_from_slice(&checksum);
}

/// The checksum counts the stage as zero, so that a write of one byte can change it.
fn checksum(slot: &[u8]) -> Vec<u8> {
    let mut checked = slot[..CHECKED].to_vec();
    checked[STAGE] = 0;
    Sha256::digest(checked)[..SLOT - CHECKED].to_vec()
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { generation, stage, uid, mark, root, .. } = self;
        write!(f, "State {{ generation {generation}, {stage:?}, uid {uid}, mark {mark}, {root:?} }}")
    }
}

impl AttemptCounter {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            codes: u16::from_le_bytes([bytes[0], bytes[1]]),
            recoveries: u16::from_le_bytes([bytes[2], bytes[3]]),
            last_failure: u64::from_le_bytes(bytes[8..16].try_into().unwrap()),
        }
    }

    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.codes.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.recoveries.to_le_bytes());
        bytes[8..].copy_from_slice(&self.last_failure.to_le_bytes());
        bytes
    }
}
