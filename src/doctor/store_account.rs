//! The account `twostep`, which owns secrets and states.

use twostep_core::os::account;
use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::people::{Local, People};
use crate::shadow::{Password, SHADOW};

const NAME: &str = "twostep";
const PASSWD: &str = "/etc/passwd";
/// As `make install` makes it.
const MAKE: &str = "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin twostep";
const WHY_ALONE: &str = "Whoever can be that account can read all secrets, and so log in as anybody.";

/// Checks the account. Below a root without accounts there is nothing to check.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let root = context.root;
    let Some(local) = People::of(root).local() else { return Vec::new() };
    let Some(ours) = local.iter().find(|one| one.name == NAME) else {
        // The name service may know more than the file.
        let elsewhere = root.is_machine() && !matches!(account::by_name(NAME), Ok(None));
        return if elsewhere { Vec::new() } else { vec![missing(context)] };
    };
    let mut findings: Vec<_> = root_or_shared(ours, &local).into_iter().collect();
    findings.extend(shell(context, ours));
    findings.extend(password(context));
    findings
}

fn missing(context: &Context<'_>) -> Finding {
    Finding::problem(
        Id::AccountMissing,
        Location::file(PASSWD),
        "there is no account 'twostep'",
        "Every login that twostep guards is refused. What is stored belongs to a uid that somebody else may get.",
        on_machine(context.root, MAKE),
    )
}

fn root_or_shared(ours: &Local, local: &[Local]) -> Option<Finding> {
    let other = local.iter().find(|one| one.uid == ours.uid && one.name != NAME);
    let what = match (ours.uid, other) {
        (0, _) => "the account 'twostep' has the uid 0".to_owned(),
        (uid, Some(other)) => format!("the accounts 'twostep' and '{}' share the uid {uid}", other.name),
        (_, None) => return None,
    };
    Some(Finding::problem(
        Id::AccountSharesItsUid,
        Location::line(PASSWD, ours.line),
        what,
        WHY_ALONE,
        Remedy::Advice {
            text: format!(
                "Give 'twostep' a uid of its own with 'usermod --uid', then: chown -R twostep:twostep {STORE}"
            ),
        },
    ))
}

fn shell(context: &Context<'_>, ours: &Local) -> Option<Finding> {
    ours.has_login_shell().then(|| {
        let location = Location::line(PASSWD, ours.line);
        Finding::warning(
            Id::AccountHasAShell,
            location.clone(),
            format!("the account 'twostep' has a login shell, {}", ours.shell),
            WHY_ALONE,
            field(context, location, 6, "/usr/sbin/nologin", "usermod --shell /usr/sbin/nologin twostep"),
        )
    })
}

fn password(context: &Context<'_>) -> Option<Finding> {
    let (line, password) = Password::in_shadow(context.root, NAME)?;
    let (id, what) = match password {
        Password::Locked => return None,
        Password::Empty => (Id::AccountNeedsNoPassword, "the account 'twostep' needs no password"),
        Password::Set => (Id::AccountHasAPassword, "the account 'twostep' has a password"),
    };
    Some({
        let location = Location::line(SHADOW, line);
        Finding::problem(
            id,
            location.clone(),
            what,
            WHY_ALONE,
            field(context, location, 1, "*", "usermod --password '*' twostep"),
        )
    })
}

/// On the machine a command, which locks the file; below another root the line with its field of this index changed.
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
