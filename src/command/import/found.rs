//! What another program's file says, in words of ours.

use std::path::PathBuf;

use twostep_core::proof::code::Code;
use twostep_core::proof::totp::Algorithm;
use twostep_core::time::{Period, UnixTime};
use zeroize::Zeroizing;

use super::foreign::ForeignName;

/// Where something was found: a file, and the line if it is one of several.
#[derive(Clone)]
pub struct FoundAt {
    pub file: PathBuf,
    pub line: Option<usize>,
}

/// Why something cannot be carried over: what was expected in its place. It is text of this program: nothing of a file fits in,
/// because a key may stand anywhere in a file.
pub type Problem = &'static str;

/// One line of a file that has a line for each authenticator.
pub struct FoundLine {
    /// Whose it is.
    pub user: ForeignName,
    /// What is wrong if there is no such account.
    pub nobody: Problem,
    /// What was found there.
    pub found: Result<Token, Problem>,
}

/// One authenticator of one person, or why it cannot be carried over.
pub struct ImportedEntry {
    /// Where it was found.
    pub place: FoundAt,
    /// What was found there.
    pub found: Result<Token, Problem>,
}

/// What makes codes, and which of them are used up.
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
    /// By how many steps the phone's clock was found to be ahead.
    pub ahead: i64,
    /// How many steps to each side were accepted.
    pub reach: u64,
    /// What is not carried over.
    pub notes: Vec<String>,
}

/// Which codes are used up.
pub enum Used {
    /// Those of steps that begin at this moment or before.
    Until(UnixTime),
    /// This one, and those before it; when it was shown is to be found out.
    Code(Code),
    /// Nobody knows: all that were shown until now may be.
    Perhaps,
    Nothing,
}

/// The hash of that name, however it is written.
pub fn algorithm(name: &str) -> Result<Algorithm, Problem> {
    match name.to_ascii_uppercase().as_str() {
        "SHA1" => Ok(Algorithm::SHA1),
        "SHA256" => Ok(Algorithm::SHA256),
        "SHA512" => Ok(Algorithm::SHA512),
        _ => Err("the hash must be SHA1, SHA256 or SHA512"),
    }
}

/// A period of seconds that we take.
pub fn period(seconds: u64) -> Result<Period, Problem> {
    Period::new(seconds).ok_or("its codes must change every 15 to 120 s: enroll anew")
}

/// Why the last line of a file is refused: what is missing may change what it says.
pub const CUT_OFF: Problem =
    "the last line has no end, so the file may be cut off here: add a line break if it is whole";

/// Why codes that are counted instead of timed are refused.
pub const COUNTED: Problem = "its codes are counted (HOTP), not timed: enroll anew, with a TOTP app";
