//! `twostep import`: people keep the phone that they have, and scan nothing.

pub mod found;
pub mod google;
mod homes;
mod moving;
pub mod oath;
pub mod otpauth;
mod pam_line;
mod read;
mod report;

use std::path::PathBuf;

use clap::Subcommand;

use crate::administrator::Administrator;
use crate::failure::Failure;

use found::{CUT_OFF, FoundAt, ImportedEntry, Token};
use moving::{Moving, Options};

/// What to carry over.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Arguments {
    /// Print a policy and a line that mean the same as
    /// this line of the other module's
    #[arg(long, value_name = "LINE", verbatim_doc_comment)]
    pam_line: Option<String>,
    #[command(subcommand)]
    source: Option<ImportSource>,
}

#[derive(Subcommand)]
enum ImportSource {
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

/// Imports, and tells what became of everything.
pub fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    if let Some(line) = &arguments.pam_line {
        return pam_line::run(line);
    }
    let Some(source) = &arguments.source else { return Ok(()) };
    let administrator = &Administrator::new(root)?;
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
    arguments: &OfMany,
    parse: impl Fn(&str) -> Option<(String, Result<Token, String>)>,
) -> Result<(), Failure> {
    let file = &arguments.file;
    let unreadable =
        |problem| Failure::unavailable(format!("{} {problem}.", file.display()), "Nothing was imported.");
    let bytes = read::named(file).map_err(unreadable)?;
    let mut moving = Moving::new(administrator, arguments.options.for_source(from)?)?;
    let mut people: Vec<(String, Vec<ImportedEntry>)> = Vec::new();
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let place = FoundAt { file: file.clone(), line: Some(number) };
        let parsed = match std::str::from_utf8(line) {
            Ok(line) => parse(line).map(|(user, found)| (user, found.and_then(|token| whole(line, token)))),
            Err(_) => Some((String::new(), Err("the line is not text".to_owned()))),
        };
        let Some((user, found)) = parsed else { continue };
        let entry = ImportedEntry { user: user.clone(), place, found };
        match people.iter_mut().find(|(name, _)| *name == user) {
            Some((_, entries)) => entries.push(entry),
            None => people.push((user, vec![entry])),
        }
    }
    let rows: Vec<_> = people.into_iter().flat_map(|(user, entries)| moving.person(&user, entries)).collect();
    report::tell(&rows, arguments.options.json)
}

fn whole(line: &str, token: Token) -> Result<Token, String> {
    if line.ends_with('\n') { Ok(token) } else { Err(CUT_OFF.to_owned()) }
}
