//! What a login comes to: what the policy asks, and what PAM and sshd make of it.

use std::collections::BTreeSet;

use twostep_core::policy::Mode;
use twostep_doctor::login::pam::PamService;
use twostep_doctor::login::sshd::{Reach, SshWays, Unread};

use super::asked::{Asked, Newcomer};
use crate::words::policy_explain as words;

/// The facts of one login.
pub(super) struct Facts<'a> {
    pub service: &'a str,
    /// What the policy asks, for a login that is asked.
    pub asked: Asked,
    /// The mode of the policy and of `twostep require`.
    pub mode: Mode,
    /// The same in the account phase, where the methods of sshd are not all known.
    pub mode_at_gate: Mode,
    /// Whether `[gate]` names the service.
    pub is_gate: bool,
    /// Whether `[enrollment]` names the service.
    pub enrolls: bool,
    /// Whether the account lines let users enroll.
    pub can_enroll: bool,
    /// None if not known.
    pub pam: Option<&'a PamService>,
    /// None at other services than sshd's.
    pub ssh: Option<&'a Result<SshWays, Unread>>,
    /// What the user proves before; none if not known.
    pub methods: Option<&'a BTreeSet<&'a str>>,
}

/// How a login ends, and why it is not as the policy says.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub asked: Asked,
    pub notes: Vec<String>,
}

impl Outcome {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let Some(pam) = facts.pam else {
            return Self { asked: facts.asked, notes: vec![words::PAM_HIDDEN.to_owned()] };
        };
        let mut notes = missing_file(pam);
        let asked = facts.before_pam(pam, &mut notes).unwrap_or_else(|| facts.by_pam(pam, &mut notes));
        Self { asked, notes }
    }
}

fn missing_file(pam: &PamService) -> Vec<String> {
    let Some(missing) = &pam.missing else { return Vec::new() };
    let meant = missing.meant.as_ref().map(words::did_you_mean);
    [words::no_file(&missing.path)].into_iter().chain(meant).collect()
}

impl Facts<'_> {
    /// How sshd ends the login by itself; none if the auth lines decide.
    fn before_pam(&self, pam: &PamService, notes: &mut Vec<String>) -> Option<Asked> {
        let SshWays { ways, reach } = match self.ssh? {
            Ok(ssh) => ssh,
            Err(unread) => {
                notes.push(sshd_unread(unread));
                return None;
            }
        };
        let methods = || {
            let named = self.methods.into_iter().flatten().copied();
            named.collect::<Vec<_>>().join(" and ")
        };
        match reach {
            Reach::Asks | Reach::Unknown => None,
            Reach::NoWay => {
                notes.push(words::no_way(methods()));
                Some(Asked::Refused)
            }
            Reach::WithoutPam => {
                notes.push(words::WITHOUT_PAM.to_owned());
                Some(self.unasked(false, notes))
            }
            Reach::Skips => {
                notes.push(words::skips(methods()));
                Some(self.unasked(pam.has_account_line, notes))
            }
            Reach::CannotAsk if self.mode == Mode::Exempt || !pam.has_auth_line || ways.is_empty() => None,
            Reach::CannotAsk => {
                notes.push(words::PASSWORD_CANNOT_ASK.to_owned());
                Some(if self.asked == Asked::NothingBeforeEnrollment { self.asked } else { Asked::Refused })
            }
        }
    }

    /// How the login ends by the lines that libpam reads.
    fn by_pam(&self, pam: &PamService, notes: &mut Vec<String>) -> Asked {
        let Some(file) = pam.file.as_ref().filter(|_| !pam.is_lost) else {
            notes.push(words::NOT_LOADED.to_owned());
            return Asked::Refused;
        };
        if pam.missing.as_ref().is_some_and(|missing| missing.is_refused) {
            notes.push(words::other_refuses(file));
            return Asked::Refused;
        }
        if !pam.has_auth_line {
            notes.push(words::no_auth_line(file));
            return self.unasked(pam.has_account_line, notes);
        }
        let lacks = |method: &&String| self.methods.is_some_and(|methods| !methods.contains(method.as_str()));
        if let Some(method) = pam.demands.as_ref().filter(lacks) {
            notes.push(words::demands(file, method));
            return Asked::Refused;
        }
        if !pam.has_account_line && (self.is_gate || self.enrolls) && self.mode != Mode::Exempt {
            notes.push(words::no_account_line(file));
        }
        self.asked_of_newcomers(notes)
    }

    fn asked_of_newcomers(&self, notes: &mut Vec<String>) -> Asked {
        let refused = if self.asked == Asked::Enrollment(Newcomer::Enrolls) {
            Asked::Enrollment(Newcomer::IsRefused)
        } else if self.asked == Asked::CodeOrEnrollment(Newcomer::Enrolls) {
            Asked::CodeOrEnrollment(Newcomer::IsRefused)
        } else {
            return self.asked;
        };
        if self.can_enroll {
            return self.asked;
        }
        notes.push(words::cannot_enroll(self.service));
        refused
    }

    /// How a login ends that no auth line of twostep asks.
    fn unasked(&self, has_account_line: bool, notes: &mut Vec<String>) -> Asked {
        if self.mode_at_gate == Mode::Mandatory && self.is_gate && has_account_line {
            notes.push(words::GATE_REFUSES.to_owned());
            return Asked::Refused;
        }
        if self.mode == Mode::Mandatory {
            notes.push(words::NO_GATE.to_owned());
        }
        if self.mode == Mode::Exempt { Asked::Nothing } else { Asked::Unasked }
    }
}

fn sshd_unread(unread: &Unread) -> String {
    match unread {
        Unread::NotRoot => words::SSHD_HIDDEN.to_owned(),
        Unread::Settings(location, what) => words::sshd_unread(location, what),
        Unread::Block(location) => words::sshd_block(location),
    }
}

#[cfg(test)]
mod tests;
