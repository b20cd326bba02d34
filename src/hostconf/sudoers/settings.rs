//! The options of `Defaults` lines, as they may hold for one caller on one host.

use super::export::{Export, Scope, Setting};
use super::host::Host;
use super::matching::{Caller, means_caller, means_everything, means_host};
use super::sure::Sure;
use crate::location::Location;

/// The entries, seen from one caller on one host.
pub(super) struct Settings<'a> {
    pub export: &'a Export,
    pub host: &'a Host,
    pub caller: &'a Caller,
}

impl<'a> Settings<'a> {
    /// The lines that may set `option`, each of which may be the last that counts; none: it is not set. Those that are bound to
    /// commands come after all others.
    fn possible(&self, option: &str) -> Vec<Option<&'a Setting>> {
        let mut possible = vec![None];
        for is_late in [false, true] {
            let named = self.export.settings.iter().filter(|setting| setting.option == option);
            for setting in named.filter(|setting| (setting.scope == Scope::Commands) == is_late) {
                match self.reaches(setting) {
                    Sure::Yes => possible = vec![Some(setting)],
                    Sure::Perhaps => possible.push(Some(setting)),
                    Sure::No => {}
                }
            }
        }
        possible
    }

    fn reaches(&self, setting: &Setting) -> Sure {
        match setting.scope {
            Scope::Everything => Sure::Yes,
            Scope::Callers => means_caller(&setting.members, self.caller),
            Scope::Hosts => means_host(&setting.members, self.host),
            Scope::Targets | Scope::Commands => means_everything(&setting.members),
        }
    }

    /// The lines that may decide whether the flag `option` is on, and whether it is.
    pub(super) fn flag(&self, option: &str, unset: bool) -> Vec<(bool, Option<&'a Location>)> {
        let possible = self.possible(option).into_iter();
        let on = possible.map(|setting| match setting {
            Some(setting) => (setting.value.as_bool().unwrap_or(unset), Some(&setting.location)),
            None => (unset, None),
        });
        on.collect()
    }

    /// The texts that `option` may have, none where it is not set. sudo refuses one without a text, and goes on.
    pub(super) fn texts(&self, option: &str) -> Vec<(Option<String>, Option<&'a Location>)> {
        let possible = self.possible(option).into_iter();
        let texts = possible.map(|setting| match setting {
            Some(setting) => (setting.value.as_str().map(str::to_owned), Some(&setting.location)),
            None => (None, None),
        });
        texts.collect()
    }
}
