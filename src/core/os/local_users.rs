//! The local user database (passwd(5)), read once for several questions: the first part of it for a login, all of it for
//! a command about many users.
//!
//! glibc looks at nsswitch.conf and opens the database for each question. Here both are read once, and the search is that
//! of glibc's source `files`. It counts only if nsswitch.conf names that source first and lets its answer be final: then the
//! name service has no other answer, unless nscd gives one that is out of date. Every doubt is no answer, so that the name
//! service itself is asked.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::unistd::User;

use super::nss;

/// The local database.
pub(super) const LOCAL_USERS: &str = "/etc/passwd";

/// The most bytes of each file that a login reads. The name service looks up an account behind them.
const MOST: usize = 16 * 1024;

/// The first entries of the local database, up to a line that is not of the usual form.
pub(super) struct LocalUsers {
    names: Vec<u8>,
    lines: Vec<Line>,
    /// For many questions.
    index: Option<Index>,
}

/// The places of the lines, in order. Of several equal ones, the first line comes first.
struct Index {
    by_name: Vec<usize>,
    by_uid: Vec<usize>,
}

/// An entry of the user database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl From<User> for Entry {
    fn from(user: User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }
}

/// An entry, with the place of its name in [`LocalUsers::names`].
struct Line {
    name: Range<usize>,
    uid: u32,
    gid: u32,
}

impl LocalUsers {
    /// Reads the first part of the database. None if the name service may have another answer than the database.
    pub(super) fn read() -> Option<Self> {
        Self::read_from(Path::new(nss::SWITCH), Path::new(LOCAL_USERS))
    }

    /// Reads all of the database, for many questions. None in the same case, and if one line is not of the usual form.
    pub(super) fn read_whole() -> Option<Self> {
        if !nss::takes_users_from_files(&fs::read_to_string(nss::SWITCH).ok()?) {
            return None;
        }
        Self::whole(&fs::read(LOCAL_USERS).ok()?)
    }

    /// Whether these are all local users. Otherwise the name service may know others.
    pub(super) fn is_whole(&self) -> bool {
        self.index.is_some()
    }

    fn whole(mut bytes: &[u8]) -> Option<Self> {
        let mut users = Self::of(&mut bytes);
        let mut by_name: Vec<usize> = (0..users.lines.len()).collect();
        let mut by_uid = by_name.clone();
        by_name.sort_by_key(|&place| users.lines.get(place).and_then(|line| users.name(line)));
        by_uid.sort_by_key(|&place| users.lines.get(place).map(|line| line.uid));
        users.index = Some(Index { by_name, by_uid });
        bytes.is_empty().then_some(users)
    }

    fn read_from(switch: &Path, users: &Path) -> Option<Self> {
        let mut room = [const { MaybeUninit::uninit() }; MOST];
        let switch = read_start(switch, &mut room)?;
        let is_whole = switch.len() < MOST;
        let takes_files = is_whole && nss::takes_users_from_files(std::str::from_utf8(switch).ok()?);
        if takes_files { Some(Self::of(&mut read_start(users, &mut room)?)) } else { None }
    }

    /// The entries up to a line that is not of the usual form, which then is the first one of `bytes`.
    fn of(bytes: &mut &[u8]) -> Self {
        // Room for the accounts of most machines: a vector that grows is copied and wiped.
        let mut users = Self { names: Vec::with_capacity(1024), lines: Vec::with_capacity(64), index: None };
        let mut rest = *bytes;
        while users.add(&mut rest).is_some() {
            *bytes = rest;
        }
        users
    }

    /// Adds the entry of the next line. None at the end, and if the line is not of the usual form: glibc accepts other
    /// lines too, passes over some, and gives a few a meaning of their own (`+`, `-`).
    fn add(&mut self, rest: &mut &[u8]) -> Option<()> {
        if rest.starts_with(b"\n") || rest.starts_with(b"#") {
            let length = rest.iter().position(|byte| matches!(byte, b'\n' | 0))?;
            return take(rest, length, b'\n').map(drop);
        }
        let (name, _password) = (field(rest, b':')?, field(rest, b':')?);
        let (uid, gid) = (number(field(rest, b':')?)?, number(field(rest, b':')?)?);
        let (_gecos, _home, _shell) = (field(rest, b':')?, field(rest, b':')?, field(rest, b'\n')?);
        let is_usual = name.first()?.is_ascii_alphanumeric() || name.starts_with(b"_");
        if !is_usual || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let start = self.names.len();
        self.names.extend(name);
        self.lines.push(Line { name: start..self.names.len(), uid, gid });
        Some(())
    }

    /// The entry called `name`. None if the name service must be asked.
    pub(super) fn by_name(&self, name: &str) -> Option<Entry> {
        let wanted = Some(name.as_bytes());
        self.first(self.index.as_ref().map(|index| &index.by_name), |line| self.name(line).cmp(&wanted))
    }

    /// The first entry with this uid. None if the name service must be asked.
    pub(super) fn by_uid(&self, uid: u32) -> Option<Entry> {
        self.first(self.index.as_ref().map(|index| &index.by_uid), |line| line.uid.cmp(&uid))
    }

    fn name(&self, line: &Line) -> Option<&[u8]> {
        self.names.get(line.name.clone())
    }

    /// The first line that is equal to what is wanted. `sorted` are the places in the order of `compare`.
    fn first(&self, sorted: Option<&Vec<usize>>, compare: impl Fn(&Line) -> Ordering) -> Option<Entry> {
        let line = match sorted {
            None => self.lines.iter().find(|line| compare(line).is_eq())?,
            Some(places) => {
                let is_less =
                    |&place: &usize| self.lines.get(place).is_some_and(|line| compare(line).is_lt());
                let place = places.get(places.partition_point(is_less))?;
                self.lines.get(*place).filter(|line| compare(line).is_eq())?
            }
        };
        let name = std::str::from_utf8(self.name(line)?).ok()?;
        Some(Entry { name: name.to_owned(), uid: line.uid, gid: line.gid })
    }
}

/// Removes a field and its end from `rest`, and returns the field. It ends at the first colon, line end or zero byte. None
/// if that byte is not `end`. For glibc a zero byte is the end of the line.
fn field<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    // Eight bytes at a time: a later login would spend 3 % more instructions otherwise.
    let (words, last) = rest.as_chunks();
    let in_words = (0_usize..).step_by(8).zip(words).find_map(|(start, word)| {
        let word = u64::from_le_bytes(*word);
        let ends = zeros(word) | zeros(word ^ repeated(b':')) | zeros(word ^ repeated(b'\n'));
        (ends != 0).then(|| start.saturating_add(ends.trailing_zeros() as usize / 8))
    });
    let in_last = || {
        let at = last.iter().position(|byte| matches!(byte, b':' | b'\n' | 0))?;
        rest.len().checked_sub(last.len())?.checked_add(at)
    };
    take(rest, in_words.or_else(in_last)?, end)
}

/// The highest bits of the bytes of `word` that are zero. Bits above the first one may be set by mistake.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeated(1)) & !word & repeated(0x80)
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Removes the first `length` bytes and the one behind them from `rest`, and returns the first ones. None if the one
/// behind them is not `end`.
fn take<'a>(rest: &mut &'a [u8], length: usize, end: u8) -> Option<&'a [u8]> {
    let (before, from) = rest.split_at_checked(length)?;
    *rest = from.strip_prefix(&[end])?;
    Some(before)
}

/// A decimal number of digits only.
fn number(digits: &[u8]) -> Option<u32> {
    let next = |number: u32, &digit: &u8| {
        let digit = char::from(digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, next) }
}

/// The first bytes of a file, as many as there is room for. None if it cannot be read.
fn read_start<'r>(path: &Path, room: &'r mut [MaybeUninit<u8>]) -> Option<&'r [u8]> {
    let file = File::open(path).ok()?;
    // SAFETY: the kernel writes at most as many bytes as there is room for. The descriptor is open.
    let length = unsafe { libc::read(file.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
    let read = room.get(..usize::try_from(length).ok()?)?;
    // SAFETY: the kernel has written these bytes.
    Some(unsafe { &*(std::ptr::from_ref(read) as *const [u8]) })
}

#[cfg(test)]
mod tests;
