use std::collections::BTreeSet;

use toml::de::DeTable;
use twostep_core::document::DocumentError;
use twostep_core::policy::{
    Address, Applies, Condition, DEFAULT_RULE, Groups, LoginFacts, METHODS, Methods, Mode, Origin, Policy,
    PolicyError, PolicyErrorKind, Spellings,
};
use twostep_core::time::UnixTime;
use twostep_doctor::remarks::remarks;

/// The length limit of a policy file.
const LONGEST: usize = 64 * 1024;
/// The name of a rule that is appended to all others.
const LAST: &str = "after all others";

/// A policy file. An accepted policy decides for every user, by the first rule that applies. An error has a position.
pub fn policy(bytes: &[u8]) {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let errors = Policy::errors(bytes);
    errors.iter().for_each(|error| check_error(error, bytes));
    check_syntax(&errors, bytes);
    match Policy::parse(bytes) {
        Ok(policy) => {
            assert_eq!(errors, [], "a login accepts a policy that `policy check` refuses");
            check(&policy, bytes);
        }
        Err(error) => {
            check_error(&error, bytes);
            assert!(!errors.is_empty(), "`policy check` accepts a policy that a login refuses: {error}");
        }
    }
}

fn check_error(error: &PolicyError, bytes: &[u8]) {
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
    assert!(
        (1..=lines).contains(&error.position.line) && error.position.column > 0,
        "{error} in {lines} lines"
    );
    let message = error.kind.to_string();
    assert!(!message.is_empty() && !message.contains('\n'), "{error:?}");
}

/// An error is one of syntax if and only if the crate `toml` refuses the text.
fn check_syntax(errors: &[PolicyError], bytes: &[u8]) {
    let is_of_syntax = |kind: &PolicyErrorKind| {
        use DocumentError::{NotUtf8, Syntax};
        matches!(kind, PolicyErrorKind::Document(NotUtf8 | Syntax(_)))
    };
    let is_toml = std::str::from_utf8(bytes).is_ok_and(|text| DeTable::parse(text).is_ok());
    let is_as_toml = |error: &PolicyError| is_of_syntax(&error.kind) != is_toml;
    assert!(may_have_many_keys(bytes) || errors.iter().all(is_as_toml), "{is_toml}: {errors:?}");
    assert!(is_toml || !errors.is_empty(), "a policy that is not TOML is accepted");
}

/// Whether a table may have more than 500 keys, which twostep refuses and the crate `toml` does not.
pub(crate) fn may_have_many_keys(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| b"=[".contains(byte)).count() > 500
}

fn check(policy: &Policy, bytes: &[u8]) {
    assert_eq!(Policy::parse(bytes).as_ref(), Ok(policy), "the same text gives the same policy");
    let more = [bytes, format!("\n[[rule]]\nname = \"{LAST}\"\nmode = \"mandatory\"\n").as_bytes()].concat();
    let more = Policy::parse(&more).ok(); // fails after `rule = []`
    for now in MOMENTS.map(UnixTime::new) {
        remarks(policy, now);
        for who in subjects(policy) {
            check_decision(policy, &who, now);
            if let Some(more) = &more {
                check_order(policy, more, &who, now);
            }
        }
    }
}

fn check_decision(policy: &Policy, who: &LoginFacts<'_>, now: UnixTime) {
    let considered: Vec<_> = policy.considered(who, now).collect();
    let in_order = considered.iter().zip(policy.rules()).all(|((rule, _), expected)| *rule == expected);
    assert!(in_order, "rules are evaluated in order");
    let decides = |applies: Applies| matches!(applies, Applies::Yes | Applies::UnknownGroups);
    let first = considered.iter().position(|(_, applies)| decides(*applies));
    assert!(
        first.is_none_or(|first| first + 1 == considered.len()),
        "no rule is evaluated after the first that applies"
    );

    let decision = policy.decide(who, now);
    let sure = first.map_or(DEFAULT_RULE, |first| considered[first].0.name.as_str());
    let perhaps = considered.iter().filter(|(_, applies)| matches!(applies, Applies::Perhaps(_)));
    let candidates: Vec<_> = perhaps.map(|(rule, _)| rule.name.as_str()).chain([sure]).collect();
    assert!(candidates.contains(&decision.rule), "{decision:?} is not of {candidates:?}");
    if considered.last().is_some_and(|(_, applies)| *applies == Applies::UnknownGroups) {
        assert_eq!(decision.mode, Mode::Mandatory, "a failed group lookup");
    }
    let unseen = policy.obligation(who.user, &who.spellings, &who.groups, false, now);
    assert!(
        decision.mode != Mode::Mandatory || unseen.is_some(),
        "a user for whom it is mandatory may remove it: {decision:?}"
    );
}

/// A rule after the first that applies changes nothing.
fn check_order(policy: &Policy, more: &Policy, who: &LoginFacts<'_>, now: UnixTime) {
    let (decision, with_more) = (policy.decide(who, now), more.decide(who, now));
    let is_decided =
        policy.considered(who, now).last().is_some_and(|(_, applies)| matches!(applies, Applies::Yes));
    assert!(!is_decided || decision == with_more, "{decision:?} became {with_more:?}");
    assert!(with_more.mode >= decision.mode || !is_decided, "{decision:?} became {with_more:?}");
    assert!(is_decided || with_more.mode == Mode::Mandatory, "{with_more:?}");
}

/// The present, and the first and last time.
const MOMENTS: [u64; 3] = [1_800_000_000, 0, u64::MAX];

fn subjects(policy: &Policy) -> Vec<LoginFacts<'_>> {
    let named = |wanted| {
        let mut names = policy.rules().iter().flat_map(|rule| rule.names());
        names.find(|(condition, _)| *condition == wanted).map(|(_, name)| name)
    };
    let mut subjects = Vec::new();
    for user in named(Condition::Users).into_iter().chain(["ada"]) {
        for service in named(Condition::Services).into_iter().chain(["sshd"]) {
            for address in ["", "192.0.2.7", "2001:db8::1", "host.example.org"].map(Address::of) {
                for groups in groups(policy) {
                    let origin = if address == Address::None { Origin::Local } else { Origin::Remote };
                    let methods = match groups {
                        Groups::Unknown => Methods::UNKNOWN,
                        Groups::Known(_) => Methods::Known(METHODS.to_vec()),
                    };
                    let spellings = Spellings::default();
                    subjects.push(LoginFacts { user, spellings, service, origin, address, groups, methods });
                }
            }
        }
    }
    subjects
}

fn groups(policy: &Policy) -> [Groups; 3] {
    let all = policy.groups().into_iter().map(str::to_owned).collect();
    [Groups::Known(BTreeSet::new()), Groups::Known(all), Groups::Unknown]
}
