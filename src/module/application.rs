//! The application that calls libpam: its items, its conversation, its log.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::fmt;

use pam::constants::{
    PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT, PamFlag, PamMessageStyle,
};
use pam::conv::Conv;
use pam::items::{AuthTok, RHost, Service, Tty};
use pam::module::PamHandle;
use twostep_core::dialogue::conversation::Conversation;
use twostep_core::dialogue::screen::{self, Screen};
use twostep_core::login::application::{Application, Handoff, HandoffKind, PamItems};
use twostep_core::login::audit::Line;
use twostep_core::os::{account, syslog, window};
use twostep_core::proof::code::{Answer, LONGEST_ANSWER};
use twostep_core::verdict::Denial;

use crate::ffi;

/// The name under which libpam keeps the handoff of the auth phase. It contains the version, because the type of the
/// handoff belongs to this build.
const HANDOFF: &str = concat!("pam_twostep ", env!("CARGO_PKG_VERSION"));
/// The variable of the PAM environment that is set while an enrollment is pending. It reaches the other processes of
/// sshd; the data that libpam keeps does not.
const PENDING: &CStr = c"TWOSTEP_PENDING";
const PENDING_SET: &CStr = c"TWOSTEP_PENDING=1";

/// A call of libpam that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LibpamError {
    /// pam_set_item(3) of PAM_AUTHTOK.
    Password,
    /// pam_putenv(3).
    Variable,
    /// pam_set_data(3).
    Handoff,
}

impl fmt::Display for LibpamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "libpam did not take the password",
            Self::Variable => "libpam did not keep a variable",
            Self::Handoff => "libpam did not keep the outcome of the auth phase",
        })
    }
}

impl std::error::Error for LibpamError {}

/// One call from libpam.
pub(crate) struct PamApplication<'h> {
    handle: &'h mut PamHandle,
    silent: bool,
    log_is_stuck: bool,
}

impl<'h> PamApplication<'h> {
    /// The application that called with `handle` and `flags`.
    pub(crate) fn new(handle: &'h mut PamHandle, flags: PamFlag) -> Self {
        Self { handle, silent: flags & PAM_SILENT != 0, log_is_stuck: false }
    }

    fn prompt(&mut self, style: PamMessageStyle, prompt: &str) -> Result<Answer, Denial> {
        let conv = self.handle.get_item::<Conv<'_>>().ok().flatten().ok_or(Denial::Conversation)?;
        let answer = conv.send(style, prompt).map_err(|_| Denial::Conversation)?;
        // No answer (Ctrl-D) becomes an empty one. Truncate: nothing longer than this can be a code.
        let bytes = answer.as_ref().map_or(&[][..], |answer| answer.as_bytes());
        let longest = LONGEST_ANSWER.saturating_add(1);
        let answer = Answer::new(bytes.get(..longest).unwrap_or(bytes).to_vec());
        #[cfg(feature = "forced-panic")]
        #[expect(clippy::panic, reason = "this feature is for the test of the panic boundary")]
        if answer.as_slice() == b"panic" {
            panic!("forced by the answer at the prompt");
        }
        Ok(answer)
    }
}

impl Conversation for PamApplication<'_> {
    /// The prompt echoes: a code is used up at once, and users mistype less. sshd's `password` method, which answers
    /// every hidden prompt with the password, refuses it.
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.prompt(PAM_PROMPT_ECHO_ON, prompt)
    }

    fn tell(&mut self, text: &str) {
        if self.silent {
            return;
        }
        if let Ok(Some(conv)) = self.handle.get_item::<Conv<'_>>() {
            // An application may refuse to show the text.
            let _ = conv.send(PAM_ERROR_MSG, text);
        }
    }
}

impl Application for PamApplication<'_> {
    fn ask_hidden(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.prompt(PAM_PROMPT_ECHO_OFF, prompt)
    }

    fn items(&mut self) -> PamItems {
        let text = |item: Option<&std::ffi::CStr>| {
            item.map_or_else(String::new, |c| c.to_string_lossy().into_owned())
        };
        PamItems {
            user: self.handle.get_user(None).ok(),
            service: text(self.handle.get_item::<Service<'_>>().ok().flatten().map(|item| item.0)),
            rhost: text(self.handle.get_item::<RHost<'_>>().ok().flatten().map(|item| item.0)),
            tty: text(self.handle.get_item::<Tty<'_>>().ok().flatten().map(|item| item.0)),
            has_password: self.handle.get_item::<AuthTok<'_>>().ok().flatten().is_some(),
            ssh_methods: ffi::getenv(self.handle, c"SSH_AUTH_INFO_0"),
            ssh_connection: ffi::getenv(self.handle, c"SSH_CONNECTION").is_some(),
            called_by_root: account::is_called_by_root(),
            silent: self.silent,
            time_left: ffi::alarm_left(),
        }
    }

    /// The environment is that of a program of root: only such a program enrolls. It decides nothing but the picture.
    #[expect(clippy::disallowed_methods, reason = "TERM decides nothing but the picture")]
    fn screen(&mut self) -> Screen {
        let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == screen::DUMB);
        Screen { picture: !is_dumb, window: window::of_input(), ..Screen::UNKNOWN }
    }

    fn is_password(&self, answer: &[u8]) -> bool {
        let password = self.handle.get_item::<AuthTok<'_>>().ok().flatten();
        password.is_some_and(|password| password.as_bytes() == answer)
    }

    fn hand_on(&mut self, password: &[u8]) -> Result<(), Denial> {
        let failed = || Denial::unavailable(LibpamError::Password);
        let text = Answer::new([password, b"\0"].concat());
        let text = CStr::from_bytes_with_nul(&text).map_err(|_| failed())?;
        if ffi::set_password(self.handle, text) { Ok(()) } else { Err(failed()) }
    }

    fn keep(&mut self, handoff: Handoff) -> Result<(), Denial> {
        // This comes first: whatever happens later, no login succeeds with nothing stored.
        if matches!(handoff.kind, HandoffKind::Enrolling(_)) && !ffi::putenv(self.handle, PENDING_SET) {
            return Err(Denial::unavailable(LibpamError::Variable));
        }
        let kept = self.handle.set_data(HANDOFF, Box::new(Cell::new(Some(handoff))));
        kept.map_err(|_| Denial::unavailable(LibpamError::Handoff))
    }

    fn take(&mut self) -> Option<Handoff> {
        // SAFETY: only `keep` stores data under this name, and only of this type.
        let kept = unsafe { self.handle.get_data::<Cell<Option<Handoff>>>(HANDOFF) };
        kept.ok().and_then(Cell::take)
    }

    fn end_pending(&mut self) {
        // libpam logs an error if the variable to be removed does not exist.
        if self.is_pending() {
            let _ = ffi::putenv(self.handle, PENDING); // if this fails, setcred refuses
        }
    }

    fn is_pending(&mut self) -> bool {
        ffi::getenv(self.handle, PENDING).is_some()
    }

    fn log(&mut self, line: &Line) {
        // A login must not wait for a log that is stuck. It waits only once to find that out; its lines are then lost.
        self.log_is_stuck = self.log_is_stuck || !syslog::takes_a_line();
        if self.log_is_stuck {
            return;
        }
        // The line is escaped, so it holds no null byte.
        if let Ok(text) = CString::new(line.text.as_str()) {
            ffi::syslog(self.handle, line.priority as i32, &text);
        }
    }
}
