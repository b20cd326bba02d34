//! The service `remote`: util-linux's login(1) asks for it in place of `login` when it is called as `login -h HOST`, as telnetd
//! and rlogind do. shadow's login(1) asks for `login` there, too.

use twostep_core::paths::PAM_CONF;
use twostep_core::policy::Mode;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::tree::bytes_of;

use super::asking::behind_password;
use super::pairs::{self, other_lets_in};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::obligation;

pub(crate) const SERVICE: &str = "remote";
const LOGIN: [&str; 2] = ["/usr/bin/login", "/bin/login"];
/// No such program is longer, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;
/// What util-linux's programs say of themselves.
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

/// Whether `remote` is judged by what `login` asks, or no program asks for it.
pub(crate) fn is_judged_by_login(files: &Files<'_>, services: &[Service]) -> bool {
    login_that_asks(services).is_some() || !has_util_linux(files)
}

fn login_that_asks(services: &[Service]) -> Option<&Service> {
    services.iter().find(|service| service.name == "login" && pairs::asks(service))
}

/// Whether a login over the network asks for no code, though one at the console does.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, services: &[Service]) -> Option<Finding> {
    let login = login_that_asks(services)?;
    let remote = services.iter().find(|service| service.name == SERVICE);
    // Of a file that is there, and not among the services, something else was told already.
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
    // A server may be installed one day; before that, only a machine with mandatory people hears of it.
    let report = match server {
        Some(_) => Finding::problem,
        None if obligation::exists(context, SERVICE) => Finding::warning,
        None => return None,
    };
    let location = remote.map_or_else(|| missing(files), |remote| remote.file.clone());
    let (id, what) = if remote.is_some() {
        (Id::PamPartnerAsksNoCode, "remote asks for no code, though login does")
    } else {
        (Id::PamServiceFileMissing, "this file is missing: 'login -h' asks for no code, though login does")
    };
    let caller = server.map_or("telnetd and rlogind, where they are installed, let", |path| {
        if path.ends_with("telnetd") { "telnetd lets" } else { "rlogind lets" }
    });
    let why = format!("{caller} people in over the network by this service, with the password alone.");
    Some(report(id, Location::file(location), what, why, remedy(files, login, remote)))
}

fn missing(files: &Files<'_>) -> String {
    format!("{}/{SERVICE}", files.directories().first().copied().unwrap_or_default())
}

fn remedy(files: &Files<'_>, login: &Service, remote: Option<&Service>) -> Remedy {
    let Some(remote) = remote else {
        if login.file == PAM_CONF {
            return Remedy::Advice { text: format!("Write lines for {SERVICE} like those for login.") };
        }
        return Remedy::Run { command: format!("cp {} {}", login.file, missing(files)) };
    };
    behind_password(files, remote)
        .unwrap_or_else(|| Remedy::Advice { text: format!("Write {} like {}.", remote.file, login.file) })
}

fn has_util_linux(files: &Files<'_>) -> bool {
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
