//! Where the files of google-authenticator-libpam lie: in homes, or where its argument `secret=` said.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use twostep_core::os::account;
use twostep_core::time::UnixTime;

use crate::administrator::{Administrator, unknown};
use crate::failure::Failure;
use crate::terminal::note;

use super::found::{FoundAt, ImportedEntry, Token};
use super::google;
use super::moving::{Moving, Options};
use super::read::{self, As, LONGEST_OF_ONE};
use super::report::{Row, tell};

/// What a file is called after `--retire`.
const RETIRED: &str = ".imported";

#[derive(clap::Args)]
#[command(
    override_usage = "twostep import google-authenticator [OPTIONS]\n       FILE | --user USER | --all-homes"
)]
#[group(id = "whose", required = true, multiple = true, args = ["file", "user", "all_homes"])]
pub(crate) struct Arguments {
    /// The file of one person: its owner, or --user
    #[arg(value_name = "FILE", conflicts_with = "all_homes")]
    file: Option<PathBuf>,
    /// One person
    #[arg(long, value_name = "USER", conflicts_with = "all_homes")]
    user: Option<String>,
    /// Everybody who has such a file
    #[arg(long)]
    all_homes: bool,
    /// Where the files lie, as in the module's secret=,
    /// with ~, ${HOME} and ${USER}
    #[arg(
        long,
        value_name = "PATH",
        default_value = "~/.google_authenticator",
        hide_default_value = true,
        conflicts_with = "file",
        verbatim_doc_comment
    )]
    secret: String,
    /// Rename each imported file, so that only we use it:
    /// .imported is put behind its name
    #[arg(long, verbatim_doc_comment)]
    retire: bool,
    #[command(flatten)]
    options: Options,
}

struct Candidate {
    user: User,
    path: PathBuf,
    /// Whether its owner decides what lies there.
    in_home: bool,
}

/// Imports the files of those who are meant.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let mut moving = Moving::new(administrator, arguments.options.for_source("google-authenticator")?)?;
    let mut rows = Vec::new();
    for candidate in candidates(administrator, arguments)? {
        let found = candidate.found(moving.now());
        let Some(entry) = found.or_else(|| candidate.missed(arguments)) else { continue };
        let done = moving.person(&candidate.user.name, vec![entry]);
        if arguments.retire && done.iter().all(Row::is_new) {
            candidate.retire();
        }
        rows.extend(done);
    }
    tell(&rows, arguments.options.json)
}

fn candidates(administrator: &Administrator, arguments: &Arguments) -> Result<Vec<Candidate>, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(vec![explicit(file, arguments.user.as_deref())?]);
    }
    let users = match &arguments.user {
        Some(name) => vec![user_called(name)?.ok_or_else(|| unknown(name))?],
        None => everybody()?,
    };
    users.into_iter().map(|user| Candidate::at(administrator, &arguments.secret, user)).collect()
}

fn explicit(file: &Path, user: Option<&str>) -> Result<Candidate, Failure> {
    let missing =
        |error| Failure::refused(format!("{}: {error}.", file.display()), "Name the file of one person.");
    let user = match user {
        Some(name) => user_called(name)?.ok_or_else(|| unknown(name))?,
        None => {
            let owner = fs::symlink_metadata(file).map_err(missing)?.uid();
            let user = User::from_uid(Uid::from_raw(owner)).map_err(|error| look_up(error.desc()))?;
            user.ok_or_else(|| unknown(&owner.to_string()))?
        }
    };
    Ok(Candidate { user, path: file.to_owned(), in_home: false })
}

/// The accounts of the local database, and those after which a folder in /home is called: a directory service need not list
/// its accounts.
fn everybody() -> Result<Vec<User>, Failure> {
    let mut names: BTreeSet<String> = account::local_names()?.into_iter().collect();
    let homes = fs::read_dir("/home").into_iter().flatten().flatten();
    names.extend(homes.filter_map(|home| home.file_name().into_string().ok()));
    let mut users = Vec::new();
    let mut seen = BTreeSet::new();
    for name in names {
        users.extend(user_called(&name)?.filter(|user| seen.insert(user.uid.as_raw())));
    }
    Ok(users)
}

fn user_called(name: &str) -> Result<Option<User>, Failure> {
    let Some(account) = account::by_name(name)? else { return Ok(None) };
    User::from_uid(Uid::from_raw(account.uid)).map_err(|error| look_up(error.desc()))
}

fn look_up(error: &str) -> Failure {
    Failure::unavailable(format!("the look-up of a user failed: {error}."), "Mend the name service first.")
}

impl Candidate {
    fn at(administrator: &Administrator, template: &str, user: User) -> Result<Self, Failure> {
        let home = user.dir.to_string_lossy().into_owned();
        let expanded = match template.strip_prefix('~') {
            Some(rest) => format!("{home}{rest}"),
            None => template.to_owned(),
        };
        let path = expanded.replace("${HOME}", &home).replace("${USER}", &user.name);
        if !path.starts_with('/') {
            return Err(Failure::refused(
                format!("{path} is not an absolute path."),
                "Write --secret as in secret=.",
            ));
        }
        let in_home = user.dir != Path::new("/") && Path::new(&path).starts_with(&user.dir);
        Ok(Self { user, path: administrator.path(&path), in_home })
    }

    fn who(&self) -> As<'_> {
        if self.in_home { As::Person(&self.user) } else { As::Root }
    }

    /// What the file says; nothing if there is no file.
    fn found(&self, now: UnixTime) -> Option<ImportedEntry> {
        let owners = [self.user.uid, Uid::from_raw(0)];
        // In a home nothing is root's: what is would be somebody else's.
        let owners = if self.in_home { owners.split_at(1).0 } else { &owners };
        let found = match read::private(&self.path, &self.who(), owners, LONGEST_OF_ONE) {
            Ok(None) => return None,
            Ok(Some(bytes)) => google::parse(&bytes, now).map_err(|(line, problem)| (Some(line), problem)),
            Err(problem) => Err((None, format!("it {problem}"))),
        };
        let line = found.as_ref().err().and_then(|(line, _)| *line);
        Some(self.entry(line, found.map_err(|(_, problem)| problem)))
    }

    /// That one person who was named has no file is worth saying.
    fn missed(&self, arguments: &Arguments) -> Option<ImportedEntry> {
        (!arguments.all_homes).then(|| self.entry(None, Err("there is no such file".to_owned())))
    }

    fn entry(&self, line: Option<usize>, found: Result<Token, String>) -> ImportedEntry {
        ImportedEntry {
            user: self.user.name.clone(),
            place: FoundAt { file: self.path.clone(), line },
            found,
        }
    }

    /// What is stored is stored: that the old file is still there is told, and no more.
    fn retire(&self) {
        let renamed = read::retire(&self.path, &self.who(), RETIRED);
        if let Err(problem) = renamed {
            note(&format!("{} {problem}", self.path.display()));
        }
    }
}
