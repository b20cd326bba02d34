//! What sshd's settings are for somebody: for everybody, for whom a `Match` block means, for root.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Block, Config, MAIN};
use crate::location::Location;

/// What holds where nothing is set (sshd_config(5)).
const DEFAULTS: [(&str, &str); 9] = [
    ("authenticationmethods", "any"),
    ("gssapiauthentication", "no"),
    ("hostbasedauthentication", "no"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("passwordauthentication", "yes"),
    ("permitrootlogin", "prohibit-password"),
    ("pubkeyauthentication", "yes"),
    ("usepam", "no"),
];

/// The settings as they hold for somebody.
pub struct View<'a> {
    config: &'a Config,
    /// What sshd itself says holds for everybody.
    said: &'a BTreeMap<String, String>,
    /// The blocks that are in force.
    active: BTreeSet<usize>,
    /// The block that this is about; none if it is about everybody.
    block: Option<usize>,
}

/// What holds, and the line that says so.
pub struct EffectiveValue {
    /// The value, in lower case.
    pub text: String,
    /// The line; none if nothing is set.
    pub location: Option<Location>,
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
    /// Before this line, or at the end of the file if none is named.
    Before {
        /// The line, or the file.
        location: Location,
        /// The blanks that belong before the keyword.
        indent: &'static str,
    },
}

impl<'a> View<'a> {
    /// For everybody whom no block means. `said` is what `sshd -T` says, empty if it was not asked.
    pub fn of_everybody(config: &'a Config, said: &'a BTreeMap<String, String>) -> Self {
        let active = (0..config.blocks.len()).filter(|&block| config.is_for_everybody(block)).collect();
        Self { config, said, active, block: None }
    }

    /// For whom block `index` means.
    pub fn of_block(config: &'a Config, said: &'a BTreeMap<String, String>, index: usize) -> Self {
        let mut view = Self::of_everybody(config, said);
        view.active.extend(config.chain(index));
        Self { block: Some(index), ..view }
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

    /// The block that this is about.
    pub fn block(&self) -> Option<&'a Block> {
        self.block.and_then(|block| self.config.blocks.get(block))
    }

    /// Whether the block itself sets one of `keywords`.
    pub fn sets(&self, keywords: &[&str]) -> bool {
        let of_block = self.config.settings.iter().filter(|setting| setting.block == self.block);
        of_block.map(|setting| setting.keyword.as_str()).any(|keyword| keywords.contains(&keyword))
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
            text: text.to_ascii_lowercase(),
            location: line.map(|line| line.location.clone()),
            // A tab would not survive on a terminal.
            indent: line.map_or_else(String::new, |line| line.indent.replace('\t', "    ")),
            block: line.and_then(|line| line.block),
        }
    }

    fn active_is_everybody(&self) -> bool {
        self.active.iter().all(|&block| self.config.is_for_everybody(block))
    }

    /// Whether `keyword` is `yes`.
    pub fn is_on(&self, keyword: &str) -> bool {
        self.value(keyword).text == "yes"
    }

    /// The line at which `keyword` gets what holds; else the block, else the main file.
    pub fn location(&self, keyword: &str) -> Location {
        let location =
            self.value(keyword).location.or_else(|| self.block().map(|block| block.location.clone()));
        location.unwrap_or_else(|| Location::file(MAIN))
    }

    /// Where a line must stand that sets `keyword`, which is in lower case, here and nowhere else.
    pub fn spot(&self, keyword: &str) -> Spot {
        let now = self.value(keyword);
        let ours = self.block.is_none() || now.block == self.block;
        match (now.location, self.block()) {
            (Some(location), _) if ours => Spot::InsteadOf { location, indent: now.indent },
            (_, Some(block)) => {
                let line = block.location.line.map_or(1, |line| line.saturating_add(1));
                Spot::Before { location: Location::line(&block.location.file, line), indent: "    " }
            }
            (_, None) => {
                let first = self.config.first_match();
                let location = first.map_or_else(|| Location::file(MAIN), |line| Location::line(MAIN, line));
                Spot::Before { location, indent: "" }
            }
        }
    }
}
