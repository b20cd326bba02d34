//! The settings of sshd for some users: for all users, for those of `Match` blocks, for root.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Block, Config};
use crate::location::Location;

/// What holds where nothing is set (sshd_config(5)).
const DEFAULTS: [(&str, &str); 11] = [
    ("authenticationmethods", "any"),
    ("gssapiauthentication", "no"),
    ("hostbasedauthentication", "no"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("pamservicename", "sshd"),
    ("passwordauthentication", "yes"),
    ("permitrootlogin", "prohibit-password"),
    ("pidfile", "/run/sshd.pid"),
    ("pubkeyauthentication", "yes"),
    ("usepam", "no"),
];

/// The settings for some users.
pub struct View<'a> {
    config: &'a Config,
    /// The settings for all users as `sshd -T` prints them.
    said: &'a BTreeMap<String, String>,
    /// The blocks that are in force.
    active: BTreeSet<usize>,
    /// The blocks of these users; empty for all users.
    blocks: BTreeSet<usize>,
}

/// A value that applies, and the line that sets it.
pub struct EffectiveValue {
    pub text: String,
    /// The line; none if nothing is set.
    pub location: Option<Location>,
    /// Whether it is set on the command line instead of in a file.
    is_option: bool,
    indent: String,
    block: Option<usize>,
}

/// Where a line can be put that sets something.
pub enum Spot {
    /// In place of this line.
    InsteadOf {
        /// The line that sets it now.
        location: Location,
        /// The blanks before its keyword.
        indent: String,
    },
    /// On the command line, instead of the present value.
    OnCommandLine {
        /// The line or process that has the command line.
        location: Location,
        /// What sets it now, as sshd is given it; none if nothing does.
        now: Option<String>,
    },
    /// Before this line, or at the end of the file if none is named.
    Before {
        /// The line, or the file.
        location: Location,
        /// The blanks that belong before the keyword.
        indent: &'static str,
    },
}

impl<'a> View<'a> {
    /// For users whom no block matches. `said` is the output of `sshd -T`, empty if it was not run.
    pub fn of_everybody(config: &'a Config, said: &'a BTreeMap<String, String>) -> Self {
        let active = (0..config.blocks.len()).filter(|&block| config.is_for_everybody(block)).collect();
        Self { config, said, active, blocks: BTreeSet::new() }
    }

    /// For users whom all of these blocks match.
    pub fn of_blocks(
        config: &'a Config,
        said: &'a BTreeMap<String, String>,
        blocks: BTreeSet<usize>,
    ) -> Self {
        let mut view = Self::of_everybody(config, said);
        view.active.extend(blocks.iter().flat_map(|&block| config.chain(block)));
        Self { blocks, ..view }
    }

    /// For root, as far as blocks name root and ask for nothing else.
    pub fn of_root(config: &'a Config, said: &'a BTreeMap<String, String>) -> Self {
        let names_root = |block: &Block| match block.criteria.as_slice() {
            [(key, value)] => key == "user" && value.split(',').any(|name| name == "root"),
            _ => false,
        };
        let mut view = Self::of_everybody(config, said);
        let blocks =
            (0..).zip(&config.blocks).filter(|(_, block)| names_root(block) && block.parent.is_none());
        view.active.extend(blocks.map(|(index, _)| index));
        view
    }

    /// The blocks that this is about.
    pub fn blocks(&self) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter_map(|&block| self.config.blocks.get(block))
    }

    /// Whether each of the blocks itself sets one of `keywords`.
    pub fn each_sets(&self, keywords: &[&str]) -> bool {
        self.blocks.iter().all(|&block| self.config.sets(block, keywords))
    }

    /// What holds for `keyword`, which is in lower case: the first line of a block in force, else what sshd says, else the
    /// first line outside of all blocks, else the default.
    pub fn value(&self, keyword: &str) -> EffectiveValue {
        let lines = || self.config.settings.iter().filter(|setting| setting.keyword == keyword);
        let in_force = |block: Option<usize>| block.is_some_and(|block| self.active.contains(&block));
        let of_block = lines().find(|setting| in_force(setting.block));
        let line = of_block.or_else(|| lines().find(|setting| setting.block.is_none()));
        let said = self.said.get(keyword).filter(|_| of_block.is_none() || self.active_is_everybody());
        let default = || DEFAULTS.iter().find(|(name, _)| *name == keyword).map_or("", |(_, value)| value);
        let text = said.map(String::as_str).or(line.map(|line| line.value.as_str())).unwrap_or_else(default);
        EffectiveValue {
            text: text.to_owned(),
            location: line.map(|line| line.location.clone()),
            is_option: line.is_some_and(|line| line.is_option),
            // A tab would not survive on a terminal.
            indent: line.map_or_else(String::new, |line| line.indent.replace('\t', "    ")),
            block: line.and_then(|line| line.block),
        }
    }

    fn active_is_everybody(&self) -> bool {
        self.active.iter().all(|&block| self.config.is_for_everybody(block))
    }

    /// The value of `keyword`, whose case means nothing, in lower case.
    pub fn word(&self, keyword: &str) -> String {
        self.value(keyword).text.to_ascii_lowercase()
    }

    /// Whether `keyword` is `yes`.
    pub fn is_on(&self, keyword: &str) -> bool {
        self.word(keyword) == "yes"
    }

    /// The line at which `keyword` gets what holds; else the first of the blocks, else where settings of this sshd belong.
    pub fn location(&self, keyword: &str) -> Location {
        let location =
            self.value(keyword).location.or_else(|| self.blocks().next().map(|block| block.location.clone()));
        location.unwrap_or_else(|| self.main())
    }

    /// The main file; else the command line.
    fn main(&self) -> Location {
        self.config.main.as_ref().map_or_else(|| self.config.origin.clone(), Location::file)
    }

    /// The place of a line that sets `keyword`, which is in lower case, for these users only.
    pub fn spot(&self, keyword: &str) -> Spot {
        let now = self.value(keyword);
        let ours = self.blocks.is_empty() || now.block.is_some_and(|block| self.blocks.contains(&block));
        match (now.location, self.blocks().next(), self.config.first_match()) {
            (Some(location), ..) if ours && now.is_option => {
                Spot::OnCommandLine { location, now: Some(now.text) }
            }
            (Some(location), ..) if ours => Spot::InsteadOf { location, indent: now.indent },
            (_, Some(block), _) => {
                let line = block.location.line.map_or(1, |line| line.saturating_add(1));
                Spot::Before { location: Location::line(&block.location.file, line), indent: "    " }
            }
            (.., first) => match (&self.config.main, first) {
                (None, _) => Spot::OnCommandLine { location: self.config.origin.clone(), now: None },
                (Some(main), None) => Spot::Before { location: Location::file(main), indent: "" },
                (Some(main), Some(line)) => Spot::Before { location: Location::line(main, line), indent: "" },
            },
        }
    }
}
