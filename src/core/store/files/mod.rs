//! What is stored for each account: a secret file and a state file, both named by the uid.
//!
//! M1 A file MUST be opened relative to its directory's descriptor, without following links.
//! M2 Owner, mode, type and link count MUST be checked on the descriptor that is then read.
//! M3 An accepted step MUST be on disk before `save` with [`Durability::Flushed`] returns.
//! M4 A file that does not parse MUST deny the login; it MUST NOT be replaced by a default.
//! M5 "Not enrolled" MUST mean that both directories passed their checks and the name gave ENOENT. Every other error denies.
//! M6 A login MUST write only the older slot, so that a torn write falls back to the other, which was flushed before.
//! M7 A slot MUST be called settled only after it was flushed; who finds the newer slot only charged MUST flush it before
//!    writing the other one.
//! M8 The lock MUST be held from reading the state to the last write, and be on the file that the name means.
//! M9 Whoever started the host MUST NOT be able to stop it while it holds the lock.
//! M10 At an enrollment the state MUST be on disk before the secret, and a first secret MUST NOT replace another.

pub mod credential;
mod enroll;
pub mod slot;
mod state_file;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::fault::{Fault, FileProblem, Operation};
use crate::os::account::Account;
use crate::os::files::{self, Access, Dir, Privacy};
use crate::os::root::{Owners, Root};
use crate::paths::{STATES, STORE, USERS};
use crate::proof::state::State;
use crate::proof::totp;
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::not_theirs::{NotTheirs, Part};
use super::{Durability, Record, StateError, StateRecord, StoreError};

use credential::Credential;
pub use state_file::LockedState;
use state_file::{Lock, PATIENCE, Slots, new_state_file};

/// The two directories, checked.
pub struct Store {
    users: Dir,
    states: Dir,
}

impl Store {
    /// Opens the store below `root`. A missing or unsafe directory is an error, never "nobody is enrolled".
    pub fn open(root: &Root) -> Result<Self, Fault> {
        Self::open_of(root, root.owners()?)
    }

    /// The same, by whoever has looked up the owners.
    pub(crate) fn open_of(root: &Root, owners: Owners) -> Result<Self, Fault> {
        files::check_above(&root.above(STORE), owners.system)?;
        files::check_private(&root.path(STORE), owners.store)?;
        let open = |path: &str| Dir::open(root.path(path), owners.store, Privacy::Secret);
        Ok(Self { users: open(USERS)?, states: open(STATES)? })
    }

    /// Whether `uid` has a credential. It is not read: that happens under the lock.
    pub fn is_enrolled(&self, uid: u32) -> Result<bool, Fault> {
        Ok(self.users.open_file(&secret_name(uid), Access::Read)?.is_some())
    }

    /// The uids that have a credential, a state, or both, in rising order, and the paths of files that are not twostep's.
    pub fn uids(&self) -> Result<(Vec<u32>, Vec<PathBuf>), Fault> {
        let (mut uids, mut strays) = (Vec::new(), Vec::new());
        for (dir, suffix) in [(&self.users, ".toml"), (&self.states, "")] {
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

    /// Reads the credential of `uid`, if there is one.
    pub fn credential(&self, uid: u32) -> Result<Option<Credential>, StoreError> {
        let name = secret_name(uid);
        let Some(file) = self.users.open_file(&name, Access::Read)? else { return Ok(None) };
        let path = self.users.path_of(&name);
        let credential = Credential::parse(&files::read(&file, &path)?);
        credential.map(Some).map_err(|error| StoreError::Credential { path, error })
    }

    /// Reads the credential of `account`, which must be there and be theirs.
    pub(crate) fn owned_credential(&self, account: &Account) -> Result<Credential, Denial> {
        let credential = self.credential(account.uid)?.ok_or(NOT_ENROLLED)?;
        credential.check_owner(account)?;
        Ok(credential)
    }

    /// Reads the state of `uid`, if there is one, without the lock: for showing, not for deciding.
    pub fn state(&self, uid: u32) -> Result<Option<State>, StoreError> {
        let name = uid.to_string();
        let Some(file) = self.states.open_file(&name, Access::Read)? else { return Ok(None) };
        let slots = Slots::read(&file).map_err(|error| self.unreadable(uid, error))?;
        let newest = slots.newest(uid).map_err(|error| self.state_error(uid, error))?;
        Ok(Some(newest.state.clone()))
    }

    /// Takes the lock of `uid` and reads its state; none if it has no state.
    pub fn lock(&self, uid: u32) -> Result<Option<LockedState>, StoreError> {
        let name = uid.to_string();
        let now = Instant::now();
        let deadline = now.checked_add(PATIENCE).unwrap_or(now);
        loop {
            let Some(file) = self.states.open_file(&name, Access::Write)? else { return Ok(None) };
            let locked = Lock::take(file, deadline).map_err(|problem| self.state_fault(uid, problem))?;
            if self.states.still_names(&name, &locked.file)? {
                let slots = Slots::read(&locked.file).map_err(|error| self.unreadable(uid, error))?;
                let path = self.states.path_of(&name);
                let state = LockedState::of(locked, &slots, path, uid);
                return state.map(Some).map_err(|error| self.state_error(uid, error));
            }
            if Instant::now() >= deadline {
                return Err(self.state_fault(uid, FileProblem::ReplacedAgain).into());
            }
        }
    }

    /// Creates the state of `uid`, whole and on disk. False if there is one already.
    pub(crate) fn create_state(&self, uid: u32, state: State) -> Result<bool, Fault> {
        self.states.create(&uid.to_string(), &new_state_file(uid, state))
    }

    /// Whether the state of `uid` can be read by no program, so that replacing it loses nothing.
    pub(crate) fn is_state_lost(&self, uid: u32) -> Result<bool, Fault> {
        let file = self.states.open_file(&uid.to_string(), Access::Read)?;
        Ok(file.is_some_and(|file| Slots::read(&file).is_ok_and(|slots| slots.are_lost())))
    }

    /// Puts `state` in place of a state file that cannot be read. Who waits for the old file's lock notices and starts over.
    pub(crate) fn replace_state(&self, uid: u32, state: State) -> Result<(), Fault> {
        self.states.replace(&uid.to_string(), &new_state_file(uid, state))
    }

    /// Stores `credential` where there is none; false if there is one. The caller holds the lock of its uid, and the state
    /// is on disk.
    pub(crate) fn create_credential(&self, credential: &Credential) -> Result<bool, Fault> {
        self.users.create(&secret_name(credential.uid), credential.to_toml().as_bytes())
    }

    /// Stores `credential` in place of what is there. The caller holds the lock of `account`, and the state is on disk.
    pub(crate) fn write_credential(
        &self,
        account: &Account,
        credential: &Credential,
    ) -> Result<(), StoreError> {
        credential.check_owner(account)?;
        Ok(self.users.replace(&secret_name(account.uid), credential.to_toml().as_bytes())?)
    }

    /// Forgets the credential of `uid`; false if there was none. The caller holds the lock of the uid.
    pub(crate) fn remove_credential(&self, uid: u32) -> Result<bool, Fault> {
        self.users.remove(&secret_name(uid))
    }

    fn state_fault(&self, uid: u32, problem: FileProblem) -> Fault {
        Fault::file(self.states.path_of(&uid.to_string()), problem)
    }

    fn unreadable(&self, uid: u32, error: io::Error) -> Fault {
        self.state_fault(uid, FileProblem::Failed(Operation::Read, error.into()))
    }

    fn state_error(&self, uid: u32, error: StateError) -> StoreError {
        StoreError::State { path: self.states.path_of(&uid.to_string()), uid, error }
    }
}

fn secret_name(uid: u32) -> String {
    format!("{uid}.toml")
}

/// A uid as we write it: without sign and leading zeros.
fn parse_uid(text: &str) -> Option<u32> {
    text.parse().ok().filter(|uid: &u32| uid.to_string() == text)
}

/// Fails unless `state` is the state of `account`: a re-used uid must not inherit failures or requirements.
pub(crate) fn check_state_owner(state: &State, account: &Account) -> Result<(), NotTheirs> {
    if state.name == account.name {
        return Ok(());
    }
    Err(NotTheirs {
        part: Part::State,
        stored: state.name.clone(),
        stored_uid: account.uid,
        account: account.name.clone(),
        uid: account.uid,
    })
}

/// The credential was there when the person was asked, and is gone.
const NOT_ENROLLED: Denial = Denial::NotEnrolled { cause: None };

/// A record of the local store.
pub struct LocalRecord {
    state: LockedState,
    credential: Credential,
    /// What an administrator must know of it.
    pub remark: Option<&'static str>,
}

impl LocalRecord {
    /// Locks the record of `account` and reads it anew. A credential without a state (configuration management, a partial
    /// restore) gets one whose mark lies at the end of the window of `now`: the codes of this moment are used up.
    pub fn open(store: &Store, account: &Account, skew: u64, now: UnixTime) -> Result<Self, Denial> {
        let mut remark = None;
        let state = match store.lock(account.uid)? {
            Some(state) => state,
            None => {
                let credential = store.credential(account.uid)?.ok_or(NOT_ENROLLED)?;
                let mark = totp::window_end(&credential.authenticators, now, skew);
                if store.create_state(account.uid, State::new(&account.name, mark))? {
                    remark = Some(
                        "a credential had no state: created one, which counts the present codes as used",
                    );
                }
                let gone = || StoreError::StateRemoved { uid: account.uid };
                store.lock(account.uid)?.ok_or_else(gone)?
            }
        };
        check_state_owner(state.state(), account)?;
        let credential = store.owned_credential(account)?;
        if state.fell_back {
            remark =
                Some("one slot of the state was damaged (power loss or a disk fault): used the older one");
        }
        Ok(Self { state, credential, remark })
    }
}

impl Record for LocalRecord {
    fn credential(&self) -> &Credential {
        &self.credential
    }
}

impl StateRecord for LocalRecord {
    fn state(&self) -> &State {
        self.state.state()
    }

    fn save(&mut self, next: State, how: Durability) -> Result<(), Denial> {
        Ok(self.state.save(next, how)?)
    }
}

#[cfg(test)]
mod tests;
