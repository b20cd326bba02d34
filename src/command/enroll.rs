//! `twostep enroll`: a new secret, shown once, stored after two consecutive codes.

use nix::unistd::gethostname;
use twostep_core::attempts::State;
use twostep_core::enrollment::{Confirmed, Pending, Refusal};
use twostep_core::os::Fault;
use twostep_core::os::account::Account;
use twostep_core::os::clock;
use twostep_core::policy::Verification;
use twostep_core::qr::Invitation;
use twostep_core::store::credential::{Credential, MOST_AUTHENTICATORS, check_label};
use twostep_core::store::{Durability, LockedState, Store, check_state_owner};
use twostep_core::totp::SECRET_BYTES;
use twostep_core::verdict::Denial;
use zeroize::Zeroizing;

use crate::administrator::{Administrator, Target, window_end};
use crate::failure::Failure;
use crate::terminal::{Terminal, say};

/// Whom to enroll.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person to enroll
    #[arg(long, value_name = "USER")]
    user: String,
    /// What the person calls the phone or app
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
}

/// Enrolls one authenticator.
pub fn run(administrator: &Administrator, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { user, label } = arguments;
    check_label(&label).map_err(|problem| Failure::refused(problem, "Choose another --label."))?;
    let account = administrator.account(&user)?;
    let rules = administrator.rules()?;
    let store = administrator.store()?;
    // Better now than after two codes.
    extended(&store, &account, &label)?;
    check_clock(administrator, &store, &account, &rules)?;

    let confirmed = confirm(&account, label.clone(), rules.skew_steps)?;
    commit(&store, &account, confirmed)?;

    let target = Target { uid: account.uid, account: Some(account) };
    administrator.log("enroll", &target, &format!(" authenticator={}", twostep_core::audit::Value(&label)));
    say(&format!("{} is enrolled (authenticator '{label}').", target.name()))
}

fn confirm(account: &Account, label: String, skew: u8) -> Result<Confirmed, Failure> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| {
        Failure::unavailable(format!("no random numbers: {error}"), "Nothing was stored.")
    })?;
    let pending = Pending::new(label, &secret, clock::now()?)
        .map_err(|problem| Failure::unavailable(problem, "Nothing was stored."))?;
    let host = gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let invitation =
        Invitation { account: &account.name, host: &host, authenticator: pending.authenticator() };
    let screen = invitation.screen(Terminal::colour());
    pending.confirm(&mut Terminal, &screen, skew, || Ok(clock::now()?)).map_err(explain)
}

fn explain(refusal: Refusal) -> Failure {
    let nothing = "Nothing was stored. Run the command again; delete the entry in the app first.";
    match refusal {
        Refusal::WrongCodes => {
            Failure::refused("these were not two consecutive codes of the new key.", nothing)
        }
        Refusal::ClockDiffers(offset) => Failure::refused(
            format!(
                "the code is right, but the phone's clock is {} s {} compared with this machine's.",
                offset.unsigned_abs(),
                if offset > 0 { "fast" } else { "slow" }
            ),
            "Set both clocks automatically (phone: network time; here: NTP), then run the command again.",
        ),
        Refusal::Failed(Denial::Conversation) => Failure::refused("no code was given.", nothing),
        Refusal::Failed(denial) => denial.into(),
    }
}

/// The person's credential as it is, if another authenticator called `label` may be added to it.
fn extended(store: &Store, account: &Account, label: &str) -> Result<Option<Credential>, Failure> {
    let Some(credential) = store.credential(account.uid)? else { return Ok(None) };
    credential.check_owner(account).map_err(|problem| {
        Failure::refused(format!("what is stored for uid {} {problem}.", account.uid), "")
    })?;
    let name = &account.name;
    if credential.authenticators.iter().any(|one| one.label == label) {
        return Err(Failure::refused(
            format!("{name} is already enrolled (authenticator '{label}')."),
            format!(
                "To add another phone, run 'twostep enroll --user {name} --label tablet'; \
                 to start over, run 'twostep reset {name}' first."
            ),
        ));
    }
    if credential.authenticators.len() >= MOST_AUTHENTICATORS {
        return Err(Failure::refused(
            format!("{name} has {MOST_AUTHENTICATORS} authenticators: more would make guessing easier."),
            format!("To start over, run 'twostep reset {name}' first."),
        ));
    }
    Ok(Some(credential))
}

fn check_clock(
    administrator: &Administrator,
    store: &Store,
    account: &Account,
    rules: &Verification,
) -> Result<(), Failure> {
    let Some(state) = store.state(account.uid)? else { return Ok(()) };
    let now = administrator.now()?;
    if state.is_ahead_of(window_end(store, account.uid, rules, now)?) {
        let anomaly = Denial::ClockAnomaly { name: account.name.clone(), mark: state.mark, now };
        return Err(Failure::refused(format!("{}.", anomaly.cause()), "Then enroll."));
    }
    Ok(())
}

/// Stores what was confirmed, under the lock: first the mark, so that both codes are burnt, then the secret, and only then
/// ends a lockout.
fn commit(store: &Store, account: &Account, confirmed: Confirmed) -> Result<(), Failure> {
    let mut state = lock(store, account, &confirmed)?;
    check_state_owner(state.state(), account)?;
    let stored = extended(store, account, &confirmed.authenticator.label)?;
    let mut credential = stored.unwrap_or_else(|| Credential {
        uid: account.uid,
        name: account.name.clone(),
        authenticators: Vec::new(),
    });
    credential.authenticators.push(confirmed.authenticator);
    let burnt = state.state().burn(confirmed.mark);
    let unlocked = burnt.unlock();
    state.save(burnt, Durability::Flushed)?;
    store.write_credential(&credential)?;
    Ok(state.save(unlocked, Durability::Flushed)?)
}

fn lock(store: &Store, account: &Account, confirmed: &Confirmed) -> Result<LockedState, Failure> {
    if let Some(state) = store.lock(account.uid)? {
        return Ok(state);
    }
    // Whoever creates it first: the lock is taken on what is there then.
    store.create_state(account.uid, State::new(&account.name, confirmed.mark))?;
    let gone = || Fault(format!("the state of {} was removed", account.name));
    Ok(store.lock(account.uid)?.ok_or_else(gone)?)
}
