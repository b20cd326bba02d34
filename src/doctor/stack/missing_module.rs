//! Lines whose module libpam does not find. It takes such a line for a module that answers 'module_unknown'.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::line::Word;
use twostep_core::pam::walk::Handler;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::library::ModuleFile;
use twostep_hostconf::pam::pam_line::{PamLine, written};
use twostep_hostconf::pam::service::Service;

use super::findings::modules as findings;
use super::own_line;
use crate::finding::{Finding, Remedy};

const OURS: &str = "pam_twostep.so";

/// The lines of this service that misspell the name of our module.
pub(crate) fn misspelt(files: &Files<'_>, service: &Service) -> Vec<Finding> {
    let lines = lines(service).filter(|line| is_misspelt(line) && is_missing(files, line));
    lines.map(|line| misspelling(files, line)).collect()
}

/// The lines of a service that name a missing module. None where libpam's own modules are missing, too, as in a tree into which
/// a package was unpacked.
pub(crate) fn check(files: &Files<'_>, service: &Service) -> Vec<Finding> {
    if !files.library().has_modules() {
        return Vec::new();
    }
    let others = lines(service).filter(|line| !line.is_ours() && !is_misspelt(line));
    others.filter(|line| is_missing(files, line)).filter_map(finding).collect()
}

/// Whether the line names a module of others that libpam does not find, as [`misspelt`] and [`check`] report it.
pub(crate) fn is_not_loaded(files: &Files<'_>, line: &PamLine) -> bool {
    is_missing(files, line) && (is_misspelt(line) || files.library().has_modules())
}

/// Reports, for the machine itself, that libpam's own modules were not found.
pub(crate) fn not_looked_at(files: &Files<'_>) -> Option<Finding> {
    let folder = files.library().path_of("");
    let is_unknown = files.root().is_machine() && !files.library().has_modules();
    is_unknown.then(|| findings::modules_not_found(folder.trim_end_matches('/')))
}

fn lines(service: &Service) -> impl Iterator<Item = &PamLine> {
    let all = [&service.auth, &service.account, &service.session];
    all.into_iter().flatten().filter(|line| line.handler == Handler::Module)
}

fn is_missing(files: &Files<'_>, line: &PamLine) -> bool {
    files.library().look_for(line.module()) == ModuleFile::Missing
}

/// Whether the line almost names our module.
pub(crate) fn is_misspelt(line: &PamLine) -> bool {
    let name = line.module().rsplit('/').next().unwrap_or_default();
    !line.is_of_twostep() && is_one_edit_away(name, OURS)
}

/// Whether one letter was left out, put in, changed, or put in place of its neighbour.
fn is_one_edit_away(name: &str, wanted: &str) -> bool {
    let (one, other) = (name.to_ascii_lowercase().into_bytes(), wanted.as_bytes());
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let rest = |bytes: &[u8], skipped: usize| bytes.get(same.saturating_add(skipped)..).map(<[u8]>::to_vec);
    let swapped = |bytes: &[u8]| {
        let mut pair = bytes.get(same..same.saturating_add(2))?.to_vec();
        pair.reverse();
        Some(pair)
    };
    let pair = other.get(same..same.saturating_add(2)).map(<[u8]>::to_vec);
    let alike = |a: Option<Vec<u8>>, b: Option<Vec<u8>>| a.is_some() && a == b;
    alike(rest(&one, 1), rest(other, 1))
        || alike(rest(&one, 1), rest(other, 0))
        || alike(rest(&one, 0), rest(other, 1))
        || alike(rest(&one, 2), rest(other, 2)) && alike(swapped(&one), pair)
        || one == other
}

fn misspelling(files: &Files<'_>, line: &PamLine) -> Finding {
    let mut meant = line.clone();
    if let Some(module) = meant.words.get_mut(2) {
        *module = Word { text: OURS.to_owned(), raw: OURS.to_owned() };
    }
    let path = files.library().path_of(line.module());
    findings::misnamed(line.location.clone(), &path, refuses(line), own_line::clean(&meant))
}

/// Whether libpam refuses at the line if its module is missing.
pub(crate) fn refuses(line: &PamLine) -> bool {
    matches!(line.control.on(ReturnValue::MODULE_UNKNOWN), Action::Bad | Action::Die)
}

fn finding(line: &PamLine) -> Option<Finding> {
    if refuses(line) {
        return Some(findings::other_module_missing(line));
    }
    let is_expected = line.may_be_missing() || line.control_word().contains("module_unknown");
    (!is_expected).then(|| findings::other_module_passed_over(line, quietly(line)))
}

/// The line with the `-` that keeps a missing module out of the log.
fn quietly(line: &PamLine) -> Remedy {
    let kind = format!("-{}", line.kind.word());
    let module = line.words.get(2).map_or("", |word| &word.raw);
    let text = written(&kind, line.control_word(), module, line.raw_arguments());
    Remedy::Replace { location: line.location.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_name_one_edit_away_as_misspelling() {
        for name in [
            "pam_twosteps.so",
            "pam_twoste.so",
            "pam_twostap.so",
            "pam_twsotep.so",
            "pam-twostep.so",
            "PAM_Twostep.so",
            "pam_twostep.s",
            "am_twostep.so",
            "xpam_twostep.so",
            "pam_twostep.os",
        ] {
            assert!(is_one_edit_away(name, OURS), "{name}");
        }
        for name in
            ["pam_unix.so", "pam_2step.so", "pam_towsteps.so", "pam_one_step.so", "", "pam_twosteps.s"]
        {
            assert!(!is_one_edit_away(name, OURS), "{name}");
        }
    }
}
