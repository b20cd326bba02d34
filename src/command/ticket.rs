//! `twostep ticket`: lets a user enroll once.

use std::time::Duration;

use serde::Serialize;
use twostep_core::os::account::Account;
use twostep_core::paths::POLICY;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::naming::EachUser;
use crate::terminal::note;
use crate::words::{moment, ticket as words};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    users: EachUser,
    /// Valid for 1min to 30d, such as 90min or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_validity)]
    valid: Duration,
}

fn parse_validity(text: &str) -> Result<Duration, &'static str> {
    let valid = humantime::parse_duration(text).map_err(|_| words::NOT_A_TIME)?;
    let allowed = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3600);
    if allowed.contains(&valid) { Ok(valid) } else { Err(words::TIME_OUT_OF_RANGE) }
}

/// What the JSON has beside the user. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct Facts<'a> {
    ticket: &'a str,
    expires: Option<String>,
    expires_seconds: u64,
}

/// Issues tickets, which replace earlier ones. Each is printed before it is stored, because only its hash is stored.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let mut are_asked_for = true;
    let done = arguments.users.act("ticket", |account: &Account, report| {
        are_asked_for = administrator.carry_out(&account.into(), |acts| {
            acts.ticket(account, arguments.valid, |code, expires| {
                let code = code.expose_text();
                let expires_seconds = expires.seconds();
                let facts =
                    Facts { ticket: &code, expires: moment::rfc_3339(expires_seconds), expires_seconds };
                let lines = [words::ticket(&account.name, &*code), words::valid_until(moment::text(expires))];
                report.say(&lines.join("\n"), "issued", facts)
            })
        })?;
        Ok(())
    });
    if !are_asked_for {
        note(&words::not_needed(POLICY));
    }
    done
}
