//! `targetpw`, `rootpw`, `runaspw`: sudo asks for the password and the code of somebody else than its caller.

use std::collections::BTreeMap;

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::asked::Whose;

use super::case::{Case, Cases};
use crate::finding::{Finding, Remedy};
use crate::people::listed;

/// One finding for each line that says so.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Finding> {
    let mut lines: BTreeMap<(&Whose, Option<&Location>), Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.asked.asks) {
        for (whose, location) in case.asked.whose.iter().filter(|(whose, _)| *whose != Whose::Caller) {
            lines.entry((whose, location.as_ref())).or_default().push(case);
        }
    }
    let findings = lines
        .iter()
        .map(|((whose, location), callers)| finding(cases, whose, &cases.place(*location), callers));
    findings.collect()
}

fn finding(cases: &Cases<'_>, whose: &Whose, location: &Location, callers: &[&Case]) -> Finding {
    let names: Vec<_> = callers.iter().map(|case| case.called.clone()).collect();
    let is_always = callers.iter().all(|case| case.asked.whose.len() == 1);
    let owner = owner(whose);
    let what = format!(
        "{}: sudo does not ask for its caller's password and code{}, but for those of {owner}",
        whose.option(),
        if is_always { "" } else { " in some cases" }
    );
    let why = format!(
        "These users can call sudo without their own second step: {}.",
        listed(names.iter().map(String::as_str))
    );
    Finding::problem(location.clone(), what, why, remedy(cases, whose, location, callers))
}

fn owner(whose: &Whose) -> String {
    match whose {
        Whose::Caller => "its caller".to_owned(),
        Whose::Root => "root".to_owned(),
        Whose::Default(name) => name.clone(),
        Whose::Target(name) => format!("the target user, which is {name} without -u"),
    }
}

/// Afterwards the caller's own password is enough where no code is asked for. So it is only for a person to decide who may call
/// sudo then, unless each caller must have a second step.
fn remedy(cases: &Cases<'_>, whose: &Whose, location: &Location, callers: &[&Case]) -> Remedy {
    let option = whose.option();
    let off = format!("write '!{option}' in place of '{option}' at {location}");
    if let Some(everybody) = &cases.everybody {
        let text = format!(
            "First let only administrators use sudo: at {everybody}, put their group in place of ALL users, as in \
             '%wheel ALL=(ALL:ALL) ALL'. Without this, all users could become root with their own password. \
             Then {off}."
        );
        return Remedy::Advice { text };
    }
    let line = cases.sudoers.line(location).and_then(|line| switched_off(line, option));
    match line {
        Some(text) if callers.iter().all(|case| case.must) => {
            Remedy::Replace { location: location.clone(), text }
        }
        _ => Remedy::Advice {
            text: format!(
                "To have sudo ask for the caller's own password and code, {off}. Users without a second step then need \
                 only their own password."
            ),
        },
    }
}

/// The line with `!option` in place of the one `option` in it; none if it cannot be told what is meant.
fn switched_off(line: &str, option: &str) -> Option<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '!';
    let mut found = line.match_indices(option).filter(|(start, _)| {
        let before = line.get(..*start).unwrap_or_default();
        let after = line.get(start.saturating_add(option.len())..).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word)
    });
    let (start, _) = found.next()?;
    let (before, rest) = line.split_at_checked(start)?;
    found.next().is_none().then(|| format!("{before}!{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_off_the_one_word_of_a_line() {
        let table = [
            ("Defaults targetpw", Some("Defaults !targetpw")),
            ("Defaults env_reset,targetpw,\\\n lecture", Some("Defaults env_reset,!targetpw,\\\n lecture")),
            ("Defaults:targetpw targetpw", None),
            ("Defaults !!targetpw", None),
            ("Defaults targetpw_x", None),
        ];
        for (line, expected) in table {
            assert_eq!(switched_off(line, "targetpw").as_deref(), expected, "{line}");
        }
    }
}
