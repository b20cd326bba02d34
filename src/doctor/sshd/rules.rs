//! What must hold of sshd's settings, one rule a function.

use twostep_hostconf::sshd::authorized_keys::{KeyUse, key_uses};
use twostep_hostconf::sshd::methods::{Way, beside_pam, is_offered, ways};
use twostep_hostconf::sshd::view::View;
use twostep_hostconf::tree;

use super::fate::{Fate, SshdFirstFactor, fate, mended};
use super::pam_service::{KEYWORD, USUAL};
use super::setting::{set, whom};
use crate::context::Context;
use crate::enrolling::{self, TIME_TO_ENROLL};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// Somebody's settings, and what they are judged by.
pub(crate) struct Case<'a> {
    pub view: View<'a>,
    pub root_view: View<'a>,
    pub first: SshdFirstFactor,
    /// The PAM service that sshd uses.
    pub service: String,
    pub context: &'a Context<'a>,
}

pub(crate) type SettingCheck = fn(&Case<'_>) -> Option<Finding>;

/// The rules on what sshd takes for everybody alike.
pub(crate) const EVERYBODY: &[SettingCheck] = &[uses_pam, root_has_a_way_in, there_is_time_to_enroll];

/// The rules on what a `Match` block can set, with the keywords that they look at.
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
    (!case.view.is_on("usepam")).then(|| {
        Finding::problem(
            Id::SshdPamOff,
            case.view.location("usepam"),
            "UsePAM is no",
            "sshd then does not ask PAM, and nobody is asked for a code.",
            set(case.context.root, &case.view, "UsePAM", "yes"),
        )
    })
}

fn can_ask(case: &Case<'_>) -> Option<Finding> {
    (!case.view.is_on("kbdinteractiveauthentication")).then(|| {
        Finding::problem(
            Id::SshdKeyboardInteractiveOff,
            case.view.location("kbdinteractiveauthentication"),
            format!("KbdInteractiveAuthentication is no{}", whom(&case.view)),
            "sshd can ask for a code by no other method. Users who need one cannot log in.",
            set(case.context.root, &case.view, "KbdInteractiveAuthentication", "yes"),
        )
    })
}

/// Where any one method lets people in, `password` is offered, too.
fn password_is_no_way_in(case: &Case<'_>) -> Option<Finding> {
    (ways(&case.view).is_none() && case.view.is_on("passwordauthentication")).then(|| {
        Finding::warning(
            Id::SshdPasswordCannotAsk,
            case.view.location("passwordauthentication"),
            format!("PasswordAuthentication is yes{}", whom(&case.view)),
            "The method 'password' cannot ask for a code. Users who need one type their password there in vain.",
            set(case.context.root, &case.view, "PasswordAuthentication", "no"),
        )
    })
}

fn keys_are_taken(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let needs_key = |ways: Vec<Way>| ways.iter().all(|way| way.has("publickey"));
    let needed = case.first == SshdFirstFactor::Key || ways(view).is_some_and(needs_key);
    (needed && !view.is_on("pubkeyauthentication")).then(|| {
        Finding::problem(
            Id::SshdKeysOff,
            view.location("pubkeyauthentication"),
            format!("PubkeyAuthentication is no{}, but a key must come first", whom(view)),
            "Everybody is refused.",
            set(case.context.root, view, "PubkeyAuthentication", "yes"),
        )
    })
}

fn nobody_comes_in_beside_pam(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let beside = beside_pam(view);
    (ways(view).is_none() && !beside.is_empty()).then(|| {
        Finding::problem(
            Id::SshdKeyWithoutCode,
            view.location("authenticationmethods"),
            format!(
                "AuthenticationMethods is {}{}: {} alone lets people in",
                if view.value("authenticationmethods").location.is_some() { "any" } else { "not set" },
                whom(view),
                beside.join(" or ")
            ),
            format!("{} {}", passed_over(case), for_whom(case.first)),
            set(case.context.root, view, "AuthenticationMethods", case.first.way()),
        )
    })
}

/// What it means that sshd comes to PAM's account part alone.
fn passed_over(case: &Case<'_>) -> &'static str {
    let policy = case.context.policy.as_ref();
    // sshd is meant by its usual name, too, whatever its service.
    let is_meant = |service: &String| *service == case.service || service == USUAL;
    let guarded = policy.map(|policy| policy.gate.services.iter().any(is_meant));
    match guarded {
        None => "That way nobody is asked for a code.",
        Some(true) => {
            "That way nobody is asked for a code. The account line refuses users who must have \
             a second step; all others get in without a code, enrolled or not."
        }
        Some(false) => "That way all users get in without a code, enrolled or not.",
    }
}

/// What the mending does to those who come with a key.
fn for_whom(first: SshdFirstFactor) -> &'static str {
    match first {
        SshdFirstFactor::Password => {
            "With the line below, users log in by password and code, and no longer by a key."
        }
        SshdFirstFactor::Key => "With the line below, users log in by key and code.",
    }
}

/// One finding for the line: the worst way in gives it its name.
fn every_way_in_asks(case: &Case<'_>) -> Option<Finding> {
    let view = &case.view;
    let all = ways(view)?;
    let offered: Vec<&Way> = all.iter().filter(|way| is_offered(way, view)).collect();
    let worst = offered.iter().max_by_key(|way| fate(way, case.first))?;
    let only = offered.iter().all(|way| fate(way, case.first) == Fate::CannotAsk);
    let no_key = format!("The line in /etc/pam.d/{} says first_factor=publickey.", case.service);
    let (id, finding, what, why): (_, fn(_, _, _, _, _) -> _, _, &str) = match fate(worst, case.first) {
        Fate::Asked => return None,
        Fate::CannotAsk => (
            Id::SshdPasswordCannotAsk,
            if only { Finding::problem } else { Finding::warning },
            "cannot ask for a code",
            "sshd asks only for the password there. Users who need a code are refused.",
        ),
        Fate::NoKey => {
            (Id::SshdNoKeyFirst, Finding::problem, "refuses everybody, because no key comes first", &no_key)
        }
        Fate::NotAsked => {
            (Id::SshdKeyWithoutCode, Finding::problem, "lets people in without a code", passed_over(case))
        }
    };
    let what = format!("AuthenticationMethods{}: '{worst}' {what}", whom(view));
    Some(finding(id, view.location("authenticationmethods"), what, why, mend_ways(case, &all, worst)))
}

/// A key alone may be meant for accounts that a block names one by one: then the policy must say it, too.
fn mend_ways(case: &Case<'_>, all: &[Way], worst: &Way) -> Remedy {
    let mended = mended(all, case.first);
    let mut blocks = case.view.blocks();
    let names = match (blocks.next(), blocks.next()) {
        (Some(block), None) => block.named().is_some(),
        _ => false,
    };
    if fate(worst, case.first) != Fate::NotAsked || !names {
        return set(case.context.root, &case.view, "AuthenticationMethods", &mended);
    }
    Remedy::Advice {
        text: format!(
            "If these users should log in without a code, exempt them in the policy, by a rule with services = [\"{}\"] and \
             mode = \"exempt\". Otherwise, write there: AuthenticationMethods {mended}",
            case.service
        ),
    }
}

/// root may be meant to come with a key, and cannot where a password or code is asked for as well.
fn root_has_a_way_in(case: &Case<'_>) -> Option<Finding> {
    let view = &case.root_view;
    // What sshd -T says is the older name.
    let value = view.word("permitrootlogin").replace("without-password", "prohibit-password");
    let by_key_alone = |way: &Way| fate(way, case.first) == Fate::NotAsked;
    let shut = ways(view).is_some_and(|ways| !ways.iter().any(by_key_alone));
    (shut && root_has_keys(case.context, &value)).then(|| {
        Finding::warning(
            Id::SshdRootShutOut,
            view.location("permitrootlogin"),
            format!("PermitRootLogin is {value}: root cannot log in over SSH, though it has keys"),
            "sshd accepts only a key from root then, but AuthenticationMethods requires more. To keep root out, use the \
             line below, log in as yourself and use sudo. To let root in by a key alone, add a block 'Match User root' with \
             'AuthenticationMethods publickey', and exempt root at sshd in the policy.",
            set(case.context.root, &case.view, "PermitRootLogin", "no"),
        )
    })
}

/// Whether root has keys of the kind that this value of `PermitRootLogin` is about.
///
/// A forced command shows that the key is not meant for a login: it runs a backup, or says as cloud-init does which user to log
/// in as. Some commands start a shell all the same. The administrator has chosen them one by one, and doctor cannot tell what a
/// command does.
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
    (short && enrolling::is_possible(case.context, &case.service)).then(|| {
        Finding::warning(
            Id::UsersTooLittleTime,
            view.location("logingracetime"),
            format!("LoginGraceTime is {time} s: too short to enroll in a login"),
            enrolling::WHY_SHORT,
            set(case.context.root, view, "LoginGraceTime", &TIME_TO_ENROLL.to_string()),
        )
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
    fn times_are_read_as_sshd_writes_them() {
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
