//! `pam_service` and its like: sudo asks a service of PAM that asks for no code, or to which the policy's rules do not apply.

use std::collections::BTreeMap;

use twostep_hostconf::sudoers::asked::ServiceUse;

use super::case::{Case, Cases};
use crate::finding::{Finding, Remedy};
use crate::people::listed;

/// One finding for each service that is named and milder than the usual one.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Finding> {
    let mut services: BTreeMap<&ServiceUse, Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.asked.asks) {
        let others = case.asked.services.iter().filter(|service| service.name != service.usual);
        for service in others.filter(|service| cases.asks_at(service.usual)) {
            services.entry(service).or_default().push(case);
        }
    }
    services.iter().filter_map(|(service, callers)| finding(cases, service, callers)).collect()
}

fn finding(cases: &Cases<'_>, service: &ServiceUse, callers: &[&Case]) -> Option<Finding> {
    let ServiceUse { option, usual, name, location } = service;
    let location = cases.place(location.as_ref());
    let has_line = cases.asks_at(name);
    let is_milder =
        |case: &&&Case| !has_line || cases.mode(&case.caller, name) < cases.mode(&case.caller, usual);
    let names: Vec<_> = callers.iter().filter(is_milder).map(|case| case.called.clone()).collect();
    if names.is_empty() {
        return None;
    }
    let why = format!(
        "These users can call sudo without the code that '{usual}' asks for: {}.",
        listed(names.iter().map(String::as_str))
    );
    if has_line {
        let what = format!("{option}: the policy asks less at '{name}' than at '{usual}'");
        let text = format!("Name '{name}' in the rules of the policy that name '{usual}'.");
        return Some(Finding::problem(location, what, why, Remedy::Advice { text }));
    }
    let what = format!("{option}: sudo uses the PAM service '{name}', which has no line of pam_twostep.so");
    let line = cases.sudoers.line(&location).and_then(|line| renamed(line, option, usual));
    let remedy = line.map_or_else(
        || Remedy::Advice { text: format!("Set {option} to '{usual}', or delete it there.") },
        |text| Remedy::Replace { location: location.clone(), text },
    );
    Some(Finding::problem(location, what, why, remedy))
}

/// The line with `value` as the text of its one `option`; none if it cannot be told what is meant.
fn renamed(line: &str, option: &str, value: &str) -> Option<String> {
    let mut found = line.match_indices(option);
    let (start, _) = found.next()?;
    let (before, rest) = line.split_at_checked(start.saturating_add(option.len()))?;
    let old = rest.trim_start().strip_prefix('=')?.trim_start();
    let end = match old.strip_prefix('"') {
        Some(quoted) => quoted.find('"')?.saturating_add(2),
        None => old.find([',', ' ', '\t', '\n', '#', '\\']).unwrap_or(old.len()),
    };
    let after = old.get(end..)?;
    found.next().is_none().then(|| format!("{before}={value}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_the_one_service_of_a_line() {
        let table = [
            ("Defaults pam_service=x", Some("Defaults pam_service=sudo")),
            ("Defaults a, pam_service = \"x y\", b # c", Some("Defaults a, pam_service=sudo, b # c")),
            ("Defaults pam_service=x,\\\n b", Some("Defaults pam_service=sudo,\\\n b")),
            ("Defaults pam_service=x, pam_service=y", None),
            ("Defaults pam_login_service=x", None),
        ];
        for (line, expected) in table {
            assert_eq!(renamed(line, "pam_service", "sudo").as_deref(), expected, "{line}");
        }
    }
}
