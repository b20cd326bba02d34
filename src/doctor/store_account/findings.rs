//! The sentences of the findings about the account `twostep`: one function a finding, named after its id.

use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;

use crate::finding::{Finding, Remedy};
use crate::id::Id;

const READS_SECRETS: &str =
    "Anyone who can become that account can read all secrets, and so log in as any user.";

pub(super) fn missing(passwd: &str, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::AccountMissing,
        Location::file(passwd),
        "there is no account 'twostep'",
        "Every login that twostep guards is refused, and another account may get the uid that owns the store.",
        remedy,
    )
}

pub(super) fn is_root(location: Location) -> Finding {
    shares_its_uid(location, "the account 'twostep' has the uid 0".to_owned())
}

pub(super) fn shares_uid_with(location: Location, uid: u32, other: &str) -> Finding {
    shares_its_uid(location, format!("the accounts 'twostep' and '{other}' share the uid {uid}"))
}

fn shares_its_uid(location: Location, what: String) -> Finding {
    let text = format!(
        "Give 'twostep' a uid of its own with 'usermod --uid', then run: chown -R twostep:twostep {STORE}"
    );
    Finding::problem(Id::AccountSharesItsUid, location, what, READS_SECRETS, Remedy::Advice { text })
}

pub(super) fn has_a_shell(location: Location, shell: &str, remedy: Remedy) -> Finding {
    let what = format!("the account 'twostep' has a login shell, {shell}");
    Finding::warning(Id::AccountHasAShell, location, what, READS_SECRETS, remedy)
}

pub(super) fn has_a_password(location: Location, remedy: Remedy) -> Finding {
    let what = "the account 'twostep' has a password";
    Finding::problem(Id::AccountHasAPassword, location, what, READS_SECRETS, remedy)
}

pub(super) fn needs_no_password(location: Location, remedy: Remedy) -> Finding {
    let what = "the account 'twostep' needs no password";
    Finding::problem(Id::AccountNeedsNoPassword, location, what, READS_SECRETS, remedy)
}
