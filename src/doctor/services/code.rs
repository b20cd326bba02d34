//! Whether a service asks for a code.

use std::collections::BTreeSet;

use serde::Serialize;
use twostep_core::policy::Mode;

use crate::context::Context;
use crate::id::Id;
use crate::stack::{End, LoginService};

/// Whether a service asks for a code.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// It asks each user whom the policy asks.
    Asks,
    /// It asks, and some logins succeed without a code.
    CanBeBypassed,
    /// It asks no user.
    AsksForNone,
    /// The policy exempts all users there.
    Exempt,
    /// Every login is refused.
    RefusesEverybody,
    /// Not known: this process may not read all lines, or they are too many.
    Unknown,
}

/// The findings on a service at which some logins succeed without the code that it asks for, whatever its lines say.
const BYPASSED: [Id; 3] = [Id::SshdKeyWithoutCode, Id::SudoAsksAnotherAccount, Id::SudoAsksNoCode];
/// The findings on a service at which no login succeeds.
const REFUSING: [Id; 4] =
    [Id::PamFirstFactorOutsideSshd, Id::PamProgramNotRoot, Id::PamServiceNotAFile, Id::PamWrongArgument];

impl Code {
    /// `findings` are those on the service.
    pub(crate) fn of(context: &Context<'_>, service: &LoginService, findings: &BTreeSet<Id>) -> Self {
        let has_one = |ids: &[Id]| ids.iter().any(|id| findings.contains(id));
        if has_one(&REFUSING) {
            return Self::RefusesEverybody;
        }
        let Some(lines) = &service.lines else {
            return if service.is_hidden { Self::Unknown } else { Self::RefusesEverybody };
        };
        let Some(end) = lines.end else { return Self::Unknown };
        let has_line = lines.has_auth_line || lines.has_account_line;
        // Without a policy, the module refuses.
        let is_denied = context.policy.is_none() && !context.hides_policy() && has_line;
        if end == End::Refused || is_denied && lines.is_module_loaded {
            return Self::RefusesEverybody;
        }
        let strictest = context.policy.as_ref().map(|policy| policy.strictest(&service.name, context.now));
        if strictest == Some(Mode::Exempt) {
            return Self::Exempt;
        }
        if end == End::NotAsked || has_one(&[Id::SshdPamOff]) {
            return Self::AsksForNone;
        }
        if end == End::Bypassed || has_one(&BYPASSED) { Self::CanBeBypassed } else { Self::Asks }
    }
}
