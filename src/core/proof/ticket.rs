//! Tickets: an administrator's permission for one enrollment. Only its hash is kept.

use constant_time_eq::constant_time_eq_n;

use crate::proof::code::LongCode;
use crate::proof::recovery::{HASH, hash};
use crate::time::UnixTime;

/// Wrong tickets that may be typed until the ticket is dead.
const TRIES: u8 = 3;

/// Seconds after the expiry of a ticket in which the dialogue that it allowed may still end.
const LONGEST_DIALOGUE: u64 = 600;

/// What is kept of a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The hash of the ticket, its uid and its expiry.
    pub hash: [u8; HASH],
    /// When the ticket expires; from then on it is refused.
    pub expires: UnixTime,
    /// How many more tickets may be typed. A ticket without tries is dead.
    pub tries: u8,
}

impl Ticket {
    /// What is kept of `code`, which lets `uid` enroll once before `expires`.
    pub fn issue(code: &LongCode, uid: u32, expires: UnixTime) -> Self {
        Self { hash: hash_for(code, uid, expires), expires, tries: TRIES }
    }

    /// This ticket after another typed ticket; none if it is dead.
    pub(crate) fn charged(self) -> Option<Self> {
        Some(Self { tries: self.tries.checked_sub(1)?, ..self })
    }

    /// This ticket with all its tries, because the user typed the right one.
    pub(crate) fn restored(self) -> Self {
        Self { tries: TRIES, ..self }
    }

    /// Whether the dialogue that this ticket allowed has taken too long. It may end a while after the ticket has
    /// expired.
    pub fn is_over(&self, now: UnixTime) -> bool {
        now >= self.expires.plus(LONGEST_DIALOGUE)
    }

    /// Whether `code` is this ticket, for `uid`.
    pub fn is(&self, code: &LongCode, uid: u32) -> bool {
        constant_time_eq_n(&self.hash, &hash_for(code, uid, self.expires))
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket(until {}, {} tries)", self.expires.seconds(), self.tries)
    }
}

/// Hashes with a salt that no other ticket shares, so that a ticket works for no other uid.
fn hash_for(code: &LongCode, uid: u32, expires: UnixTime) -> [u8; HASH] {
    let salt = [&b"twostep ticket"[..], &uid.to_le_bytes(), &expires.seconds().to_le_bytes()].concat();
    hash(code, &salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_ticket_for_its_uid_and_expiry_only() {
        let (code, expires) = (LongCode::new([7; 10]), UnixTime::new(1000));
        let ticket = Ticket::issue(&code, 1001, expires);
        assert!(ticket.is(&code, 1001));
        assert!(!ticket.is(&code, 1002));
        assert!(!ticket.is(&LongCode::new([8; 10]), 1001));
        assert!(!Ticket { expires: UnixTime::new(2000), ..ticket }.is(&code, 1001), "prolonged by hand");
    }

    #[test]
    fn lets_dialogue_end_ten_minutes_after_expiry() {
        let ticket = Ticket::issue(&LongCode::new([7; 10]), 1001, UnixTime::new(1000));
        assert_eq!(
            [1000, 1599, 1600, 1601].map(|now| ticket.is_over(UnixTime::new(now))),
            [false, false, true, true]
        );
    }

    #[test]
    fn shows_no_hash_of_a_ticket() {
        let ticket = Ticket { hash: [7; HASH], expires: UnixTime::new(1000), tries: 2 };
        assert_eq!(format!("{ticket:?}"), "Ticket(until 1000, 2 tries)");
    }

    #[test]
    fn kills_ticket_after_three_tries() {
        let ticket = Ticket::issue(&LongCode::new([7; 10]), 1001, UnixTime::new(1000));
        let third = ticket.charged().and_then(Ticket::charged).and_then(Ticket::charged).unwrap();
        assert_eq!((third.tries, third.charged()), (0, None));
        assert_eq!(third.restored(), ticket);
    }
}
