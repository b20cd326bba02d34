//! The allowed outcomes of a login, computed independently of the core as far as possible.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fs;
use std::path::PathBuf;

use twostep_core::policy::{Address, Groups, LoginFacts, METHODS, Methods, Mode, Origin, Policy, Spellings};
use twostep_core::proof::code::LongCode;
use twostep_core::proof::totp::Authenticator;
use twostep_core::store::files::credential::Credential;
use twostep_core::store::files::slot::{Slot, USED};
use twostep_core::time::UnixTime;
use twostep_tests::interpose::LogLine;
use twostep_tests::pam::*;
use twostep_tests::paper::recovery_code;
use twostep_tests::{BLOCK, Outcome, World};

use super::Phase;
use super::input::{Input, UID, USER};
use crate::state::newest;
use crate::totp::code_of;

/// The reason in the log and the PAM code of each denial.
const DENIALS: [(&str, c_int); 20] = [
    ("not-a-code", PAM_AUTH_ERR),
    ("refused-by-sshd", PAM_AUTH_ERR),
    ("wrong-code", PAM_AUTH_ERR),
    ("wrong-recovery-code", PAM_AUTH_ERR),
    ("replayed", PAM_AUTH_ERR),
    ("unknown-user", PAM_AUTH_ERR),
    ("not-enrolled", PAM_AUTH_ERR),
    ("not-a-ticket", PAM_AUTH_ERR),
    ("wrong-ticket", PAM_AUTH_ERR),
    ("not-confirmed", PAM_AUTH_ERR),
    ("no-first-factor", PAM_AUTH_ERR),
    ("locked", PAM_MAXTRIES),
    ("disabled", PAM_MAXTRIES),
    ("recovery-disabled", PAM_MAXTRIES),
    ("clock-anomaly", PAM_AUTHINFO_UNAVAIL),
    ("unavailable", PAM_AUTHINFO_UNAVAIL),
    ("misconfigured", PAM_SERVICE_ERR),
    ("conversation", PAM_CONV_ERR),
    ("second-step-skipped", PAM_PERM_DENIED),
    ("enrolled-meanwhile", PAM_PERM_DENIED),
];

/// The reasons that only an enrolled user gets.
const CONCEALED: [&str; 4] = ["locked", "disabled", "recovery-disabled", "clock-anomaly"];

/// The folders in which a login may read and write.
const FOLDERS: [&str; 4] =
    ["etc/twostep", "var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state"];

/// All files in these folders.
#[derive(Clone, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    /// The current files.
    pub fn of(world: &World) -> Self {
        let paths =
            FOLDERS.iter().flat_map(|folder| fs::read_dir(world.root().join(folder)).expect("a folder"));
        // A folder has no contents, but its name counts.
        let paths = paths.map(|entry| entry.expect("an entry").path());
        Self(paths.map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect())
    }

    fn ending_with(&self, end: &str) -> Option<&[u8]> {
        self.0.iter().find(|(path, _)| path.ends_with(end)).map(|(_, bytes)| bytes.as_slice())
    }

    fn secret(&self) -> Option<&[u8]> {
        self.ending_with(&format!("users/{UID}.toml"))
    }

    /// The valid slot, if the state can be read.
    fn state(&self) -> Option<Slot> {
        let file = self.ending_with(&format!("state/{UID}")).filter(|file| file.len() == 2 * BLOCK)?;
        let slot = |at: usize| Slot::decode(file[at..at + USED].try_into().expect("a block"));
        newest(&[slot(0), slot(BLOCK)], UID).map(|(_, slot)| slot.clone())
    }
}

/// Only the two files of the account are created, and only its state changes. A readable state stays readable, and an
/// unreadable one stays unchanged.
pub fn check_files(before: &Files, after: &Files) {
    let (secret, state) = (format!("users/{UID}.toml"), format!("state/{UID}"));
    for (path, bytes) in &after.0 {
        let old = before.0.get(path);
        let is_new = old.is_none() && (path.ends_with(&secret) || path.ends_with(&state));
        let may_change = path.ends_with(&state) && before.state().is_some();
        assert!(is_new || may_change || old == Some(bytes), "{} was created or changed", path.display());
    }
    assert!(before.0.keys().all(|path| after.0.contains_key(path)), "a file is gone");
    if after.ending_with(&state) != before.ending_with(&state) {
        let state = after.state().expect("a written state can be read");
        assert_eq!((state.uid, state.state.name.as_str()), (UID, USER));
        let older = before.state().map_or(0, |slot| slot.state.mark.seconds());
        assert!(state.state.mark.seconds() >= older, "the mark went back");
    }
}

/// The last log line with a verdict.
fn verdict(outcome: &Outcome) -> &LogLine {
    let line = outcome.log.iter().rfind(|line| line.text.starts_with("result="));
    line.unwrap_or_else(|| panic!("no verdict in the log: {outcome:#?}"))
}

fn check_denied(outcome: &Outcome) {
    let line = verdict(outcome);
    let (result, reason) = (line.field("result"), line.field("reason").unwrap_or_default());
    let expected = DENIALS.iter().find(|(name, _)| *name == reason).map(|(_, code)| *code);
    // Where nothing proves a first factor, a lockout looks like a wrong code.
    let is_concealed = CONCEALED.contains(&reason) && outcome.code == PAM_AUTH_ERR;
    let is_as_listed = expected == Some(outcome.code) || is_concealed;
    assert!(result == Some("deny") && is_as_listed, "{outcome:#?}");
}

/// A login is granted only for a right and unused code, after a dialogue, or because the policy exempts the user.
pub fn check_auth(input: &Input<'_>, phase: &Phase, pending: bool) {
    let outcome = &phase.outcome;
    assert_eq!(outcome.delays, [2_000_000], "every refusal is slow: {outcome:#?}");
    let result = verdict(outcome).field("result");
    match (outcome.code, result) {
        (PAM_SUCCESS, Some("grant")) => check_grant(input, phase),
        (PAM_SUCCESS, Some("enrolling")) => check_dialogue(input, phase),
        (IGNORED_ALONE, Some("exempt")) => check_exemption(input, phase),
        _ => check_denied(outcome),
    }
    assert_eq!(pending, (outcome.code, result) == (PAM_SUCCESS, Some("enrolling")), "{outcome:#?}");
    let is_new = phase.before.secret().is_none() && phase.after.secret().is_some();
    assert!(!is_new, "the auth phase stores no key");
}

fn check_grant(input: &Input<'_>, phase: &Phase) {
    let outcome = &phase.outcome;
    let asked = input.answers() - outcome.unused_answers;
    let typed = input.typed(asked).unwrap_or_else(|| panic!("nothing was typed: {outcome:#?}"));
    assert!(input.password().is_none_or(|password| password.as_bytes() != typed), "a password is no code");
    let rules = &input.rules.as_ref().expect("a policy that can be read").verification;
    let credential = input.credential.as_ref().expect("a credential that can be read");
    let after = phase.after.state().expect("a state").state;
    let before = phase.before.state().map(|slot| slot.state);
    let mark = before.as_ref().map_or(0, |state| state.mark.seconds());
    if verdict(outcome).field("method") == Some("recovery-code") {
        let before = before.expect("a state");
        assert!((1..=input.papers).any(|number| is_recovery_code(&typed, number)), "{outcome:#?}");
        assert_eq!(after.recovery.left(), before.recovery.left().map(|left| left - 1), "{outcome:#?}");
    } else {
        let is_disabled = before.is_some_and(|state| state.hosts.codes >= rules.lockout_after);
        let used = |begins: u64| begins <= mark || begins > after.mark.seconds();
        let mut steps = credential.authenticators.iter().flat_map(|one| steps(input, one, rules.skew_steps));
        let is_right = steps.any(|(code, begins)| is_typed(&typed, &code) && !used(begins));
        assert!(is_right && !is_disabled, "{outcome:#?}");
    }
    assert_eq!((after.hosts.codes, after.hosts.recovery), (0, 0), "{outcome:#?}");
}

/// The codes of the steps around the current one, and the start of each.
fn steps(input: &Input<'_>, one: &Authenticator, skew: u8) -> Vec<(String, u64)> {
    let period = one.period.seconds();
    let now = u64::try_from(input.clock).expect("after 1970") / period;
    let steps = now.saturating_sub(skew.into())..=now.saturating_add(skew.into());
    steps.map(|step| (code_of(one, step), step.saturating_mul(period))).collect()
}

/// Whether the code was typed, alone or after a password.
fn is_typed(typed: &[u8], code: &str) -> bool {
    let digits: Vec<u8> = typed.iter().copied().filter(|byte| !b" \t\r\n-".contains(byte)).collect();
    digits == code.as_bytes() || typed.ends_with(code.as_bytes())
}

fn is_recovery_code(typed: &[u8], number: usize) -> bool {
    let last = typed.len().checked_sub(19).map_or(typed, |from| &typed[from..]);
    let spells = |text: &[u8]| {
        LongCode::parse(text).is_some_and(|code| code.expose_text().as_str() == recovery_code(number))
    };
    spells(typed) || spells(last)
}

fn check_dialogue(input: &Input<'_>, phase: &Phase) {
    assert!(phase.before.secret().is_none(), "a first authenticator");
    let one = input.new_authenticator();
    let policy = input.rules.as_ref().expect("a policy that can be read");
    let skew = policy.verification.skew_steps;
    let in_a_row = policy.enrollment.codes.into();
    let typed: Vec<_> =
        (1..=input.answers() - phase.outcome.unused_answers).filter_map(|asked| input.typed(asked)).collect();
    let was_typed = |code: &str| typed.iter().any(|typed| is_typed(typed, code));
    let codes = steps(input, &one, skew);
    let is_proof = |row: &[(String, u64)]| row.iter().all(|(code, _)| was_typed(code));
    assert!(codes.windows(in_a_row).any(is_proof), "{:#?}", phase.outcome);
}

fn check_exemption(input: &Input<'_>, phase: &Phase) {
    let line = verdict(&phase.outcome);
    let policy = input.rules.as_ref().expect("a policy that can be read");
    let (mode, is_fit) = match line.field("reason") {
        Some("exempt") => (Mode::Exempt, true),
        _ => (Mode::OptIn, line.field("user") != Some(USER) || phase.before.secret().is_none()),
    };
    let user = line.field("user").expect("a user");
    let decided = possible(input, policy, user);
    assert!(
        is_fit
            && decided
                .iter()
                .any(|(found, rule)| (*found, Some(rule.as_str())) == (mode, line.field("rule"))),
        "{line:?}"
    );
}

/// The possible decisions of the policy, whatever groups the account has.
fn possible(input: &Input<'_>, policy: &Policy, user: &str) -> Vec<(Mode, String)> {
    let Ok(now) = u64::try_from(input.clock) else { return Vec::new() };
    let named: BTreeSet<String> = policy.groups().into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for origin in [Origin::Local, Origin::Remote] {
        for groups in [Groups::Known(BTreeSet::new()), Groups::Known(named.clone()), Groups::Unknown] {
            for methods in [Methods::Known(Vec::new()), Methods::Known(METHODS.to_vec()), Methods::UNKNOWN] {
                let address = Address::of(input.rhost.as_deref().unwrap_or_default());
                let who = LoginFacts {
                    user,
                    spellings: Spellings::default(),
                    service: input.service,
                    origin,
                    address,
                    groups: groups.clone(),
                    methods,
                };
                let decision = policy.decide(&who, UnixTime::new(now));
                found.push((decision.mode, decision.rule.to_owned()));
            }
        }
    }
    found
}

/// The account phase stores exactly the proved enrollment, and refuses a user who must prove a second step and has not.
pub fn check_account(input: &Input<'_>, auth: &Phase, account: &Phase, pending: bool) {
    let outcome = &account.outcome;
    let is_stored = account.before.secret().is_none() && account.after.secret().is_some();
    let is_refused = outcome.log.iter().any(|line| line.text.starts_with("result=deny"));
    if is_refused {
        check_denied(outcome);
    } else {
        // The account phase can refuse a login, but never grants one.
        assert_eq!((outcome.code, is_stored), (IGNORED_ALONE, pending), "{outcome:#?}");
    }
    if is_stored {
        let stored = Credential::parse(account.after.secret().expect("stored")).expect("a credential");
        let [one] = &stored.authenticators[..] else { panic!("one authenticator") };
        assert_eq!((stored.uid, stored.name.as_str()), (UID, USER));
        assert_eq!(one.expose_secret(), input.new_authenticator().expose_secret());
        let skew = input.rules.as_ref().expect("a policy").verification.skew_steps;
        let mark = account.after.state().expect("a state").state.mark.seconds();
        assert!(mark > steps(input, one, skew)[0].1 || mark > 0, "both codes are used up");
    }
    let has_proved = [PAM_SUCCESS, IGNORED_ALONE].contains(&auth.outcome.code);
    if !is_refused && !has_proved && input.user.as_bytes() == USER.as_bytes() {
        check_gate(input, outcome);
    }
}

fn check_gate(input: &Input<'_>, outcome: &Outcome) {
    let policy = input.rules.as_ref().expect("a policy that can be read");
    if policy.gate.services.iter().any(|service| service == input.service) {
        let decided = possible(input, policy, USER);
        assert!(decided.iter().any(|(mode, _)| *mode != Mode::Mandatory), "{outcome:#?}");
    }
}
