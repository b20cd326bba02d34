//! The administrator's rules: for whom the second step is mandatory, opt-in or not asked at all. The first rule that
//! matches decides.

mod check;
mod file;
mod network;
#[cfg(test)]
mod properties;
mod remarks;
mod rule;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::proof::totp::{self, Algorithm, Authenticator};
use crate::time::{Day, Period, UnixTime};

pub use file::{PolicyError, Position};
pub use network::Network;
pub use remarks::{Remark, Weight};
pub use rule::{Applies, Condition, Rule};

/// The methods that sshd reports as proved (RFC 4252, RFC 4256, RFC 4462).
pub const METHODS: [&str; 5] =
    ["publickey", "password", "hostbased", "gssapi-with-mic", "keyboard-interactive"];

/// What a rule asks for, from the mildest to the strictest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nobody is asked.
    Exempt,
    /// Who has enrolled must prove it; the others get in without.
    OptIn,
    /// Everybody must prove a second step.
    Mandatory,
}

/// From where somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// How people enroll.
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
    /// The PAM services.
    pub services: Vec<String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { services: vec!["sshd".to_owned()] }
    }
}

/// The policy, parsed and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    mode: Mode,
    /// The line on which `mode` stands.
    line: usize,
    rules: Vec<Rule>,
    /// How codes are judged.
    pub verification: Verification,
    /// How people enroll.
    pub enrollment: Enrollment,
    /// Where nobody gets by without.
    pub gate: Gate,
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
    /// From this one.
    Literal(IpAddr),
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
    /// By these of [`METHODS`], perhaps none.
    Known(Vec<&'a str>),
    /// Nobody says: sshd tells it in the auth phase alone.
    Unknown,
}

/// Who logs in, by which service, from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFacts<'a> {
    /// A name of the account's.
    pub user: &'a str,
    /// The PAM service.
    pub service: &'a str,
    /// Console or network.
    pub origin: Origin,
    /// What PAM_RHOST says.
    pub address: Address,
    /// The person's groups.
    pub groups: Groups,
    /// What was proved before.
    pub methods: Methods<'a>,
}

/// What the policy says of one subject.
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
    /// Whether it is only assumed, because groups could not be looked up.
    pub is_assumed: bool,
}

impl Decision<'_> {
    /// What counts where it is not known whether this applies.
    fn assumed(self) -> Self {
        Self { mode: Mode::Mandatory, starts: None, is_assumed: true, ..self }
    }

    /// This, unless `other` asks for more.
    pub fn or_stricter(self, other: Self) -> Self {
        if other.mode > self.mode { other } else { self }
    }
}

impl Policy {
    /// Parses the text of a policy file. Everything that is not understood is an error.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        file::parse(text)
    }

    /// Everything that is wrong with the text of a policy file: every syntax error, or else one error of each table. Empty
    /// if and only if [`Self::parse`] reads it.
    pub fn errors(text: &[u8]) -> Vec<PolicyError> {
        check::errors(text)
    }

    /// What is allowed, and probably not meant.
    pub fn remarks(&self, now: UnixTime) -> Vec<Remark> {
        remarks::remarks(self, now)
    }

    /// The verdict on `who` at `now`: the first rule that applies decides. Groups that cannot be looked up count as mandatory.
    /// Where a condition cannot be known, as with a remote host that is a name, the stricter of the two verdicts counts, so
    /// that whoever chooses the name neither reaches an exemption nor evades a rule.
    pub fn decide(&self, who: &LoginFacts<'_>, now: UnixTime) -> Decision<'_> {
        let mut strictest_perhaps: Option<Decision<'_>> = None;
        let mut sure = self.otherwise();
        for (rule, applies) in self.considered(who, now) {
            let this = rule.decision(now);
            match applies {
                Applies::No(_) => {}
                Applies::Perhaps(_) => {
                    strictest_perhaps = strictest_perhaps.map(|that| that.or_stricter(this)).or(Some(this));
                }
                Applies::Yes => sure = this,
                Applies::UnknownGroups => sure = this.assumed(),
            }
        }
        strictest_perhaps.map_or(sure, |perhaps| sure.or_stricter(perhaps))
    }

    /// The rules that [`Self::decide`] looks at, each with whether it applies, up to the first that decides.
    pub fn considered(&self, who: &LoginFacts<'_>, now: UnixTime) -> impl Iterator<Item = (&Rule, Applies)> {
        let mut is_decided = false;
        self.rules.iter().map_while(move |rule| {
            if is_decided {
                return None;
            }
            let applies = rule.applies(who, now);
            is_decided = applies.decides();
            Some((rule, applies))
        })
    }

    /// What makes the second step mandatory for `user`, with these groups, in some login or other: every condition but those
    /// on people is taken as possible. None if it is mandatory nowhere; then they may give it up. `required`: whether an
    /// administrator requires it of this account.
    pub fn obligation(
        &self,
        user: &str,
        groups: &Groups,
        required: bool,
        now: UnixTime,
    ) -> Option<Decision<'_>> {
        let obliges = |mode| mode == Mode::Mandatory || (mode == Mode::OptIn && required);
        for rule in self.rules.iter().filter(|rule| rule.can_mean(user, groups, now)) {
            let verdict = rule.decision(now);
            if matches!(groups, Groups::Unknown) && rule.groups.is_some() {
                return Some(verdict.assumed());
            }
            if obliges(verdict.mode) {
                return Some(verdict);
            }
            if rule.is_about_people_alone() {
                return None;
            }
        }
        Some(self.otherwise()).filter(|verdict| obliges(verdict.mode))
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The verdict where no rule applies.
    fn otherwise(&self) -> Decision<'_> {
        Decision { mode: self.mode, rule: DEFAULT_RULE, line: self.line, starts: None, is_assumed: false }
    }

    /// Whether somebody must have a second step at `service`, as far as one can say without knowing whom.
    pub fn may_require(&self, service: &str) -> bool {
        let reaches = |rule: &&Rule| {
            rule.services.as_ref().is_none_or(|services| services.iter().any(|one| one == service))
        };
        let mut modes = self.rules.iter().filter(reaches).map(|rule| rule.mode);
        self.mode == Mode::Mandatory || modes.any(|mode| mode == Mode::Mandatory)
    }

    /// The groups that any rule names: only these are looked up.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| rule.groups.iter().flatten()).map(String::as_str).collect()
    }
}

/// What stands for the policy's own `mode` where a rule is named.
pub const DEFAULT_RULE: &str = "default";

#[cfg(test)]
mod tests;
