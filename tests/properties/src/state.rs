use std::fs;

use twostep_core::os::account::Account;
use twostep_core::os::root::Root;
use twostep_core::proof::state::State;
use twostep_core::store::files::Store;
use twostep_core::store::files::slot::{Format, HEADER, SLOT_1, SLOT_2, Slot, USED, Unreadable};
use twostep_core::store::{Durability, Record, Store as _};
use twostep_core::time::UnixTime;
use twostep_tests::{BLOCK, World, plant, seal};

const UID: u32 = 70_001;
/// A generation that is never reached.
const MOST_WRITES: u64 = u64::MAX - 16;

/// The slots as they were read.
pub type Decoded = Result<(Format, Slot), Unreadable>;

/// A state file. The first byte selects which slots get a valid checksum, which are of format 2, and whether the file is too
/// short; the two slots follow. A decoded slot is encoded as the same bytes. The newer valid slot is used, or none. A saved
/// state is read again in the same format, and the other slot is unchanged. An unreadable file is unchanged.
pub fn state(bytes: &[u8]) {
    thread_local!(static WORLD: World = World::new());
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let of = |at: u8| if choice & (8 << at) == 0 { Format::One } else { Format::Two };
    let from = [0, length(of(0))];
    let blocks = [0u8, 1].map(|at| block(bytes, from[usize::from(at)], of(at), choice & (1 << at) != 0));
    let decoded = blocks.map(|block| Slot::decode(&block));
    for (slot, bytes) in decoded.iter().zip(&blocks) {
        check_slot(slot, bytes);
    }
    let length = if choice & 4 == 0 { 2 * BLOCK } else { usize::from(choice) * 32 };
    let mut file = vec![0; 2 * BLOCK];
    file[..USED].copy_from_slice(&blocks[0]);
    file[BLOCK..BLOCK + USED].copy_from_slice(&blocks[1]);
    WORLD.with(|world| check_file(world, &file[..length], &decoded));
}

/// Bytes of a slot.
fn length(format: Format) -> usize {
    match format {
        Format::One => SLOT_1,
        Format::Two => SLOT_2,
    }
}

fn block(bytes: &[u8], from: usize, format: Format, sealed: bool) -> [u8; USED] {
    let mut block = [0; USED];
    let start = match format {
        Format::One => 0,
        Format::Two => {
            block[..SLOT_1].copy_from_slice(&HEADER);
            SLOT_1
        }
    };
    let slot = &mut block[start..start + length(format)];
    slot.iter_mut().zip(bytes.iter().skip(from)).for_each(|(byte, given)| *byte = *given);
    if sealed {
        seal(slot);
    }
    block
}

fn check_slot(slot: &Decoded, block: &[u8; USED]) {
    if let Ok((format, slot)) = slot {
        let encoded = slot.encode(*format);
        assert!(block.starts_with(&encoded), "the slot is encoded as other bytes: {slot:?}");
    }
}

/// The valid slot by docs/FILEFORMAT.md, if it belongs to `uid`.
pub fn newest(slots: &[Decoded; 2], uid: u32) -> Option<&(Format, Slot)> {
    if slots.iter().any(|slot| matches!(slot, Err(Unreadable::Version(_) | Unreadable::Later))) {
        return None;
    }
    let mut valid: Vec<&(Format, Slot)> = slots.iter().flatten().collect();
    valid.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.generation)); // stable: the first of two equal ones is used
    valid.first().copied().filter(|(_, slot)| slot.uid == uid)
}

fn check_file(world: &World, file: &[u8], slots: &[Decoded; 2]) {
    let path = world.root().join(format!("var/lib/twostep/state/{UID}"));
    plant(&path, 0o600, file);
    let store = Store::open(&Root::at(&world.root()).expect("absolute")).expect("a store");
    let newest = newest(slots, UID).filter(|_| file.len() == 2 * BLOCK);
    let expected = newest.map(|(_, slot)| &slot.state);
    let shown = store.snapshot(UID).state.ok().flatten();
    assert_eq!(shown.as_ref(), expected);
    let name = expected.map_or_else(String::new, |state| state.name.clone());
    let account = Account { uid: UID, name, names: Vec::new() };
    let opened = store.open(&account, |_| UnixTime::new(0)).ok().flatten();
    assert_eq!(opened.as_ref().map(|record| record.state()), expected);
    if slots.iter().flatten().any(|(_, slot)| slot.generation > MOST_WRITES) {
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
    let is_same = |at: usize| after[at..at + USED] == file[at..at + USED];
    assert_eq!((after.len(), is_same(0) != is_same(BLOCK)), (2 * BLOCK, true), "one slot is written");
}
