//! The rules for sshd's settings, one a function.

use twostep_hostconf::sshd::authorized_keys::{KeyUse, key_uses};
use twostep_hostconf::sshd::methods::{Way, beside_pam, is_offered, ways};
use twostep_hostconf::sshd::view::View;
use twostep_hostconf::tree;

use super::fate::{Fate, SshdFirstFactor, fate, fixed};
use super::findings;
use super::pam_service::{KEYWORD, USUAL};
use super::setting::set;
use crate::context::Context;
use crate::enrolling::{self, TIME_TO_ENROLL};
use crate::finding::{Finding, Remedy};

/// The settings for some users, and the facts by which they are judged.
pub(crate) struct Case<'a> {
    pub view: View<'a>,
    pub root_view: View<'a>,
    pub first: SshdFirstFactor,
    /// The PAM service that sshd uses.
    pub service: String,
    pub context: &'a Context<'a>,
}

pub(crate) type SettingCheck = fn(&Case<'_>) -> Option<Finding>;

/// The rules for settings that no `Match` block can change.
pub(crate) const EVERYBODY: &[SettingCheck] = &[uses_pam, root_has_a_way_in, there_is_time_to_enroll];

/// The rules for settings that a `Match` block can change, with their keywords.
pub(crate) const EVERYONE_AND_BLOCKS: &[(&[&str], SettingCheck)] = &[
    (&["kbdinteractiveauthentication"], can_ask),
    (&["passwordauthentication", "authenticationmethods"], password_is_no_way_in),
    (&["pubkeyauthentication", "authenticationmethods", KEYWORD], keys_are_taken),
    (
        &["authenticationmethods", "pubkeyauthentication", "gssapiauthentication", "hostbasedauthentication"],
        nobody_comes_in_beside_pam,
    ),
    (
        &[
            "authenticationmethods",
            "passwordauthentication",
            "pubkeyauthentication",
            "gssapiauthentication",
            "hostbasedauthentication",
            KEYWORD,
        ],
        every_way_in_asks,
    ),
];

fn uses_pam(case: &Case<'_>) -> Option<Finding> {
    let remedy = || set(case.context.root, &case.view, "UsePAM", "yes");
    (!case.view.is_on("usepam")).then(|| findings::pam_off(case.view.location("usepam"), remedy()))
}

fn can_ask(case: &Case<'_>) -> Option<Finding> {
    let remedy = || set(case.context.root, &case.view, "KbdInteractiveAuthentication", "yes");
    let is_off = !case.view.is_on("kbdinteractiveauthentication");
    is_off.then(|| findings::keyboard_interactive_off(&case.view, remedy()))
}

/// Where any one method is enough, `password` must not be offered.
fn password_is_no_way_in(case: &Case<'_>) -> Option<Finding> {
    let remedy = || set(case.context.root, &case.view, "PasswordAuthentication", "no");
    let is_offered = ways(&case.view).is_none() && case.view.is_on("passwordauthentication");
    is_offered.then(|| findings::password_cannot_ask(&case.view, remedy()))
}

fn keys_are_taken(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let needs_key = |ways: Vec<Way>| ways.iter().all(|way| way.has("publickey"));
    let needed = case.first == SshdFirstFactor::Key || ways(view).is_some_and(needs_key);
    let remedy = || set(case.context.root, view, "PubkeyAuthentication", "yes");
    (needed && !view.is_on("pubkeyauthentication")).then(|| findings::keys_off(view, remedy()))
}

fn nobody_comes_in_beside_pam(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let beside = beside_pam(view);
    let remedy = || set(case.context.root, view, "AuthenticationMethods", case.first.way());
    (ways(view).is_none() && !beside.is_empty())
        .then(|| findings::key_without_code(view, &beside, is_gated(case), case.first, remedy()))
}

/// Whether the account line refuses logins that have bypassed the code there; none if the policy is not known.
fn is_gated(case: &Case<'_>) -> Option<bool> {
    // The policy means sshd by its usual name, too, whatever its service is.
    let is_meant = |service: &String| *service == case.service || service == USUAL;
    case.context.policy.as_ref().map(|policy| policy.gate.services.iter().any(is_meant))
}

/// One finding for the line: the worst way decides which.
fn every_way_in_asks(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let all = ways(view)?;
    let offered: Vec<&Way> = all.iter().filter(|way| is_offered(way, view)).collect();
    let worst = offered.iter().max_by_key(|way| fate(way, case.first))?;
    let is_only = offered.iter().all(|way| fate(way, case.first) == Fate::CannotAsk);
    let remedy = fix_ways(case, &all, worst);
    match fate(worst, case.first) {
        Fate::Asked => None,
        Fate::CannotAsk => Some(findings::password_way_cannot_ask(view, worst, is_only, remedy)),
        Fate::NoKey => Some(findings::no_key_first(view, worst, &case.service, remedy)),
        Fate::NotAsked => Some(findings::way_without_code(view, worst, is_gated(case), remedy)),
    }
}

/// Users whom a block names one by one may be meant to log in by a key alone. Then an administrator decides.
fn fix_ways(case: &Case<'_>, all: &[Way], worst: &Way) -> Remedy {
    let fixed = fixed(all, case.first);
    let mut blocks = case.view.blocks();
    let names = match (blocks.next(), blocks.next()) {
        (Some(block), None) => block.named().is_some(),
        _ => false,
    };
    if fate(worst, case.first) != Fate::NotAsked || !names {
        return set(case.context.root, &case.view, "AuthenticationMethods", &fixed);
    }
    findings::exempt_or_set_methods(&case.service, &fixed)
}

/// root may be meant to log in by a key, and cannot where sshd asks for a password or code as well.
fn root_has_a_way_in(case: &Case<'_>) -> Option<Finding> {
    let view = &case.root_view;
    // sshd -T prints the older name.
    let value = view.word("permitrootlogin").replace("without-password", "prohibit-password");
    let by_key_alone = |way: &Way| fate(way, case.first) == Fate::NotAsked;
    let shut = ways(view).is_some_and(|ways| !ways.iter().any(by_key_alone));
    let remedy = || set(case.context.root, &case.view, "PermitRootLogin", "no");
    (shut && root_has_keys(case.context, &value))
        .then(|| findings::root_shut_out(view.location("permitrootlogin"), &value, remedy()))
}

/// Whether root has keys of the kind that this value of `PermitRootLogin` is about.
///
/// A key with a forced command is not meant for a login: the command runs a backup, or names the user to log in as, as cloud-init's
/// does. Some commands do start a shell. The administrator has chosen each of them, and doctor cannot tell what a command does.
fn root_has_keys(context: &Context<'_>, value: &str) -> bool {
    let wanted = match value {
        "prohibit-password" => KeyUse::Session,
        "forced-commands-only" => KeyUse::ForcedCommand,
        _ => return false,
    };
    let keys = tree::text(context.root, "/root/.ssh/authorized_keys").unwrap_or_default();
    key_uses(&keys).any(|key| key == wanted)
}

fn there_is_time_to_enroll(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let time = seconds(&view.value("logingracetime").text)?;
    let short = time > 0 && time < TIME_TO_ENROLL;
    let remedy = || set(case.context.root, view, "LoginGraceTime", &TIME_TO_ENROLL.to_string());
    (short && enrolling::is_possible(case.context, &case.service)).then(|| {
        enrolling::too_little_time(view.location("logingracetime"), "LoginGraceTime", time, remedy())
    })
}

/// The time formats of sshd_config(5): numbers with s, m, h, d or w; seconds without.
fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, unit) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let unit_length = unit.chars().next().map_or(0, char::len_utf8);
        let factor = match unit.get(..unit_length)? {
            "" | "s" | "S" => 1,
            "m" | "M" => 60,
            "h" | "H" => 3600,
            "d" | "D" => 86_400,
            "w" | "W" => 604_800,
            _ => return None,
        };
        total = total.saturating_add(number.saturating_mul(factor));
        rest = unit.get(unit_length..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_as_sshd_writes_them() {
        let table = [
            ("120", Some(120)),
            ("2m", Some(120)),
            ("1h30M", Some(5400)),
            ("1w1d", Some(691_200)),
            ("0", Some(0)),
            ("x", None),
            ("5y", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
