//! The accounts that logged in on this machine, from the records that login programs keep: wtmp(5) and lastlog(8), and
//! wtmpdb(8) and lastlog2(8), which replace them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::mem::{offset_of, size_of};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::{USER_PROCESS, utmpx};
use nix::unistd::{Whence, lseek64};
use serde::Deserialize;
use twostep_core::os::root::Root;

use crate::program::{self, ProgramFailure};

/// Every login, in records of [`utmpx`]; logrotate(8) moves the old ones to the second.
const WTMP: [&str; 2] = ["/var/log/wtmp", "/var/log/wtmp.1"];
/// The last login of each account, at the place that its uid gives.
const LASTLOG: &str = "/var/log/lastlog";
/// Bytes of its record: the time, 32 of the terminal and 256 of the host (bits/utmp.h).
const LASTLOG_RECORD: u64 = if cfg!(target_arch = "x86_64") { 4 + 32 + 256 } else { 8 + 32 + 256 };
/// The databases, and the programs that read them.
const WTMPDB: [&str; 2] = ["/var/lib/wtmpdb/wtmp.db", "/var/log/wtmp.db"];
const WTMPDB_PROGRAM: &str = "/usr/bin/wtmpdb";
const LASTLOG2: [&str; 1] = ["/var/lib/lastlog/lastlog2.db"];
const LASTLOG2_PROGRAM: &str = "/usr/bin/lastlog2";

/// The accounts that logged in. A name or uid may have no account any more.
#[derive(Default, Debug)]
pub struct LoggedIn {
    pub names: BTreeSet<String>,
    pub uids: BTreeSet<u32>,
    /// Each record that is there and cannot be read, with the reason.
    pub unread: Vec<(String, String)>,
}

impl LoggedIn {
    /// Reads all records below `root`. The databases are read only on the machine itself.
    pub fn read(root: &Root) -> Self {
        let mut found = Self::default();
        for path in WTMP {
            let names = wtmp(&root.path(path));
            found.take(path, names, |found, names| found.names.extend(names));
        }
        found.take(LASTLOG, lastlog(&root.path(LASTLOG)), |found, uids| found.uids.extend(uids));
        let is_there =
            |paths: &[&str]| root.is_machine() && paths.iter().any(|path| Path::new(path).exists());
        if is_there(&WTMPDB) {
            found.take(
                WTMPDB_PROGRAM,
                said(WTMPDB_PROGRAM, &["last", "--json"]).and_then(wtmpdb_names),
                |found, names| {
                    found.names.extend(names);
                },
            );
        }
        if is_there(&LASTLOG2) {
            found.take(LASTLOG2_PROGRAM, said(LASTLOG2_PROGRAM, &["--active"]), |found, table| {
                found.names.extend(lastlog2_names(&table));
            });
        }
        found
    }

    fn take<T>(&mut self, source: &str, read: Result<T, String>, add: impl FnOnce(&mut Self, T)) {
        match read {
            Ok(read) => add(self, read),
            Err(error) => self.unread.push((source.to_owned(), error)),
        }
    }
}

/// The names in a file of [`utmpx`]; none if there is no such file.
fn wtmp(path: &Path) -> Result<BTreeSet<String>, String> {
    let Some(file) = open(path)? else { return Ok(BTreeSet::new()) };
    let mut file = BufReader::new(file);
    let mut record = [0; size_of::<utmpx>()];
    let mut names = BTreeSet::new();
    loop {
        match file.read_exact(&mut record) {
            Ok(()) => names.extend(user_of(&record)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(names),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The user who logged in with this record; none if it is about something else.
fn user_of(record: &[u8; size_of::<utmpx>()]) -> Option<String> {
    let field = |from: usize, length: usize| record.get(from..from.saturating_add(length));
    let kind = field(offset_of!(utmpx, ut_type), 2)?.try_into().ok().map(i16::from_ne_bytes)?;
    let name = field(
        offset_of!(utmpx, ut_user),
        offset_of!(utmpx, ut_host).saturating_sub(offset_of!(utmpx, ut_user)),
    )?;
    // A name of 32 bytes has no zero behind it.
    let name = name.split(|&byte| byte == 0).next()?;
    (kind == USER_PROCESS && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

/// The uids with a record; none if there is no such file. The file is as long as the highest uid demands, and has holes
/// where no record is.
fn lastlog(path: &Path) -> Result<BTreeSet<u32>, String> {
    let Some(mut file) = open(path)? else { return Ok(BTreeSet::new()) };
    let mut uids = BTreeSet::new();
    let text = |error: io::Error| error.to_string();
    let mut place = 0;
    while let Some(data) = next(&file, place, Whence::SeekData)? {
        let end = next(&file, data, Whence::SeekHole)?.unwrap_or(data);
        // A record may begin in a hole only if it is empty, as its time comes first.
        let first = data / LASTLOG_RECORD;
        file.seek(SeekFrom::Start(first.saturating_mul(LASTLOG_RECORD))).map_err(text)?;
        let mut records = BufReader::new(&file);
        for uid in first..end.div_ceil(LASTLOG_RECORD) {
            let mut record = [0; LASTLOG_RECORD as usize];
            match records.read_exact(&mut record) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(text(error)),
            }
            if record.iter().any(|&byte| byte != 0) {
                uids.extend(u32::try_from(uid));
            }
        }
        place = end.max(data.saturating_add(1));
    }
    Ok(uids)
}

/// The next place of this kind at or behind `place`; none if the file ends before.
fn next(file: &File, place: u64, kind: Whence) -> Result<Option<u64>, String> {
    let place = i64::try_from(place).map_err(|error| error.to_string())?;
    match lseek64(file, place, kind) {
        Ok(found) => Ok(u64::try_from(found).ok()),
        Err(Errno::ENXIO) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Opens a file; none if there is none.
fn open(path: &Path) -> Result<Option<File>, String> {
    match File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path) {
        Ok(file) if file.metadata().is_ok_and(|file| file.is_file()) => Ok(Some(file)),
        Ok(_) => Err("not a file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// What a program prints.
fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = program::run(program, arguments).map_err(|failure: ProgramFailure| failure.to_string())?;
    if output.is_success { Ok(output.stdout) } else { Err(output.stderr.trim().to_owned()) }
}

/// What `wtmpdb last --json` prints.
#[derive(Deserialize)]
struct WtmpdbLast {
    entries: Vec<WtmpdbEntry>,
}

#[derive(Deserialize)]
struct WtmpdbEntry {
    user: String,
}

fn wtmpdb_names(json: String) -> Result<BTreeSet<String>, String> {
    let last: WtmpdbLast = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    Ok(last.entries.into_iter().map(|entry| entry.user).collect())
}

/// The first column of the table, which has a head.
fn lastlog2_names(table: &str) -> BTreeSet<String> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
