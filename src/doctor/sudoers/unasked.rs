//! `NOPASSWD`, `!authenticate`, `exempt_group`: sudo does not run PAM's auth phase, so it asks for no code.

use std::collections::BTreeMap;

use twostep_hostconf::sudoers::grants::Unasked;

use super::case::{Case, Cases};
use super::mend::Wrong;
use super::words;
use crate::finding::Severity;
use crate::people::listed;

/// Each line that lets somebody in unasked who must have a second step, or has one.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Wrong> {
    let mut lines: BTreeMap<&Unasked, Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.must) {
        for unasked in &case.asked.unasked {
            lines.entry(unasked).or_default().push(case);
        }
    }
    lines.iter().map(|(unasked, callers)| wrong(cases, unasked, callers)).collect()
}

fn wrong(cases: &Cases<'_>, unasked: &Unasked, callers: &[&Case]) -> Wrong {
    let reason = words::reason(unasked.by);
    let names: Vec<_> = callers.iter().map(|case| case.called.clone()).collect();
    let is_always = callers.iter().all(|case| !case.asked.asks);
    let what = format!(
        "{reason}: sudo asks these users for no code{}: {}",
        if is_always { "" } else { " in some cases" },
        listed(names.iter().map(String::as_str))
    );
    let why =
        "sudo skips PAM's auth phase then, and with it the second step that these users have or must have.";
    let advice = if is_always {
        format!(
            "First check that each of them has a password ('passwd -S NAME') and is enrolled, and keep a root shell open. Then \
             remove {reason} with visudo. If it is intended, exempt these users in the policy: a rule with these users, \
             services = [\"sudo\", \"sudo-i\"] and mode = \"exempt\"."
        )
    } else {
        format!(
            "Take {reason} away, unless these commands may run without a code. A rule of the policy that exempts these \
             users at sudo would end this warning, but they could then run all their other commands without a code, too."
        )
    };
    let location = cases.place(unasked.location.as_ref());
    Wrong { severity: Severity::Warning, location, what, why: why.to_owned(), change: None, advice }
}
