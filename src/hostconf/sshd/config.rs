//! A reader of sshd_config(5): which line sets what, in which `Match` block.
//!
//! `sshd -T` prints the settings, but not the lines that set them. This module finds the lines.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use twostep_core::os::root::Root;
use twostep_core::policy::Network;

use super::glob;
use super::launch::Launch;
use super::words::{first_word, words};
use crate::location::Location;
use crate::tree::{self, is_denied, is_hidden};

/// Where administrators write sshd's settings.
pub const MAIN: &str = "/etc/ssh/sshd_config";
/// Where sshd begins to read, unless `-f` says otherwise: the first that is there. Behind the usual place are those of vendors,
/// of openSUSE and of Solus before and since its OpenSSH 10.1, and that of an OpenSSH that was built without any options.
const MAINS: [&str; 5] = [
    MAIN,
    "/usr/etc/ssh/sshd_config",
    "/usr/share/defaults/etc/ssh/sshd_config",
    "/usr/share/defaults/ssh/sshd_config",
    "/usr/local/etc/sshd_config",
];
/// What `-f` says where there are no settings but those of the command line.
const NO_FILE: [&str; 2] = ["none", "/dev/null"];
/// sshd refuses what includes deeper than this.
const DEEPEST: usize = 16;
/// More lines than any settings have. Without a limit, files that include each other twice take for ever.
const MOST_LINES: usize = 100_000;

/// More settings in more groups of blocks are not looked at: that would take too long.
const MOST_WORK: usize = 10_000_000;

/// All settings in the order in which sshd comes to them: the first of a keyword counts.
pub struct Config {
    /// The command line of this sshd.
    pub origin: Location,
    /// The file where sshd begins to read; none if there are no settings but those of the command line.
    pub main: Option<String>,
    /// The files that it reads, and the folders whose files it reads.
    pub read: BTreeSet<String>,
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
    /// The text of the line.
    pub text: String,
    /// Pairs such as (`user`, `alice,bob`); (`all`, ``) for all users. The keys are in lower case.
    pub criteria: Vec<(String, String)>,
    /// The location of the `Match` line.
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
    /// Everybody who comes from these networks.
    Networks(Vec<Network>),
}

/// One line that sets something.
#[derive(Debug)]
pub struct Setting {
    /// The keyword in lower case, under its present name.
    pub keyword: String,
    /// The value: its words, one blank between them.
    pub value: String,
    /// The location of the line, or the command line.
    pub location: Location,
    /// Whether it is set on the command line.
    pub is_option: bool,
    /// The blanks before the keyword.
    pub indent: String,
    /// The index of its block.
    pub block: Option<usize>,
}

impl Config {
    /// Reads the settings of an sshd that is started so; none if the file is not there where sshd begins to read.
    pub fn read(root: &Root, launch: &Launch) -> Option<Self> {
        let mut config = Self::of_options(root, launch);
        config.main = match &launch.file {
            Some(file) if NO_FILE.contains(&file.as_str()) => return Some(config),
            Some(file) => Some(file.clone()),
            None => MAINS.iter().find(|file| is_there(root, file)).map(|&file| file.to_owned()),
        };
        let main = config.main.clone().filter(|file| is_there(root, file))?;
        config.read_file(root, &main, None, 0);
        Some(config)
    }

    /// The settings of its command line alone.
    pub fn of_options(root: &Root, launch: &Launch) -> Self {
        let mut config = Self {
            origin: launch.origin.clone(),
            main: None,
            read: BTreeSet::new(),
            blocks: Vec::new(),
            settings: Vec::new(),
            too_deep: None,
            hides: false,
            lines: 0,
        };
        for line in &launch.settings {
            let Some((keyword, rest)) = first_word(line) else { continue };
            if keyword == "include" {
                config.include(root, rest, None, 0);
            } else {
                let setting = setting(keyword, line, rest, launch.origin.clone(), None);
                config.settings.extend(setting.map(|setting| Setting { is_option: true, ..setting }));
            }
        }
        config
    }

    /// Reads one file. A `Match` block in it ends where the file ends.
    fn read_file(&mut self, root: &Root, file: &str, included_in: Option<usize>, depth: usize) {
        let Some(text) = tree::text(root, file) else {
            self.hides |= is_hidden(&root.path(file));
            return;
        };
        self.read.insert(file.to_owned());
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
                "include" => self.include(root, rest, block, depth.saturating_add(1)),
                _ => self.settings.extend(setting(keyword, line, rest, location, block)),
            }
        }
    }

    fn include(&mut self, root: &Root, patterns: &str, block: Option<usize>, depth: usize) {
        for included in self.included(root, patterns) {
            self.read_file(root, &included, block, depth);
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
        if glob::is_pattern(part) && entries.is_ok() {
            self.read.insert(folder.to_owned());
        }
        entries.unwrap_or_default()
    }

    /// Whether block `index` matches all users.
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

    /// The first `Match` line of the main file. A line for all users must come before it.
    pub(crate) fn first_match(&self) -> Option<usize> {
        let in_main = |block: &&Block| self.main.as_ref() == Some(&block.location.file);
        self.blocks.iter().find(in_main).and_then(|block| block.location.line)
    }

    /// Whether block `index` itself sets one of `keywords`.
    pub fn sets(&self, index: usize, keywords: &[&str]) -> bool {
        let mut of_block = self.settings.iter().filter(|setting| setting.block == Some(index));
        of_block.any(|setting| keywords.contains(&setting.keyword.as_str()))
    }

    /// The groups of at most `most` blocks that can hold for one login, the smaller ones first; none if there are too many.
    /// Of `blocks` only: those of which it matters.
    pub fn together(&self, blocks: &[usize], most: usize) -> Option<Vec<BTreeSet<usize>>> {
        let limit = MOST_WORK.checked_div(self.settings.len()).unwrap_or(MOST_WORK);
        let mut together = Vec::new();
        let mut grown: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
        for _ in 0..most {
            let more = grown.iter().flat_map(|group| self.with_one_more(group, blocks));
            grown = more.take(limit.saturating_add(1)).collect();
            together.extend(grown.iter().cloned());
            if together.len() > limit {
                return None;
            }
        }
        Some(together)
    }

    /// The group with each of `blocks` that comes after it and can hold together with all of it.
    fn with_one_more(&self, group: &BTreeSet<usize>, blocks: &[usize]) -> Vec<BTreeSet<usize>> {
        let later = blocks.iter().filter(|&block| group.last().is_none_or(|last| last < block));
        let fits = later.filter(|&&block| group.iter().all(|&other| !self.exclude(block, other)));
        fits.map(|&block| group.iter().copied().chain([block]).collect()).collect()
    }

    /// Whether two blocks exclude each other by their conditions.
    fn exclude(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.blocks.get(one), self.blocks.get(other)) else { return false };
        one.criteria.iter().any(|criterion| other.criteria.iter().any(|another| exclude(criterion, another)))
    }
}

impl Block {
    /// The accounts, groups or networks that the block names one by one; none if it asks for anything else, or by patterns.
    pub fn named(&self) -> Option<Named> {
        let names = |list: &str| Some(literals(list)?.map(str::to_owned).collect());
        match (self.parent, self.criteria.as_slice()) {
            (None, [(key, list)]) if key == "user" => names(list).map(Named::Users),
            (None, [(key, list)]) if key == "group" => names(list).map(Named::Groups),
            (None, [(key, list)]) if key == "address" => {
                let networks = list.split(',').map(Network::parse);
                networks.collect::<Result<_, _>>().ok().map(Named::Networks)
            }
            _ => None,
        }
    }
}

/// The names of a list, unless one of them is a pattern.
fn literals(list: &str) -> Option<impl Iterator<Item = &str>> {
    let literal = |name: &str| !name.is_empty() && !name.contains(['*', '?', '!']);
    list.split(',').all(literal).then(|| list.split(','))
}

/// Whether two criteria can never both hold: a login has one user, and comes to one port.
fn exclude((key, list): &(String, String), (other_key, other_list): &(String, String)) -> bool {
    let is_single = ["user", "localport"].contains(&key.as_str()) && key == other_key;
    let (Some(mut names), Some(others)) = (literals(list), literals(other_list)) else { return false };
    let others: BTreeSet<&str> = others.collect();
    is_single && names.all(|name| !others.contains(name))
}

/// Whether a file is there, or something that this process may not look at.
fn is_there(root: &Root, file: &str) -> bool {
    fs::metadata(root.path(file)).map_or_else(|error| is_denied(&error), |_| true)
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
    (!value.is_empty()).then_some(Setting { keyword, value, location, is_option: false, indent, block })
}

/// What a `Match` line asks for, in pairs; a blank or a `=` separates the two.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_users_or_two_ports_exclude_each_other() {
        let table = [
            ("User ada", "User bob", true),
            ("User ada,eve", "User bob,eve", false),
            ("User ada", "User b*", false),
            ("User !ada", "User ada", false),
            ("Group ada", "Group bob", false),
            ("LocalPort 22", "LocalPort 2222", true),
            ("Address 192.0.2.1", "Address 192.0.2.2", false),
            ("User ada Group x", "Group x User bob", true),
            ("User ada", "Group ada", false),
        ];
        for (one, other, expected) in table {
            let (these, those) = (criteria(one), criteria(other));
            let excludes = these.iter().any(|one| those.iter().any(|other| exclude(one, other)));
            assert_eq!(excludes, expected, "{one} {other}");
        }
    }
}
