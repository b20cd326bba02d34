//! `twostep ticket`: lets a user enroll once.

use std::time::Duration;

use twostep_core::manage::act::Target;
use twostep_core::paths::POLICY;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::words::{moment, ticket as words};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user
    #[arg(value_name = "USER")]
    user: String,
    /// Valid for 1min to 30d, such as 90min or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_validity)]
    valid: Duration,
}

fn parse_validity(text: &str) -> Result<Duration, &'static str> {
    let valid = humantime::parse_duration(text).map_err(|_| words::NOT_A_TIME)?;
    let allowed = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);
    if allowed.contains(&valid) { Ok(valid) } else { Err(words::TIME_OUT_OF_RANGE) }
}

/// Issues a ticket, which replaces an earlier one. It is printed before it is stored, because only its hash is stored.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let target = Target::from(&account);
    let are_asked_for = administrator.carry_out(&target, |acts| {
        acts.ticket(&account, arguments.valid, |code, expires| {
            say(&words::ticket(&account.name, code.expose_text().as_str()))?;
            say(&words::valid_until(moment::text(expires)))
        })
    })?;
    if !are_asked_for {
        note(&words::not_needed(POLICY));
    }
    Ok(())
}
