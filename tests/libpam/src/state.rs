//! The state file, read and written from the documented format alone.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::paper;

const MAGIC: &[u8; 8] = b"2STEP\0\0\x01";
const SLOT: usize = 512;
const CHECKED: usize = 496;
const STAGE: usize = 16;
const BLOCK: usize = 4096;

/// How far the writer of a slot came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Perhaps not on disk.
    Charged,
    /// On disk.
    Settled,
}

/// The failures of one kind of host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounter {
    /// Wrong codes in a row.
    pub codes: u16,
    /// Wrong recovery codes in a row.
    pub recoveries: u16,
    /// Unix time of the last failure.
    pub last_failure: u64,
}

/// What one slot holds.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// The higher one counts.
    pub generation: u64,
    /// Charged or settled.
    pub stage: Stage,
    /// Whose state.
    pub uid: u32,
    /// The latest moment whose codes are used up.
    pub mark: u64,
    /// Failures at root's hosts.
    pub root: AttemptCounter,
    /// Failures at the helper.
    pub helper: AttemptCounter,
    /// The account's name.
    pub name: String,
    /// The byte 17: 0 none, 1 required by an administrator.
    pub requirement: u8,
    /// The bytes 64 to 368: ticket, salt and recovery codes.
    pub reserved: Vec<u8>,
}

impl State {
    /// Nothing used up, no failure.
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

    /// The same with the first `count` recovery codes of [`crate::paper`].
    pub fn with_recovery_codes(mut self, count: usize) -> Self {
        self.reserved[32..48].copy_from_slice(&paper::SALT);
        for (hash, known) in self.reserved[48..].chunks_mut(16).zip(&paper::hashes()[..count]) {
            hash.copy_from_slice(known);
        }
        self
    }

    /// The same with a ticket of ten bytes, which has three tries and allows an enrollment before `expires`.
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

    /// The hashes of the recovery codes; a used one is zero.
    pub fn hashes(&self) -> Vec<&[u8]> {
        self.reserved[48..].chunks(16).collect()
    }

    /// How many hashes are not zero.
    pub fn recovery_codes_left(&self) -> usize {
        self.hashes().iter().filter(|hash| ***hash != [0; 16]).count()
    }

    /// The hash of the ticket, when it expires, and how many tries it has; zero if there is none.
    pub fn ticket(&self) -> (&[u8], u64, u8) {
        let ticket = &self.reserved[..32];
        (&ticket[..16], u64::from_le_bytes(ticket[16..24].try_into().unwrap()), ticket[24])
    }

    /// The newest valid slot of a whole file.
    pub fn parse(file: &[u8]) -> Option<Self> {
        assert_eq!(file.len(), 2 * BLOCK, "a state file's size");
        let slots = [Self::slot(&file[..SLOT]), Self::slot(&file[BLOCK..BLOCK + SLOT])];
        slots.into_iter().flatten().max_by_key(|state| state.generation)
    }

    /// A whole file: this state in slot A, slot B empty.
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

/// Gives a slot that was changed by hand the checksum that it must have.
pub fn seal(slot: &mut [u8]) {
    let checksum = checksum(slot);
    slot[CHECKED..SLOT].copy_from_slice(&checksum);
}

/// The stage is taken for zero, so that it can be changed by writing one byte.
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
