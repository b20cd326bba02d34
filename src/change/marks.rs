//! Blocks of lines in a file of another program. A block has the lines that it added, and as comments those that it took out, so that
//! they can be put back byte for byte, whatever else has changed in the file since.
//!
//! ```text
//! # twostep begin: 'twostep disable' takes these lines out again
//! #| account    required     pam_nologin.so |
//! account    requisite    pam_nologin.so
//! account    required     pam_twostep.so
//! # twostep end
//! ```
//!
//! `#` begins a comment for libpam (pam.conf(5)) and for sshd (sshd_config(5)). No line of a block ends in a `\` or a blank that the
//! original has: some versions of libpam would join it with the next line.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use similar::{DiffOp, TextDiff};

use twostep_core::pam::factor::SSHD_ACCEPTED;

use crate::file::digest;

const MODULE: &str = "pam_twostep.so";
const AWAITING_KEEP: &str = " awaiting_keep";
const BEGIN: &str = "# twostep begin";
const REST_OF_BEGIN: &str = ": 'twostep disable' takes these lines out again\n";
const END: &str = "# twostep end\n";
const OLD: &str = "#| ";
const END_OF_OLD: &str = " |\n";
/// The first line of a file that is a copy of a vendor's. The digest is that of the copied text.
const COPY: &str = "# twostep copy of ";
const DIGEST: &str = ", SHA-256 ";
/// Follows the last line of a file that had no line break there.
const NO_LINE_BREAK: &str = "#| no line break\n";

/// A block without its last line, or the other way round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DamagedBlock {
    /// The line, from 1.
    pub line: usize,
}

impl Display for DamagedBlock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: the lines between '{BEGIN}' and '{}' were changed by hand",
            self.line,
            END.trim_end()
        )
    }
}

/// The text `new`, with a block wherever it differs from `old`. `old` has no blocks.
pub fn mark(old: &str, new: &str) -> String {
    let (old, new) = (lines(old), lines(new));
    let mut marked = String::new();
    let mut at = 0;
    for Hunk { old: gone, new: added } in hunks(&old, &new) {
        marked.extend(old.get(at..gone.start).unwrap_or_default().iter().copied());
        at = gone.end;
        marked.push_str(BEGIN);
        marked.push_str(REST_OF_BEGIN);
        for line in old.get(gone).unwrap_or_default() {
            marked.push_str(OLD);
            marked.push_str(line.strip_suffix('\n').unwrap_or(line));
            marked.push_str(END_OF_OLD);
            if !line.ends_with('\n') {
                marked.push_str(NO_LINE_BREAK);
            }
        }
        marked.extend(new.get(added).unwrap_or_default().iter().copied());
        if !marked.ends_with('\n') {
            marked.push('\n');
        }
        marked.push_str(END);
    }
    marked.extend(old.get(at..).unwrap_or_default().iter().copied());
    marked
}

/// A block that only adds these lines.
pub fn block(added: &str) -> String {
    format!("{BEGIN}{REST_OF_BEGIN}{added}{END}")
}

/// `marked` as the text of a new file that is a copy of the vendor's `file`, whose text is `old`.
pub fn copy(file: &str, old: &str, marked: &str) -> String {
    format!("{COPY}{file}{DIGEST}{}\n{marked}", digest(old.as_bytes()))
}

/// The line with which a copy of a vendor's file begins.
pub fn copy_line(text: &str) -> Option<&str> {
    lines(text).first().copied().filter(|line| line.starts_with(COPY))
}

/// Whether `text` is a copy that twostep made, and `old` what was copied: nobody has changed it since.
pub fn is_copy_of(text: &str, old: &str) -> bool {
    let digests = copy_line(text).and_then(|line| line.trim_end().rsplit_once(DIGEST));
    digests.is_some_and(|(_, is)| is == digest(old.as_bytes()))
}

/// The text without blocks, and with what they took out. None if it has no blocks.
pub fn unmark(text: &str) -> Result<Option<String>, DamagedBlock> {
    let mut whole = String::new();
    let mut is_marked = false;
    each(text, |part| match part {
        Part::Other(line) => {
            whole.push_str(line);
        }
        Part::Old(line) => {
            whole.push_str(line);
            whole.push('\n');
        }
        Part::NoLineBreak { is_last } => {
            if is_last {
                whole.pop();
            }
        }
        Part::Begin => is_marked = true,
        Part::Added(_) => {}
    })?;
    Ok(is_marked.then_some(whole))
}

/// The text without the comments of the blocks: what its reader takes from it.
pub fn strip(text: &str) -> Result<String, DamagedBlock> {
    let mut whole = String::new();
    each(text, |part| match part {
        Part::Other(line) | Part::Added(line) => whole.push_str(line),
        Part::Begin | Part::Old(_) | Part::NoLineBreak { .. } => {}
    })?;
    Ok(whole)
}

/// The text with an argument on each line of its blocks that asks for a code: who logs in reads that the change waits.
pub fn awaiting_keep(text: &str) -> String {
    let asks = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first() == Some(&"auth") && words.contains(&MODULE) && !line.contains(SSHD_ACCEPTED)
    };
    with_added(text, |line| {
        if asks(line) { format!("{}{AWAITING_KEEP}\n", line.trim_end()) } else { line.to_owned() }
    })
}

/// The text without that argument.
pub fn kept(text: &str) -> String {
    with_added(text, |line| {
        if line.contains(MODULE) { line.replacen(AWAITING_KEEP, "", 1) } else { line.to_owned() }
    })
}

/// The text with other lines in place of those that its blocks added.
fn with_added(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut is_within = false;
    let line = |line: &str| {
        let is_end = line.trim_end() == END.trim_end();
        is_within = (is_within || line.starts_with(BEGIN)) && !is_end;
        if is_within && !line.starts_with('#') { change(line) } else { line.to_owned() }
    };
    lines(text).into_iter().map(line).collect()
}

/// Whether the text has a block.
pub fn is_marked(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(BEGIN)) || text.starts_with(COPY)
}

enum Part<'a> {
    /// A line outside of blocks, with its line break.
    Other(&'a str),
    Begin,
    /// A line that the block took out, without its line break.
    Old(&'a str),
    /// The line before had no line break; it is still the last one if nothing follows the block.
    NoLineBreak {
        is_last: bool,
    },
    /// A line that the block added.
    Added(&'a str),
}

fn each<'a>(text: &'a str, mut visit: impl FnMut(Part<'a>)) -> Result<(), DamagedBlock> {
    let mut begun = None;
    let all = lines(text);
    for (number, &line) in (1..).zip(&all) {
        let is_begin = line.starts_with(BEGIN);
        let is_end = line.trim_end() == END.trim_end();
        match begun {
            None if number == 1 && line.starts_with(COPY) => visit(Part::Begin),
            None if is_begin => {
                begun = Some(number);
                visit(Part::Begin);
            }
            None if is_end => return Err(DamagedBlock { line: number }),
            None => visit(Part::Other(line)),
            Some(_) if is_begin => return Err(DamagedBlock { line: number }),
            Some(_) if is_end => begun = None,
            Some(_) if line == NO_LINE_BREAK => {
                let rest = all.get(number..).unwrap_or_default();
                let end = rest.iter().position(|line| line.trim_end() == END.trim_end());
                visit(Part::NoLineBreak {
                    is_last: end.is_some_and(|end| end.saturating_add(1) == rest.len()),
                });
            }
            Some(_) => match line.strip_prefix(OLD).and_then(|line| line.strip_suffix(END_OF_OLD)) {
                Some(old) => visit(Part::Old(old)),
                None => visit(Part::Added(line)),
            },
        }
    }
    begun.map_or(Ok(()), |line| Err(DamagedBlock { line }))
}

/// Lines of the old text, and those that replace them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hunk {
    old: Range<usize>,
    new: Range<usize>,
}

/// Where the texts differ. A line that continues another belongs to its hunk.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let mut differences = differences(old, new).into_iter().peekable();
    let mut hunks: Vec<Hunk> = Vec::new();
    while let Some(mut hunk) = differences.next() {
        // Between two hunks the texts are alike.
        let least = hunks.last().map_or(0, |last| last.old.end);
        while hunk.old.start > least && continues(old, hunk.old.start) {
            hunk.old.start = hunk.old.start.saturating_sub(1);
            hunk.new.start = hunk.new.start.saturating_sub(1);
        }
        if let Some(last) = hunks.pop_if(|last| last.old.end == hunk.old.start) {
            hunk = Hunk { old: last.old.start..hunk.old.end, new: last.new.start..hunk.new.end };
        }
        let most = differences.peek().map_or(old.len(), |next| next.old.start);
        while hunk.old.end < most && (continues(old, hunk.old.end) || continues(new, hunk.new.end)) {
            hunk.old.end = hunk.old.end.saturating_add(1);
            hunk.new.end = hunk.new.end.saturating_add(1);
        }
        hunks.push(hunk);
    }
    hunks
}

/// What is between the lines that both texts have.
fn differences(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let diff = TextDiff::from_slices(old, new);
    let equal = diff.ops().iter().filter(|op| matches!(op, DiffOp::Equal { .. }));
    let equal = equal.map(|op| (op.old_range(), op.new_range()));
    let end = (old.len()..old.len(), new.len()..new.len());
    let (mut hunks, mut at) = (Vec::new(), (0, 0));
    for (old, new) in equal.chain([end]) {
        let hunk = Hunk { old: at.0..old.start, new: at.1..new.start };
        if !hunk.old.is_empty() || !hunk.new.is_empty() {
            hunks.push(hunk);
        }
        at = (old.end, new.end);
    }
    hunks
}

/// Whether the line before this one ends in a `\`.
fn continues(lines: &[&str], number: usize) -> bool {
    let before = number.checked_sub(1).and_then(|before| lines.get(before));
    before.is_some_and(|line| line.trim_end_matches('\n').ends_with('\\'))
}

/// The lines with their line breaks.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests;
