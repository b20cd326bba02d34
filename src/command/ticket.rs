//! `twostep ticket`: lets a user enroll once.

use std::time::Duration;

use serde::Serialize;
use twostep_core::login::machine::Surroundings;
use twostep_core::manage::ticket::NewTicket;
use twostep_core::os::account::Account;
use twostep_core::paths::POLICY;

use crate::act_error::explain;
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::naming::{EachUser, Found};
use crate::sheet;
use crate::sudo_caller::SudoCaller;
use crate::terminal::{note, say};
use crate::words::{moment, ticket as words};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    users: EachUser,
    /// Valid for 1min to 30d, such as 90min or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_validity)]
    valid: Duration,
    /// Print a page of HTML with a slip for each user
    #[arg(long, conflicts_with = "json")]
    sheet: bool,
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
    let caller = SudoCaller::of_process()?;
    let mut are_asked_for = true;
    let found = arguments.users.find("ticket", administrator.names())?;
    let done = if arguments.sheet {
        issue_by_sheet(administrator, &caller, arguments, found, &mut are_asked_for)
    } else {
        issue_each(administrator, &caller, arguments, found, &mut are_asked_for)
    };
    if !are_asked_for {
        note(&words::not_needed(POLICY));
    }
    done
}

fn issue_each(
    administrator: &Administrator,
    caller: &SudoCaller,
    arguments: &Arguments,
    found: Vec<Found<Account>>,
    are_asked_for: &mut bool,
) -> Result<(), Failure> {
    arguments.users.act(found, |account, report| {
        caller.check_is_another(&account.into())?;
        *are_asked_for = administrator.carry_out(&account.into(), |acts| {
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
    })
}

/// Prints one page with all tickets before any of them is stored.
fn issue_by_sheet(
    administrator: &Administrator,
    caller: &SudoCaller,
    arguments: &Arguments,
    found: Vec<Found<Account>>,
    are_asked_for: &mut bool,
) -> Result<(), Failure> {
    let all = found.iter().filter_map(|one| one.subject.as_ref().ok());
    let others = all.filter(|&account| caller.check_is_another(&account.into()).is_ok());
    let accounts: Vec<Account> = others.cloned().collect();
    let accounts: Vec<&Account> = accounts.iter().collect();
    let host = administrator.machine().name();
    let print = |all: &[&NewTicket<'_>]| say(&sheet::page(&host, all));
    let mut results = administrator.acts().tickets(&accounts, arguments.valid, print)?.into_iter();
    arguments.users.act(found, |account, _| {
        caller.check_is_another(&account.into())?;
        match results.next() {
            Some(Ok(are_asked)) => {
                *are_asked_for = are_asked;
                Ok(())
            }
            Some(Err(error)) => Err(explain(&account.into(), error)),
            None => Ok(()),
        }
    })
}
