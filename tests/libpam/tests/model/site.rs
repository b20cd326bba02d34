//! The real machine beside the model: its users, what they type, and their records.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use twostep_tests::interpose::LogLine;
use twostep_tests::pam::*;
use twostep_tests::paper::{app, long_code, recovery_code_of, ticket_of};
use twostep_tests::{Login, NOW, Stage, World, uid};

use crate::reference::{ModelUser, PERIOD, Rules, Typed, Word, step};

/// The users. The index of each is the number of their randomness.
pub const USERS: [&str; 3] = ["games", "mail", "news"];
const MALFORMED: [&[u8]; 12] = [
    b"",
    b" ",
    b"\t-",
    b"12345",
    b"123456789",
    b"12345x",
    b"0123-4567-89AB-CDE",
    b"0123-4567-89AB-CDEFG",
    b"0123-4567-89AB-CDEU",
    "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}".as_bytes(),
    b"\xff\xfe\xfd\xfc\xfb\xfa",
    &[b'7'; 600],
];

/// The configuration of proptest.
pub fn config(cases: u32) -> ProptestConfig {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/seeds.txt");
    let usually = ProptestConfig::default(); // with PROPTEST_CASES, if it is set
    let cases = if usually.cases == 256 { cases } else { usually.cases };
    ProptestConfig {
        cases,
        max_shrink_iters: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..usually
    }
}

/// What a user means to type at the prompt for a code.
#[derive(Clone, Debug)]
pub enum Say {
    Malformed(usize),
    /// The code this many steps from now.
    Code(i64),
    /// The code of the last accepted step.
    Used,
    Wrong,
    /// A code with one digit more than the app shows.
    Longer,
    /// The current code of the next user.
    OfNextUser,
    Recovery(usize),
    RecoveryOfNextUser(usize),
    UnknownRecovery,
}

pub fn says() -> impl Strategy<Value = Say> {
    prop_oneof![
        1 => (0..MALFORMED.len()).prop_map(Say::Malformed),
        3 => (-1..=1i64).prop_map(Say::Code),
        4 => (-12..=12i64).prop_map(Say::Code),
        1 => Just(Say::Used),
        2 => Just(Say::Wrong),
        1 => Just(Say::Longer),
        1 => Just(Say::OfNextUser),
        2 => (0..8usize).prop_map(Say::Recovery),
        1 => (0..8usize).prop_map(Say::RecoveryOfNextUser),
        1 => Just(Say::UnknownRecovery),
    ]
}

pub fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), any::<bool>(), 0..=3i64, 3..=7u16).prop_map(|(mandatory, ticket, skew, limit)| Rules {
        mandatory,
        ticket,
        skew,
        limit,
    })
}

/// What a user means to type while enrolling. Codes are given in steps from now.
pub fn dialogues() -> impl Strategy<Value = Vec<Word>> {
    let right = |first: i64| vec![Word::Ticket, Word::Code(first), Word::Code(first + 1), Word::Group];
    let word = prop_oneof![
        Just(Word::Ticket),
        Just(Word::WrongTicket),
        (-3..=3i64).prop_map(Word::Code),
        (-14..=14i64).prop_map(Word::Code),
        Just(Word::WrongCode),
        Just(Word::Group),
    ];
    prop_oneof![
        5 => (-1..=0i64).prop_map(right),
        2 => ((-1..=0i64).prop_map(right), 0..4usize).prop_map(|(words, end)| words[..end].to_vec()),
        3 => ((-2..=1i64).prop_map(right), 0..5usize, word.clone()).prop_map(|(mut words, at, word)| {
            words.insert(at, word);
            words
        }),
        2 => prop::collection::vec(word, 0..9),
    ]
}

/// The initial state of a user: enrolled, failures, wrong recovery codes, and the ages of the last failure and of the
/// mark in seconds.
pub type InitialState = (bool, u16, u16, i64, i64);

pub fn initial_states() -> impl Strategy<Value = InitialState> {
    let recoveries = prop_oneof![3 => Just(0u16), 1 => 97..=100u16];
    let mark = prop_oneof![4 => 0..200i64, 1 => -2000..0i64, 1 => Just(-100_000i64)];
    (prop::bool::weighted(0.7), 0..5u16, recoveries, 0..100i64, mark)
}

/// A machine with these users, and the model of each.
pub struct Site {
    pub world: World,
    pub rules: Rules,
    pub now: i64,
    pub users: [ModelUser; 3],
    /// The ends of all logins so far.
    pub seen: Vec<&'static str>,
}

impl Site {
    pub fn new(rules: Rules, initial_states: &[InitialState]) -> Self {
        let ticket = if rules.ticket { "require-ticket = true\n" } else { "" };
        let world = World::newcomers(ticket).after_password();
        let mode = if rules.mandatory { "mandatory" } else { "opt-in" };
        world.policy(&format!(
            "version = 1\nmode = \"{mode}\"\n[verification]\ntries = 1\nskew-steps = {}\nlockout-after = {}\n\
             [enrollment]\n{ticket}",
            rules.skew, rules.limit
        ));
        let mut site = Self { world, rules, now: NOW, users: Default::default(), seen: Vec::new() };
        for (who, standing) in initial_states.iter().enumerate().filter(|(_, standing)| standing.0) {
            site.begin(who, standing);
        }
        site
    }

    fn begin(&mut self, who: usize, &(_, codes, recoveries, last_failure, mark): &InitialState) {
        self.command(who, &["enroll", "--json", "--user", USERS[who]], &[]);
        let model = &mut self.users[who];
        model.enroll_at_once(self.now, &self.rules);
        model.mark = step(self.now - mark);
        (model.codes, model.recoveries) = (codes, recoveries);
        model.last_failure = if codes > 0 { self.now - last_failure } else { 0 };
        let mut state = self.world.state_of(USERS[who]);
        state.mark = model.mark as u64;
        (state.root.codes, state.root.recoveries) = (codes, recoveries);
        state.root.last_failure = model.last_failure as u64;
        self.world.state(USERS[who], &state);
    }

    /// Runs the command at the current time, and returns its exit status.
    pub fn command(&self, who: usize, words: &[&str], typed: &[String]) -> i32 {
        let output = self.world.command_at(self.now, who as u8, words, typed);
        output.status.code().unwrap_or_else(|| panic!("{words:?}: {output:?}"))
    }

    pub fn login(&self, who: usize) -> Login {
        self.world.newcomer(USERS[who]).at(self.now).randomness_of(who as u8)
    }

    /// The bytes to type, and what they are to the model.
    pub fn typed(&self, who: usize, say: &Say) -> (Vec<u8>, Typed) {
        let next = ((who + 1) % USERS.len()) as u8;
        let recovery = |code: String, number| (code.into_bytes(), Typed::Recovery(number));
        let digits = match say {
            Say::Malformed(which) => return (MALFORMED[*which].to_vec(), Typed::Malformed),
            Say::Recovery(number) => return recovery(recovery_code_of(who as u8, number + 1), Some(*number)),
            Say::RecoveryOfNextUser(number) => return recovery(recovery_code_of(next, number + 1), None),
            Say::UnknownRecovery => return recovery(long_code(&[7; 10]), None),
            Say::Code(steps) => app(who as u8).at(self.now + PERIOD * steps),
            Say::Used => app(who as u8).at(self.users[who].mark),
            Say::Wrong => app(who as u8).wrong(self.now),
            Say::Longer => format!("{}0", app(who as u8).at(self.now)),
            Say::OfNextUser => app(next).at(self.now),
        };
        let acceptable = (-self.rules.skew..=self.rules.skew).map(|steps| step(self.now) + PERIOD * steps);
        let steps = acceptable.filter(|step| app(who as u8).at(*step) == digits).collect();
        (digits.into_bytes(), Typed::Code(steps))
    }

    /// The lines to type while enrolling, and what they are to the model, which names a code by its step. Without
    /// `with_ticket` no ticket is typed.
    pub fn words(&self, who: usize, words: &[Word], with_ticket: bool) -> (Vec<String>, Vec<Word>) {
        let who = who as u8;
        let of = |word: &Word| match *word {
            Word::Ticket => ticket_of(who),
            Word::WrongTicket => long_code(&[9; 10]),
            Word::Code(steps) => app(who).at(self.now + PERIOD * steps),
            Word::WrongCode => app(who).wrong(self.now),
            Word::Group => asked_for(who)[15..].to_owned(),
        };
        let named = |word: Word| match word {
            Word::Code(steps) => Word::Code(step(self.now) + PERIOD * steps),
            other => other,
        };
        let words =
            words.iter().filter(|word| with_ticket || !matches!(word, Word::Ticket | Word::WrongTicket));
        words.map(|word| (of(word), named(*word))).unzip()
    }

    /// Checks that the records of all users are those of the model.
    pub fn check(&self) -> Result<(), TestCaseError> {
        for (user, model) in USERS.iter().zip(&self.users) {
            prop_assert_eq!(&self.stored(user), model, "{} at {}", user, self.now);
        }
        Ok(())
    }

    pub fn stored(&self, user: &str) -> ModelUser {
        let enrolled = self.world.secret_path(user).exists();
        if !self.world.state_path(user).exists() {
            return ModelUser { enrolled, ..ModelUser::default() };
        }
        let state = self.world.state_of(user);
        assert_eq!((state.uid, state.name.as_str(), state.stage), (uid(user), user, Stage::Settled));
        assert_eq!(state.helper, Default::default());
        let (_, expires, tries) = state.ticket();
        let mut left = [false; 8];
        left.iter_mut().zip(state.hashes()).for_each(|(left, hash)| *left = *hash != [0; 16]);
        ModelUser {
            known: true,
            enrolled,
            required: state.requirement == 1,
            mark: state.mark as i64,
            codes: state.root.codes,
            recoveries: state.root.recoveries,
            last_failure: state.root.last_failure as i64,
            left,
            ticket: (expires > 0).then_some((expires as i64, tries)),
        }
    }
}

/// The recovery code whose last group the dialogue asks for. The first random byte selects it.
fn asked_for(user: u8) -> String {
    let first = twostep_tests::paper::random_bytes(user, 1)[0];
    recovery_code_of(user, usize::from(first) % 8 + 1)
}

/// The PAM code for this end.
pub fn code_of(end: &str) -> i32 {
    match end {
        "grant" | "enrolled" => PAM_SUCCESS,
        "locked" | "disabled" | "recovery-disabled" => PAM_MAXTRIES,
        "clock-anomaly" => PAM_AUTHINFO_UNAVAIL,
        "conversation" => PAM_CONV_ERR,
        "enrolled-meanwhile" => PAM_PERM_DENIED,
        _ => PAM_AUTH_ERR,
    }
}

/// The end that a log line names.
pub fn end_of(line: &LogLine) -> &str {
    line.field("reason").or(line.field("result")).unwrap_or_default()
}

/// Whether a user who is refused for this reason is asked once more.
pub fn is_asked_again(end: &str) -> bool {
    ["locked", "disabled", "recovery-disabled", "clock-anomaly"].contains(&end)
}
