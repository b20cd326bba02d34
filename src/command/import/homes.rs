//! The files of google-authenticator-libpam: in homes, or where its argument `secret=` says.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use twostep_core::time::UnixTime;
use twostep_hostconf::login_defs;

use crate::administrator::{Administrator, unknown};
use crate::candidates::users;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::note;
use crate::words::import as words;

use super::all_users::{AllUsers, has_login_uid, user_called, user_with};
use super::found::{FoundAt, ImportedEntry};
use super::google;
use super::moving::{Moving, Options};
use super::obstacle::Obstacle;
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
    /// The file of one user: its owner, or --user
    #[arg(value_name = "FILE", conflicts_with = "all_homes")]
    file: Option<PathBuf>,
    /// A user; give it again for each further one
    #[arg(long, value_name = "USER", add = users(), conflicts_with = "all_homes")]
    user: Vec<String>,
    /// All users who have such a file
    #[arg(long)]
    all_homes: bool,
    /// Where the files are, as in the module's secret=,
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
    /// Rename each imported file, so that only twostep
    /// uses it: adds the suffix .imported
    #[arg(long, verbatim_doc_comment)]
    retire: bool,
    #[command(flatten)]
    pub(super) options: Options,
}

/// Imports the files of the users whom the arguments name.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<Report, Failure> {
    let secret = SecretPath::parse(&arguments.secret)?;
    let moving = Moving::new(administrator, arguments.options.for_source("google-authenticator")?)?;
    let uid_min = login_defs::uid_min(administrator.root());
    let mut import = Import { administrator, moving, arguments, uid_min, looked_at: BTreeSet::new() };
    if let Some(file) = &arguments.file {
        return Ok(Report { rows: import.user(&explicit(file, &arguments.user)?), looked_at: None });
    }
    let at = |user| Candidate::at(administrator, &secret, user);
    if !arguments.all_homes {
        let users = arguments.user.iter().map(|name| user_called(name)?.ok_or_else(|| unknown(name)));
        let users = users.collect::<Result<Vec<User>, Failure>>()?;
        let rows = users.into_iter().flat_map(|user| import.user(&at(user))).collect();
        return Ok(Report { rows, looked_at: None });
    }
    let all = AllUsers::find(administrator.root(), &secret, uid_min)?;
    // Two names of one account may have one file.
    let mut met = BTreeSet::new();
    let mut progress = Progress::new(all.users.len(), arguments.options.json);
    let candidates = all.users.into_iter().inspect(|_| progress.step()).map(at);
    let candidates = candidates.filter(|one| met.insert((one.user.uid.as_raw(), one.path.clone())));
    let mut rows: Vec<Row> = candidates.flat_map(|candidate| import.user(&candidate)).collect();
    drop(progress);
    rows.extend(all.rows);
    Ok(Report { rows, looked_at: Some(import.looked_at.len()) })
}

/// The file of one user that root names.
fn explicit(file: &Path, users: &[String]) -> Result<Candidate, Failure> {
    // What was typed in place of a path may be a secret, so it is not repeated.
    let missing =
        |error| Failure::refused(words::file(Obstacle::NotLookedAt(error)), words::FILE_UNSEEN_THEN);
    let user = match users {
        [] => {
            let owner = fs::symlink_metadata(file).map_err(missing)?.uid();
            user_with(owner)?.ok_or_else(|| unknown(&owner.to_string()))?
        }
        [name] => user_called(name)?.ok_or_else(|| unknown(name))?,
        _ => return Err(Failure::of(Failure::USAGE, words::ONE_OWNER, words::ONE_OWNER_THEN)),
    };
    Ok(Candidate { user, path: file.to_owned(), home: None })
}

/// An import in progress.
struct Import<'a> {
    administrator: &'a Administrator,
    moving: Moving<'a>,
    arguments: &'a Arguments,
    uid_min: u32,
    /// The accounts that surely have a file, or none.
    looked_at: BTreeSet<u32>,
}

impl Import<'_> {
    /// Imports the file of one user, if there is one.
    fn user(&mut self, candidate: &Candidate) -> Vec<Row> {
        let uid = candidate.user.uid.as_raw();
        let row = Row::new(candidate.user.name.clone(), uid, candidate.place(None));
        let rows = match candidate.look(self.moving.now()) {
            Seen::File(entry) => self.file(candidate, entry, row),
            Seen::Unfit(obstacle) => vec![row.refuse(obstacle)],
            Seen::Nothing if self.arguments.all_homes => Vec::new(),
            Seen::Nothing => vec![row.refuse(words::NO_SUCH_FILE)],
            // Many system accounts have no home, and no user logs in with them.
            Seen::NoHome(_) if self.arguments.all_homes && !has_login_uid(uid, self.uid_min) => Vec::new(),
            Seen::NoHome(obstacle) => {
                vec![row.not_looked_at(words::home(obstacle, &candidate.user.name))]
            }
            Seen::Unseen(obstacle) => vec![row.not_looked_at(obstacle)],
        };
        if !rows.iter().any(Row::is_not_looked_at) {
            self.looked_at.insert(uid);
        }
        rows
    }

    fn file(&mut self, candidate: &Candidate, entry: ImportedEntry, row: Row) -> Vec<Row> {
        let account = match self.administrator.names().by_uid(candidate.user.uid.as_raw()) {
            Ok(Some(account)) => account,
            Ok(None) => {
                return vec![row.not_looked_at(words::UNKNOWN_UID)];
            }
            Err(fault) => return vec![row.not_looked_at(fault)],
        };
        let rows = self.moving.user(&account, vec![entry]);
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
    /// The home, if the file is in it. Then its owner decides what is there.
    home: Option<PathBuf>,
}

/// What is at the path of a file.
enum Seen {
    File(ImportedEntry),
    /// Something that is refused.
    Unfit(Obstacle),
    Nothing,
    /// No file, and no home that it could be in.
    NoHome(Obstacle),
    /// It is not known what.
    Unseen(Obstacle),
}

impl Candidate {
    fn at(administrator: &Administrator, secret: &SecretPath, user: User) -> Self {
        let path = secret.of(&user);
        let is_in_home = user.dir != Path::new("/") && path.starts_with(&user.dir);
        let home = is_in_home.then(|| administrator.root().path(&user.dir.to_string_lossy()));
        Self { path: administrator.root().path(&path.to_string_lossy()), home, user }
    }

    /// Root owns no file in a home: one of root's there may be another user's by a link.
    fn rights(&self) -> (As<'_>, Vec<Uid>) {
        match self.home {
            Some(_) => (As::User(&self.user), vec![self.user.uid]),
            None => (As::Root, vec![self.user.uid, Uid::from_raw(0)]),
        }
    }

    fn look(&self, now: UnixTime) -> Seen {
        let (rights, owners) = self.rights();
        let bytes = match read::private(&self.path, &rights, &owners, LONGEST_OF_ONE) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.look_at_home(),
            Err(Unread::Unfit(obstacle)) => return Seen::Unfit(obstacle),
            Err(Unread::Unseen(obstacle)) => return Seen::Unseen(obstacle),
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
        read::check_home(home, &self.user).map_or_else(Seen::NoHome, |()| Seen::Nothing)
    }

    fn place(&self, line: Option<usize>) -> FoundAt {
        FoundAt { file: self.path.clone(), line }
    }

    /// The secret is stored, so a file that keeps its name is no error.
    fn retire(&self) {
        if let Err(obstacle) = read::retire(&self.path, &self.rights().0) {
            note(&words::not_retired(self.path.display(), obstacle));
        }
    }
}
