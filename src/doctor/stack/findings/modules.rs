//! What can be wrong with the files of modules.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::module_file::NotLoadable;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;

use super::advice;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const LINE_REFUSES: &str = "libpam refuses every login at this line.";
const INSTALL: &str = "Install twostep again.";
const RUNS_AS_ROOT: &str =
    "It runs as root inside sshd and sudo, so anyone who can change it can become root.";

/// The line names `path`, which is not there; `refuses` tells whether libpam then refuses.
pub(in crate::stack) fn misnamed(location: Location, path: &str, refuses: bool, remedy: Remedy) -> Finding {
    let why =
        if refuses { LINE_REFUSES } else { "libpam continues without the module, so no code is asked for." };
    Finding::problem(Id::ModuleMisnamed, location, no_module(path), why, remedy)
}

pub(in crate::stack) fn missing(path: &str) -> Finding {
    Finding::problem(
        Id::ModuleMissing,
        Location::file(path),
        "the module is missing",
        "libpam refuses every login at each line that names it.",
        advice(INSTALL),
    )
}

pub(in crate::stack) fn cannot_be_loaded(path: &str, problem: &NotLoadable) -> Finding {
    let what = match problem {
        NotLoadable::Unreadable => "the module cannot be read",
        NotLoadable::NotSharedObject => "the module is not a shared object",
        NotLoadable::OtherProcessor => "the module is for another kind of processor",
        NotLoadable::NotOfPam => "the module is not a PAM module",
    };
    let why = "libpam cannot load it, and refuses every login at each line that names it.";
    Finding::problem(Id::ModuleCannotBeLoaded, Location::file(path), what, why, advice(INSTALL))
}

pub(in crate::stack) fn wrong_owner(path: &str) -> Finding {
    let what = "the module does not belong to root";
    let remedy = Remedy::Run { command: format!("chown root:root {path}") };
    Finding::problem(Id::FilesWrongOwner, Location::file(path), what, RUNS_AS_ROOT, remedy)
}

pub(in crate::stack) fn open_to_others(path: &str) -> Finding {
    let what = "users other than root can change the module";
    let remedy = Remedy::Run { command: format!("chmod go-w {path}") };
    Finding::problem(Id::FilesOpenToOthers, Location::file(path), what, RUNS_AS_ROOT, remedy)
}

pub(in crate::stack) fn other_module_missing(line: &PamLine) -> Finding {
    let why = match line.kind {
        ModuleType::Session => "libpam opens no session here, and most programs then end the login.",
        ModuleType::Auth | ModuleType::Account | ModuleType::Password => LINE_REFUSES,
    };
    Finding::problem(
        Id::PamOtherModuleMissing,
        line.location.clone(),
        no_module(line.module()),
        why,
        advice("Install the package that has the module, or correct its name."),
    )
}

pub(in crate::stack) fn other_module_passed_over(line: &PamLine, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::PamOtherModulePassedOver,
        line.location.clone(),
        no_module(line.module()),
        "libpam continues without it, and logs two errors at each login.",
        remedy,
    )
}

pub(in crate::stack) fn modules_not_found(folder: &str) -> Finding {
    Finding::warning(
        Id::PamModulesNotFound,
        Location::file(folder),
        "libpam's own modules are not in this folder",
        "doctor could not check whether modules are missing.",
        advice("After a login, look for 'unable to dlopen' in the system log."),
    )
}

fn no_module(name: &str) -> String {
    format!("there is no module {name}")
}
