//! `twostep export`: the secrets, for another program or another machine.

use twostep_core::dialogue::qr::Invitation;
use twostep_core::manage::act::{ActLog, Target};
use twostep_core::store::files::Store;
use twostep_core::zeroizing::Zeroizing;

use crate::administrator::Administrator;
use crate::caller::named;
use crate::failure::Failure;
use crate::naming::OneUser;
use crate::terminal::{note, say};
use crate::words::export as words;
use crate::words::naming::which_user_or_all_then;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
    /// All users who are enrolled
    #[arg(long, conflicts_with = "OneUser")]
    all: bool,
}

/// Prints a line for each authenticator: the user and an otpauth URI, as `twostep import otpauth` reads them. Recovery codes and
/// the mark are not in it.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let store = administrator.store()?;
    let issuer = administrator.issuer()?;
    let targets = if arguments.all {
        store
            .uids()?
            .0
            .into_iter()
            .map(|uid| Target::of(uid, administrator.names()))
            .collect::<Result<Vec<_>, _>>()?
    } else {
        let user = named(arguments.user.name()?, which_user_or_all_then("export"))?;
        vec![administrator.target(user)?]
    };
    let mut lines = Zeroizing::new(String::new());
    let mut exported = Vec::new();
    for target in &targets {
        if let Some(more) = lines_of(&store, target, &issuer)? {
            lines.push_str(&more);
            exported.push(target);
        }
    }
    if exported.is_empty() {
        let what = match targets.as_slice() {
            [target] if !arguments.all => words::not_enrolled(target.name()),
            _ => words::NONE_ENROLLED.to_owned(),
        };
        return Err(Failure::refused(what, words::NOT_ENROLLED_THEN));
    }
    // Logged first: a reader of these lines has the second step of these users.
    for target in exported {
        administrator.log().log_act("export", target, "");
    }
    say(lines.trim_end())?;
    note(words::KEEP_SECRET);
    Ok(())
}

fn lines_of(store: &Store, target: &Target, issuer: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(credential) = store.snapshot(target.uid).credential? else { return Ok(None) };
    let mut lines = Zeroizing::new(String::with_capacity(8 * 1024));
    for authenticator in &credential.authenticators {
        let invitation = Invitation { account: &credential.name, issuer, authenticator };
        lines.extend([credential.name.as_str(), " ", invitation.uri().as_str(), "\n"]);
    }
    Ok(Some(lines))
}
