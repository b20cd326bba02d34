//! The account `twostep`, which owns the store.

mod findings;

use twostep_core::os::account;
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::accounts::{Accounts, Local};
use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::shadow::{Password, SHADOW, Shadow};

const NAME: &str = "twostep";
const PASSWD: &str = "/etc/passwd";
/// As `make install` creates it.
const MAKE: &str = "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin twostep";

/// Checks the account. Below a root without accounts there is nothing to check.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let root = context.root;
    let Some(local) = Accounts::of(context).local() else { return Vec::new() };
    let Some(ours) = local.iter().find(|one| one.name == NAME) else {
        // The name service may know accounts that are not in the file.
        let elsewhere = root.is_machine() && !matches!(account::by_name(NAME), Ok(None));
        return if elsewhere { Vec::new() } else { vec![findings::missing(PASSWD, on_machine(root, MAKE))] };
    };
    let mut findings: Vec<_> = root_or_shared(ours, &local).into_iter().collect();
    findings.extend(shell(context, ours));
    findings.extend(password(context));
    findings
}

fn root_or_shared(ours: &Local, local: &[Local]) -> Option<Finding> {
    if ours.uid == 0 {
        return Some(findings::is_root(Location::line(PASSWD, ours.line)));
    }
    let other = local.iter().find(|one| one.uid == ours.uid && one.name != NAME)?;
    Some(findings::shares_uid_with(Location::line(PASSWD, ours.line), ours.uid, &other.name))
}

fn shell(context: &Context<'_>, ours: &Local) -> Option<Finding> {
    let location = || Location::line(PASSWD, ours.line);
    let command = "usermod --shell /usr/sbin/nologin twostep";
    let remedy = || field(context, location(), 6, "/usr/sbin/nologin", command);
    ours.has_login_shell().then(|| findings::has_a_shell(location(), &ours.shell, remedy()))
}

fn password(context: &Context<'_>) -> Option<Finding> {
    let (line, password) = Shadow::read(context.root).line(NAME)?;
    let finding = match password {
        Password::Locked => return None,
        Password::Empty => findings::needs_no_password,
        Password::Set => findings::has_a_password,
    };
    let location = Location::line(SHADOW, line);
    let remedy = field(context, location.clone(), 1, "*", "usermod --password '*' twostep");
    Some(finding(location, remedy))
}

/// On the machine itself a command, which locks the file; below another root the line with the field `index` changed.
fn field(context: &Context<'_>, location: Location, index: usize, text: &str, command: &str) -> Remedy {
    let command = Remedy::Run { command: command.to_owned() };
    if context.root.is_machine() {
        return command;
    }
    let file = tree::text(context.root, &location.file).unwrap_or_default();
    let line = location.line.and_then(|line| file.lines().nth(line.saturating_sub(1))).unwrap_or_default();
    let mut fields: Vec<&str> = line.split(':').collect();
    fields.iter_mut().skip(index).take(1).for_each(|field| *field = text);
    Remedy::Replace { location, text: fields.join(":") }
}
