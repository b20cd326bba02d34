//! The pam_twostep lines of a service, in the files that libpam reads for it.

use strsim::osa_distance;
use twostep_core::policy::METHODS;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use crate::context::Context;
use crate::stack;

/// The service that libpam uses for those without a file.
const OTHER: &str = "other";
/// A name that differs in more letters is another name.
const MOST_TYPOS: usize = 2;

/// What libpam reads for a service.
pub struct PamService {
    /// None if the service has a file of its own.
    pub missing: Option<MissingFile>,
    /// The file that libpam reads: that of the service, or `other`. None if there is neither.
    pub file: Option<String>,
    /// Whether libpam cannot load it, so that every login is refused.
    pub is_lost: bool,
    /// Whether there is an auth line of twostep.
    pub has_auth_line: bool,
    /// Whether there is an account line of twostep.
    pub has_account_line: bool,
    /// The method of sshd that the auth line demands by `first_factor=`; none for a password, or if it demands none.
    pub demands: Option<String>,
}

/// The service has no file.
pub struct MissingFile {
    /// Where it would be.
    pub path: String,
    /// The service with the nearest name, if the name may be misspelt.
    pub meant: Option<String>,
    /// Whether `other` lets nobody in.
    pub is_refused: bool,
}

impl PamService {
    /// None if this process may not read all lines.
    pub fn of(context: &Context<'_>, name: &str) -> Option<Self> {
        let files = Files::new(context.root);
        let name = &name.to_ascii_lowercase(); // as libpam does
        let missing = files.open(name).is_none().then(|| MissingFile::of(&files, name));
        let service = Service::load(&files, if missing.is_some() { OTHER } else { name });
        if stack::hides_lines(context, &files) {
            return None;
        }
        let ours = |lines: &[PamLine]| lines.iter().find(|line| line.is_ours()).cloned();
        let auth = service.as_ref().and_then(|service| ours(&service.auth));
        Some(Self {
            missing,
            is_lost: service.as_ref().is_some_and(|service| service.lost),
            has_auth_line: auth.is_some(),
            has_account_line: service.as_ref().is_some_and(|service| ours(&service.account).is_some()),
            demands: auth.as_ref().and_then(demanded),
            file: service.map(|service| service.file),
        })
    }
}

impl MissingFile {
    fn of(files: &Files<'_>, name: &str) -> Self {
        let folder = files.directories().first().copied().unwrap_or_default();
        Self {
            path: format!("{folder}/{name}"),
            meant: nearest(name, files.names().into_iter()),
            is_refused: !stack::other_lets_in(files) && !stack::is_guarded(files, OTHER),
        }
    }
}

/// The name to which the fewest typos lead, if there are few. Files for others to include are not meant.
fn nearest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let typos = names.map(|other| (osa_distance(&other, name), other));
    // A name that is nearly all typos is no misspelling.
    let near = typos.filter(|(typos, _)| *typos <= MOST_TYPOS && typos.saturating_mul(2) < name.len());
    near.filter(|(_, other)| !stack::is_shared(other)).min().map(|(_, other)| other)
}

/// A line without `first_factor=` accepts a password, which an earlier line asks for.
fn demanded(line: &PamLine) -> Option<String> {
    let method = line.arguments().find_map(|argument| argument.strip_prefix("first_factor="))?;
    (METHODS.contains(&method) && method != "password").then(|| method.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_near_name_for_meant() {
        let table = [
            ("ssh", Some("sshd")),
            ("SSHD", None),
            ("sshhd", Some("sshd")),
            ("lgoin", Some("login")),
            ("su", None),
            ("cron", None),
            ("sudoi", Some("sudo-i")),
            ("common-aut", None),
        ];
        let names = ["common-auth", "login", "sshd", "sudo-i", "sudo-ii"].map(str::to_owned);
        for (name, expected) in table {
            assert_eq!(nearest(name, names.clone().into_iter()).as_deref(), expected, "{name}");
        }
    }
}
