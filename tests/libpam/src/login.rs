//! One login of one user, and its outcome.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;

use crate::interpose::{self, LogLine};
use crate::pam::{self, Handle, Message, PAM_CONV_ERR, PAM_ESTABLISH_CRED, PAM_SUCCESS, Response, name_of};

/// What the application returns for one message of the module.
pub enum Answer {
    /// A typed line. The module sees it up to the first NUL.
    Typed(Vec<u8>),
    /// A response whose text is NULL: end of input at misc_conv.
    NullText,
    /// PAM_SUCCESS without any response.
    NullResponse,
    /// This PAM code, and no response.
    Fails(c_int),
    /// This PAM code, with a response.
    FailsWithText(c_int, Vec<u8>),
    /// Calls a function at the prompt, then gives the answer.
    After(Box<dyn FnOnce()>, Box<Answer>),
}

impl Answer {
    /// Calls `act` at the prompt, then types `text`.
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

/// The style of a message.
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

/// A login that has not begun.
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
    /// A login of `user` through the service file `service` in `confdir`.
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

    /// Uses another service file of the same folder.
    pub fn service(self, name: &str) -> Self {
        Self { service: name.into(), ..self }
    }

    /// Sets the clock, in seconds of Unix time.
    pub fn at(self, now: i64) -> Self {
        Self { clock: Some(now), ..self }
    }

    /// Sets the flags of `pam_authenticate`.
    pub fn flags(self, flags: c_int) -> Self {
        Self { flags, ..self }
    }

    /// Sets PAM_RHOST.
    pub fn rhost(self, host: &str) -> Self {
        Self { rhost: Some(host.into()), ..self }
    }

    /// Sets PAM_TTY.
    pub fn tty(self, tty: &str) -> Self {
        Self { tty: Some(tty.into()), ..self }
    }

    /// Adds `NAME=value` to the PAM environment.
    pub fn env(mut self, pair: &str) -> Self {
        self.env.push(pair.into());
        self
    }

    /// Adds an answer. Without an answer left, the conversation fails with PAM_CONV_ERR.
    pub fn answer(mut self, answer: impl Into<Answer>) -> Self {
        self.answers.push_back(answer.into());
        self
    }

    /// Adds these answers.
    pub fn answers<A: Into<Answer>>(mut self, answers: impl IntoIterator<Item = A>) -> Self {
        self.answers.extend(answers.into_iter().map(Into::into));
        self
    }

    /// Passes no conversation function.
    pub fn without_conversation(self) -> Self {
        Self { deaf: true, ..self }
    }

    /// Fixes the randomness to that of this user in [`crate::paper`].
    pub fn randomness_of(self, user: u8) -> Self {
        Self { randomness_of: Some(user), ..self }
    }

    /// Runs the account phase and setcred too, as applications do, until one refuses.
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Skips the auth phase and runs the others, as sshd does after a key.
    pub fn by_key(self) -> Self {
        Self { by_key: true, ..self.whole() }
    }

    /// Runs the login.
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

    /// Runs the auth phase and leaves the transaction open.
    pub fn begin(self) -> (Open, Outcome) {
        let (flags, by_key) = (self.flags, self.by_key);
        let mut open = self.open();
        let outcome = if by_key { open.phase(|_| PAM_SUCCESS) } else { open.authenticate(flags) };
        (open, outcome)
    }

    /// Opens the transaction without running a phase.
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

/// An open transaction.
pub struct Open {
    /// libpam's handle.
    pub handle: Handle,
    screen: Box<Screen>,
}

impl Open {
    /// Runs the auth phase with the remaining answers.
    pub fn authenticate(&mut self, flags: c_int) -> Outcome {
        self.phase(|handle| handle.authenticate(flags))
    }

    /// Runs the account phase.
    pub fn account(&mut self) -> Outcome {
        self.phase(|handle| handle.account(0))
    }

    /// Runs setcred.
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

    /// Adds an answer.
    pub fn answer(&mut self, answer: impl Into<Answer>) {
        self.screen.answers.push_back(answer.into());
    }
}

/// The outcome of a login or of one phase.
#[derive(Debug)]
pub struct Outcome {
    /// The PAM code of the last phase.
    pub code: c_int,
    /// All messages, in order.
    pub transcript: Vec<(Style, String)>,
    /// The largest number of messages in one conversation call.
    pub most_messages: c_int,
    /// The number of answers that the module did not ask for.
    pub unused_answers: usize,
    /// The arguments of the calls of `pam_fail_delay`, in microseconds.
    pub delays: Vec<u32>,
    /// The log lines of the module.
    pub log: Vec<LogLine>,
}

impl Outcome {
    /// Appends the outcome of the next phase.
    fn and(mut self, later: Self) -> Self {
        self.transcript.extend(later.transcript);
        self.log.extend(later.log);
        Self { code: later.code, ..self }
    }

    /// The texts of the visible prompts.
    pub fn prompts(&self) -> Vec<&str> {
        let prompts = self.transcript.iter().filter(|(style, _)| *style == Style::Prompt);
        prompts.map(|(_, text)| text.as_str()).collect()
    }

    /// A value of the last log line, or the empty string.
    pub fn field(&self, key: &str) -> &str {
        self.log.last().and_then(|line| line.field(key)).unwrap_or_default()
    }

    /// The value of this key in every log line.
    pub fn fields(&self, key: &str) -> Vec<&str> {
        self.log.iter().map(|line| line.field(key).unwrap_or_default()).collect()
    }

    /// Asserts that the login was granted because of a code.
    #[track_caller]
    pub fn assert_granted(&self) {
        assert_eq!((self.code, self.field("result")), (PAM_SUCCESS, "grant"), "{self:#?}");
    }

    /// Asserts that the login was refused with this PAM code, and with this reason in the last log line.
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
    // SAFETY: `data` is the screen given to pam_start. It outlives the handle, and has no other reference during a call.
    let screen = unsafe { &mut *data.cast::<Screen>() };
    screen.most_messages = screen.most_messages.max(count);
    // SAFETY: by libpam's contract this is the first of `count` messages.
    let message = unsafe { &**messages };
    // SAFETY: by libpam's contract the text ends with NUL.
    let text = unsafe { CStr::from_ptr(message.text) }.to_string_lossy().into_owned();
    let style = [Style::Hidden, Style::Prompt, Style::Error, Style::Info][message.style as usize - 1];
    screen.transcript.push((style, text));
    let asked = matches!(style, Style::Hidden | Style::Prompt);
    let answer = if asked { screen.answers.pop_front() } else { Some(Answer::NullText) };
    // SAFETY: by libpam's contract the pointer can be written.
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
    // SAFETY: calloc takes no pointer; the module frees the memory.
    let response: *mut Response = unsafe { libc::calloc(count as usize, size_of::<Response>()) }.cast();
    if let Some(bytes) = text {
        // SAFETY: calloc returned at least one zeroed response.
        unsafe { (*response).text = c_text(bytes) };
    }
    response
}

fn c_text(bytes: &[u8]) -> *mut c_char {
    // SAFETY: the memory has one byte more than is copied, and calloc has zeroed it.
    unsafe {
        let text: *mut c_char = libc::calloc(bytes.len() + 1, 1).cast();
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), text, bytes.len());
        text
    }
}
