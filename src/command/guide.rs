//! `twostep guide`: the page for users, as text.

use crate::failure::Failure;
use crate::terminal::say;

/// docs/USERS.md as `packaging/guide` renders it: ASCII, 76 columns.
const PAGE: &str = include_str!("../../docs/USERS.txt");

pub(crate) fn run() -> Result<(), Failure> {
    say(PAGE.trim_end())
}
