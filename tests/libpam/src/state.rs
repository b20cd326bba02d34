//! Reads and writes the state file, from docs/FILEFORMAT.md alone.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::paper;

const MAGIC: &[u8; 7] = b"2STEP\0\0";
const CHECKED: usize = 496;
/// The number of bytes between the starts of the two blocks.
pub const BLOCK: usize = 4096;

/// The format of new states: 2, or what this variable says.
pub const FORMAT_VARIABLE: &str = "TWOSTEP_TEST_FORMAT";

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Slots of 512 bytes, checked by SHA-256.
    One,
    /// Slots of 712 bytes after a header of 512, checked by CRC-32C.
    Two,
}

impl Format {
    /// The format of new states in this run.
    #[expect(clippy::disallowed_methods, reason = "set by tests/run")]
    pub fn of_run() -> Self {
        match std::env::var(FORMAT_VARIABLE).as_deref() {
            Ok("1") => Self::One,
            Ok("2") | Err(_) => Self::Two,
            Ok(other) => panic!("{FORMAT_VARIABLE}={other}"),
        }
    }

    /// The place of the slot in its block.
    pub fn slot(self) -> std::ops::Range<usize> {
        match self {
            Self::One => 0..512,
            Self::Two => 512..512 + 712,
        }
    }

    /// The place of the stage in the slot.
    pub fn stage(self) -> usize {
        match self {
            Self::One => 16,
            Self::Two => 1,
        }
    }

    /// The format of the file with this block.
    fn of(block: &[u8]) -> Self {
        if block[7] == 2 { Self::Two } else { Self::One }
    }
}

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
    /// The format of the file.
    pub format: Format,
    /// When and where codes were typed, and when a second step was required.
    pub times: Times,
}

/// When and where codes were typed, and when a second step was required. Only format 2 has this. Most tests compare states without it.
#[derive(Clone, Default)]
pub struct Times {
    /// The last accepted code.
    pub granted: Occasion,
    /// The last refused code.
    pub refused: Occasion,
    /// When an administrator began to require a second step; 0 if that is not known.
    pub required: u64,
}

impl PartialEq for Times {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Times {}

/// Unix time, service and host; zero and empty if there was none.
pub type Occasion = (u64, String, String);

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
            format: Format::of_run(),
            times: Times::default(),
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
        let slots = [Self::slot(&file[..BLOCK]), Self::slot(&file[BLOCK..])];
        slots.into_iter().flatten().max_by_key(|state| state.generation)
    }

    /// A file with this state in slot A and an empty slot B.
    pub fn file(&self) -> Vec<u8> {
        let mut file = vec![0; 2 * BLOCK];
        if self.format == Format::Two {
            file[..512].copy_from_slice(&header());
            file[BLOCK..BLOCK + 512].copy_from_slice(&header());
        }
        file[self.format.slot()].copy_from_slice(&self.bytes());
        file
    }

    fn slot(block: &[u8]) -> Option<Self> {
        let format = Format::of(block);
        let bytes = &block[format.slot()];
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let head = match format {
            Format::One => bytes[..8] == [&MAGIC[..], &[1]].concat() && sha256(bytes) == bytes[CHECKED..],
            Format::Two => {
                block[..512] == header()
                    && (bytes[0], &bytes[2..4]) == (1, &712u16.to_le_bytes()[..])
                    && bytes[4..8] == crc32c(&bytes[8..])
            }
        };
        if !head {
            return None;
        }
        assert_eq!(bytes[18..20], [0, 0], "reserved bytes");
        assert!(format == Format::One || bytes[16] == 0, "the stage is elsewhere");
        let occasion = |at: usize| {
            let text =
                |part: &[u8]| String::from_utf8(part.to_vec()).unwrap().trim_end_matches('\0').to_owned();
            (u64_at(at), text(&bytes[at + 8..at + 40]), text(&bytes[at + 40..at + 104]))
        };
        let times = match format {
            Format::One => Times::default(),
            Format::Two => Times { granted: occasion(496), refused: occasion(600), required: u64_at(704) },
        };
        let length = usize::from(bytes[368]);
        assert!(bytes[369 + length..CHECKED].iter().all(|&byte| byte == 0), "the name's padding");
        Some(Self {
            generation: u64_at(8),
            stage: match bytes[format.stage()] {
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
            format,
            times,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut slot = vec![0; self.format.slot().len()];
        match self.format {
            Format::One => slot[..8].copy_from_slice(&[&MAGIC[..], &[1]].concat()),
            Format::Two => {
                slot[0] = 1;
                slot[2..4].copy_from_slice(&712u16.to_le_bytes());
                for (at, (time, service, host)) in [(496, &self.times.granted), (600, &self.times.refused)] {
                    slot[at..at + 8].copy_from_slice(&time.to_le_bytes());
                    slot[at + 8..at + 8 + service.len()].copy_from_slice(service.as_bytes());
                    slot[at + 40..at + 40 + host.len()].copy_from_slice(host.as_bytes());
                }
                slot[704..712].copy_from_slice(&self.times.required.to_le_bytes());
            }
        }
        slot[8..16].copy_from_slice(&self.generation.to_le_bytes());
        slot[self.format.stage()] = if self.stage == Stage::Charged { 1 } else { 2 };
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

/// The slot in the block of `file` that begins at `block`.
pub fn slot_of(file: &mut [u8], block: usize) -> &mut [u8] {
    let range = Format::of(&file[block..]).slot();
    &mut file[block + range.start..block + range.end]
}

/// Writes the right checksum into a changed slot, of whose format its length tells.
pub fn seal(slot: &mut [u8]) {
    if slot.len() == Format::One.slot().len() {
        let checksum = sha256(slot);
        slot[CHECKED..].copy_from_slice(&checksum);
    } else {
        let length = usize::from(u16::from_le_bytes([slot[2], slot[3]])).clamp(8, slot.len());
        let checksum = crc32c(&slot[8..length]);
        slot[4..8].copy_from_slice(&checksum);
    }
}

/// The checksum of format 1, which counts the stage as zero, so that a write of one byte can change it.
fn sha256(slot: &[u8]) -> Vec<u8> {
    let mut checked = slot[..CHECKED].to_vec();
    checked[Format::One.stage()] = 0;
    Sha256::digest(checked)[..16].to_vec()
}

/// What each block of format 2 begins with.
pub fn header() -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(&[&MAGIC[..], &[2]].concat());
    seal(&mut header);
    header
}

/// CRC-32C (RFC 3720 section 12.1), bit by bit.
fn crc32c(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    });
    (!crc).to_le_bytes()
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
