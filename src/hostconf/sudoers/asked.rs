//! What sudo asks its caller for: whose password and code, by which PAM service, and for which commands none.

use std::collections::BTreeSet;

use super::export::{Export, Setting};
use super::grants::{self, Answers, Unasked};
use super::host::Host;
use super::matching::Caller;
use super::settings::Settings;
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
    /// The option that names it.
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
    let settings = Settings { export, host, caller };
    let Answers { granted, unasked, asks } = grants::answers(&settings);
    Asked { granted, unasked, asks, whose: whose(&settings), services: services(&settings) }
}

/// All PAM services that `export` makes sudo ask, for whomever.
pub(super) fn all_services(export: &Export) -> BTreeSet<String> {
    let is_service = |setting: &&Setting| SERVICES.iter().any(|(option, _)| setting.option == *option);
    let named = export.settings.iter().filter(is_service).filter_map(|setting| setting.value.as_str());
    SERVICES.iter().map(|(_, usual)| (*usual).to_owned()).chain(named.map(str::to_lowercase)).collect()
}

/// sudo looks at the three flags in this order.
fn whose(settings: &Settings<'_>) -> BTreeSet<(Whose, Option<Location>)> {
    let mut whose = BTreeSet::new();
    let of_default =
        |owner: fn(String) -> Whose| -> Vec<Whose> { targets(settings).into_iter().map(owner).collect() };
    let flags = [
        (ROOTPW, vec![Whose::Root]),
        (RUNASPW, of_default(Whose::Default)),
        (TARGETPW, of_default(Whose::Target)),
    ];
    for (option, owners) in flags {
        let possible = settings.flag(option, false);
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

/// The target user if the caller names none.
fn targets(settings: &Settings<'_>) -> Vec<String> {
    let names = settings.texts("runas_default").into_iter();
    names.map(|(name, _)| name.unwrap_or_else(|| "root".to_owned())).collect()
}

fn services(settings: &Settings<'_>) -> BTreeSet<ServiceUse> {
    let each = SERVICES.iter().flat_map(|&(option, usual)| {
        let named = settings.texts(option).into_iter();
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
