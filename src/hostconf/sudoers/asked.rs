//! What sudo asks for when somebody calls it: whose password and code, by which PAM service, and for which commands nothing.

use std::collections::BTreeSet;

use super::export::{CommandList, Export, Member, Scope, Setting};
use super::host::Host;
use super::matching::{Caller, means_caller, means_everything, means_host};
use super::sure::Sure;
use crate::location::Location;

/// What sudo asks of one caller. More than one answer in a list: it depends on the command or the target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The lines by which sudo runs anything for them; none: it refuses them.
    pub granted: BTreeSet<Location>,
    /// Whose password and code.
    pub whose: BTreeSet<(Whose, Option<Location>)>,
    /// The PAM services that are asked; that of `sudo -A` only if a line names one.
    pub services: BTreeSet<ServiceUse>,
    /// Why nothing is asked.
    pub unasked: BTreeSet<Unasked>,
    /// Whether anything is asked at all.
    pub asks: bool,
}

/// Whose password and code sudo asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Whose {
    /// Those of the user who calls it.
    Caller,
    /// Those of root: `rootpw`.
    Root,
    /// Those of the account that `runas_default` names, else root: `runaspw`.
    Default(String),
    /// Those of the account as which the command runs, this one unless the caller names another: `targetpw`.
    Target(String),
}

impl Whose {
    /// The option that says so.
    pub fn option(&self) -> &'static str {
        match self {
            Self::Caller => "",
            Self::Root => ROOTPW,
            Self::Default(_) => RUNASPW,
            Self::Target(_) => TARGETPW,
        }
    }
}

/// A PAM service that sudo asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ServiceUse {
    /// The option of sudoers that names it.
    pub option: &'static str,
    /// The name where that option is not set.
    pub usual: &'static str,
    /// Its name, in lower case as libpam has it.
    pub name: String,
    /// The line that names it; none if no line does.
    pub location: Option<Location>,
}

/// Why sudo asks for nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unasked {
    /// The tag or option that says so.
    pub by: UnaskedBy,
    /// The line on which it stands.
    pub location: Option<Location>,
}

/// What makes sudo ask for nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UnaskedBy {
    /// The tag `NOPASSWD`.
    Tag,
    /// The option `!authenticate`.
    Option,
    /// The option `exempt_group`.
    Group,
}

const ROOTPW: &str = "rootpw";
const RUNASPW: &str = "runaspw";
const TARGETPW: &str = "targetpw";

/// The option for `sudo -A`.
const ASKPASS: &str = "pam_askpass_service";
/// The options that name a service of PAM, and what it is without them.
const SERVICES: [(&str, &str); 3] =
    [("pam_service", "sudo"), ("pam_login_service", "sudo-i"), (ASKPASS, "sudo")];

/// What sudo asks of `caller` on `host`.
pub(super) fn asked(export: &Export, host: &Host, caller: &Caller) -> Asked {
    let rules = Rules { export, host, caller };
    let (answers, granted) = rules.answers();
    Asked {
        granted,
        whose: rules.whose(),
        services: rules.services(),
        asks: answers.iter().any(Option::is_none),
        unasked: answers.into_iter().flatten().collect(),
    }
}

/// All PAM services that `export` makes sudo ask, for whomever.
pub(super) fn all_services(export: &Export) -> BTreeSet<String> {
    let is_service = |setting: &&Setting| SERVICES.iter().any(|(option, _)| setting.option == *option);
    let named = export.settings.iter().filter(is_service).filter_map(|setting| setting.value.as_str());
    SERVICES.iter().map(|(_, usual)| (*usual).to_owned()).chain(named.map(str::to_lowercase)).collect()
}

/// The entries, seen from one caller on one host.
struct Rules<'a> {
    export: &'a Export,
    host: &'a Host,
    caller: &'a Caller,
}

/// One command of a list, with what holds for it.
struct Grant<'a> {
    list: &'a CommandList,
    command: &'a Member,
    location: &'a Location,
    sure: Sure,
}

impl<'a> Rules<'a> {
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
    fn flag(&self, option: &str, unset: bool) -> Vec<(bool, Option<&'a Location>)> {
        let possible = self.possible(option).into_iter();
        let on = possible.map(|setting| match setting {
            Some(setting) => (setting.value.as_bool().unwrap_or(unset), Some(&setting.location)),
            None => (unset, None),
        });
        on.collect()
    }

    /// The texts that `option` may have, none where it is not set. sudo refuses one without a text, and goes on.
    fn texts(&self, option: &str) -> Vec<(Option<String>, Option<&'a Location>)> {
        let possible = self.possible(option).into_iter();
        let texts = possible.map(|setting| match setting {
            Some(setting) => (setting.value.as_str().map(str::to_owned), Some(&setting.location)),
            None => (None, None),
        });
        texts.collect()
    }

    /// sudo looks at the three flags in this order.
    fn whose(&self) -> BTreeSet<(Whose, Option<Location>)> {
        let mut whose = BTreeSet::new();
        let of_default =
            |owner: fn(String) -> Whose| -> Vec<Whose> { self.targets().into_iter().map(owner).collect() };
        let flags = [
            (ROOTPW, vec![Whose::Root]),
            (RUNASPW, of_default(Whose::Default)),
            (TARGETPW, of_default(Whose::Target)),
        ];
        for (option, owners) in flags {
            let possible = self.flag(option, false);
            for location in possible.iter().filter(|(on, _)| *on).map(|(_, location)| location) {
                let all = owners.iter().map(|owner| (owner.clone(), location.cloned()));
                whose.extend(all);
            }
            if possible.iter().all(|(on, _)| *on) {
                return whose;
            }
        }
        whose.insert((Whose::Caller, None));
        whose
    }

    /// As whom a command runs if the caller names nobody.
    fn targets(&self) -> Vec<String> {
        let names = self.texts("runas_default").into_iter();
        names.map(|(name, _)| name.unwrap_or_else(|| "root".to_owned())).collect()
    }

    fn services(&self) -> BTreeSet<ServiceUse> {
        let each = SERVICES.iter().flat_map(|&(option, usual)| {
            let named = self.texts(option).into_iter();
            let named = named.filter(move |(name, _)| option != ASKPASS || name.is_some());
            named.map(move |(name, location)| ServiceUse {
                option,
                usual,
                name: name.map_or_else(|| usual.to_owned(), |name| name.to_lowercase()),
                location: location.cloned(),
            })
        });
        each.collect()
    }

    /// For all that sudo runs for the caller: why it asks for nothing, or none where it asks; and the lines that allow it.
    fn answers(&self) -> (BTreeSet<Option<Unasked>>, BTreeSet<Location>) {
        let grants = self.grants();
        let (mut answers, mut lines) = (BTreeSet::new(), BTreeSet::new());
        for (index, grant) in grants.iter().enumerate().filter(|(_, grant)| !grant.command.negated) {
            let here = self.answers_to(grant);
            let later = grants.get(index.saturating_add(1)..).unwrap_or_default();
            if later.iter().any(|later| later.decides_instead_of(grant, &here)) {
                continue;
            }
            lines.insert(grant.location.clone());
            answers.extend(here);
            // Where it does not hold, sudo asks before it refuses.
            answers.extend((grant.sure == Sure::Perhaps).then_some(None));
        }
        (answers, lines)
    }

    fn answers_to(&self, grant: &Grant<'_>) -> BTreeSet<Option<Unasked>> {
        let exempt = self.texts("exempt_group").into_iter();
        let exempt: Vec<_> = exempt
            .map(|(group, location)| {
                let sure = group.map_or(Sure::No, |group| self.caller.is_member_of(&group));
                (sure, Unasked { by: UnaskedBy::Group, location: location.cloned() })
            })
            .collect();
        let mut answers: BTreeSet<_> = exempt
            .iter()
            .filter(|(sure, _)| *sure != Sure::No)
            .map(|(_, unasked)| Some(unasked.clone()))
            .collect();
        if exempt.iter().any(|(sure, _)| *sure != Sure::Yes) {
            answers.extend(self.tagged(grant));
        }
        answers
    }

    /// A tag counts more than the option.
    fn tagged(&self, grant: &Grant<'_>) -> Vec<Option<Unasked>> {
        match grant.list.authenticates() {
            Some(true) => vec![None],
            Some(false) => {
                vec![Some(Unasked { by: UnaskedBy::Tag, location: Some(grant.location.clone()) })]
            }
            None => {
                let flags = self.flag("authenticate", true).into_iter();
                let unasked = |location: Option<&Location>| Unasked {
                    by: UnaskedBy::Option,
                    location: location.cloned(),
                };
                flags.map(|(on, location)| (!on).then(|| unasked(location))).collect()
            }
        }
    }

    /// Each command of each entry that may hold for the caller here, in their order.
    fn grants(&self) -> Vec<Grant<'a>> {
        let mut grants = Vec::new();
        for entry in &self.export.entries {
            let sure = means_caller(&entry.users, self.caller).and(means_host(&entry.hosts, self.host));
            if sure == Sure::No {
                continue;
            }
            for list in &entry.commands {
                let sure = if list.is_timed() { sure.and(Sure::Perhaps) } else { sure };
                let commands = list.commands.iter();
                grants.extend(commands.map(|command| Grant {
                    list,
                    command,
                    location: &entry.location,
                    sure,
                }));
            }
        }
        grants
    }
}

impl Grant<'_> {
    /// Whether this one, which comes later, decides all that `earlier` is about: the last that means a command does. Where the
    /// earlier one asks, what it allows with other groups alone does not count.
    fn decides_instead_of(&self, earlier: &Self, answers: &BTreeSet<Option<Unasked>>) -> bool {
        let is_same = self.command.named == earlier.command.named;
        let is_certain = self.sure == Sure::Yes && self.command.rest.is_empty();
        let (late, early) = (self.list, earlier.list);
        let covers = |late: &[Member], early: &[Member]| late == early || means_everything(late) == Sure::Yes;
        let asks = answers.iter().all(Option::is_none);
        is_certain
            && (is_same || self.command.named.is_all())
            && covers(&late.runasusers, &early.runasusers)
            && (asks || early.runasgroups.is_empty() || covers(&late.runasgroups, &early.runasgroups))
    }
}
