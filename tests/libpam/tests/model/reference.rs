//! A model of one user, as the manual pages and docs/FILEFORMAT.md promise, without files, secrets and a clock.
//! Times are seconds of Unix time. A step is named by the time at which it begins.

/// Seconds in a step.
pub const PERIOD: i64 = 30;
const RECOVERY_LIMIT: u16 = 100;
const DAY: i64 = 86_400;
/// A mark this many seconds ahead, or fewer, cannot be reset.
const SOON: i64 = 600;

/// The settings of the policy.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether the second step is mandatory for all users, or only for those of whom an administrator requires it.
    pub mandatory: bool,
    /// Whether an enrollment during login needs a ticket.
    pub ticket: bool,
    pub skew: i64,
    pub limit: u16,
}

impl Rules {
    /// The last acceptable step.
    fn window_end(&self, now: i64) -> i64 {
        step(now) + PERIOD * self.skew
    }
}

/// The step of the time `now`.
pub fn step(now: i64) -> i64 {
    now - now.rem_euclid(PERIOD)
}

/// An answer to the question for a code.
#[derive(Clone, Debug)]
pub enum Typed {
    Malformed,
    /// The acceptable steps that have this code, in rising order.
    Code(Vec<i64>),
    /// The user's own recovery code with this number, or one that the user never had.
    Recovery(Option<usize>),
}

/// An answer in the dialogue of an enrollment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word {
    Ticket,
    WrongTicket,
    /// The code of this step.
    Code(i64),
    WrongCode,
    /// The last group of the recovery code that is asked for.
    Group,
}

/// An enrollment that is proved and not yet stored.
#[derive(Clone, Debug)]
pub struct Proved {
    pub mark: i64,
    /// The expiry of the ticket that was typed, which identifies the ticket.
    ticket: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelUser {
    /// Whether a state exists.
    pub known: bool,
    pub enrolled: bool,
    pub required: bool,
    pub mark: i64,
    /// Failures in a row.
    pub codes: u16,
    pub recoveries: u16,
    pub last_failure: i64,
    /// The unused recovery codes.
    pub left: [bool; 8],
    /// The expiry of the ticket, and its remaining tries.
    pub ticket: Option<(i64, u8)>,
}

/// The end of a login: `grant`, `enrolled`, or the reason of a denial.
type End = &'static str;

impl ModelUser {
    pub fn must(&self, rules: &Rules) -> bool {
        rules.mandatory || self.required
    }

    /// Judges one answer to the question for a code.
    pub fn judge(&mut self, typed: &Typed, now: i64, rules: &Rules) -> End {
        match typed {
            _ if !self.enrolled => "not-enrolled",
            Typed::Malformed => "not-a-code",
            Typed::Code(steps) => match self.refuses_codes(now, rules) {
                Some(reason) => reason,
                None => self.judge_code(steps, now),
            },
            Typed::Recovery(_) if self.recoveries >= RECOVERY_LIMIT => "recovery-disabled",
            Typed::Recovery(number) => self.judge_recovery_code(*number),
        }
    }

    fn refuses_codes(&self, now: i64, rules: &Rules) -> Option<End> {
        let wait = match self.codes {
            0..3 => 0,
            more => (30 << (more - 3).min(7)).min(3600),
        };
        if self.codes >= rules.limit {
            Some("disabled")
        } else if (self.last_failure..self.last_failure + wait).contains(&now) {
            Some("locked")
        } else if self.mark > rules.window_end(now) {
            Some("clock-anomaly")
        } else {
            None
        }
    }

    fn judge_code(&mut self, steps: &[i64], now: i64) -> End {
        (self.codes, self.last_failure) = (self.codes + 1, now);
        match steps.iter().find(|&&step| step > self.mark) {
            Some(&step) => {
                self.mark = step;
                self.forgive();
                "grant"
            }
            None if steps.is_empty() => "wrong-code",
            None => "replayed",
        }
    }

    fn judge_recovery_code(&mut self, number: Option<usize>) -> End {
        self.recoveries += 1;
        let Some(number) = number.filter(|&number| self.left[number]) else { return "wrong-recovery-code" };
        self.left[number] = false;
        self.forgive();
        "grant"
    }

    fn forgive(&mut self) {
        (self.codes, self.recoveries, self.last_failure) = (0, 0, 0);
    }

    /// The dialogue of a user who is not enrolled. It stores nothing except the tries of the ticket.
    pub fn prove(
        &mut self,
        words: &[Word],
        now: i64,
        rules: &Rules,
        with_ticket: bool,
    ) -> Result<Proved, End> {
        if self.mark > rules.window_end(now) {
            return Err("clock-anomaly");
        }
        let mut words = words.iter().copied();
        let ticket = if with_ticket { Some(self.show_ticket(&mut words, now)?) } else { None };
        let mark = two_codes(&mut words, now, rules)?;
        if words.any(|word| word == Word::Group) { Ok(Proved { mark, ticket }) } else { Err("conversation") }
    }

    fn show_ticket(&mut self, words: &mut impl Iterator<Item = Word>, now: i64) -> Result<i64, End> {
        let mut end = "";
        for _ in 0..3 {
            end = match words.next().ok_or("conversation")? {
                word @ (Word::Ticket | Word::WrongTicket) => match &mut self.ticket {
                    Some((expires, tries)) if now < *expires && *tries > 0 => {
                        if word == Word::Ticket {
                            *tries = 3;
                            return Ok(*expires);
                        }
                        *tries -= 1;
                        "wrong-ticket"
                    }
                    _ => "wrong-ticket",
                },
                _ => "not-a-ticket",
            };
        }
        Err(end)
    }

    /// Stores the enrollment, in the account phase or at the end of the command.
    pub fn enroll(&mut self, proved: &Proved, now: i64) -> End {
        if proved.ticket.is_some_and(|expires| now >= expires) {
            return "wrong-ticket";
        }
        self.create(proved.mark);
        if self.enrolled {
            return "enrolled-meanwhile";
        }
        if proved.ticket.is_some() && proved.ticket != self.ticket.map(|(expires, _)| expires) {
            return "wrong-ticket";
        }
        self.forgive();
        (self.enrolled, self.ticket, self.left) = (true, None, [true; 8]);
        self.mark = self.mark.max(proved.mark);
        "enrolled"
    }

    /// `twostep enroll --json`. Its codes count as unused, because no user has seen them.
    pub fn enroll_at_once(&mut self, now: i64, rules: &Rules) -> i32 {
        if self.enrolled || self.mark > rules.window_end(now) {
            return 1;
        }
        self.enroll(&Proved { mark: 0, ticket: None }, now);
        0
    }

    pub fn unlock(&mut self, now: i64) -> i32 {
        if self.known {
            self.forgive();
        }
        i32::from(self.mark > now + SOON)
    }

    pub fn reset_clock(&mut self, now: i64, rules: &Rules) -> i32 {
        let ahead = self.mark > rules.window_end(now);
        if ahead && self.mark <= now + SOON {
            return 1;
        }
        self.mark = self.mark.min(rules.window_end(now));
        self.unlock(now)
    }

    pub fn reset(&mut self) -> i32 {
        *self = Self { known: self.known, mark: self.mark, required: self.required, ..Self::default() };
        0
    }

    pub fn remove(&mut self) -> i32 {
        if self.enrolled { self.reset() } else { 1 }
    }

    /// Creates a missing state. A process does so before it locks the state, so another process may lock it first.
    pub fn create(&mut self, mark: i64) {
        if !self.known {
            (self.known, self.mark) = (true, mark);
        }
    }

    pub fn require(&mut self, now: i64, rules: &Rules) -> i32 {
        self.create(rules.window_end(now)); // the current codes count as used
        self.required = true;
        0
    }

    pub fn unrequire(&mut self) -> i32 {
        self.required = false;
        0
    }

    pub fn issue_ticket(&mut self, now: i64, rules: &Rules) -> i32 {
        if self.enrolled {
            return 1;
        }
        self.create(rules.window_end(now));
        self.ticket = Some((now + DAY, 3));
        0
    }

    /// `twostep recovery`: new recovery codes, after the last group of one was typed.
    pub fn renew(&mut self, groups: &[Word]) -> i32 {
        if !self.enrolled || !groups.contains(&Word::Group) {
            return 1;
        }
        (self.left, self.recoveries) = ([true; 8], 0);
        0
    }
}

/// Two consecutive codes prove the app, wherever they begin. The user is asked until they come, or hangs up. Returns the
/// mark that uses both up.
fn two_codes(words: &mut impl Iterator<Item = Word>, now: i64, rules: &Rules) -> Result<i64, End> {
    let mut before = None;
    for word in words {
        let Word::Code(code) = word else { continue };
        if (code - step(now)).abs() / PERIOD > rules.skew {
            continue; // of a phone whose clock is wrong
        }
        if before == Some(code - PERIOD) {
            return Ok(code);
        }
        before = Some(code);
    }
    Err("conversation")
}
