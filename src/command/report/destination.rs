//! Where a report goes: standard output, or a file that is complete or not there.

use std::fs::{File, Permissions, remove_file, rename};
use std::io::{self, BufWriter, Write, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::printable::printable;
use crate::terminal::unwritten;
use crate::words::report as words;

/// Only root may read who has no second step: a stolen password opens these accounts.
const SECRET: u32 = 0o600;
/// Totals may be read by a monitoring system.
const PUBLIC: u32 = 0o644;
/// The right of others than the owner to read.
const OTHERS_READ: u32 = 0o044;

pub(super) struct Destination {
    to: BufWriter<Box<dyn Write>>,
    file: Option<NewFile>,
}

/// A file that replaces another one when it is complete.
struct NewFile {
    path: PathBuf,
    /// Its name until then.
    unfinished: PathBuf,
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It has its final name, or is worth nothing.
        let _ = remove_file(&self.unfinished);
    }
}

impl Destination {
    /// The file at `path`, or standard output. Fails if others could read which users have no second step.
    pub(super) fn new(path: Option<&Path>, names_users: bool) -> Result<Self, Failure> {
        let Some(path) = path else {
            if names_users && others_may_read(&stdout()).map_err(not_written)? {
                return Err(Failure::refused(words::OTHERS_MAY_READ, words::OTHERS_MAY_READ_THEN));
            }
            return Ok(Self { to: BufWriter::new(Box::new(stdout())), file: None });
        };
        let (file, to) =
            NewFile::create(path, if names_users { SECRET } else { PUBLIC }).map_err(|error| {
                Failure::refused(words::file_not_written(path.display(), error), words::FILE_NOT_WRITTEN_THEN)
            })?;
        Ok(Self { to: BufWriter::new(Box::new(to)), file: Some(file) })
    }

    /// Writes a text, without what would change the screen of a terminal.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.to.write_all(printable(text).as_bytes()).map_err(not_written)
    }

    /// Everything is written.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.to.flush().map_err(not_written)?;
        match &self.file {
            Some(NewFile { path, unfinished }) => rename(unfinished, path).map_err(not_written),
            None => Ok(()),
        }
    }
}

/// Bytes of a form that has its own rules for what a text may hold.
impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl NewFile {
    fn create(path: &Path, mode: u32) -> io::Result<(Self, File)> {
        if path.exists() && !path.is_file() {
            return Err(io::Error::other(words::NOT_A_FILE));
        }
        let name = path.file_name().ok_or_else(|| io::Error::other(words::NOT_A_FILE))?;
        let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let unfinished = path.with_file_name(name);
        let file = File::options().write(true).create_new(true).mode(SECRET).open(&unfinished)?;
        let new = Self { path: path.to_owned(), unfinished };
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok((new, file))
    }
}

/// Whether this is a file that users other than its owner may read.
fn others_may_read(output: &impl AsFd) -> io::Result<bool> {
    let status = File::from(output.as_fd().try_clone_to_owned()?).metadata()?;
    Ok(status.is_file() && status.permissions().mode() & OTHERS_READ != 0)
}

pub(super) fn not_written(error: impl Into<io::Error>) -> Failure {
    let error = error.into();
    unwritten(&error, words::not_written(&error))
}
