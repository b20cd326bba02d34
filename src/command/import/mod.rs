//! `twostep import`: people keep the phone that they have, and scan nothing.

mod everybody;
pub mod foreign;
pub mod found;
pub mod google;
mod homes;
mod moving;
pub mod oath;
pub mod otpauth;
mod read;
pub(crate) mod recognised;
mod report;
mod secret_path;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Subcommand;
use twostep_core::os::account::Account;

use crate::administrator::Administrator;
use crate::failure::Failure;

use found::{CUT_OFF, FoundAt, FoundLine, ImportedEntry, Problem, Token};
use moving::{Moving, Options};
use report::{Report, Row};

/// What some editors write before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What to carry over.
#[derive(Subcommand)]
pub enum ImportSource {
    /// From the files of google-authenticator-libpam
    GoogleAuthenticator(homes::Arguments),
    /// From the users file of pam_oath
    PamOath(OfMany),
    /// From lines of otpauth URIs, each behind its user
    Otpauth(OfMany),
}

/// One file with many people in it.
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

/// Imports, and tells what became of everything.
pub fn run(root: Option<PathBuf>, source: &ImportSource) -> Result<(), Failure> {
    import(&Administrator::new(root)?, source)?.tell(source.json())
}

/// Imports. Fails where nothing was looked at.
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
    // What was typed in the place of a file may be a key.
    let unreadable = |problem| Failure::unavailable(format!("the file {problem}."), "Nothing was imported.");
    let bytes = read::named(file).map_err(unreadable)?;
    let mut moving = Moving::new(administrator, options.for_source(from)?)?;
    let place = |line| FoundAt { file: file.clone(), line };
    let mut rows = Vec::new();
    let mut people: Vec<(Account, Vec<ImportedEntry>)> = Vec::new();
    if let Some(problem) = recognised::as_export(&bytes) {
        rows.push(Row::of_nobody(place(None)).refuse(problem));
        return Ok(Report { rows, looked_at: None });
    }
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let place = place(Some(number));
        let Ok(line) = std::str::from_utf8(line) else {
            rows.push(Row::of_nobody(place).refuse("the line is not text"));
            continue;
        };
        let Some(FoundLine { user, nobody, found }) = parse(line.trim_start_matches(BYTE_ORDER_MARK)) else {
            continue;
        };
        let found = found.and_then(|token| whole(line, token));
        // In a line that cannot be read, a key may stand in the place of the name: that is sent to no server.
        let account = if found.is_ok() { user.account() } else { user.local_account() };
        match account {
            Ok(Some(account)) => match people.iter_mut().find(|(other, _)| other.uid == account.uid) {
                Some((_, entries)) => entries.push(ImportedEntry { place, found }),
                None => people.push((account, vec![ImportedEntry { place, found }])),
            },
            Ok(None) => rows.push(Row::of_nobody(place).refuse(found.err().unwrap_or(nobody))),
            Err(fault) => rows.push(Row::of_nobody(place).not_looked_at(&fault.to_string())),
        }
    }
    rows.splice(0..0, people.into_iter().flat_map(|(account, entries)| moving.person(&account, entries)));
    Ok(Report { rows, looked_at: None })
}

fn whole(line: &str, token: Token) -> Result<Token, Problem> {
    if line.ends_with('\n') { Ok(token) } else { Err(CUT_OFF) }
}
