//! The remedy that sets a keyword of sshd.

use twostep_core::os::root::Root;
use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::view::{Spot, View};
use twostep_hostconf::tree;

use super::findings;
use crate::finding::Remedy;

/// Sets `keyword`, in the usual spelling, to `text` for the users of `view` only.
pub(crate) fn set(root: &Root, view: &View<'_>, keyword: &str, text: &str) -> Remedy {
    match view.spot(&keyword.to_ascii_lowercase()) {
        Spot::InsteadOf { location, .. } | Spot::Before { location, .. } if is_of_vendor(&location) => {
            own_copy(&location)
        }
        Spot::InsteadOf { location, indent } => {
            Remedy::Replace { location, text: format!("{indent}{keyword} {text}") }
        }
        Spot::Before { location, indent } => {
            Remedy::Insert { location, text: format!("{indent}{keyword} {text}") }
        }
        Spot::OnCommandLine { location, now } => option(root, location, keyword, now.as_deref(), text),
    }
}

/// Whether an update of a package replaces the file.
fn is_of_vendor(location: &Location) -> bool {
    location.file.starts_with("/usr/") && !location.file.starts_with("/usr/local/")
}

/// sshd reads the administrator's file instead of the vendor's. What the vendor's includes stays where it is.
fn own_copy(location: &Location) -> Remedy {
    if location.file.ends_with("/sshd_config") {
        return Remedy::Run { command: format!("cp {} {MAIN}", location.file) };
    }
    findings::set_in_main_file()
}

/// Corrects the line if it has the option with its present value. Otherwise an administrator must edit it.
fn option(root: &Root, location: Location, keyword: &str, now: Option<&str>, text: &str) -> Remedy {
    let line = location.line.filter(|_| location.through.is_none()).and_then(|line| {
        let file = tree::text(root, &location.file)?;
        file.lines().nth(line.saturating_sub(1)).map(str::to_owned)
    });
    let old = now.map(|now| format!("{keyword}={now}"));
    if let (Some(line), Some(old)) = (line, old)
        && line.matches(&old).count() == 1
        && !text.contains(' ')
    {
        return Remedy::Replace { location, text: line.replace(&old, &format!("{keyword}={text}")) };
    }
    findings::set_on_command_line(keyword, text, now.is_some())
}
