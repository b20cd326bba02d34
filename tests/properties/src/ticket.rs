use twostep_core::proof::code::{LONG_CODE_BYTES, LongCode};
use twostep_core::proof::recovery::{Entropy, NewCodes};
use twostep_core::proof::state::{AttemptCounter, State};
use twostep_core::proof::ticket::Ticket;
use twostep_core::time::UnixTime;
use twostep_core::verdict::{Occasion, Origin};

const UID: u32 = 1001;
const EXPIRES: UnixTime = UnixTime::new(1_800_000_000);

/// An answer to the question for a ticket or a recovery code. A well-formed answer is the same code in every spelling. It
/// works for one account, once, before its expiry, and while it has tries left.
pub fn ticket(bytes: &[u8]) {
    let Some(typed) = LongCode::parse(bytes) else { return };
    let shown = typed.expose_text();
    let (upper, lower) = (shown.as_str(), shown.to_ascii_lowercase().replace('-', " "));
    for spelling in [upper, &lower] {
        let again = LongCode::parse(spelling.as_bytes()).expect("a shown code can be typed");
        assert_eq!(again.expose_text(), shown);
    }
    check_ticket(&typed);
    check_recovery(&shown);
}

fn check_ticket(typed: &LongCode) {
    let ticket = Ticket::issue(typed, UID, EXPIRES);
    assert!(ticket.is(typed, UID) && !ticket.is(typed, UID + 1), "one account");
    assert!(!ticket.is(&LongCode::new([7; LONG_CODE_BYTES]), UID) || same(typed, &[7; LONG_CODE_BYTES]));
    let mut state = State::new("ada", UnixTime::new(0)).with_ticket(Some(ticket));
    assert!(state.charge_ticket(EXPIRES).is_err(), "the ticket expires");
    let mut tries = 0;
    while let Ok(charged) = state.charge_ticket(UnixTime::new(0)) {
        state = charged;
        tries += 1;
    }
    assert_eq!(tries, 3);
}

/// Checks the typed code as the second of a set.
fn check_recovery(shown: &str) {
    let typed = || LongCode::parse(shown.as_bytes()).expect("a shown code can be typed");
    let mut random = Entropy::new([0; 176]);
    random[..16].copy_from_slice(b"a salt for tests");
    random[26..36].copy_from_slice(&bits(shown));
    let set = NewCodes::new(2, &random, "id");
    assert_eq!(set.codes()[1].expose_text().as_str(), shown);
    let state = State::new("ada", UnixTime::new(0)).with_recovery(set.into_kept());
    let by = AttemptCounter::Hosts;
    let hash = state.find_recovery(by, &typed(), "id").expect("a code of the set");
    let on = Occasion { at: UnixTime::new(1), from: Origin::OWN_PROGRAM };
    let once = state.accept_recovery(by, &hash, on).expect("it is not used up");
    assert!(once.accept_recovery(by, &hash, on).is_err(), "it is used up");
    assert!(once.find_recovery(by, &typed(), "id").is_err() || same(&typed(), &[0; LONG_CODE_BYTES]));
    assert!(state.find_recovery(by, &typed(), "other").is_err(), "another credential's");
}

fn same(code: &LongCode, bytes: &[u8; LONG_CODE_BYTES]) -> bool {
    code.expose_text() == LongCode::new(*bytes).expose_text()
}

/// The ten bytes of a code.
fn bits(shown: &str) -> [u8; LONG_CODE_BYTES] {
    let bytes = twostep_tests::paper::base32(&shown.replace('-', ""), "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    bytes.try_into().expect("ten bytes")
}
