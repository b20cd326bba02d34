//! What a policy can say, and what it is asked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::proof::totp::{self, Algorithm, Authenticator};
use crate::time::{Day, Period, UnixTime};

use super::network::{self, Network};
use super::spelling::Spellings;

/// What stands for the policy's own `mode` where a rule is named.
pub const DEFAULT_RULE: &str = "default";

/// The methods that sshd reports as proved (RFC 4252, RFC 4256, RFC 4462).
pub const METHODS: [&str; 5] =
    ["publickey", "password", "hostbased", "gssapi-with-mic", "keyboard-interactive"];

/// What a rule asks for, from the mildest to the strictest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// No code is asked for, not even of those who have enrolled.
    Exempt,
    /// Who has enrolled must prove it; the others get in without.
    OptIn,
    /// Everybody must prove a second step.
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

/// From where somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// At a console of this machine.
    Local,
    /// Everything that is not surely local.
    Remote,
}

/// How codes are judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verification {
    /// Steps tolerated to each side of the present one, 0 to 3.
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
    /// When the last step of these authenticators' begins that could be accepted at `now`.
    pub fn window_end(&self, authenticators: &[Authenticator], now: UnixTime) -> UnixTime {
        totp::window_end(authenticators, now, self.skew_steps.into())
    }
}

/// How people enroll: the table `[enrollment]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrollment {
    /// The PAM services at which a mandatory user without a credential enrolls in the login itself.
    pub services: Vec<String>,
    /// Whether a ticket of an administrator's is asked for first.
    pub require_ticket: bool,
    /// What apps show beside the account; none: the host's name.
    pub issuer: Option<String>,
    /// The hash of new authenticators.
    pub algorithm: Algorithm,
    /// Digits of their codes, 6 to 8.
    pub digits: u8,
    /// Seconds per step of theirs, 30 or 60.
    pub period: Period,
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
            recovery_codes: 8,
        }
    }
}

/// Where the account phase refuses who skipped a required second step.
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

/// The groups of a person, as far as the policy names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Groups {
    /// Those of the named groups to which the person belongs.
    Known(BTreeSet<String>),
    /// The look-up failed.
    Unknown,
}

/// From which address somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// From none: PAM_RHOST is empty.
    None,
    /// From this literal address, an IPv4-mapped one as IPv4.
    Literal(IpAddr),
    /// From an address of this network, nobody knows from which one.
    Within(Network),
    /// From a name, whose address is what its owner says today.
    Unknown,
}

impl Address {
    /// The address in PAM_RHOST. A zone (RFC 4007 section 11) is dropped, an IPv4-mapped address is the IPv4 one.
    pub fn of(rhost: &str) -> Self {
        match network::literal(rhost) {
            _ if rhost.is_empty() => Self::None,
            Some(address) => Self::Literal(address),
            None => Self::Unknown,
        }
    }
}

/// How somebody has proved who they are, before they are asked for a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Methods<'a> {
    /// By these of [`METHODS`] and no others, perhaps by none.
    Known(Vec<&'a str>),
    /// By these, and perhaps by others: sshd enters the account phase before it names the last method.
    AtLeast(Vec<&'a str>),
}

impl Methods<'_> {
    /// Nothing is known of them.
    pub const UNKNOWN: Self = Self::AtLeast(Vec::new());
}

/// Who logs in, by which service, from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFacts<'a> {
    /// A name of the account's.
    pub user: &'a str,
    /// The other names in the policy that mean it.
    pub spellings: Spellings<'a>,
    /// PAM_SERVICE of the login; libpam gives it in lower case.
    pub service: &'a str,
    /// Whether it is surely at a console of this machine.
    pub origin: Origin,
    /// What PAM_RHOST says of the address.
    pub address: Address,
    /// Those of the groups named in the policy to which the user belongs.
    pub groups: Groups,
    /// What was proved before.
    pub methods: Methods<'a>,
}

/// The verdict of the policy on one login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision<'p> {
    /// What is asked for.
    pub mode: Mode,
    /// The deciding rule's name, `default` if none matched.
    pub rule: &'p str,
    /// The line on which that name stands, or the policy's own mode.
    pub line: usize,
    /// The day from which on it is mandatory, if that is still to come.
    pub starts: Option<Day>,
    /// Whether it is only assumed, because groups or names could not be looked up.
    pub is_assumed: bool,
}

impl Decision<'_> {
    /// What counts where it is not known whether this applies.
    pub(super) fn assumed(self) -> Self {
        Self { mode: Mode::Mandatory, starts: None, is_assumed: true, ..self }
    }

    /// This, unless `other` asks for more.
    pub(crate) fn or_stricter(self, other: Self) -> Self {
        if other.mode > self.mode { other } else { self }
    }
}
