//! A store for the tests that behaves like a cluster: a record is replaced by compare-and-swap, over a network that
//! loses requests and answers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::os::account::Account;
use crate::proof::state::State;
use crate::proof::totp::Authenticator;
use crate::store::files::credential::Credential;
use crate::store::not_theirs::check_state;
use crate::store::{
    Advanced, Change, CredentialChange, Durability, Record, Snapshot, StateError, Store, StoreError,
    StoredRecord, UncheckedRecord,
};
use crate::time::UnixTime;
use crate::verdict::Denial;

/// The most tries of a write.
const TRIES: usize = 50;
/// No member answers, or the outcome of a write stays unknown.
pub(super) const UNKNOWN: StoreError = StoreError::StateRemoved { uid: 0 };
/// Of 100 writes, how many are lost, how many succeed without an answer, and how many arrive later.
const LOST: u64 = 7;
const SILENT: u64 = 7;
const LATE: u64 = 6;

/// A record on the servers.
#[derive(Clone, Default)]
struct Kept {
    /// Counts writes.
    revision: u64,
    credential: Option<Credential>,
    state: Option<State>,
    /// The ids of the writes that led to it.
    ids: Vec<u64>,
}

impl Kept {
    fn is_empty(&self) -> bool {
        self.credential.is_none() && self.state.is_none()
    }

    fn check_owner(&self, who: &Account) -> Result<(), StoreError> {
        self.state.as_ref().map_or(Ok(()), |state| check_state(state, who))?;
        Ok(self.credential.as_ref().map_or(Ok(()), |credential| credential.check_owner(who))?)
    }

    fn has_credential_of(&self, other: &Self) -> bool {
        let text = |kept: &Self| kept.credential.as_ref().map(Credential::to_toml);
        text(self) == text(other)
    }

    fn with(&self, change: Change) -> Self {
        let credential = match change.credential {
            CredentialChange::Kept => self.credential.clone(),
            CredentialChange::Stored(credential) => Some(credential),
            CredentialChange::Removed => None,
        };
        Self { credential, state: change.state.or_else(|| self.state.clone()), ..self.clone() }
    }
}

/// The answer to a write that reaches the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    LostRace,
    Unknown,
}

#[derive(Default)]
struct Servers {
    kept: BTreeMap<u32, Kept>,
    /// Requests that are still under way: the uid, the revision that they replace, and the new record.
    late: Vec<(u32, u64, Kept)>,
    ids: u64,
    is_damaged: bool,
}

impl Servers {
    fn swap(&mut self, uid: u32, revision: u64, next: Kept) -> Answer {
        let kept = self.kept.entry(uid).or_default();
        if kept.revision != revision {
            return Answer::LostRace;
        }
        *kept = next;
        Answer::Done
    }
}

/// The servers.
#[derive(Clone, Default)]
pub(super) struct Cluster(Arc<Mutex<Servers>>);

impl Cluster {
    fn servers<T>(&self, act: impl FnOnce(&mut Servers) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn spoil(&self) {
        self.servers(|servers| servers.is_damaged = true);
    }

    pub(super) fn put(&self, uid: u32, credential: Option<Credential>, state: Option<State>) {
        self.servers(|servers| {
            let kept = servers.kept.entry(uid).or_default();
            kept.revision += 1;
            kept.credential = credential.or(kept.credential.take());
            kept.state = state.or(kept.state.take());
        });
    }

    /// A host whose network behaves as this seed determines.
    pub(super) fn host(&self, seed: u64) -> Host {
        Host { cluster: self.clone(), random: Cell::new(seed), faults: LOST + SILENT + LATE, forgets: false }
    }
}

/// One of the hosts that share the cluster.
pub(super) struct Host {
    cluster: Cluster,
    random: Cell<u64>,
    /// Of 100 writes, how many fail.
    faults: u64,
    forgets: bool,
}

impl Host {
    /// This host with a mistake: after a lost race, it forgets that an earlier write of its own may have been applied.
    pub(super) fn that_forgets(self) -> Self {
        Self { forgets: true, ..self }
    }

    /// This host with a network that loses nothing.
    pub(super) fn without_faults(self) -> Self {
        Self { faults: 0, ..self }
    }

    /// The next of the numbers below 100 (splitmix64).
    fn percent(&self) -> u64 {
        self.random.set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mixed = self.random.get();
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 100
    }

    /// Requests that are under way arrive at some time.
    fn wait_a_little(&self) {
        if self.percent() < 50 {
            self.cluster.servers(|servers| {
                for (uid, revision, next) in std::mem::take(&mut servers.late) {
                    servers.swap(uid, revision, next);
                }
            });
        }
    }

    fn read(&self, uid: u32) -> Result<Kept, StoreError> {
        self.wait_a_little();
        let damaged = StoreError::State { path: "cluster".into(), uid, error: StateError::Damaged };
        self.cluster.servers(|servers| {
            if servers.is_damaged {
                Err(damaged)
            } else {
                Ok(servers.kept.get(&uid).cloned().unwrap_or_default())
            }
        })
    }

    fn read_own(&self, who: &Account) -> Result<Kept, StoreError> {
        let kept = self.read(who.uid)?;
        kept.check_owner(who)?;
        Ok(kept)
    }

    fn swap(&self, uid: u32, revision: u64, next: Kept) -> Answer {
        self.wait_a_little();
        let fate = self.percent();
        self.cluster.servers(|servers| match fate {
            _ if fate >= self.faults => servers.swap(uid, revision, next),
            _ if fate < LOST => Answer::Unknown,
            _ if fate < LOST + SILENT => {
                servers.swap(uid, revision, next);
                Answer::Unknown
            }
            _ => {
                servers.late.push((uid, revision, next));
                Answer::Unknown
            }
        })
    }

    /// Replaces `seen` by the result of `next`, once (ST4, ST7, ST8). If another write came first, `next` runs again.
    fn save<T, E: From<StoreError>>(
        &self,
        uid: u32,
        seen: &mut Kept,
        next: impl Fn(&Kept) -> Result<(Kept, T), E>,
    ) -> Result<T, E> {
        let id = self.cluster.servers(|servers| {
            servers.ids += 1;
            servers.ids
        });
        let mut is_in_doubt = false;
        for _ in 0..TRIES {
            let (mut kept, told) = next(seen)?;
            kept.revision = seen.revision + 1;
            kept.ids.push(id);
            let answer = self.swap(uid, seen.revision, kept.clone());
            if answer == Answer::Done {
                *seen = kept;
                return Ok(told);
            }
            is_in_doubt |= answer == Answer::Unknown;
            let looks = if self.forgets { answer == Answer::Unknown } else { is_in_doubt };
            *seen = self.read(uid)?;
            if looks && seen.ids.contains(&id) {
                return Ok(told);
            }
        }
        Err(UNKNOWN.into())
    }

    fn held<'s>(&'s self, who: &Account, seen: Kept) -> Held<'s> {
        Held { host: self, uid: who.uid, who: Some(who.clone()), seen }
    }
}

/// A record that was read. A save replaces it, or a later version of it.
pub(super) struct Held<'s> {
    host: &'s Host,
    uid: u32,
    /// The account that it must belong to; none if that is not checked.
    who: Option<Account>,
    seen: Kept,
}

/// Why a state was not saved.
enum Unsaved {
    Refused(Denial),
    Failed(StoreError),
}

impl From<StoreError> for Unsaved {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Held<'_> {
    fn save<T, E: From<StoreError>>(&mut self, next: impl Fn(&Kept) -> Result<(Kept, T), E>) -> Result<T, E> {
        self.host.save(self.uid, &mut self.seen, |kept| {
            self.who.as_ref().map_or(Ok(()), |who| kept.check_owner(who))?;
            next(kept)
        })
    }
}

/// The state of a record that was opened for its account, which has existed since then.
fn state_of(kept: &Kept) -> Result<&State, StoreError> {
    kept.state.as_ref().ok_or(UNKNOWN)
}

impl Record for Held<'_> {
    fn credential(&self) -> Option<&Credential> {
        self.seen.credential.as_ref()
    }

    fn state(&self) -> &State {
        self.seen.state.as_ref().unwrap()
    }

    fn advance(&mut self, _: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced {
        let opened = self.seen.clone();
        let saved = self.save(|kept| {
            if !kept.has_credential_of(&opened) {
                return Err(Unsaved::Failed(UNKNOWN)); // ST9
            }
            let state = next(state_of(kept)?).map_err(Unsaved::Refused)?;
            Ok((kept.with(Change::state(state)), ()))
        });
        match saved {
            Ok(()) => Ok(Ok(())),
            Err(Unsaved::Refused(denial)) => Ok(Err(denial)),
            Err(Unsaved::Failed(error)) => Err(error),
        }
    }

    /// A write that a member has accepted is on the disks of most members.
    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl StoredRecord for Held<'_> {
    fn remark(&self) -> Option<&'static str> {
        None
    }

    fn change<T, E: From<StoreError>>(
        mut self,
        next: impl Fn(Option<&Credential>, &State) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        self.save(|kept| {
            let (change, told) = next(kept.credential.as_ref(), state_of(kept)?)?;
            Ok((kept.with(change), told))
        })
    }
}

impl UncheckedRecord for Held<'_> {
    fn change<T, E: From<StoreError>>(
        mut self,
        next: impl Fn(&Snapshot) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        self.save(|kept| {
            let state = Ok(kept.state.clone());
            let stored = Snapshot { credential: Ok(kept.credential.clone()), state, holds_grants: true };
            let (change, told) = next(&stored)?;
            if change.state.is_some() {
                state_of(kept)?;
            }
            Ok((kept.with(change), told))
        })
    }
}

impl Store for Host {
    type Record<'s> = Held<'s>;
    type Unchecked<'s> = Held<'s>;

    fn is_enrolled(&self, who: &Account) -> Result<bool, StoreError> {
        Ok(self.read(who.uid)?.credential.is_some())
    }

    fn is_required(&self, who: &Account) -> Result<bool, StoreError> {
        let state = self.read(who.uid)?.state.filter(|state| state.requirement.is_some());
        state.as_ref().map_or(Ok(()), |state| check_state(state, who))?;
        Ok(state.is_some())
    }

    fn credential(&self, who: &Account) -> Result<Option<Credential>, StoreError> {
        let kept = Kept { state: None, ..self.read(who.uid)? };
        kept.check_owner(who)?;
        Ok(kept.credential)
    }

    fn state(&self, who: &Account) -> Result<Option<State>, StoreError> {
        let kept = Kept { credential: None, ..self.read(who.uid)? };
        kept.check_owner(who)?;
        Ok(kept.state)
    }

    fn snapshot(&self, uid: u32) -> Snapshot {
        match self.read(uid) {
            Ok(kept) => {
                Snapshot { credential: Ok(kept.credential), state: Ok(kept.state), holds_grants: true }
            }
            Err(error) => Snapshot { credential: Err(error.clone()), state: Err(error), holds_grants: false },
        }
    }

    fn open(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Option<Held<'_>>, StoreError> {
        if self.read_own(who)?.is_empty() {
            return Ok(None);
        }
        self.open_or_create(who, fresh).map(Some)
    }

    fn open_or_create(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Held<'_>, StoreError> {
        let mut held = self.held(who, self.read_own(who)?);
        if held.seen.state.is_none() {
            held.save(|kept| {
                let there = kept.credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
                let made = || State::new(&who.name, fresh(there));
                let state = kept.state.clone().unwrap_or_else(made);
                Ok::<_, StoreError>((kept.with(Change::state(state)), ()))
            })?;
        }
        Ok(held)
    }

    fn open_unchecked(&self, uid: u32) -> Result<Option<Held<'_>>, StoreError> {
        let seen = self.read(uid)?;
        Ok((!seen.is_empty()).then(|| Held { host: self, uid, who: None, seen }))
    }

    /// A record that cannot be read here must not be replaced by any program.
    fn replace_lost_state(&self, _: u32, _: State) -> Result<bool, StoreError> {
        Ok(false)
    }
}
