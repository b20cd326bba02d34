//! `twostep ticket`: lets a person enroll once.

use std::time::Duration;

use time::OffsetDateTime;
use twostep_core::manage::act::Target;
use twostep_core::paths::POLICY;
use twostep_core::time::UnixTime;

use crate::administrator::Administrator;
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

/// Issues a ticket in place of an earlier one. It is printed before it is stored: it is not kept.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let target = Target::from(&account);
    let are_asked_for = administrator.carry_out(&target, |acts| {
        acts.ticket(&account, arguments.valid, |code, expires| {
            say(&format!("Ticket for {}: {}", account.name, code.expose_text().as_str()))?;
            say(&format!("Valid for one enrollment until {}.", moment(expires)))
        })
    })?;
    if !are_asked_for {
        note(&format!("the policy asks for no tickets: see require-ticket in [enrollment] of {POLICY}."));
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
