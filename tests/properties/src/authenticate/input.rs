//! The meaning of an input.

use std::ffi::{CString, c_int};

use twostep_core::policy::{Enrollment, Policy};
use twostep_core::proof::code::LongCode;
use twostep_core::proof::ticket::Ticket;
use twostep_core::proof::totp::{Authenticator, encode_secret};
use twostep_core::store::files::credential::Credential;
use twostep_core::time::UnixTime;
use twostep_tests::pam::{PAM_SILENT, PAM_USER};
use twostep_tests::paper::{long_code, random_bytes, recovery_code};
use twostep_tests::{Answer, NOW, Open, Stage, State, World, interpose, plant};

use crate::sections::{number, pairs, sections};
use crate::totp::code_of;

/// The account with files on the machine.
pub const USER: &str = "virtual70001";
/// The uid of that account.
pub const UID: u32 = 70_001;
/// The services that an input can select. The first is the default.
const SERVICES: [&str; 4] = ["login", "sshd", "sudo", "games"];
const TICKET: [u8; 10] = *b"some ticke";

/// A decoded input.
pub struct Input<'a> {
    /// The clock, in seconds of Unix time.
    pub clock: i64,
    /// The flags of `pam_authenticate`.
    pub flags: c_int,
    /// The service.
    pub service: &'static str,
    /// PAM_USER.
    pub user: CString,
    /// PAM_RHOST.
    pub rhost: Option<String>,
    /// The policy, if there is one.
    pub policy: Option<&'a [u8]>,
    /// The parsed policy, if it is valid.
    pub rules: Option<Policy>,
    /// The parsed secret file, if it is valid.
    pub credential: Option<Credential>,
    /// The number of recovery codes of [`twostep_tests::paper`] in the state.
    pub papers: usize,
    head: &'a [u8],
    password: Option<&'a [u8]>,
    arguments: Vec<String>,
    tty: Option<String>,
    ssh: Option<String>,
    connection: bool,
    secret: Option<&'a [u8]>,
    state: Option<Vec<u8>>,
    answers: Vec<&'a [u8]>,
}

impl<'a> Input<'a> {
    /// Decodes any bytes.
    pub fn read(bytes: &'a [u8]) -> Self {
        let [head, policy, secret, state, answers] = sections(bytes);
        let lines = answers.unwrap_or_default().split(|&byte| byte == b'\n');
        let mut input = Self {
            head: head.unwrap_or_default(),
            clock: NOW,
            flags: 0,
            service: SERVICES[0],
            user: CString::new(USER).expect("no NUL"),
            rhost: None,
            password: None,
            policy: policy.filter(|text| !text.is_empty()),
            rules: policy.and_then(|text| Policy::parse(text).ok()),
            credential: secret.and_then(|text| Credential::parse(text).ok()),
            papers: 0,
            arguments: Vec::new(),
            tty: None,
            ssh: None,
            connection: false,
            secret: secret.filter(|text| !text.is_empty()),
            state: None,
            answers: lines.filter(|line| !line.is_empty()).take(16).collect(),
        };
        pairs(input.head).for_each(|(key, value)| input.set(key, value));
        if let Some(text) = state.filter(|text| !text.is_empty()) {
            input.state = Some(input.state_file(text));
        }
        input
    }

    fn set(&mut self, key: &[u8], value: &'a [u8]) {
        let text = || String::from_utf8_lossy(value).replace('\0', "");
        match key {
            b"clock" => self.clock = number(value),
            b"silent" => self.flags |= PAM_SILENT,
            b"user" => self.user = CString::new(text()).expect("no NUL"),
            b"raw-user" => self.user = CString::new(value).unwrap_or_default(),
            b"service" => {
                self.service =
                    SERVICES.into_iter().find(|name| name.as_bytes() == value).unwrap_or(SERVICES[0])
            }
            b"password" => self.password = Some(value),
            b"rhost" => self.rhost = Some(text()),
            b"tty" => self.tty = Some(text()),
            b"connection" => self.connection = true,
            b"ssh" => self.ssh = Some(self.ssh.take().unwrap_or_default() + &text() + "\n"),
            // A `\` at the end would continue the line.
            b"argument" => self.arguments.push(text().trim_end_matches('\\').to_owned()),
            _ => {}
        }
    }

    /// The state file that the lines describe.
    fn state_file(&mut self, text: &[u8]) -> Vec<u8> {
        let mut state = State::new(UID, USER);
        let (mut flips, mut length) = (Vec::new(), 8192);
        for (key, value) in pairs(text) {
            let small = || number(value).rem_euclid(1 << 16) as u16;
            match key {
                b"mark" => state.mark = number(value) as u64,
                b"codes" => state.root.codes = small(),
                b"recoveries" => state.root.recoveries = small(),
                b"failed" => state.root.last_failure = number(value) as u64,
                b"uid" => state.uid = number(value) as u32,
                b"name" => state.name = String::from_utf8_lossy(value).chars().take(31).collect(),
                b"generation" => state.generation = number(value) as u64,
                b"required" => state.requirement = 1,
                b"charged" => state.stage = Stage::Charged,
                b"papers" => self.papers = usize::from(small() % 9),
                b"ticket" => put_ticket(&mut state, number(value)),
                b"tries" => state.reserved[24] = small() as u8,
                b"flip" => flips.push(usize::from(small()) % 8192),
                b"length" => length = usize::from(small()) % 16_384,
                _ => {}
            }
        }
        let papers = self.papers;
        let mut file = if papers > 0 { state.with_recovery_codes(papers) } else { state }.file();
        flips.into_iter().for_each(|at| file[at] ^= 1);
        file.resize(length, 0);
        file
    }

    /// Writes the files.
    pub fn plant(&self, world: &World) {
        let arguments = self.arguments.join(" ");
        let line = |kind: &str| format!("{kind} required MODULE root=ROOT {arguments}\n");
        let stack = line("auth") + &line("account");
        world.service(self.service, &stack);
        let files = [
            (world.policy_path(), 0o644, self.policy),
            (world.secret_path(USER), 0o600, self.secret),
            (world.state_path(USER), 0o600, self.state.as_deref()),
        ];
        for (path, mode, contents) in files {
            match contents {
                Some(contents) => plant(&path, mode, contents),
                None => drop(std::fs::remove_file(path)),
            }
        }
    }

    /// Opens the transaction.
    pub fn login(&self, world: &World) -> Open {
        let mut login = world.login(USER).service(self.service).at(self.clock).randomness_of(0);
        login = login.answers(self.answers.iter().map(|line| self.answer(line)));
        login = self.rhost.iter().fold(login, |login, host| login.rhost(host));
        login = self.tty.iter().fold(login, |login, tty| login.tty(tty));
        login =
            self.ssh.iter().fold(login, |login, methods| login.env(&format!("SSH_AUTH_INFO_0={methods}")));
        let open = if self.connection { login.env("SSH_CONNECTION=x").open() } else { login.open() };
        open.handle.set_item(PAM_USER, &self.user);
        interpose::set_password(self.password());
        open
    }

    fn answer(&self, line: &[u8]) -> Answer {
        let mut words = line.splitn(3, |&byte| byte == b' ');
        match (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            (Some(b"?null"), _, _) => Answer::NullText,
            (Some(b"?none"), _, _) => Answer::NullResponse,
            (Some(b"?fails"), code, _) => Answer::Fails(number(code) as c_int | 1),
            (Some(b"?fails-with"), code, text) => {
                Answer::FailsWithText(number(code) as c_int | 1, self.spelt(text))
            }
            _ => Answer::Typed(self.spelt(line)),
        }
    }

    /// The answer to question number `asked`, if it has a text.
    pub fn typed(&self, asked: usize) -> Option<Vec<u8>> {
        let line = self.answers.get(asked.checked_sub(1)?)?;
        match self.answer(line) {
            Answer::Typed(text) => Some(text.split(|&byte| byte == 0).next().unwrap_or_default().into()),
            _ => None,
        }
    }

    /// The value of PAM_AUTHTOK, which may be a right code.
    pub fn password(&self) -> Option<CString> {
        CString::new(self.spelt(self.password?)).ok()
    }

    /// The number of answers.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// The right codes among the answers.
    pub fn right_codes(&self) -> impl Iterator<Item = String> {
        let words = self.answers.iter().filter_map(|line| self.right_code(last_word(line).1));
        words.filter(|code| code.len() >= 6)
    }

    /// The keys in the secret file, in base32.
    pub fn stored_keys(&self) -> impl Iterator<Item = String> {
        let authenticators = self.credential.iter().flat_map(|credential| &credential.authenticators);
        authenticators.map(|one| encode_secret(one.expose_secret()).to_string())
    }

    /// Whether the input has `word` in another place than as a key.
    pub fn names(&self, word: &str) -> bool {
        let credential = self.credential.iter();
        let labels =
            credential.flat_map(|one| one.authenticators.iter().map(|one| &one.label).chain([&one.name]));
        let head: Vec<u8> = self.head.iter().copied().filter(|&byte| byte != 0).collect(); // decoding drops NUL too
        let clock_offset = [&head, self.policy.unwrap_or_default()];
        let stands_in = |text: &[u8]| text.windows(word.len()).any(|part| part == word.as_bytes());
        clock_offset.into_iter().any(stands_in) || labels.into_iter().any(|label| label.contains(word))
    }

    /// The answer of a line. The text after its last tab may be the word for a right code.
    fn spelt(&self, line: &[u8]) -> Vec<u8> {
        let (before, word) = last_word(line);
        match self.right_code(word) {
            Some(code) => [before.strip_suffix(b"\t").unwrap_or(before), code.as_bytes()].concat(),
            None => line.into(),
        }
    }

    /// `@1` is the code of the first authenticator one step from now, `+1` the one of the key in the enrollment, `~1` the first
    /// recovery code, `.1` its last group, and `$` the ticket.
    fn right_code(&self, word: &[u8]) -> Option<String> {
        let (kind, rest) = word.split_first()?;
        let which = number(rest);
        let paper = || {
            recovery_code(usize::try_from(which).ok().filter(|which| (1..=16).contains(which)).unwrap_or(1))
        };
        match kind {
            b'@' => {
                let one = self.credential.as_ref()?.authenticators.first()?;
                Some(code_of(one, self.step(one)?.checked_add_signed(which)?))
            }
            b'+' => {
                let one = self.new_authenticator();
                Some(code_of(&one, self.step(&one)?.checked_add_signed(which)?))
            }
            b'~' => Some(paper()),
            b'.' => paper().rsplit('-').next().map(str::to_owned),
            b'$' => Some(long_code(&TICKET)),
            _ => None,
        }
    }

    fn step(&self, one: &Authenticator) -> Option<u64> {
        Some(u64::try_from(self.clock).ok()? / one.period.seconds())
    }

    /// The authenticator that an enrollment creates, which is known because the randomness is fixed.
    pub fn new_authenticator(&self) -> Authenticator {
        let Enrollment { algorithm, digits, period, .. } =
            self.rules.as_ref().map(|rules| rules.enrollment.clone()).unwrap_or_default();
        let made =
            Authenticator::new("phone".to_owned(), &random_bytes(0, 20), algorithm, digits, period, None);
        made.expect("a valid authenticator")
    }
}

fn last_word(line: &[u8]) -> (&[u8], &[u8]) {
    line.split_at(line.iter().rposition(|&byte| byte == b'\t').map_or(0, |tab| tab + 1))
}

fn put_ticket(state: &mut State, expires: i64) {
    let expires = u64::try_from(expires).unwrap_or(0);
    let ticket = Ticket::issue(&LongCode::new(TICKET), UID, UnixTime::new(expires));
    state.reserved[..16].copy_from_slice(&ticket.hash);
    state.reserved[16..24].copy_from_slice(&expires.to_le_bytes());
    state.reserved[24] = ticket.tries;
}
