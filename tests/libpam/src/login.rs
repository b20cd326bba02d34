//! One person at one prompt.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;

use crate::interpose::{self, LogLine};
use crate::pam::{self, Handle, Message, PAM_CONV_ERR, PAM_ESTABLISH_CRED, PAM_SUCCESS, Response, name_of};

/// What the application gives for one message of the module.
pub enum Answer {
    /// A typed line; libpam's type ends it at the first NUL.
    Typed(Vec<u8>),
    /// A response whose text is NULL: end of input at misc_conv.
    NullText,
    /// PAM_SUCCESS without any response.
    NullResponse,
    /// This code, and no response.
    Fails(c_int),
    /// This code, although there is a response.
    FailsWithText(c_int, Vec<u8>),
    /// First does something, at the prompt.
    After(Box<dyn FnOnce()>, Box<Answer>),
}

impl Answer {
    /// `act` happens while the prompt stands, then the person types `text`.
    pub fn after(act: impl FnOnce() + 'static, text: &str) -> Self {
        Self::After(Box::new(act), Box::new(text.into()))
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::Typed(text.into())
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Typed(text.into())
    }
}

impl From<&String> for Answer {
    fn from(text: &String) -> Self {
        Self::Typed(text.as_str().into())
    }
}

impl From<Vec<u8>> for Answer {
    fn from(text: Vec<u8>) -> Self {
        Self::Typed(text)
    }
}

/// How a text was to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// PAM_PROMPT_ECHO_OFF
    Hidden,
    /// PAM_PROMPT_ECHO_ON
    Prompt,
    /// PAM_ERROR_MSG
    Error,
    /// PAM_TEXT_INFO
    Info,
}

/// A login about to happen.
pub struct Login {
    pub(crate) confdir: PathBuf,
    pub(crate) service: String,
    pub(crate) user: String,
    pub(crate) clock: Option<i64>,
    pub(crate) flags: c_int,
    pub(crate) rhost: Option<String>,
    pub(crate) tty: Option<String>,
    pub(crate) env: Vec<String>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) deaf: bool,
    pub(crate) randomness_of: Option<u8>,
    pub(crate) whole: bool,
    pub(crate) by_key: bool,
}

impl Login {
    /// `user` logs in through the service file `service` in `confdir`.
    pub fn new(confdir: PathBuf, service: &str, user: &str) -> Self {
        Self {
            confdir,
            service: service.into(),
            user: user.into(),
            clock: None,
            flags: 0,
            rhost: None,
            tty: None,
            env: Vec::new(),
            answers: VecDeque::new(),
            deaf: false,
            randomness_of: None,
            whole: false,
            by_key: false,
        }
    }

    /// Through another service file of the same folder.
    pub fn service(self, name: &str) -> Self {
        Self { service: name.into(), ..self }
    }

    /// At this moment, seconds of Unix time.
    pub fn at(self, now: i64) -> Self {
        Self { clock: Some(now), ..self }
    }

    /// With these flags of `pam_authenticate`.
    pub fn flags(self, flags: c_int) -> Self {
        Self { flags, ..self }
    }

    /// From this host.
    pub fn rhost(self, host: &str) -> Self {
        Self { rhost: Some(host.into()), ..self }
    }

    /// On this terminal.
    pub fn tty(self, tty: &str) -> Self {
        Self { tty: Some(tty.into()), ..self }
    }

    /// With `NAME=value` in the PAM environment.
    pub fn env(mut self, pair: &str) -> Self {
        self.env.push(pair.into());
        self
    }

    /// Gives one more answer; whoever has none left hangs up (PAM_CONV_ERR).
    pub fn answer(mut self, answer: impl Into<Answer>) -> Self {
        self.answers.push_back(answer.into());
        self
    }

    /// Gives these answers.
    pub fn answers<A: Into<Answer>>(mut self, answers: impl IntoIterator<Item = A>) -> Self {
        self.answers.extend(answers.into_iter().map(Into::into));
        self
    }

    /// The application passes no conversation function.
    pub fn without_conversation(self) -> Self {
        Self { deaf: true, ..self }
    }

    /// With the randomness that [`crate::paper`] has for this person.
    pub fn randomness_of(self, person: u8) -> Self {
        Self { randomness_of: Some(person), ..self }
    }

    /// Goes on with the account phase and setcred, as applications do, as long as nothing refuses.
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The application has not asked us before it comes to the account phase, as sshd does after a key.
    pub fn by_key(self) -> Self {
        Self { by_key: true, ..self.whole() }
    }

    /// Authenticates.
    pub fn run(self) -> Outcome {
        let whole = self.whole;
        let (mut open, mut outcome) = self.begin();
        for phase in [Open::account, Open::setcred] {
            if whole && outcome.code == PAM_SUCCESS {
                outcome = outcome.and(phase(&mut open));
            }
        }
        outcome
    }

    /// Authenticates, and leaves the transaction open.
    pub fn begin(self) -> (Open, Outcome) {
        let (flags, by_key) = (self.flags, self.by_key);
        let mut open = self.open();
        let outcome = if by_key { open.phase(|_| PAM_SUCCESS) } else { open.authenticate(flags) };
        (open, outcome)
    }

    /// Opens the transaction only.
    pub fn open(self) -> Open {
        if let Some(now) = self.clock {
            interpose::set_clock(now);
        }
        interpose::fix_randomness(self.randomness_of);
        let mut screen = Box::new(Screen { answers: self.answers, ..Screen::default() });
        let data = (&raw mut *screen).cast();
        let function = (!self.deaf).then_some(converse as pam::Converse);
        let handle = Handle::start(&self.confdir, &self.service, &self.user, function, data);
        for (item, value) in [(pam::PAM_RHOST, self.rhost), (pam::PAM_TTY, self.tty)] {
            if let Some(value) = value {
                handle.set_item(item, &CString::new(value).unwrap());
            }
        }
        self.env.iter().for_each(|pair| handle.putenv(pair));
        Open { handle, screen }
    }
}

/// A transaction that goes on after `pam_authenticate`.
pub struct Open {
    /// libpam's handle.
    pub handle: Handle,
    screen: Box<Screen>,
}

impl Open {
    /// Authenticates (again) with the answers that are left.
    pub fn authenticate(&mut self, flags: c_int) -> Outcome {
        self.phase(|handle| handle.authenticate(flags))
    }

    /// The account phase.
    pub fn account(&mut self) -> Outcome {
        self.phase(|handle| handle.account(0))
    }

    /// Establishes credentials.
    pub fn setcred(&mut self) -> Outcome {
        self.phase(|handle| handle.setcred(PAM_ESTABLISH_CRED))
    }

    fn phase(&mut self, call: impl FnOnce(&Handle) -> c_int) -> Outcome {
        interpose::take_log();
        interpose::take_delays();
        let code = call(&self.handle);
        Outcome {
            code,
            transcript: std::mem::take(&mut self.screen.transcript),
            most_messages: self.screen.most_messages,
            unused_answers: self.screen.answers.len(),
            delays: interpose::take_delays(),
            log: interpose::take_log(),
        }
    }

    /// Gives one more answer.
    pub fn answer(&mut self, answer: impl Into<Answer>) {
        self.screen.answers.push_back(answer.into());
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What `pam_authenticate` returned.
    pub code: c_int,
    /// All that was shown, in order.
    pub transcript: Vec<(Style, String)>,
    /// The largest number of messages in one call.
    pub most_messages: c_int,
    /// Answers that nobody asked for.
    pub unused_answers: usize,
    /// What `pam_fail_delay` was asked for, in microseconds.
    pub delays: Vec<u32>,
    /// What was logged.
    pub log: Vec<LogLine>,
}

impl Outcome {
    /// This, and what came of the phase after it.
    fn and(mut self, later: Self) -> Self {
        self.transcript.extend(later.transcript);
        self.log.extend(later.log);
        Self { code: later.code, ..self }
    }

    /// The prompts among the texts.
    pub fn prompts(&self) -> Vec<&str> {
        let prompts = self.transcript.iter().filter(|(style, _)| *style == Style::Prompt);
        prompts.map(|(_, text)| text.as_str()).collect()
    }

    /// A value of the last log line, or nothing.
    pub fn field(&self, key: &str) -> &str {
        self.log.last().and_then(|line| line.field(key)).unwrap_or_default()
    }

    /// A value of every log line.
    pub fn fields(&self, key: &str) -> Vec<&str> {
        self.log.iter().map(|line| line.field(key).unwrap_or_default()).collect()
    }

    /// The code that was typed last got them in.
    #[track_caller]
    pub fn assert_granted(&self) {
        assert_eq!((self.code, self.field("result")), (PAM_SUCCESS, "grant"), "{self:#?}");
    }

    /// Refused with this code, and the last log line gives this reason.
    #[track_caller]
    pub fn assert_denied(&self, code: c_int, reason: &str) {
        let seen = (name_of(self.code), self.field("result"), self.field("reason"));
        assert_eq!(seen, (name_of(code), "deny", reason), "{self:#?}");
    }
}

#[derive(Default)]
struct Screen {
    answers: VecDeque<Answer>,
    transcript: Vec<(Style, String)>,
    most_messages: c_int,
}

unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the screen given to pam_start, which outlives the handle; no one else holds it during a call.
    let screen = unsafe { &mut *data.cast::<Screen>() };
    screen.most_messages = screen.most_messages.max(count);
    // SAFETY: libpam's contract: the first of `count` messages.
    let message = unsafe { &**messages };
    // SAFETY: libpam's contract: a text.
    let text = unsafe { CStr::from_ptr(message.text) }.to_string_lossy().into_owned();
    let style = [Style::Hidden, Style::Prompt, Style::Error, Style::Info][message.style as usize - 1];
    screen.transcript.push((style, text));
    let asked = matches!(style, Style::Hidden | Style::Prompt);
    let answer = if asked { screen.answers.pop_front() } else { Some(Answer::NullText) };
    // SAFETY: libpam's contract: where the responses go.
    give(answer.unwrap_or(Answer::Fails(PAM_CONV_ERR)), count, unsafe { &mut *responses })
}

fn give(answer: Answer, count: c_int, out: &mut *mut Response) -> c_int {
    match answer {
        Answer::Typed(bytes) => *out = response(count, Some(&bytes)),
        Answer::NullText => *out = response(count, None),
        Answer::NullResponse => *out = ptr::null_mut(),
        Answer::Fails(code) => return code,
        Answer::FailsWithText(code, bytes) => {
            *out = response(count, Some(&bytes));
            return code;
        }
        Answer::After(act, then) => {
            act();
            return give(*then, count, out);
        }
    }
    PAM_SUCCESS
}

fn response(count: c_int, text: Option<&[u8]>) -> *mut Response {
    // SAFETY: the module frees what calloc gave.
    let response: *mut Response = unsafe { libc::calloc(count as usize, size_of::<Response>()) }.cast();
    if let Some(bytes) = text {
        // SAFETY: calloc gave at least one zeroed response.
        unsafe { (*response).text = c_text(bytes) };
    }
    response
}

fn c_text(bytes: &[u8]) -> *mut c_char {
    // SAFETY: one byte more than copied; calloc has set it to NUL.
    unsafe {
        let text: *mut c_char = libc::calloc(bytes.len() + 1, 1).cast();
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), text, bytes.len());
        text
    }
}
