//! Users without a password at services that accept that (`nullok` of pam_unix(8)): what they type there is the code alone.

use twostep_core::pam::factor::stem;
use twostep_hostconf::location::Location;
use twostep_hostconf::login_defs;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use crate::accounts::{Accounts, listed};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::shadow::{Password, SHADOW, Shadow};
use crate::stack::hides_lines;

/// sshd refuses these users itself (PAM_DISALLOW_NULL_AUTHTOK), unless it has PermitEmptyPasswords.
const REFUSES: &str = "sshd";

pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let users = users(context);
    let services = if users.is_empty() { Vec::new() } else { services(context) };
    if services.is_empty() { Vec::new() } else { vec![finding(&users, &services)] }
}

/// The accounts with a login shell that need no password: root and those from UID_MIN on.
fn users(context: &Context<'_>) -> Vec<String> {
    let (shadow, first) = (Shadow::read(context.root), login_defs::uid_min(context.root));
    let mut local = Accounts::of(context).local().unwrap_or_default();
    local.retain(|one| one.has_login_shell() && (one.uid == 0 || one.uid >= first));
    local.retain(|one| Password::of(&shadow, &one.name, &one.password) == Some(Password::Empty));
    local.into_iter().map(|one| one.name).collect()
}

/// The services that ask for a code and accept users without a password.
fn services(context: &Context<'_>) -> Vec<String> {
    let files = Files::new(context.root);
    let accepts = |name: &String| {
        let service = Service::load(&files, name).filter(|_| name != REFUSES);
        service.is_some_and(|one| one.auth.iter().any(PamLine::is_ours) && one.auth.iter().any(is_nullok))
    };
    let services: Vec<String> = files.names().into_iter().filter(accepts).collect();
    if hides_lines(context, &files) { Vec::new() } else { services }
}

fn is_nullok(line: &PamLine) -> bool {
    stem(line.module()) == "pam_unix" && line.arguments().any(|argument| argument == "nullok")
}

fn finding(users: &[String], services: &[String]) -> Finding {
    let names = |list: &[String]| listed(list.iter().map(String::as_str));
    let (users, services) = (names(users), names(services));
    Finding::warning(
        Id::UsersWithoutPassword,
        Location::file(SHADOW),
        format!("these users have no password: {users}"),
        format!(
            "At these services the code alone lets them in: {services}. Without a second step, nothing is asked."
        ),
        Remedy::Advice {
            text: "Set a password with 'passwd NAME', or lock it with 'passwd -l NAME'.".to_owned(),
        },
    )
}
