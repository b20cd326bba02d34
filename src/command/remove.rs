//! `twostep remove`: takes away one authenticator.

use twostep_core::audit::Value;

use crate::administrator::{Administrator, Target, fresh_mark};
use crate::enroll::explain;
use crate::failure::Failure;
use crate::terminal::say;

/// Which authenticator to take away.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person
    #[arg(long, value_name = "USER")]
    user: String,
    /// What the phone or app is called; 'twostep status' tells
    #[arg(value_name = "LABEL")]
    label: String,
}

/// Removes one authenticator. The state stays: no code that was used becomes usable.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { user, label } = arguments;
    let account = administrator.account(user)?;
    let rules = administrator.rules()?;
    let store = administrator.store()?;
    let name = account.name.clone();
    let not_enrolled = || Failure::refused(format!("{name} is not enrolled."), "");
    store.credential(account.uid)?.ok_or_else(not_enrolled)?;
    let locked = store.lock_or_create(&account, fresh_mark(&rules, administrator.now()?))?;
    let mut credential = store.owned_credential(&account).map_err(explain)?;
    let labels: Vec<String> =
        credential.authenticators.iter().map(|one| format!("'{}'", one.label)).collect();
    credential.authenticators.retain(|one| one.label != *label);
    if credential.authenticators.len() == labels.len() {
        return Err(Failure::refused(
            format!("{name} has no authenticator '{label}'."),
            format!("There is {}.", labels.join(", ")),
        ));
    }
    if credential.authenticators.is_empty() {
        return Err(Failure::refused(
            format!("'{label}' is the only authenticator of {name}."),
            format!("To forget the credential, run 'twostep reset {name}'."),
        ));
    }
    store.write_credential(&account, &credential)?;
    drop(locked);
    let left: Vec<String> = credential.authenticators.iter().map(|one| format!("'{}'", one.label)).collect();
    let target = Target { uid: account.uid, account: Some(account) };
    administrator.log("remove", &target, &format!(" authenticator={}", Value(label)));
    say(&format!("Authenticator '{label}' of {name} was removed. There still is {}.", left.join(", ")))
}
