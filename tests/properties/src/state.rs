use std::fs;

use twostep_core::os::account::Account;
use twostep_core::os::root::Root;
use twostep_core::proof::state::State;
use twostep_core::store::files::Store;
use twostep_core::store::files::slot::{SLOT, Slot, Unreadable};
use twostep_core::store::{Durability, Record, Store as _};
use twostep_core::time::UnixTime;
use twostep_tests::{World, plant, seal};

const UID: u32 = 70_001;
/// The number of bytes between the starts of the two slots.
pub const BLOCK: usize = 4096;

/// A generation that is never reached.
const MOST_WRITES: u64 = u64::MAX - 16;

/// A state file. The first byte selects which slots get a valid checksum and whether the file is too short; the two slots
/// follow. A decoded slot is encoded as the same bytes. The newer valid slot is used, or none. A saved state is read again,
/// and the other slot is unchanged. An unreadable file is unchanged.
pub fn state(bytes: &[u8]) {
    thread_local!(static WORLD: World = World::new());
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let slots = [(0, choice & 1), (SLOT, choice & 2)].map(|(from, sealed)| slot(bytes, from, sealed != 0));
    let decoded = slots.map(|slot| Slot::decode(&slot));
    for (slot, bytes) in decoded.iter().zip(&slots) {
        check_slot(slot, bytes);
    }
    let length = if choice & 4 == 0 { 2 * BLOCK } else { usize::from(choice) * 32 };
    let mut file = vec![0; 2 * BLOCK];
    file[..SLOT].copy_from_slice(&slots[0]);
    file[BLOCK..BLOCK + SLOT].copy_from_slice(&slots[1]);
    WORLD.with(|world| check_file(world, &file[..length], &decoded));
}

fn slot(bytes: &[u8], from: usize, sealed: bool) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot.iter_mut().zip(bytes.iter().skip(from)).for_each(|(byte, given)| *byte = *given);
    if sealed {
        seal(&mut slot);
    }
    slot
}

fn check_slot(slot: &Result<Slot, Unreadable>, bytes: &[u8; SLOT]) {
    if let Ok(slot) = slot {
        assert!(slot.encode() == *bytes, "the slot is encoded as other bytes: {slot:?}");
    }
}

/// The valid slot by docs/FILEFORMAT.md, if it belongs to `uid`.
pub fn newest(slots: &[Result<Slot, Unreadable>; 2], uid: u32) -> Option<&Slot> {
    if slots.iter().any(|slot| matches!(slot, Err(Unreadable::Version(_)))) {
        return None;
    }
    let mut valid: Vec<&Slot> = slots.iter().flatten().collect();
    valid.sort_by_key(|slot| std::cmp::Reverse(slot.generation)); // stable: the first of two equal ones is used
    valid.first().copied().filter(|slot| slot.uid == uid)
}

fn check_file(world: &World, file: &[u8], slots: &[Result<Slot, Unreadable>; 2]) {
    let path = world.root().join(format!("var/lib/twostep/state/{UID}"));
    plant(&path, 0o600, file);
    let store = Store::open(&Root::at(&world.root()).expect("absolute")).expect("a store");
    let expected = newest(slots, UID).filter(|_| file.len() == 2 * BLOCK).map(|slot| &slot.state);
    let shown = store.snapshot(UID).state.ok().flatten();
    assert_eq!(shown.as_ref(), expected);
    let name = expected.map_or_else(String::new, |state| state.name.clone());
    let account = Account { uid: UID, name, names: Vec::new() };
    let opened = store.open(&account, |_| UnixTime::new(0)).ok().flatten();
    assert_eq!(opened.as_ref().map(|record| record.state()), expected);
    if slots.iter().flatten().any(|slot| slot.generation > MOST_WRITES) {
        return;
    }
    let Some(mut record) = opened else {
        assert!(fs::read(&path).expect("still there") == file, "an unreadable file is unchanged");
        return;
    };
    let next = State { mark: UnixTime::new(record.state().mark.seconds() ^ 30), ..record.state().clone() };
    for how in [Durability::Written, Durability::Flushed] {
        assert_eq!(record.advance(how, |_| Ok(next.clone())), Ok(Ok(())), "{how:?}: it is saved");
        assert_eq!(
            store.snapshot(UID).state,
            Ok(Some(next.clone())),
            "{how:?}: what was saved is read again"
        );
    }
    let after = fs::read(&path).expect("still there");
    let is_same = |at: usize| after[at..at + SLOT] == file[at..at + SLOT];
    assert_eq!((after.len(), is_same(0) != is_same(BLOCK)), (2 * BLOCK, true), "one slot is written");
}
