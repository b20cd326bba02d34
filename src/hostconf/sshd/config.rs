//! A reader of sshd_config(5): which line sets what, in which `Match` block.
//!
//! sshd itself says what its settings are (`sshd -T`); this says where, which sshd does not.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use twostep_core::os::root::Root;

use super::glob;
use super::words::{first_word, words};
use crate::location::Location;
use crate::tree::{self, is_denied, is_hidden};

/// Where sshd begins to read.
pub const MAIN: &str = "/etc/ssh/sshd_config";
/// sshd refuses what includes deeper than this.
const DEEPEST: usize = 16;
/// More lines than anybody's settings have: files that include each other twice would hold us up for ever.
const MOST_LINES: usize = 100_000;

/// All settings in the order in which sshd comes to them: the first of a keyword counts.
#[derive(Default)]
pub struct Config {
    /// The `Match` blocks, in the order of their lines.
    pub blocks: Vec<Block>,
    /// The settings, in the order of their lines.
    pub settings: Vec<Setting>,
    /// The line at which sshd gives up: what it includes goes too deep. Or this does: it is too much.
    pub too_deep: Option<Location>,
    /// Whether there may be more that this process may not read.
    pub hides: bool,
    lines: usize,
}

/// A `Match` line and what it asks for.
#[derive(Debug)]
pub struct Block {
    /// The line as it stands there.
    pub text: String,
    /// Pairs such as (`user`, `alice,bob`); (`all`, ``) for everybody. The keys are in lower case.
    pub criteria: Vec<(String, String)>,
    /// Where the `Match` line stands.
    pub location: Location,
    /// The block in which the file that holds it was included.
    pub parent: Option<usize>,
}

/// Whom a `Match` block names.
pub enum Named {
    /// The accounts of these names.
    Users(Vec<String>),
    /// The members of these groups.
    Groups(Vec<String>),
}

/// One line that sets something.
#[derive(Debug)]
pub struct Setting {
    /// The keyword in lower case, under its present name.
    pub keyword: String,
    /// The value: its words, one blank between them.
    pub value: String,
    /// Where the line stands.
    pub location: Location,
    /// What stands before the keyword.
    pub indent: String,
    /// The block in which it stands.
    pub block: Option<usize>,
}

impl Config {
    /// Reads sshd's settings below `root`; none if there are none.
    pub fn read(root: &Root) -> Option<Self> {
        let mut config = Self::default();
        tree::text(root, MAIN)?;
        config.read_file(root, MAIN, None, 0);
        Some(config)
    }

    /// Reads one file. A `Match` block in it ends where the file ends.
    fn read_file(&mut self, root: &Root, file: &str, included_in: Option<usize>, depth: usize) {
        let Some(text) = tree::text(root, file) else {
            self.hides |= is_hidden(&root.path(file));
            return;
        };
        let mut block = included_in;
        for (number, line) in (1..).zip(text.lines()) {
            if self.too_deep.is_some() {
                return;
            }
            let Some((keyword, rest)) = first_word(line) else { continue };
            let location = Location::line(file, number);
            self.lines = self.lines.saturating_add(1);
            if depth > DEEPEST || self.lines > MOST_LINES {
                self.too_deep = Some(location);
                return;
            }
            match keyword.as_str() {
                "match" => {
                    let text = line.trim().to_owned();
                    self.blocks.push(Block { text, criteria: criteria(rest), location, parent: included_in });
                    block = self.blocks.len().checked_sub(1);
                }
                "include" => {
                    for included in self.included(root, rest) {
                        self.read_file(root, &included, block, depth.saturating_add(1));
                    }
                }
                _ => self.settings.extend(setting(keyword, line, rest, location, block)),
            }
        }
    }

    /// The files that the patterns of an `Include` mean, in the order in which sshd reads them.
    fn included(&mut self, root: &Root, patterns: &str) -> Vec<String> {
        words(patterns).iter().flat_map(|pattern| self.matching(root, pattern)).collect()
    }

    fn matching(&mut self, root: &Root, pattern: &str) -> Vec<String> {
        let pattern =
            if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let entries = found.iter().flat_map(|folder| self.entries(root, folder, part));
            found = entries.collect();
        }
        found
    }

    /// What `part`, one part of a path, means in `folder`.
    fn entries(&mut self, root: &Root, folder: &str, part: &str) -> Vec<String> {
        let entries = entries(root, folder, part);
        self.hides |= entries.as_ref().is_err_and(is_denied);
        entries.unwrap_or_default()
    }

    /// Whether block `index` holds for everybody.
    pub fn is_for_everybody(&self, index: usize) -> bool {
        let Some(block) = self.blocks.get(index) else { return false };
        let all = block.criteria.iter().all(|(key, _)| key == "all");
        all && block.parent.is_none_or(|parent| self.is_for_everybody(parent))
    }

    /// Block `index` and the blocks around it.
    pub(crate) fn chain(&self, index: usize) -> BTreeSet<usize> {
        let mut chain = BTreeSet::from([index]);
        let mut at = self.blocks.get(index).and_then(|block| block.parent);
        while let Some(parent) = at {
            chain.insert(parent);
            at = self.blocks.get(parent).and_then(|block| block.parent);
        }
        chain
    }

    /// The first `Match` line of the main file: what is to hold for everybody must stand before it.
    pub(crate) fn first_match(&self) -> Option<usize> {
        self.blocks.iter().find(|block| block.location.file == MAIN).and_then(|block| block.location.line)
    }
}

impl Block {
    /// The accounts or groups that the block names one by one; none if it asks for anything else, or by patterns.
    pub fn named(&self) -> Option<Named> {
        let names = |list: &str| -> Option<Vec<String>> {
            let literal = |name: &&str| !name.is_empty() && !name.contains(['*', '?', '!']);
            list.split(',').all(|name| literal(&name)).then(|| list.split(',').map(str::to_owned).collect())
        };
        match (self.parent, self.criteria.as_slice()) {
            (None, [(key, list)]) if key == "user" => names(list).map(Named::Users),
            (None, [(key, list)]) if key == "group" => names(list).map(Named::Groups),
            _ => None,
        }
    }
}

/// The setting in a line; none if its value cannot be read, or is missing: sshd refuses to start with such a line.
fn setting(
    keyword: String,
    line: &str,
    rest: &str,
    location: Location,
    block: Option<usize>,
) -> Option<Setting> {
    let value = words(rest).join(" ");
    let blanks = line.len().saturating_sub(line.trim_start().len());
    let indent = line.get(..blanks).unwrap_or("").to_owned();
    // The older names of a keyword.
    let keyword = match keyword.as_str() {
        "challengeresponseauthentication" | "skeyauthentication" => "kbdinteractiveauthentication".to_owned(),
        "dsaauthentication" => "pubkeyauthentication".to_owned(),
        _ => keyword,
    };
    (!value.is_empty()).then_some(Setting { keyword, value, location, indent, block })
}

/// What a `Match` line asks for, in pairs; the two may stand with a blank or a `=` between them.
fn criteria(rest: &str) -> Vec<(String, String)> {
    let words = words(rest);
    let mut words = words.iter().flat_map(|word| word.splitn(2, '=')).filter(|word| !word.is_empty());
    let mut criteria = Vec::new();
    while let Some(key) = words.next() {
        let key = key.to_ascii_lowercase();
        let value = if key == "all" || key == "invalid-user" { "" } else { words.next().unwrap_or("") };
        criteria.push((key, value.to_owned()));
    }
    criteria
}

/// What `part`, one part of a path, means in `folder`.
fn entries(root: &Root, folder: &str, part: &str) -> io::Result<Vec<String>> {
    if !glob::is_pattern(part) {
        let path = format!("{folder}/{part}");
        return fs::metadata(root.path(&path)).map(|_| vec![path]);
    }
    let names = fs::read_dir(root.path(folder))?.flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut matching: Vec<_> = names.filter(|name| glob::matches(part, name)).collect();
    matching.sort();
    Ok(matching.iter().map(|name| format!("{folder}/{name}")).collect())
}
