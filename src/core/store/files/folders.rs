//! The folders of the store and their files.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::Builder;
use std::time::Instant;

use crate::fault::{Fault, FileProblem, Operation};
use crate::os::account::Account;
use crate::os::files::{self, Access, Dir, Opened, Privacy};
use crate::os::root::{Owners, Root};
use crate::paths::{FORMAT, STATES, STATES_NAME, STORE, USERS, USERS_NAME};
use crate::proof::state::State;
use crate::store::{Change, CredentialChange, Durability, Snapshot, StateError, StoreError};

use super::credential::Credential;
use super::slot::Format;
use super::state_file::{Lock, LockedState, PATIENCE, Slots, new_state_file};

/// The most threads that read records at once.
const MOST_READERS: usize = 4;
/// Fewer records are read by one.
const WORTH_A_THREAD: usize = 64;

/// What a conversion has found.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Converted {
    /// Whether one slot of the file was damaged.
    pub(crate) slot_was_damaged: bool,
}

/// The store's folder, with its descriptor. The two folders in it were checked.
pub struct Store {
    top: Dir,
}

/// Whether there is a credential of `uid` in the store below `root`. A name that exists needs no descriptor: it only
/// means that a code is asked for, and all is checked again under the lock. If it cannot be looked at, [`Store`] tells
/// why, or that there is none.
pub(crate) fn is_enrolled(root: &Root, owners: Owners, uid: u32) -> Result<bool, Fault> {
    let path = root.path(USERS).join(secret_name(uid));
    let Some(stat) = files::look_at(&path) else {
        return Store::open_of(root, owners)?.has_credential(uid);
    };
    files::check_above(&root.above(STORE), owners.system)?;
    for dir in [STORE, USERS, STATES] {
        files::check_dir(&root.path(dir), owners.store, Privacy::Secret)?;
    }
    files::check_file(&stat, owners.store, Privacy::Secret, &path)?;
    Ok(true)
}

impl Store {
    /// Opens the store below `root`. A missing or unsafe directory is an error, never "not enrolled".
    pub fn open(root: &Root) -> Result<Self, Fault> {
        Self::open_of(root, root.owners()?)
    }

    /// Opens the store below `root` for a caller that has looked up the owners.
    pub(crate) fn open_of(root: &Root, owners: Owners) -> Result<Self, Fault> {
        files::check_above(&root.above(STORE), owners.system)?;
        let top = Dir::open(root.path(STORE), owners.store, Privacy::Secret)?;
        top.check_dir(USERS_NAME)?;
        top.check_dir(STATES_NAME)?;
        Ok(Self { top })
    }

    fn users(&self) -> Result<Dir, Fault> {
        self.top.open_dir(USERS_NAME)
    }

    fn states(&self) -> Result<Dir, Fault> {
        self.top.open_dir(STATES_NAME)
    }

    /// Opens the secret file of `uid`; none if there is none (M5).
    fn open_secret(&self, uid: u32) -> Result<Option<Opened>, Fault> {
        let opened = self.top.open_file(&secret_place(uid), Access::Read)?;
        // Perhaps its folder is missing.
        if opened.is_some() { Ok(opened) } else { self.users()?.open_file(&secret_name(uid), Access::Read) }
    }

    /// Opens the state file of `uid`; none if there is none.
    fn open_state(&self, uid: u32, access: Access) -> Result<Option<Opened>, Fault> {
        let opened = self.top.open_file(&state_place(uid), access)?;
        if opened.is_some() { Ok(opened) } else { self.states()?.open_file(&uid.to_string(), access) }
    }

    /// Whether there is a credential of `uid`. It is not read here: that happens under the lock.
    pub fn has_credential(&self, uid: u32) -> Result<bool, Fault> {
        Ok(self.open_secret(uid)?.is_some())
    }

    /// The uids that have a credential, a state, or both, in rising order, and the paths of files that are not
    /// twostep's.
    pub fn uids(&self) -> Result<(Vec<u32>, Vec<PathBuf>), Fault> {
        let (mut uids, mut strays) = (Vec::new(), Vec::new());
        for (dir, suffix) in [(self.users()?, ".toml"), (self.states()?, "")] {
            for name in dir.names()? {
                match name.strip_suffix(suffix).and_then(parse_uid) {
                    Some(uid) => uids.push(uid),
                    None => strays.push(dir.path_of(&name)),
                }
            }
        }
        uids.sort_unstable();
        uids.dedup();
        Ok((uids, strays))
    }

    /// The record under `uid`, read without the lock.
    pub fn snapshot(&self, uid: u32) -> Snapshot {
        let (state, holds_grants) = match self.read_slot(uid) {
            Ok(Some((format, state))) => (Ok(Some(state)), format == Format::Two),
            Ok(None) => (Ok(None), false),
            Err(error) => (Err(error), false),
        };
        Snapshot { credential: self.read_credential(uid), state, holds_grants }
    }

    /// The records under `uids`, in this order. Several threads read them: most of the time is the kernel's.
    pub fn snapshots(&self, uids: &[u32]) -> Vec<Snapshot> {
        let read = |uids: &[u32]| -> Vec<Snapshot> { uids.iter().map(|&uid| self.snapshot(uid)).collect() };
        if uids.len() < WORTH_A_THREAD {
            return read(uids);
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_READERS);
        let each = uids.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let start = |part| (part, Builder::new().spawn_scoped(scope, move || read(part)).ok());
            let parts: Vec<_> = uids.chunks(each).map(start).collect();
            // There may be no room for a thread. One that ended by a panic has read nothing.
            let joined = parts.into_iter().map(|(part, reader)| {
                reader.and_then(|reader| reader.join().ok()).unwrap_or_else(|| read(part))
            });
            joined.flatten().collect()
        })
    }

    pub(super) fn read_credential(&self, uid: u32) -> Result<Option<Credential>, StoreError> {
        let Some(file) = self.open_secret(uid)? else { return Ok(None) };
        let path = self.top.path_of(&secret_place(uid));
        let credential = Credential::parse(&files::read(&file, &path)?);
        credential.map(Some).map_err(|error| StoreError::Credential { path, error })
    }

    pub(super) fn read_own_credential(&self, who: &Account) -> Result<Option<Credential>, StoreError> {
        let credential = self.read_credential(who.uid)?;
        credential.as_ref().map_or(Ok(()), |credential| credential.check_owner(who))?;
        Ok(credential)
    }

    /// Reads the state without the lock.
    pub(super) fn read_state(&self, uid: u32) -> Result<Option<State>, StoreError> {
        Ok(self.read_slot(uid)?.map(|(_, state)| state))
    }

    fn read_slot(&self, uid: u32) -> Result<Option<(Format, State)>, StoreError> {
        let Some(file) = self.open_state(uid, Access::Read)? else { return Ok(None) };
        let slots = Slots::read(&file).map_err(|error| self.unreadable(uid, error))?;
        let (format, slot) = slots.newest(uid).map_err(|error| self.state_error(uid, error))?;
        Ok(Some((format, slot.state)))
    }

    /// Takes the lock of `uid` and reads its state; none if it has no state.
    pub(super) fn lock(&self, uid: u32) -> Result<Option<LockedState>, StoreError> {
        let name = state_place(uid);
        let now = Instant::now();
        let deadline = now.checked_add(PATIENCE).unwrap_or(now);
        loop {
            let Some(file) = self.open_state(uid, Access::Write)? else { return Ok(None) };
            let locked = Lock::take(file, deadline).map_err(|problem| self.state_fault(uid, problem))?;
            if self.top.still_names(&name, &locked.file)? {
                let slots = Slots::read(&locked.file).map_err(|error| self.unreadable(uid, error))?;
                let path = self.top.path_of(&name);
                let state = LockedState::of(locked, slots, path, uid);
                let state = state.map_err(|error| self.state_error(uid, error))?;
                if state.is_new() {
                    // The program that gave the file its name may have been killed before that was on disk. After a power
                    // cut the name would mean the file before it, in which a code that is accepted now is unused.
                    self.states()?.flush_names()?;
                }
                return Ok(Some(state));
            }
            if Instant::now() >= deadline {
                return Err(self.state_fault(uid, FileProblem::ReplacedAgain).into());
            }
        }
    }

    /// Takes the lock of a state that this process or another has just created. The lock is on the file that exists
    /// then.
    pub(super) fn lock_created(&self, uid: u32) -> Result<LockedState, StoreError> {
        self.lock(uid)?.ok_or(StoreError::StateRemoved { uid })
    }

    /// Creates the state of `uid`, whole. The first program that locks it flushes its name. False if there is one already.
    pub(crate) fn create_state(&self, uid: u32, state: State) -> Result<bool, StoreError> {
        let format = self.format()?;
        let created = self.states()?.create(&uid.to_string(), &new_state_file(uid, state, format))?;
        // A command that converts all records may have listed them in between.
        let chosen = self.format()?;
        if created && chosen != format {
            self.convert(uid, chosen)?;
        }
        Ok(created)
    }

    /// The format of new state files. The store of an older release has no file that names it.
    pub fn format(&self) -> Result<Format, Fault> {
        let Some(file) = self.top.open_file(FORMAT, Access::Read)? else { return Ok(Format::One) };
        let path = self.top.path_of(FORMAT);
        let text = files::read(&file, &path)?;
        let format = [Format::One, Format::Two].into_iter().find(|format| text.as_slice() == format.line());
        format.ok_or_else(|| Fault::file(&path, FileProblem::UnknownFormat))
    }

    /// Gives new state files this format. Those that exist keep theirs. Fails if a later program has chosen a format that
    /// this one does not know.
    pub fn set_format(&self, format: Format) -> Result<(), Fault> {
        // An empty file has lost its content to a power cut.
        let is_empty = self.top.open_file(FORMAT, Access::Read)?.is_some_and(|file| file.length() == 0);
        if !is_empty {
            self.format()?;
        }
        self.top.replace(FORMAT, format.line())
    }

    /// Gives the state file of `uid` this format. None if it has that format, or there is none.
    pub(crate) fn convert(&self, uid: u32, format: Format) -> Result<Option<Converted>, StoreError> {
        let Some(locked) = self.lock(uid)?.filter(|locked| locked.format() != format) else {
            return Ok(None);
        };
        // A process that waits for the lock of the old file notices this and starts again.
        self.states()?.replace(&uid.to_string(), &new_state_file(uid, locked.state().clone(), format))?;
        Ok(Some(Converted { slot_was_damaged: locked.fell_back }))
    }

    /// Stores `credential` if there is none; false if there is one. The caller must hold the lock of its uid, and the
    /// state must be on disk.
    pub(crate) fn create_credential(&self, credential: &Credential) -> Result<bool, Fault> {
        let users = self.users()?;
        let created = users.create(&secret_name(credential.uid), credential.to_toml().as_bytes())?;
        users.flush_names()?;
        Ok(created)
    }

    /// Saves `change` of the record of `uid`. If it has a state, `change` must have locked it. The order makes the
    /// change all or nothing:
    ///
    /// 1. the state, without the tries and tickets that the change gives back: they stay used up;
    /// 2. the credential, whole or not at all: a first one never replaces another;
    /// 3. the final state.
    ///
    /// A credential that is removed goes last: until then the user is enrolled, and not half removed.
    pub(super) fn save(
        &self,
        uid: u32,
        locked: Option<&mut LockedState>,
        is_first: bool,
        Change { state, credential }: Change,
    ) -> Result<(), StoreError> {
        let mut state = match (locked, state) {
            (Some(locked), Some(next)) => Some((locked, next)),
            (_, None) => None,
            (None, Some(_)) => return Err(StoreError::StateRemoved { uid }),
        };
        if let CredentialChange::Stored(credential) = &credential {
            let before = state.as_ref().map(|(locked, _)| locked.state().clone());
            if let (Some((locked, next)), Some(before)) = (&mut state, &before) {
                locked.save(next.held_back(before), Durability::Flushed)?;
            }
            if !is_first {
                self.users()?.replace(&secret_name(uid), credential.to_toml().as_bytes())?;
            } else if !self.create_credential(credential)? {
                // A program that takes no lock put it there: the new recovery codes must not work for it.
                if let (Some((locked, next)), Some(before)) = (state, before) {
                    locked.save(before.burn(next.mark), Durability::Flushed)?;
                }
                return Err(StoreError::EnrolledMeanwhile);
            }
        }
        if let Some((locked, next)) = state {
            locked.save(next, Durability::Flushed)?;
        }
        if matches!(credential, CredentialChange::Removed) {
            self.users()?.remove(&secret_name(uid))?;
        }
        Ok(())
    }

    /// Replaces a state file that no program can read by `state`. False if another file has replaced it, or there is
    /// none.
    pub(super) fn replace_lost_state(&self, uid: u32, state: State) -> Result<bool, Fault> {
        let Some(file) = self.open_state(uid, Access::Read)? else { return Ok(false) };
        if !Slots::read(&file).is_ok_and(|slots| slots.are_lost()) {
            return Ok(false);
        }
        // A process that waits for the lock of the old file notices this and starts again.
        self.states()?.replace(&uid.to_string(), &new_state_file(uid, state, self.format()?))?;
        Ok(true)
    }

    fn state_fault(&self, uid: u32, problem: FileProblem) -> Fault {
        Fault::file(self.top.path_of(&state_place(uid)), problem)
    }

    fn unreadable(&self, uid: u32, error: io::Error) -> Fault {
        self.state_fault(uid, FileProblem::Failed(Operation::Read, error.into()))
    }

    fn state_error(&self, uid: u32, error: StateError) -> StoreError {
        StoreError::State { path: self.top.path_of(&state_place(uid)), uid, error }
    }
}

/// The place of the secret file in the store.
fn secret_place(uid: u32) -> String {
    format!("{USERS_NAME}/{uid}.toml")
}

/// The place of the state file in the store.
fn state_place(uid: u32) -> String {
    format!("{STATES_NAME}/{uid}")
}

fn secret_name(uid: u32) -> String {
    format!("{uid}.toml")
}

/// A uid in the form that twostep writes: without sign and leading zeros.
fn parse_uid(text: &str) -> Option<u32> {
    text.parse().ok().filter(|uid: &u32| uid.to_string() == text)
}
