//! Where the files of google-authenticator-libpam lie: in homes, or where its argument `secret=` said.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use twostep_core::os::account;
use twostep_core::time::UnixTime;
use twostep_hostconf::login_defs;

use crate::administrator::{Administrator, unknown};
use crate::failure::Failure;
use crate::terminal::note;

use super::everybody::{Everybody, is_person, user_called, user_with};
use super::found::{FoundAt, ImportedEntry};
use super::google;
use super::moving::{Moving, Options};
use super::read::{self, As, LONGEST_OF_ONE, Unread};
use super::recognised;
use super::report::{Report, Row};
use super::secret_path::SecretPath;

#[derive(clap::Args)]
#[command(
    override_usage = "twostep import google-authenticator [OPTIONS]\n       FILE | --user USER... | --all-homes"
)]
#[group(id = "whose", required = true, multiple = true, args = ["file", "user", "all_homes"])]
pub struct Arguments {
    /// The file of one person: its owner, or --user
    #[arg(value_name = "FILE", conflicts_with = "all_homes")]
    file: Option<PathBuf>,
    /// A person; give it again for each further one
    #[arg(long, value_name = "USER", conflicts_with = "all_homes")]
    user: Vec<String>,
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
    pub(super) options: Options,
}

/// Imports the files of those who are meant.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<Report, Failure> {
    let secret = SecretPath::parse(&arguments.secret)?;
    let moving = Moving::new(administrator, arguments.options.for_source("google-authenticator")?)?;
    let uid_min = login_defs::uid_min(administrator.root());
    let mut import = Import { moving, arguments, uid_min, looked_at: BTreeSet::new() };
    if let Some(file) = &arguments.file {
        return Ok(Report { rows: import.person(&explicit(file, &arguments.user)?), looked_at: None });
    }
    let at = |user| Candidate::at(administrator, &secret, user);
    if !arguments.all_homes {
        let users = arguments.user.iter().map(|name| user_called(name)?.ok_or_else(|| unknown(name)));
        let users = users.collect::<Result<Vec<User>, Failure>>()?;
        let rows = users.into_iter().flat_map(|user| import.person(&at(user))).collect();
        return Ok(Report { rows, looked_at: None });
    }
    let all = Everybody::find(administrator.root(), &secret, uid_min)?;
    // Two names of one account may mean one file.
    let mut met = BTreeSet::new();
    let candidates = all.users.into_iter().map(at);
    let candidates = candidates.filter(|one| met.insert((one.user.uid.as_raw(), one.path.clone())));
    let mut rows: Vec<Row> = candidates.flat_map(|candidate| import.person(&candidate)).collect();
    rows.extend(all.rows);
    Ok(Report { rows, looked_at: Some(import.looked_at.len()) })
}

/// One file of one person, which somebody names.
fn explicit(file: &Path, users: &[String]) -> Result<Candidate, Failure> {
    // What was typed in the place of a file may be a key.
    let missing = |error| {
        Failure::refused(format!("the file cannot be looked at: {error}."), "Name the file of one person.")
    };
    let user = match users {
        [] => {
            let owner = fs::symlink_metadata(file).map_err(missing)?.uid();
            user_with(owner)?.ok_or_else(|| unknown(&owner.to_string()))?
        }
        [name] => user_called(name)?.ok_or_else(|| unknown(name))?,
        _ => return Err(Failure::of(Failure::USAGE, "a file has one owner.", "Name one user with it.")),
    };
    Ok(Candidate { user, path: file.to_owned(), home: None })
}

/// An import that is under way.
struct Import<'a> {
    moving: Moving<'a>,
    arguments: &'a Arguments,
    uid_min: u32,
    /// The accounts of which it is known whether they have a file.
    looked_at: BTreeSet<u32>,
}

impl Import<'_> {
    /// Imports the file of one person, if there is one.
    fn person(&mut self, candidate: &Candidate) -> Vec<Row> {
        let uid = candidate.user.uid.as_raw();
        let row = Row::new(candidate.user.name.clone(), uid, candidate.place(None));
        let rows = match candidate.look(self.moving.now()) {
            Seen::File(entry) => self.file(candidate, entry, row),
            Seen::Unfit(problem) => vec![row.refuse(&problem)],
            Seen::Nothing if self.arguments.all_homes => Vec::new(),
            Seen::Nothing => vec![row.refuse("there is no such file")],
            // Many system accounts have none, and nobody logs in with them.
            Seen::NoHome(_) if self.arguments.all_homes && !is_person(uid, self.uid_min) => Vec::new(),
            Seen::NoHome(problem) | Seen::Unseen(problem) => vec![row.not_looked_at(&problem)],
        };
        if !rows.iter().any(Row::is_not_looked_at) {
            self.looked_at.insert(uid);
        }
        rows
    }

    fn file(&mut self, candidate: &Candidate, entry: ImportedEntry, row: Row) -> Vec<Row> {
        let account = match account::by_uid(candidate.user.uid.as_raw()) {
            Ok(Some(account)) => account,
            Ok(None) => {
                return vec![row.not_looked_at("the name service does not know the uid of this account")];
            }
            Err(fault) => return vec![row.not_looked_at(&fault.to_string())],
        };
        let rows = self.moving.person(&account, vec![entry]);
        if self.arguments.retire && rows.iter().all(Row::is_new) {
            candidate.retire();
        }
        rows
    }
}

/// An account, and the file that it may have.
struct Candidate {
    user: User,
    path: PathBuf,
    /// The home, if the file is in it: then its owner decides what is there.
    home: Option<PathBuf>,
}

/// What is where a file may be.
enum Seen {
    File(ImportedEntry),
    /// Something that is not taken.
    Unfit(String),
    Nothing,
    /// No file, but no home either, for it to be in.
    NoHome(String),
    /// Nobody knows what.
    Unseen(String),
}

impl Candidate {
    fn at(administrator: &Administrator, secret: &SecretPath, user: User) -> Self {
        let path = secret.of(&user);
        let is_in_home = user.dir != Path::new("/") && path.starts_with(&user.dir);
        let home = is_in_home.then(|| administrator.root().path(&user.dir.to_string_lossy()));
        Self { path: administrator.root().path(&path.to_string_lossy()), home, user }
    }

    /// In a home nothing is root's: what is would be somebody else's.
    fn rights(&self) -> (As<'_>, Vec<Uid>) {
        match self.home {
            Some(_) => (As::Person(&self.user), vec![self.user.uid]),
            None => (As::Root, vec![self.user.uid, Uid::from_raw(0)]),
        }
    }

    fn look(&self, now: UnixTime) -> Seen {
        let (rights, owners) = self.rights();
        let bytes = match read::private(&self.path, &rights, &owners, LONGEST_OF_ONE) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.look_at_home(),
            Err(Unread::Unfit(problem)) => return Seen::Unfit(format!("it {problem}")),
            Err(Unread::Unseen(problem)) => return Seen::Unseen(format!("it {problem}")),
        };
        let of = |line, found| Seen::File(ImportedEntry { place: self.place(line), found });
        match (google::parse(&bytes, now), recognised::as_export(&bytes)) {
            (Ok(token), _) => of(None, Ok(token)),
            (Err(_), Some(problem)) => of(None, Err(problem)),
            (Err((line, problem)), None) => of(Some(line), Err(problem)),
        }
    }

    fn look_at_home(&self) -> Seen {
        let Some(home) = &self.home else { return Seen::Nothing };
        let Err(problem) = read::check_home(home, &self.user) else { return Seen::Nothing };
        let name = &self.user.name;
        Seen::NoHome(format!("the home {problem}: import it once it is mounted, with --user {name}"))
    }

    fn place(&self, line: Option<usize>) -> FoundAt {
        FoundAt { file: self.path.clone(), line }
    }

    /// What is stored is stored: that the old file is still there is told, and no more.
    fn retire(&self) {
        if let Err(problem) = read::retire(&self.path, &self.rights().0) {
            note(&format!("{} {problem}", self.path.display()));
        }
    }
}
