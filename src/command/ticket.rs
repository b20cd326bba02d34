//! `twostep ticket`: lets a person enroll once.

use std::time::Duration;

use time::OffsetDateTime;
use twostep_core::dialogue::enroll::Source;
use twostep_core::paths::POLICY;
use twostep_core::proof::code::{LONG_CODE_BYTES, LongCode};
use twostep_core::proof::ticket::Ticket;
use twostep_core::store::Durability;
use twostep_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;
use crate::terminal::{note, say};

/// Whom to let enroll.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person
    #[arg(value_name = "USER")]
    user: String,
    /// Valid for 1min to 30d, such as 90min or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_validity)]
    valid: Duration,
}

fn parse_validity(text: &str) -> Result<Duration, String> {
    let valid = humantime::parse_duration(text).map_err(|_| "write it as in 90min, 24h or 7d".to_owned())?;
    let allowed = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);
    let hint = || "a ticket is valid for one minute to 30 days".to_owned();
    if allowed.contains(&valid) { Ok(valid) } else { Err(hint()) }
}

/// Issues a ticket in place of an earlier one, and prints it: it is not kept.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let policy = administrator.policy()?;
    let store = administrator.store()?;
    let name = account.name.clone();
    if store.is_enrolled(account.uid)? {
        return Err(Failure::refused(
            format!("{name} is enrolled already, and needs no ticket."),
            format!("To start over, run 'twostep reset {name}' first."),
        ));
    }
    let mut random = Zeroizing::new([0; LONG_CODE_BYTES]);
    administrator.machine().fill(random.as_mut_slice())?;
    let (code, now) = (LongCode::new(*random), administrator.now()?);
    let expires = now.plus(arguments.valid.as_secs());
    let mut locked =
        store.lock_or_create(&account, |devices| policy.verification.window_end(devices, now))?;
    let ticket = Ticket::issue(&code, account.uid, expires);
    locked.save(locked.state().with_ticket(Some(ticket)), Durability::Flushed)?;
    drop(locked);
    administrator.log(
        "ticket",
        &Target { uid: account.uid, account: Some(account) },
        &format!(" expires={}", expires.seconds()),
    );
    say(&format!("Ticket for {name}: {}", code.expose_text().as_str()))?;
    say(&format!("It allows one enrollment, before {}.", moment(expires)))?;
    if !policy.enrollment.require_ticket {
        note(&format!("the policy asks for no tickets: see require-ticket in [enrollment] of {POLICY}.",));
    }
    Ok(())
}

/// A moment as people write it, in UTC.
pub(crate) fn moment(moment: UnixTime) -> String {
    let date = i64::try_from(moment.seconds())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let date = date.map_or_else(String::new, |date| format!("{} ", date.date()));
    format!("{date}{moment} UTC")
}
