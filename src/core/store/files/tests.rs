use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;

use super::folders::Converted;
use super::slot::tests::{of_later_program, of_version_3};
use super::slot::{Format, SLOT_1, SLOT_2};
use super::state_file::{BLOCK, STATE_FILE};
use super::*;
use crate::os::account;
use crate::os::root::Root;
use crate::paths::{STATES, STORE, USERS};
use crate::proof::state::Requirement;
use crate::proof::totp;
use crate::store::files;
use crate::store::{Change, CredentialChange, Durability, Record, Store as _, StoredRecord};
use crate::test_support::{REQUIRED, Scratch, ada, change, descriptors_of, phone, wait_until};
use crate::time::UnixTime;
use crate::verdict::{Occasion, Origin};

impl Scratch {
    fn state_file(&self) -> PathBuf {
        self.0.join("var/lib/twostep/state/7")
    }

    /// Returns once this process has the state file open `times` times: all but the one with the lock wait for it.
    fn wait_until_opened(&self, times: usize) {
        wait_until("the state file is opened", || descriptors_of(&self.state_file()) == times);
    }

    fn overwrite(&self, offset: u64, bytes: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(self.state_file()).unwrap();
        file.write_all_at(bytes, offset).unwrap();
    }
}

/// A root of each format.
fn scratches(name: &str) -> [Scratch; 2] {
    [Scratch::new(name), Scratch::of_format_1(&format!("{name}-1"))]
}

/// The most bytes that the slot of a block and its header have.
const LONGEST: usize = SLOT_1 + SLOT_2;

/// The credential of ada: a phone with the secret of RFC 4226 appendix D.
fn credential() -> Credential {
    Credential {
        uid: 7,
        name: "ada".to_owned(),
        id: "an id".to_owned(),
        authenticators: vec![phone("phone")],
    }
}

fn marked(seconds: u64) -> State {
    State::new("ada", UnixTime::new(seconds))
}

fn mark(store: &Store) -> u64 {
    store.read_state(7).unwrap().unwrap().mark.seconds()
}

#[test]
fn writes_older_slot_and_keeps_the_other() {
    for scratch in scratches("slots") {
        let store = scratch.store();
        assert!(store.create_state(7, marked(1)).unwrap());
        assert!(!store.create_state(7, marked(9)).unwrap(), "there is one already");
        for (login, other) in [(2, 0), (3, BLOCK), (4, 0)] {
            let before = fs::read(scratch.state_file()).unwrap();
            let mut locked = store.lock(7).unwrap().unwrap();
            locked.save(marked(login), Durability::Written).unwrap();
            locked.save(marked(login), Durability::Flushed).unwrap();
            let after = fs::read(scratch.state_file()).unwrap();
            let slot = other as usize..other as usize + LONGEST;
            assert_eq!(before[slot.clone()], after[slot], "login {login}");
            assert_eq!((mark(&store), after.len()), (login, STATE_FILE));
        }
    }
}

#[test]
fn writes_flushed_slot_only_once_under_a_lock() {
    for scratch in scratches("turn") {
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        let mut locked = store.lock(7).unwrap().unwrap();
        locked.save(marked(2), Durability::Flushed).unwrap();
        let flushed = fs::read(scratch.state_file()).unwrap();
        locked.save(marked(3), Durability::Flushed).unwrap();
        let after = fs::read(scratch.state_file()).unwrap();
        assert_eq!(flushed[BLOCK as usize..], after[BLOCK as usize..]);
        assert_eq!(mark(&store), 3);
    }
}

#[test]
fn falls_back_to_other_slot_if_one_is_torn() {
    for scratch in scratches("torn") {
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        store.lock(7).unwrap().unwrap().save(marked(2), Durability::Flushed).unwrap();
        scratch.overwrite(BLOCK + 24, &[0xff; 3]);
        assert_eq!(mark(&store), 1);
        assert!(store.lock(7).unwrap().unwrap().fell_back);
        // The next login repairs it: it writes the damaged slot, not the good one.
        store.lock(7).unwrap().unwrap().save(marked(3), Durability::Flushed).unwrap();
        scratch.overwrite(0, &[0; LONGEST]);
        assert_eq!(mark(&store), 3);
    }
}

#[test]
fn reports_unreadable_state_and_never_replaces_it() {
    for scratch in scratches("damaged") {
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        let is_damaged = |length: u64| {
            fs::OpenOptions::new().write(true).open(scratch.state_file()).unwrap().set_len(length).unwrap();
            store.lock(7).err().unwrap().to_string().contains("is damaged")
        };
        for length in [8193, 8191, LONGEST as u64] {
            assert!(is_damaged(length), "a whole slot in {length} bytes");
        }
        scratch.overwrite(0, &[0; LONGEST]);
        for length in [STATE_FILE as u64, 8193, 8191, SLOT_1 as u64, 1, 0] {
            assert!(is_damaged(length), "{length}");
        }
        assert!(store.replace_lost_state(7, marked(5)).unwrap());
        assert_eq!(mark(&store), 5);
        assert!(!store.replace_lost_state(7, marked(6)).unwrap(), "it can be read");
        assert_eq!(mark(&store), 5);
    }
}

#[test]
fn takes_new_file_if_replaced_during_wait_for_lock() {
    for scratch in scratches("replaced") {
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        let held = store.lock(7).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| store.lock(7).unwrap().unwrap().state().clone());
            scratch.wait_until_opened(2);
            [0, BLOCK].iter().for_each(|slot| scratch.overwrite(*slot, &[0; LONGEST]));
            assert!(store.replace_lost_state(7, marked(5)).unwrap());
            drop(held);
            assert_eq!(waiting.join().unwrap(), marked(5));
        });
    }
}

#[test]
fn denies_if_either_slot_is_of_a_later_version() {
    for (later, refusal) in [(of_version_3(), "version 3"), (of_later_program(), "newer version")] {
        for scratch in scratches("version") {
            let store = scratch.store();
            store.create_state(7, marked(1)).unwrap();
            store.lock(7).unwrap().unwrap().save(marked(2), Durability::Flushed).unwrap();
            scratch.overwrite(0, &later);
            let refused = || store.lock(7).err().unwrap().to_string();
            assert!(refused().contains(refusal), "{}", refused());
            assert!(!store.replace_lost_state(7, marked(5)).unwrap(), "a later program can read it");
            assert!(store.convert(7, Format::One).is_err() && store.convert(7, Format::Two).is_err());
            let file = fs::OpenOptions::new().write(true).open(scratch.state_file()).unwrap();
            file.set_len(16_384).unwrap();
            assert!(refused().contains(refusal), "of whatever length");
            assert!(!store.replace_lost_state(7, marked(5)).unwrap());
        }
    }
}

/// If the next login kept the damaged header, no program could read the slot after it.
#[test]
fn writes_damaged_header_of_format_2_again() {
    let scratch = Scratch::new("header");
    let store = scratch.store();
    store.create_state(7, marked(1)).unwrap();
    scratch.overwrite(BLOCK + 9, &[1]);
    assert!(store.lock(7).unwrap().unwrap().fell_back);
    store.lock(7).unwrap().unwrap().save(marked(2), Durability::Flushed).unwrap();
    assert!(!store.lock(7).unwrap().unwrap().fell_back);
    assert_eq!(mark(&store), 2);
}

#[test]
fn creates_state_in_format_of_store() {
    let layout = |scratch: &Scratch| {
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        store.lock(7).unwrap().unwrap().format()
    };
    assert_eq!(scratches("layout").each_ref().map(layout), [Format::Two, Format::One]);
    let scratch = Scratch::new("layout-unknown");
    for text in ["3\n", "2", "", "22\n"] {
        fs::write(scratch.0.join("var/lib/twostep/format"), text).unwrap();
        assert!(scratch.store().create_state(7, marked(1)).is_err(), "{text:?}");
        // A later release has written it, or power was lost while this one did.
        assert_eq!(scratch.store().set_format(Format::Two).is_ok(), text.is_empty(), "{text:?}");
    }
    assert!(!scratch.state_file().exists());
}

#[test]
fn converts_state_whole_in_both_directions() {
    let granted = Some(Occasion { at: UnixTime::new(9), from: Origin::new("sshd", "192.0.2.7") });
    let state = State { granted, requirement: REQUIRED, ..marked(5) };
    let scratch = Scratch::new("convert");
    let store = scratch.store();
    let converted = |slot_was_damaged| Ok(Some(Converted { slot_was_damaged }));
    assert_eq!(store.convert(7, Format::Two), Ok(None), "there is none");
    store.create_state(7, state.clone()).unwrap();
    assert_eq!(store.convert(7, Format::Two), Ok(None), "it is of that format");
    assert!(store.snapshot(7).holds_grants);
    assert_eq!(store.convert(7, Format::One), converted(false));
    let kept = State { granted: None, requirement: Some(Requirement { since: None }), ..state };
    assert_eq!(store.read_state(7).unwrap(), Some(kept.clone()), "format 1 has no room for the rest");
    assert!(!store.snapshot(7).holds_grants);
    // A login keeps the format.
    store.lock(7).unwrap().unwrap().save(kept.clone(), Durability::Flushed).unwrap();
    assert_eq!(store.convert(7, Format::One), Ok(None));
    assert_eq!(store.convert(7, Format::Two), converted(false));
    assert_eq!(store.read_state(7).unwrap(), Some(kept));
    scratch.overwrite(BLOCK, &[1]);
    assert_eq!(store.convert(7, Format::One), converted(true));
}

/// A login that waits for the lock while the file is converted must not write to the old file. Which of the two gets the
/// lock first is chance.
#[test]
fn uses_converted_file_after_wait_for_lock() {
    let mut converted_first = false;
    while !converted_first {
        let scratch = Scratch::of_format_1("convert-waited");
        let store = scratch.store();
        store.create_state(7, marked(1)).unwrap();
        let held = store.lock(7).unwrap();
        thread::scope(|scope| {
            let converting = scope.spawn(|| store.convert(7, Format::Two).unwrap());
            let waiting = scope.spawn(|| {
                let mut locked = store.lock(7).unwrap().unwrap();
                locked.save(marked(30), Durability::Flushed).unwrap();
                locked.format()
            });
            scratch.wait_until_opened(3);
            drop(held);
            assert!(converting.join().unwrap().is_some());
            converted_first = waiting.join().unwrap() == Format::Two;
        });
        assert_eq!(mark(&store), 30);
        assert_eq!(store.lock(7).unwrap().unwrap().format(), Format::Two);
    }
}

#[test]
fn refuses_state_of_another_uid() {
    for scratch in scratches("uid") {
        let store = scratch.store();
        store.create_state(8, marked(1)).unwrap();
        fs::rename(scratch.0.join("var/lib/twostep/state/8"), scratch.state_file()).unwrap();
        assert!(store.lock(7).err().unwrap().to_string().contains("is the state of uid 8"));
    }
}

#[test]
fn lets_reused_name_or_uid_inherit_nothing() {
    let root = account::by_uid(0).unwrap().unwrap();
    assert!(check_state(&State::new("root", UnixTime::new(0)), &root).is_ok());
    let error = check_state(&marked(0), &root).unwrap_err();
    assert!(error.to_string().contains("belongs to 'ada'"), "{error}");
}

#[test]
fn counts_only_files_of_twostep_as_enrolled() {
    let scratch = Scratch::new("uids");
    let store = scratch.store();
    store.create_state(9, marked(1)).unwrap();
    store.create_state(10, marked(1)).unwrap();
    let users = scratch.0.join("var/lib/twostep/users");
    fs::write(users.join("7.toml"), "").unwrap();
    assert_eq!(store.uids().unwrap(), (vec![7, 9, 10], vec![]));
    let strays = ["-1.toml", "07.toml", "4294967296.toml", "7", "x.toml"];
    strays.iter().for_each(|stray| fs::write(users.join(stray), "").unwrap());
    assert_eq!(store.uids().unwrap(), (vec![7, 9, 10], strays.map(|stray| users.join(stray)).to_vec()));
}

#[test]
fn stores_credential_once_and_lets_owner_replace_it() {
    let scratch = Scratch::new("credential");
    let store = scratch.store();
    assert!(store.credential(&ada()).unwrap().is_none() && !store.has_credential(7).unwrap());
    assert!(store.create_credential(&credential()).unwrap());
    assert!(!store.create_credential(&credential()).unwrap(), "there is one already");
    assert!(store.has_credential(7).unwrap());

    let two = Credential { authenticators: vec![phone("phone"), phone("tablet")], ..credential() };
    let eve = Account { name: "eve".to_owned(), ..ada() };
    let replaced = |credential: &Credential| Change {
        state: None,
        credential: CredentialChange::Stored(credential.clone()),
    };
    change(&store, |_, _| replaced(&two));
    assert_eq!(store.credential(&ada()).unwrap().unwrap().authenticators.len(), 2);
    assert!(matches!(store.credential(&eve), Err(StoreError::NotTheirs(_))));
    assert!(matches!(store.open(&eve, |_| UnixTime::new(0)), Err(StoreError::NotTheirs(_))));

    change(&store, |_, _| Change { state: None, credential: CredentialChange::Removed });
    assert!(!store.has_credential(7).unwrap());
}

#[test]
fn creates_missing_state_with_present_codes_used_up() {
    for scratch in scratches("record") {
        let store = scratch.store();
        let fresh = |authenticators: &[_]| totp::window_end(authenticators, UnixTime::new(100), 1);
        let open = || store.open(&ada(), fresh).unwrap();
        assert!(open().is_none());
        assert!(store.read_state(7).unwrap().is_none(), "nothing was created");
        store.create_credential(&credential()).unwrap();
        let mut record = open().unwrap();
        assert!(record.remark().unwrap().contains("had no state"));
        assert_eq!((record.state(), record.credential().unwrap().id.as_str()), (&marked(120), "an id"));
        record.advance(Durability::Flushed, |_| Ok(marked(150))).unwrap().unwrap();
        drop(record);
        let record = open().unwrap();
        assert_eq!((record.state(), record.remark()), (&marked(150), None));
        drop(record);
        scratch.overwrite(BLOCK, &[0xff]);
        assert!(open().unwrap().remark().unwrap().contains("was damaged"));
    }
}

#[test]
fn reports_folder_that_vanished_never_as_not_enrolled() {
    let scratch = Scratch::new("vanished");
    let store = scratch.store();
    assert_eq!((store.has_credential(7).unwrap(), store.lock(7).unwrap().is_none()), (false, true));
    for folder in ["users", "state"] {
        fs::remove_dir(scratch.0.join("var/lib/twostep").join(folder)).unwrap();
    }
    assert!(store.has_credential(7).is_err() && store.lock(7).is_err());
}

#[test]
fn looks_for_credential_only_in_checked_folders() {
    let scratch = Scratch::new("peek");
    let root = Root::at(&scratch.0).unwrap();
    let is_enrolled = || files::is_enrolled(&root, root.owners().unwrap(), 7);
    assert_eq!(is_enrolled(), Ok(false));
    scratch.store().create_credential(&credential()).unwrap();
    assert_eq!(is_enrolled(), Ok(true));
    for place in ["var", "var/lib", STORE, USERS, STATES, "var/lib/twostep/users/7.toml"] {
        let path = root.path(place);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(before.mode() | 0o020)).unwrap();
        assert!(is_enrolled().is_err(), "{place}");
        fs::set_permissions(&path, before).unwrap();
    }
    assert_eq!(is_enrolled(), Ok(true));
}

#[test]
fn reports_missing_store_never_as_not_enrolled() {
    for missing in ["users", "state"] {
        let scratch = Scratch::new(&format!("missing-{missing}"));
        fs::remove_dir(scratch.0.join("var/lib/twostep").join(missing)).unwrap();
        assert!(Store::open(&Root::at(&scratch.0).unwrap()).is_err());
    }
    assert!(Store::open(&Root::at(&std::env::temp_dir().join("no-such-root")).unwrap()).is_err());
}
