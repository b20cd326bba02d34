//! What was found in another program's file.

use std::path::PathBuf;

use twostep_core::proof::code::Code;
use twostep_core::proof::totp::Algorithm;
use twostep_core::time::{Period, UnixTime};
use twostep_core::zeroizing::Zeroizing;

use crate::words::import_problems as problems;

use super::foreign::ForeignName;

/// Where something was found: a file, and the line if it is one of several.
#[derive(Clone)]
pub struct FoundAt {
    pub file: PathBuf,
    pub line: Option<usize>,
}

/// Why something is not imported: a text of `words::import_problems`. Nothing from a file fits in, because a secret may be in any
/// place of it.
pub type Problem = &'static str;

/// One line of a file that has a line for each authenticator.
pub struct FoundLine {
    /// The name in the line.
    pub user: ForeignName,
    /// The problem if no account has that name.
    pub unknown: Problem,
    /// What was found there.
    pub found: Result<Token, Problem>,
}

/// One authenticator of one user, or why it is not imported.
pub struct ImportedEntry {
    /// Where it was found.
    pub place: FoundAt,
    /// What was found there.
    pub found: Result<Token, Problem>,
}

/// An authenticator of the other program, with the codes that are used up.
pub struct Token {
    /// The secret, in bytes.
    pub secret: Zeroizing<Vec<u8>>,
    /// The hash of the HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    pub period: Period,
    /// Which codes are used up.
    pub used: Used,
    /// By how many steps the phone's clock is ahead, as the other program found it.
    pub ahead: i64,
    /// How many steps to each side were accepted.
    pub reach: u64,
    /// What is not imported, as texts of `words::import_notes`.
    pub notes: Vec<String>,
}

/// Which codes are used up.
pub enum Used {
    /// Those of steps that begin at this moment or before.
    Until(UnixTime),
    /// This one and those before it. Its step is not known.
    Code(Code),
    /// Any code that was shown until now may be.
    Perhaps,
    Nothing,
}

/// The hash of that name, in capitals or small letters.
pub fn algorithm(name: &str) -> Result<Algorithm, Problem> {
    match name.to_ascii_uppercase().as_str() {
        "SHA1" => Ok(Algorithm::SHA1),
        "SHA256" => Ok(Algorithm::SHA256),
        "SHA512" => Ok(Algorithm::SHA512),
        _ => Err(problems::HASH),
    }
}

/// A period that twostep supports.
pub fn period(seconds: u64) -> Result<Period, Problem> {
    Period::new(seconds).ok_or(problems::PERIOD)
}
