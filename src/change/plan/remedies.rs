//! The remedies of doctor for problems, where they change service files of PAM and settings of sshd.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use twostep_core::paths::PAM_DIR;
use twostep_doctor::context::Context;
use twostep_doctor::draft::{Draft, Step};
use twostep_doctor::finding::{Finding, Remedy, Severity};

use super::{Files, NoPlan, SSHD};
use crate::marks;

/// The folder of sshd's settings.
const SSHD_DIR: &str = "/etc/ssh/";
/// How the ids of findings on sshd begin.
const OF_SSHD: &str = "sshd.";
const OF_PAM: &str = "pam.";

/// What becomes of the findings.
pub(super) struct Fixed {
    /// The services whose logins change.
    pub services: BTreeSet<String>,
    pub steps: Vec<Step>,
    /// The findings that are gone then.
    pub findings: Vec<Finding>,
}

pub(super) fn fix(
    context: &Context<'_>,
    files: &mut Files<'_>,
    findings: &[Finding],
) -> Result<Fixed, NoPlan> {
    let problems: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Problem).collect();
    let mut fixed = Fixed { services: BTreeSet::new(), steps: Vec::new(), findings: Vec::new() };
    let of_pam = || problems.iter().filter(|finding| finding.id.text().starts_with(OF_PAM));
    fix_pam(context, files, &of_pam().flat_map(|finding| &finding.services).collect(), &mut fixed)?;
    let is_fixed =
        |finding: &&&Finding| !finding.services.is_empty() && finding.services.is_subset(&fixed.services);
    fixed.findings = of_pam().filter(is_fixed).map(|finding| (**finding).clone()).collect();
    let of_sshd = problems.iter().filter(|finding| finding.id.text().starts_with(OF_SSHD));
    fix_sshd(files, of_sshd.copied().collect(), &mut fixed)?;
    Ok(fixed)
}

/// Fixes all problems of each service whose own file is enough for that. `twostep enable` does so for its own lines.
fn fix_pam(
    context: &Context<'_>,
    files: &mut Files<'_>,
    services: &BTreeSet<&String>,
    fixed: &mut Fixed,
) -> Result<(), NoPlan> {
    let mut texts = BTreeMap::new();
    for service in services {
        if is_marked(files, &format!("{PAM_DIR}/{service}"))? {
            continue;
        }
        let mut draft = Draft::new(context, texts.clone());
        if draft.repair(service) {
            texts = draft.texts().clone();
            fixed.steps.extend_from_slice(draft.steps());
            fixed.services.insert((*service).clone());
        }
    }
    for (path, new) in texts {
        let old = files.text(&path)?.unwrap_or_default();
        files.set(&path, Some(marks::mark(&old, &new)))?;
    }
    Ok(())
}

/// Changes the settings. The last line of a file comes first, so that the numbers of the others stay right. No line changes twice.
fn fix_sshd(files: &mut Files<'_>, mut findings: Vec<&Finding>, fixed: &mut Fixed) -> Result<(), NoPlan> {
    // A line is replaced before another is inserted there.
    findings.sort_by_key(|finding| (Reverse(place(&finding.remedy)), is_insert(&finding.remedy)));
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for finding in findings {
        let Some(file) = finding.remedy.file().filter(|file| file.starts_with(SSHD_DIR)) else { continue };
        if !is_change(&finding.remedy) || is_marked(files, file)? || changed.contains(&place(&finding.remedy))
        {
            continue;
        }
        let Some(text) = texts.get(file).cloned().or(files.text(file)?) else { continue };
        let new = finding.remedy.changes(|_| Some(text.clone())).and_then(|mut texts| texts.remove(file));
        if let Some(new) = new {
            texts.insert(file.to_owned(), new);
            changed.extend((!is_insert(&finding.remedy)).then(|| place(&finding.remedy)));
            fixed.services.insert(SSHD.to_owned());
            fixed.steps.push(Step::fixing(finding, file));
            fixed.findings.push(finding.clone());
        }
    }
    for (path, new) in texts {
        let old = files.text(&path)?.unwrap_or_default();
        files.set(&path, Some(marks::mark(&old, &new)))?;
    }
    Ok(())
}

/// The line that a remedy changes; behind all others, if it appends.
fn place(remedy: &Remedy) -> (Option<String>, usize) {
    let (Remedy::Replace { location, .. } | Remedy::Insert { location, .. } | Remedy::Delete { location }) =
        remedy
    else {
        return (None, 0);
    };
    (Some(location.file.clone()), location.line.unwrap_or(usize::MAX))
}

fn is_insert(remedy: &Remedy) -> bool {
    matches!(remedy, Remedy::Insert { .. })
}

fn is_change(remedy: &Remedy) -> bool {
    matches!(remedy, Remedy::Replace { .. } | Remedy::Insert { .. } | Remedy::Delete { .. })
}

fn is_marked(files: &mut Files<'_>, path: &str) -> Result<bool, NoPlan> {
    Ok(files.text(path)?.is_some_and(|text| marks::is_marked(&text)))
}
