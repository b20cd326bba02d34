//! The state file: two slots, one lock. docs/FILEFORMAT.md specifies it. M1 to M9 are in the contract of [`super`].

use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::fault::{Fault, FileProblem, Operation};
use crate::os::files::{self, Opened};
use crate::os::{self, LockError, Shield};
use crate::proof::state::State;
use crate::store::{Durability, StateError};

use super::slot::{Format, Slot, Stage, USED, Unreadable};

/// Bytes from the start of one slot to the start of the other. Each slot has its own block, so that writing one cannot
/// tear the other.
pub(super) const BLOCK: u64 = SLOT_B as u64;
const SLOT_B: usize = 4096;
/// Bytes from the start of the first slot to the end of the second.
const SPAN: usize = SLOT_B + USED;
/// Bytes of a state file.
pub(super) const STATE_FILE: usize = 8192;

/// How long to wait while another login of the same user holds the lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A whole state file of this format, whose first slot holds `state`.
pub(super) fn new_state_file(uid: u32, state: State, format: Format) -> Vec<u8> {
    let mut bytes = Slot { generation: 1, stage: Stage::Settled, uid, state }.encode(format);
    bytes.resize(BLOCK as usize, 0);
    bytes.extend(format.empty_block());
    bytes.resize(STATE_FILE, 0);
    bytes
}

/// A state file that is locked while this value exists.
pub(super) struct Lock {
    pub(super) file: Opened,
    /// Lowered after the lock is released (M9).
    _shield: Shield,
}

impl Lock {
    pub(super) fn take(file: Opened, deadline: Instant) -> Result<Self, FileProblem> {
        let failed = |error: Errno| FileProblem::Failed(Operation::Lock, error.into());
        let _shield = Shield::raise().map_err(failed)?;
        match os::lock_exclusive(&file, deadline) {
            Ok(()) => Ok(Self { file, _shield }),
            Err(LockError::Busy) => Err(FileProblem::Locked { seconds: PATIENCE.as_secs() }),
            Err(LockError::Failed(error)) => Err(failed(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        os::unlock(&self.file);
    }
}

/// Both slots of a state file.
pub(super) struct Slots([Result<(Format, Slot), Unreadable>; 2]);

impl Slots {
    /// Reads a file that was just opened.
    pub(super) fn read(file: &Opened) -> io::Result<Self> {
        // A vector, because an array would be cleared first.
        let mut bytes = Vec::with_capacity(SPAN);
        (&**file).take(SPAN as u64).read_to_end(&mut bytes)?;
        let slots = [0, SLOT_B].map(|start| {
            let slot = bytes.get(start..).and_then(|rest| rest.first_chunk());
            let slot = slot.map_or(Err(Unreadable::Damaged), Slot::decode);
            // A file of another length can only belong to a later version.
            let is_later = matches!(slot, Err(Unreadable::Version(_) | Unreadable::Later));
            if is_later || file.length() == STATE_FILE as u64 { slot } else { Err(Unreadable::Damaged) }
        });
        Ok(Self(slots))
    }

    fn newest_index(&self) -> u8 {
        let generation = |slot: &Result<(_, Slot), _>| slot.as_ref().map_or(0, |(_, slot)| slot.generation);
        let [first, second] = &self.0;
        u8::from(generation(second) > generation(first))
    }

    /// Whether one slot is whole, and the other one was written before but is not whole.
    fn one_is_damaged(&self) -> bool {
        let damaged = |slot: &Result<_, _>| matches!(slot, Err(Unreadable::Damaged));
        let [first, second] = &self.0;
        damaged(first) != damaged(second)
    }

    /// Whether neither this program nor a later one can read a slot.
    pub(super) fn are_lost(&self) -> bool {
        self.0.iter().all(|slot| matches!(slot, Err(Unreadable::Damaged | Unreadable::Empty)))
    }

    /// The slot that counts, if it belongs to `uid`.
    pub(super) fn newest(self, uid: u32) -> Result<(Format, Slot), StateError> {
        let index = self.newest_index();
        // A later program wrote such a slot: the other slot must not be used instead.
        for slot in &self.0 {
            match slot {
                Err(Unreadable::Version(version)) => return Err(StateError::UnknownVersion(*version)),
                Err(Unreadable::Later) => return Err(StateError::Later),
                Ok(_) | Err(Unreadable::Empty | Unreadable::Damaged) => {}
            }
        }
        let [first, second] = self.0;
        match if index == 0 { first } else { second } {
            Ok((format, slot)) if slot.uid == uid => Ok((format, slot)),
            Ok((_, slot)) => Err(StateError::OfUid(slot.uid)),
            Err(_) => Err(StateError::Damaged),
        }
    }
}

fn offset(index: u8) -> u64 {
    BLOCK.saturating_mul(index.into())
}

/// A state under its lock.
pub(super) struct LockedState {
    lock: Lock,
    path: PathBuf,
    uid: u32,
    format: Format,
    state: State,
    generation: u64,
    /// The slot that is written next, which is the older one.
    target: u8,
    /// Whether the other slot was found only charged, and may therefore not be on disk yet (M7).
    other_unflushed: bool,
    /// Whether this process has written `target`.
    written: bool,
    /// The bytes that were last written. A login writes twice.
    block: Vec<u8>,
    /// Whether one slot is damaged, so that the other one counts: power was lost, or the disk has a fault.
    pub(super) fell_back: bool,
}

impl LockedState {
    /// The state in `slots`, which were read under the lock.
    pub(super) fn of(lock: Lock, slots: Slots, path: PathBuf, uid: u32) -> Result<Self, StateError> {
        let (newest, fell_back) = (slots.newest_index(), slots.one_is_damaged());
        let (format, slot) = slots.newest(uid)?;
        let other_unflushed = slot.stage == Stage::Charged;
        let target = 1u8.saturating_sub(newest);
        let (state, generation) = (slot.state, slot.generation.saturating_add(1));
        Ok(Self {
            lock,
            path,
            uid,
            format,
            state,
            generation,
            target,
            other_unflushed,
            written: false,
            block: Vec::new(),
            fell_back,
        })
    }

    /// The format of the file. A login never changes it.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether nothing was saved since the file was created.
    pub(super) fn is_new(&self) -> bool {
        self.generation == 2
    }

    /// The state as it was last saved.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Saves the next state: as charged if it need not be flushed, as settled if it must be. Writes
    /// nothing if that state is on disk and no slot is damaged.
    pub(super) fn save(&mut self, next: State, how: Durability) -> Result<(), Fault> {
        let is_on_disk = !(self.written || self.other_unflushed || self.fell_back);
        if how == Durability::Flushed && is_on_disk && next == self.state {
            return Ok(());
        }
        if !self.written {
            files::check_file_size_limit(STATE_FILE)?;
        }
        self.write(next, how).map_err(|error| Fault::of(&self.path, Operation::Write, error))
    }

    fn write(&mut self, next: State, how: Durability) -> io::Result<()> {
        if !self.written && self.other_unflushed {
            self.lock.file.sync_data()?;
        }
        let slot = Slot { generation: self.generation, stage: Stage::Charged, uid: self.uid, state: next };
        let start = offset(self.target);
        slot.encode_into(&mut self.block, self.format);
        self.lock.file.write_all_at(&self.block, start)?;
        self.written = true;
        self.state = slot.state;
        if how == Durability::Flushed {
            self.lock.file.sync_data()?;
            let stage = start.saturating_add(self.format.stage());
            // If this fails, the next login flushes once more.
            let _ = self.lock.file.write_all_at(&[Stage::Settled.byte()], stage);
            self.turn();
        }
        Ok(())
    }

    /// A flushed slot stays as it is: the next save goes to the other slot.
    fn turn(&mut self) {
        self.target = 1u8.saturating_sub(self.target);
        self.generation = self.generation.saturating_add(1);
        (self.written, self.other_unflushed) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::fs::OpenOptions;
    use std::os::fd::AsRawFd;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;
    use crate::test_support::REQUIRED;
    use crate::time::UnixTime;

    /// A state in /dev/null, where every write succeeds and every flush fails.
    fn unflushable(other_unflushed: bool) -> LockedState {
        let file = OpenOptions::new().write(true).open("/dev/null").unwrap();
        LockedState {
            lock: lock(file),
            path: PathBuf::from("/dev/null"),
            uid: 7,
            format: Format::Two,
            state: State::new("ada", UnixTime::new(1)),
            generation: 2,
            target: 1,
            other_unflushed,
            written: false,
            block: Vec::new(),
            fell_back: false,
        }
    }

    #[test]
    fn flushes_charged_slot_before_writing_the_other() {
        let next = State::new("ada", UnixTime::new(2));
        let mut settled = unflushable(false);
        assert_eq!(settled.save(next.clone(), Durability::Written), Ok(()));
        assert_eq!(settled.state(), &next);
        let mut charged = unflushable(true);
        assert!(charged.save(next, Durability::Written).is_err());
        assert_eq!(charged.state().mark, UnixTime::new(1), "nothing was written");
    }

    #[test]
    fn writes_no_state_that_is_on_disk() {
        let same = State::new("ada", UnixTime::new(1));
        let mut settled = unflushable(false);
        assert_eq!(settled.save(same.clone(), Durability::Flushed), Ok(()), "and flushes nothing");
        let charged = unflushable(true);
        let damaged = LockedState { fell_back: true, ..unflushable(false) };
        for mut locked in [charged, damaged] {
            assert!(locked.save(same.clone(), Durability::Flushed).is_err());
        }
        settled.save(State { requirement: REQUIRED, ..same.clone() }, Durability::Written).unwrap();
        assert!(
            settled.save(State { requirement: REQUIRED, ..same }, Durability::Flushed).is_err(),
            "only charged"
        );
    }

    #[test]
    fn saves_no_state_that_cannot_be_flushed() {
        let mut state = unflushable(false);
        assert!(state.save(State::new("ada", UnixTime::new(2)), Durability::Flushed).is_err());
    }

    /// A file without a name that holds `bytes`.
    fn file(bytes: &[u8]) -> File {
        let file = File::from(memfd_create("state", MFdFlags::empty()).unwrap());
        file.write_all_at(bytes, 0).unwrap();
        file
    }

    fn lock(file: File) -> Lock {
        Lock { file: Opened::unchecked(file), _shield: Shield::raise().unwrap() }
    }

    #[test]
    fn knows_that_newer_slot_was_only_charged() {
        for (format, stage, other_unflushed) in [
            (Format::One, Stage::Charged, true),
            (Format::One, Stage::Settled, false),
            (Format::Two, Stage::Charged, true),
            (Format::Two, Stage::Settled, false),
        ] {
            let state = State::new("ada", UnixTime::new(1));
            let mut bytes = Slot { generation: 1, stage, uid: 7, state }.encode(format);
            bytes.resize(STATE_FILE, 0);
            let locked = lock(file(&bytes));
            let slots = Slots::read(&locked.file).unwrap();
            let found = LockedState::of(locked, slots, PathBuf::new(), 7).unwrap();
            assert_eq!((found.format, found.other_unflushed), (format, other_unflushed), "{stage:?}");
        }
    }

    #[test]
    fn releases_lock_despite_copy_of_descriptor() {
        let file = file(b"");
        let by_another = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        let is_free = || os::lock_exclusive(&by_another, Instant::now()).is_ok();
        let copy = file.try_clone().unwrap();
        let held = Lock::take(Opened::unchecked(file), Instant::now()).unwrap();
        assert!(!is_free());
        drop(held);
        assert!(is_free());
        drop(copy);
    }

    #[test]
    fn tells_disk_fault_from_damage() {
        let directory = Opened::unchecked(File::open("/").unwrap());
        assert!(Slots::read(&directory).is_err());
    }
}
