//! `twostep keep`: keeps the change that waits, if somebody who may become root has logged in with a code by it.

use twostep_change::journal::{Journal, Pending, boot};
use twostep_core::manage::act::Target;
use twostep_core::store::files::Store;
use twostep_core::verdict::Occasion;

use super::services;
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use crate::words::enable as words;
use crate::words::moment::text;

/// A login after the change.
struct Proof {
    user: String,
    granted: Occasion,
}

pub(crate) fn run(administrator: &Administrator) -> Result<(), Failure> {
    let root = administrator.root();
    let journal = Journal::open(root)?;
    let Some(pending) = journal.pending()? else {
        return Err(Failure::refused(words::NOTHING_WAITS, words::NOTHING_WAITS_THEN));
    };
    if pending.is_due(administrator.now()?, &boot()) {
        return Err(Failure::refused(words::TOO_LATE, words::TOO_LATE_THEN));
    }
    let proofs = proofs(administrator, &pending)?;
    let is_proved = |service: &&String| {
        let names = services::as_pam_names(root, service);
        proofs.iter().any(|proof| names.contains(proof.granted.from.service()))
    };
    let missing: Vec<&str> =
        pending.services.iter().filter(|service| !is_proved(service)).map(String::as_str).collect();
    let Some(proof) = proofs.first().filter(|_| missing.is_empty()) else {
        return Err(Failure::refused(words::no_proof(missing.join(", ")), words::NO_PROOF_THEN));
    };
    journal.keep(&pending)?;
    administrator.log().log_change("keep", &pending.services.join(","), "");
    let Proof { user, granted } = proof;
    say(&words::kept(pending.services.join(", "), user, granted.from.service(), text(granted.at)))
}

/// The last login with a code of each user who may become root, if it came after the change. An exemption and an enrollment leave
/// none in the store.
fn proofs(administrator: &Administrator, pending: &Pending) -> Result<Vec<Proof>, Failure> {
    let store: Store = administrator.store()?;
    let (uids, _) = store.uids()?;
    let granted = |uid: u32| store.snapshot(uid).state.ok().flatten().and_then(|state| state.granted);
    let since = |granted: &Occasion| granted.at.seconds() >= pending.since;
    let later = uids.into_iter().filter_map(|uid| Some((uid, granted(uid).filter(since)?)));
    let proofs =
        later.filter(|(uid, _)| services::is_administrator(administrator, *uid)).map(|(uid, granted)| {
            let target = Target::of(uid, administrator.names()).unwrap_or(Target { uid, account: None });
            Proof { user: target.name(), granted }
        });
    Ok(proofs.collect())
}
