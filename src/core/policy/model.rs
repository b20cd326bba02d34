//! The content of a policy, and the facts of a login that it judges.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::proof::totp::{self, Algorithm, Authenticator};
use crate::time::{Day, Period, UnixTime};

use super::network::{self, Network};
use super::spelling::Spellings;

/// The name of the policy's own `mode`, where a rule is named.
pub const DEFAULT_RULE: &str = "default";

/// The methods that sshd reports as proved (RFC 4252, RFC 4256, RFC 4462).
pub const METHODS: [&str; 5] =
    ["publickey", "password", "hostbased", "gssapi-with-mic", "keyboard-interactive"];

/// What a rule asks for, from the mildest to the strictest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// No code is asked for, even if the user is enrolled.
    Exempt,
    /// A user who is enrolled must prove the second step; other users get in without it.
    OptIn,
    /// Every user must prove a second step.
    Mandatory,
}

impl Mode {
    /// The word for it in the policy file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::OptIn => "opt-in",
            Self::Mandatory => "mandatory",
        }
    }
}

/// Where a login comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A console of this machine.
    Local,
    /// Everywhere that is not certainly local.
    Remote,
}

impl Origin {
    /// The word for it in the policy file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// How codes are judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verification {
    /// Steps accepted to each side of the present one, 0 to 3.
    pub skew_steps: u8,
    /// Prompts in one conversation, 1 to 10.
    pub tries: u8,
    /// Failures in a row until codes are disabled, 3 to 100.
    pub lockout_after: u16,
}

impl Default for Verification {
    fn default() -> Self {
        Self { skew_steps: 1, tries: 3, lockout_after: 20 }
    }
}

impl Verification {
    /// When the last step of these authenticators that could be accepted at `now` begins.
    pub fn window_end(&self, authenticators: &[Authenticator], now: UnixTime) -> UnixTime {
        totp::window_end(authenticators, now, self.skew_steps.into())
    }
}

/// How users enroll: the table `[enrollment]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrollment {
    /// The PAM services that enroll a mandatory user without a credential in the login itself.
    pub services: Vec<String>,
    /// Whether an enrollment first asks for an administrator's ticket.
    pub require_ticket: bool,
    /// The name that apps show beside the account; none for the host's name.
    pub issuer: Option<String>,
    /// The hash of new authenticators.
    pub algorithm: Algorithm,
    /// Digits of the codes of new authenticators, 6 to 8.
    pub digits: u8,
    /// Seconds per step of new authenticators, 30 or 60.
    pub period: Period,
    /// Codes in a row that prove a new authenticator, 1 or 2.
    pub codes: u8,
    /// The line of `codes` in the policy file, if it is there.
    pub codes_line: Option<usize>,
    /// Recovery codes in a set, 0 to 16.
    pub recovery_codes: u8,
}

impl Default for Enrollment {
    fn default() -> Self {
        Self {
            services: vec!["sshd".to_owned(), "login".to_owned()],
            require_ticket: false,
            issuer: None,
            algorithm: Algorithm::SHA1,
            digits: 6,
            period: Period::DEFAULT,
            codes: 2,
            codes_line: None,
            recovery_codes: 8,
        }
    }
}

/// Where the account phase refuses a user who skipped a required second step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    /// The PAM services whose account phase refuses.
    pub services: Vec<String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { services: vec!["sshd".to_owned()] }
    }
}

/// The groups of a user, as far as the policy names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Groups {
    /// The groups named in the policy to which the user belongs.
    Known(BTreeSet<String>),
    /// The look-up failed.
    Unknown,
}

/// The address from which a user logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// No address: PAM_RHOST is empty.
    None,
    /// This literal address. An IPv4-mapped address becomes the IPv4 one.
    Literal(IpAddr),
    /// An unknown address of this network.
    Within(Network),
    /// A name. The owner of the name decides what address it has.
    Unknown,
}

impl Address {
    /// The address in PAM_RHOST. A zone (RFC 4007 section 11) is dropped; an IPv4-mapped address becomes the IPv4 one.
    pub fn of(rhost: &str) -> Self {
        match network::literal(rhost) {
            _ if rhost.is_empty() => Self::None,
            Some(address) => Self::Literal(address),
            None => Self::Unknown,
        }
    }
}

/// The methods with which a user logged in before the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Methods<'a> {
    /// These of [`METHODS`] and no others, possibly none.
    Known(Vec<&'a str>),
    /// These, and possibly others: sshd enters the account phase before it names the last method.
    AtLeast(Vec<&'a str>),
}

impl Methods<'_> {
    /// No method is known.
    pub const UNKNOWN: Self = Self::AtLeast(Vec::new());
}

/// Which user logs in, by which service, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFacts<'a> {
    /// A name of the account.
    pub user: &'a str,
    /// The other names in the policy that mean this account.
    pub spellings: Spellings<'a>,
    /// PAM_SERVICE of the login; libpam gives it in lower case.
    pub service: &'a str,
    /// Whether the login is certainly at a console of this machine.
    pub origin: Origin,
    /// The address in PAM_RHOST.
    pub address: Address,
    /// Those of the groups named in the policy to which the user belongs.
    pub groups: Groups,
    /// The methods that the user proved before.
    pub methods: Methods<'a>,
}

/// The verdict of the policy on one login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision<'p> {
    /// The mode of the deciding rule at this moment.
    pub mode: Mode,
    /// The deciding rule's name; `default` if no rule matched.
    pub rule: &'p str,
    /// The line of that name, or of the policy's own mode.
    pub line: usize,
    /// The day on which the second step becomes mandatory, if it is in the future.
    pub starts: Option<Day>,
    /// Whether the mode is only assumed, because groups or names could not be looked up.
    pub is_assumed: bool,
}

impl Decision<'_> {
    /// The decision to use if it is not known whether this one applies: mandatory.
    pub(super) fn assumed(self) -> Self {
        Self { mode: Mode::Mandatory, starts: None, is_assumed: true, ..self }
    }

    /// This decision, unless `other` has a stricter mode.
    pub(crate) fn or_stricter(self, other: Self) -> Self {
        if other.mode > self.mode { other } else { self }
    }
}
