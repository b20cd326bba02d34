//! The service `remote`: util-linux's login(1) uses it instead of `login` when it is called as `login -h HOST`, as telnetd and
//! rlogind do. shadow's login(1) always uses `login`.

use twostep_core::paths::PAM_CONF;
use twostep_core::policy::Mode;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::tree::bytes_of;

use super::asking::behind_password;
use super::findings::services::{self as findings, Remote};
use super::pairs::{self, other_lets_in};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::obligation;

pub(crate) const SERVICE: &str = "remote";
const LOGIN: [&str; 2] = ["/usr/bin/login", "/bin/login"];
/// In bytes. No login(1) is longer.
const LONGEST: u64 = 16 * 1024 * 1024;
/// The version text of util-linux's programs begins so.
const UTIL_LINUX: &[u8] = b"util-linux ";
/// Servers that call `login -h`.
const SERVERS: [&str; 8] = [
    "/usr/sbin/telnetd",
    "/usr/sbin/in.telnetd",
    "/usr/sbin/rlogind",
    "/usr/sbin/in.rlogind",
    "/usr/sbin/utelnetd",
    "/usr/libexec/telnetd",
    "/usr/libexec/rlogind",
    "/usr/local/libexec/telnetd",
];

/// Whether `check` covers `remote`, or no program uses it.
pub(crate) fn is_judged_by_login(files: &Files<'_>, services: &[Service]) -> bool {
    login_that_asks(services).is_some() || !has_util_linux(files)
}

fn login_that_asks(services: &[Service]) -> Option<&Service> {
    services.iter().find(|service| service.name == "login" && pairs::asks(service))
}

/// The finding where a login over the network asks for no code, though one at the console does.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, services: &[Service]) -> Option<Finding> {
    let login = login_that_asks(services)?;
    let remote = services.iter().find(|service| service.name == SERVICE);
    // A file that exists but is not among the services has another finding.
    let is_told = remote.map_or_else(|| files.open(SERVICE).is_some(), |remote| remote.lost);
    if remote.is_none() && !other_lets_in(files) {
        return None;
    }
    if is_told || remote.is_some_and(pairs::asks) || !has_util_linux(files) {
        return None;
    }
    let policy = context.policy.as_ref()?;
    if policy.strictest(SERVICE, context.now) == Mode::Exempt {
        return None;
    }
    let server = SERVERS.iter().find(|path| is_there(files, path));
    // Without a server it matters only where some user needs a code.
    if server.is_none() && !obligation::exists(context, SERVICE) {
        return None;
    }
    let file = remote.map_or_else(|| missing(files), |remote| remote.file.clone());
    let server = server.map(|path| if path.ends_with("telnetd") { "telnetd" } else { "rlogind" });
    let facts = Remote { file: &file, has_file: remote.is_some(), server };
    Some(findings::remote_asks_no_code(&facts, remedy(files, login, remote)).about([SERVICE]))
}

fn missing(files: &Files<'_>) -> String {
    format!("{}/{SERVICE}", files.directories().first().copied().unwrap_or_default())
}

fn remedy(files: &Files<'_>, login: &Service, remote: Option<&Service>) -> Remedy {
    let Some(remote) = remote else {
        if login.file == PAM_CONF {
            return findings::write_lines_like_login(SERVICE);
        }
        return Remedy::Run { command: format!("cp {} {}", login.file, missing(files)) };
    };
    behind_password(files, remote).unwrap_or_else(|| findings::write_file_like(&remote.file, &login.file))
}

/// Whether login(1) is that of util-linux, which alone uses `remote`.
pub(crate) fn has_util_linux(files: &Files<'_>) -> bool {
    is_util_linux(files, &LOGIN)
}

/// Whether one of these programs is util-linux's.
pub(crate) fn is_util_linux(files: &Files<'_>, programs: &[&str]) -> bool {
    let names_it = |path: &str| {
        let bytes = files.resolve(path).and_then(|real| bytes_of(&real, LONGEST)).unwrap_or_default();
        bytes.windows(UTIL_LINUX.len()).any(|window| window == UTIL_LINUX)
    };
    programs.iter().any(|path| names_it(path))
}

fn is_there(files: &Files<'_>, path: &str) -> bool {
    files.resolve(path).is_some_and(|real| real.is_file())
}
