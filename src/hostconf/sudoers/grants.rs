//! What sudo runs for a caller, and whether it asks before: the last entry that means a command decides.

use std::collections::{BTreeMap, BTreeSet};

use super::export::{CommandList, Member, Named};
use super::matching::{means_caller, means_everything, means_host};
use super::settings::Settings;
use super::sure::Sure;
use crate::location::Location;

/// A line by which sudo asks for no password.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unasked {
    pub by: UnaskedBy,
    /// The line that has it; none for a default.
    pub location: Option<Location>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UnaskedBy {
    /// The tag `NOPASSWD` of an entry.
    Tag,
    /// The option `!authenticate` of a `Defaults` line.
    Option,
    /// The option `exempt_group` of a `Defaults` line.
    Group,
}

/// The result of the entries for one caller.
pub(super) struct Answers {
    /// The lines by which sudo runs anything.
    pub granted: BTreeSet<Location>,
    /// Why it asks for nothing.
    pub unasked: BTreeSet<Unasked>,
    /// Whether it asks at all.
    pub asks: bool,
}

/// Why sudo asks for nothing, or none if it asks; more than one if it depends.
type Reasons = BTreeSet<Option<Unasked>>;

/// One command of a list, with what holds for it.
struct Grant<'a> {
    list: &'a CommandList,
    command: &'a Member,
    location: &'a Location,
    sure: Sure,
}

/// The result of the entries for the caller.
pub(super) fn answers(settings: &Settings<'_>) -> Answers {
    let exempt = exempt(settings);
    let untagged = untagged(settings);
    let (mut granted, mut reasons) = (BTreeSet::new(), Reasons::new());
    let grants = grants(settings);
    let mut later = Later::default();
    for grant in grants.iter().rev() {
        let here = with_exemption(&exempt, tagged(grant, &untagged));
        let asks = here.iter().all(Option::is_none);
        let is_decided = later.decides(grant) || (asks && later.decides_but_for_groups(grant));
        if !grant.command.negated && !is_decided {
            granted.insert(grant.location.clone());
            reasons.extend(here);
            // Where it does not hold, sudo asks before it refuses.
            reasons.extend((grant.sure == Sure::Perhaps).then_some(None));
        }
        later.add(grant);
    }
    let asks = reasons.contains(&None);
    Answers { granted, asks, unasked: reasons.into_iter().flatten().collect() }
}

/// Each command of each entry that may hold for the caller here, in their order.
fn grants<'a>(settings: &Settings<'a>) -> Vec<Grant<'a>> {
    let mut grants = Vec::new();
    for entry in &settings.export.entries {
        let means_us =
            means_caller(&entry.users, settings.caller).and(means_host(&entry.hosts, settings.host));
        if means_us == Sure::No {
            continue;
        }
        for list in &entry.commands {
            let sure = if list.is_timed() { Sure::Perhaps } else { means_us };
            let location = &entry.location;
            grants.extend(list.commands.iter().map(|command| Grant { list, command, location, sure }));
        }
    }
    grants
}

/// Whether the caller is in the group that is never asked, by each line that may name it.
fn exempt(settings: &Settings<'_>) -> Vec<(Sure, Unasked)> {
    let groups = settings.texts("exempt_group").into_iter();
    let exempt = groups.map(|(group, location)| {
        let sure = group.map_or(Sure::No, |group| settings.caller.is_member_of(&group));
        (sure, Unasked { by: UnaskedBy::Group, location: location.cloned() })
    });
    exempt.collect()
}

/// Membership of that group counts more than a tag.
fn with_exemption(exempt: &[(Sure, Unasked)], otherwise: Reasons) -> Reasons {
    let possible = exempt.iter().filter(|(sure, _)| *sure != Sure::No);
    let mut reasons: Reasons = possible.map(|(_, unasked)| Some(unasked.clone())).collect();
    if exempt.iter().any(|(sure, _)| *sure != Sure::Yes) {
        reasons.extend(otherwise);
    }
    reasons
}

/// A tag counts more than the option.
fn tagged(grant: &Grant<'_>, untagged: &Reasons) -> Reasons {
    let unasked = || Unasked { by: UnaskedBy::Tag, location: Some(grant.location.clone()) };
    match grant.list.authenticates() {
        Some(true) => [None].into(),
        Some(false) => [Some(unasked())].into(),
        None => untagged.clone(),
    }
}

fn untagged(settings: &Settings<'_>) -> Reasons {
    let flags = settings.flag("authenticate", true).into_iter();
    let reasons = flags
        .map(|(on, location)| (!on).then(|| Unasked { by: UnaskedBy::Option, location: location.cloned() }));
    reasons.collect()
}

/// The commands that come later and surely hold, by their text.
#[derive(Default)]
struct Later<'a>(BTreeMap<&'a str, Vec<&'a Grant<'a>>>);

impl<'a> Later<'a> {
    fn add(&mut self, grant: &'a Grant<'a>) {
        let is_certain = grant.sure == Sure::Yes && grant.command.rest.is_empty();
        if is_certain && !self.decides(grant) {
            self.0.entry(grant.text()).or_default().push(grant);
        }
    }

    /// Whether one of them decides all that `earlier` is about.
    fn decides(&self, earlier: &Grant<'_>) -> bool {
        self.about(earlier).any(|late| late.covers_users(earlier) && late.covers_groups(earlier))
    }

    /// The same, without what `earlier` allows with other groups.
    fn decides_but_for_groups(&self, earlier: &Grant<'_>) -> bool {
        self.about(earlier).any(|late| late.covers_users(earlier))
    }

    fn about(&self, earlier: &Grant<'_>) -> impl Iterator<Item = &Grant<'a>> {
        ["ALL", earlier.text()].into_iter().filter_map(|text| self.0.get(text)).flatten().copied()
    }
}

impl<'a> Grant<'a> {
    fn text(&self) -> &'a str {
        match &self.command.named {
            Named::Command(text) => text,
            Named::Username(_)
            | Named::Userid(_)
            | Named::Usergroup(_)
            | Named::Usergid(_)
            | Named::Netgroup(_)
            | Named::NonUnixGroup(_)
            | Named::NonUnixGid(_)
            | Named::Hostname(_)
            | Named::NetworkAddr(_) => "",
        }
    }

    fn covers_users(&self, earlier: &Self) -> bool {
        covers(&self.list.runasusers, &earlier.list.runasusers)
    }

    fn covers_groups(&self, earlier: &Self) -> bool {
        earlier.list.runasgroups.is_empty() || covers(&self.list.runasgroups, &earlier.list.runasgroups)
    }
}

/// Whether each target of the `early` list is one of the `late` list.
fn covers(late: &[Member], early: &[Member]) -> bool {
    late == early || means_everything(late) == Sure::Yes
}
