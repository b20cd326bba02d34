//! Why a file, folder or home is not read.

use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::words::import_obstacles as words;

/// Why a file, folder or home is not read, or a file not renamed. Its text follows the path.
#[derive(Debug)]
pub(crate) enum Obstacle {
    NotLookedAt(io::Error),
    NotOpened(Errno),
    NotRead(io::Error),
    NotListed(io::Error),
    NotRenamed(Errno),
    /// It has no folder, or no name in it.
    HasNoName,
    RightsNotTaken(Errno),
    RightsNotGivenBack(Errno),
    BelongsTo(u32),
    Readable,
    HardLinks,
    BehindLink,
    NotRegular,
    /// It has more than so many bytes.
    TooLong(u64),
    Missing,
    NotAbsolute,
    Empty,
    /// By eCryptfs, which has not opened it.
    Encrypted,
    /// A folder that is no home, with a file of this uid.
    StrayFile(u32),
    LookUp(twostep_core::fault::Fault),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotLookedAt(error) => words::not_looked_at(error),
            Self::NotOpened(error) => words::not_opened(error.desc()),
            Self::NotRead(error) => words::not_read(error),
            Self::NotListed(error) => words::not_listed(error),
            Self::NotRenamed(error) => words::not_renamed(error.desc()),
            Self::HasNoName => words::NOT_RENAMED.to_owned(),
            Self::RightsNotTaken(error) => words::rights_not_taken(error.desc()),
            Self::RightsNotGivenBack(error) => words::rights_not_given_back(error.desc()),
            Self::BelongsTo(uid) => words::belongs_to(uid),
            Self::Readable => words::READABLE.to_owned(),
            Self::HardLinks => words::HARD_LINKS.to_owned(),
            Self::BehindLink => words::BEHIND_LINK.to_owned(),
            Self::NotRegular => words::NOT_REGULAR.to_owned(),
            Self::TooLong(bytes) => words::too_long(bytes / 1024),
            Self::Missing => words::MISSING.to_owned(),
            Self::NotAbsolute => words::NOT_ABSOLUTE.to_owned(),
            Self::Empty => words::EMPTY.to_owned(),
            Self::Encrypted => words::ENCRYPTED.to_owned(),
            Self::StrayFile(uid) => words::stray_file(uid),
            Self::LookUp(fault) => fault.to_string(),
        };
        f.write_str(&text)
    }
}
