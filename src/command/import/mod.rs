//! `twostep import`: users of another module keep their app, and scan nothing.

mod all_users;
pub mod foreign;
pub mod found;
pub mod google;
mod homes;
mod moving;
pub mod oath;
mod obstacle;
pub mod otpauth;
mod read;
pub(crate) mod recognised;
mod report;
mod secret_path;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use twostep_core::os::account::Account;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::words::{import as words, import_problems as problems};

pub(crate) use all_users::{has_login_uid, unlisted_directory};
use found::{FoundAt, FoundLine, ImportedEntry, Problem, Token};
use moving::{Moving, Options};
use report::{Report, Row};

/// Some editors write it before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Subcommand)]
pub enum ImportSource {
    /// From the files of google-authenticator-libpam
    GoogleAuthenticator(homes::Arguments),
    /// From the users file of pam_oath
    PamOath(OfMany),
    /// From lines with a user and an otpauth URI
    Otpauth(OfMany),
}

/// One file with many users in it.
#[derive(clap::Args)]
pub struct OfMany {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl ImportSource {
    fn json(&self) -> bool {
        match self {
            Self::GoogleAuthenticator(arguments) => arguments.options.json,
            Self::PamOath(arguments) | Self::Otpauth(arguments) => arguments.options.json,
        }
    }
}

/// Imports, and prints what became of everything.
pub(crate) fn run(administrator: &Administrator, source: &ImportSource) -> Result<(), Failure> {
    import(administrator, source)?.print(source.json())
}

/// Imports. Fails if nothing was looked at.
fn import(administrator: &Administrator, source: &ImportSource) -> Result<Report, Failure> {
    match source {
        ImportSource::GoogleAuthenticator(arguments) => homes::run(administrator, arguments),
        ImportSource::PamOath(arguments) => of_many(administrator, "pam_oath", arguments, oath::parse),
        ImportSource::Otpauth(arguments) => of_many(administrator, "otpauth", arguments, otpauth::parse),
    }
}

/// Imports from a file with a line for each authenticator.
fn of_many(
    administrator: &Administrator,
    from: &'static str,
    OfMany { file, options }: &OfMany,
    parse: impl Fn(&str) -> Option<FoundLine>,
) -> Result<Report, Failure> {
    // What was typed in place of a path may be a secret, so it is not repeated.
    let unreadable = |obstacle| Failure::unavailable(words::file(obstacle), words::NOTHING_IMPORTED_THEN);
    let bytes = read::named(file).map_err(unreadable)?;
    let mut moving = Moving::new(administrator, options.for_source(from)?)?;
    let place = |line| FoundAt { file: file.clone(), line };
    let names = administrator.names();
    let mut rows = Vec::new();
    let mut users: Vec<(Account, Vec<ImportedEntry>)> = Vec::new();
    // The place of each uid in `users`.
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    if let Some(problem) = recognised::as_export(&bytes) {
        rows.push(Row::without_account(place(None)).refuse(problem));
        return Ok(Report { rows, looked_at: None });
    }
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let place = place(Some(number));
        let Ok(line) = std::str::from_utf8(line) else {
            rows.push(Row::without_account(place).refuse(problems::LINE_NOT_TEXT));
            continue;
        };
        let Some(FoundLine { user, unknown, found }) = parse(line.trim_start_matches(BYTE_ORDER_MARK)) else {
            continue;
        };
        let found = found.and_then(|token| whole(line, token));
        // In a line that cannot be read, a secret may be in place of the name. It is sent to no server.
        let account = if found.is_ok() { user.account(names) } else { user.local_account(names) };
        match account {
            Ok(Some(account)) => {
                let at = *places.entry(account.uid).or_insert(users.len());
                match users.get_mut(at) {
                    Some((_, entries)) => entries.push(ImportedEntry { place, found }),
                    None => users.push((account, vec![ImportedEntry { place, found }])),
                }
            }
            Ok(None) => rows.push(Row::without_account(place).refuse(found.err().unwrap_or(unknown))),
            Err(fault) => rows.push(Row::without_account(place).not_looked_at(fault)),
        }
    }
    let mut progress = Progress::new(users.len(), options.json);
    let moved = users.into_iter().flat_map(|(account, entries)| {
        progress.step();
        moving.user(&account, entries)
    });
    rows.splice(0..0, moved);
    Ok(Report { rows, looked_at: None })
}

fn whole(line: &str, token: Token) -> Result<Token, Problem> {
    if line.ends_with('\n') { Ok(token) } else { Err(problems::CUT_OFF) }
}
