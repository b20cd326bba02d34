//! The rules, and which of them decides a login.

use std::collections::BTreeSet;
use std::fmt;

use crate::time::{Day, UnixTime};

use super::model::{
    Address, DEFAULT_RULE, Decision, Enrollment, Gate, Groups, LoginFacts, Methods, Mode, Origin,
    Verification,
};
use super::network::Network;
use super::spelling::{Spellings, possible_among};

/// The policy, parsed and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    pub(super) mode: Mode,
    /// The line of `mode`.
    pub(super) line: usize,
    pub(super) rules: Vec<Rule>,
    /// How codes are judged.
    pub verification: Verification,
    /// How users enroll: the table `[enrollment]`.
    pub enrollment: Enrollment,
    /// Where the account phase refuses a user who skipped the second step.
    pub gate: Gate,
}

impl Policy {
    /// Decides the login `who` at `now`: the first rule that applies decides. A rule counts as mandatory if its groups
    /// cannot be looked up. If a condition is unknown, as with a remote host that is a name, the stricter of the two
    /// decisions counts. The owner of that name therefore neither reaches an exemption nor evades a rule.
    pub fn decide(&self, who: &LoginFacts<'_>, now: UnixTime) -> Decision<'_> {
        let mut strictest_perhaps: Option<Decision<'_>> = None;
        let mut sure = self.otherwise();
        for (rule, applies) in self.considered(who, now) {
            let this = rule.decision(now);
            match applies {
                Applies::No(_) => {}
                Applies::Perhaps(condition) => {
                    // Otherwise anyone who knows a password could enroll an account that the rule does not mean.
                    let this = Decision { is_assumed: condition == Condition::Users, ..this };
                    strictest_perhaps = strictest_perhaps.map(|that| that.or_stricter(this)).or(Some(this));
                }
                Applies::Yes => sure = this,
                Applies::UnknownGroups => sure = this.assumed(),
            }
        }
        strictest_perhaps.map_or(sure, |perhaps| sure.or_stricter(perhaps))
    }

    /// The rules that [`Self::decide`] looks at, up to the one that decides. Each comes with whether it applies.
    pub fn considered(&self, who: &LoginFacts<'_>, now: UnixTime) -> impl Iterator<Item = (&Rule, Applies)> {
        let mut is_decided = false;
        self.rules.iter().map_while(move |rule| {
            if is_decided {
                return None;
            }
            let applies = rule.applies(who, now);
            is_decided = applies.decides();
            Some((rule, applies))
        })
    }

    /// What makes the second step mandatory for `user`, with these spellings and groups, in any login. Every condition
    /// is taken as possible, except those on users and groups. None if the second step is mandatory nowhere: then the
    /// user may give it up. `required` says whether an administrator requires it of this account.
    pub fn obligation(
        &self,
        user: &str,
        spellings: &Spellings<'_>,
        groups: &Groups,
        required: bool,
        now: UnixTime,
    ) -> Option<Decision<'_>> {
        let obliges = |mode| mode == Mode::Mandatory || (mode == Mode::OptIn && required);
        for rule in self.rules.iter().filter(|rule| !rule.is_over(now)) {
            let (named, grouped) = (rule.named(user, spellings), rule.grouped(groups));
            if named == Holds::No || grouped == Holds::No {
                continue;
            }
            let verdict = rule.decision(now);
            if grouped == Holds::Unknown {
                return Some(verdict.assumed());
            }
            if obliges(verdict.mode) {
                return Some(verdict);
            }
            if named == Holds::Yes && rule.is_about_people_alone() {
                return None;
            }
        }
        Some(self.otherwise()).filter(|verdict| obliges(verdict.mode))
    }

    /// What exempts `user`, with these spellings and groups, in some login. Every condition is taken as possible, except those
    /// on users and groups, which must be known to hold.
    pub fn exemptions(
        &self,
        user: &str,
        spellings: &Spellings<'_>,
        groups: &Groups,
        now: UnixTime,
    ) -> Vec<Exemption<'_>> {
        let mut exemptions = Vec::new();
        for rule in self.rules.iter().filter(|rule| !rule.is_over(now)) {
            let is_theirs = rule.named(user, spellings) == Holds::Yes && rule.grouped(groups) == Holds::Yes;
            if is_theirs && rule.mode == Mode::Exempt {
                exemptions.push(Exemption { rule: &rule.name, line: rule.line, until: rule.until });
            }
            if is_theirs && rule.is_about_people_alone() {
                return exemptions;
            }
        }
        if self.mode == Mode::Exempt {
            exemptions.push(Exemption { rule: DEFAULT_RULE, line: self.line, until: None });
        }
        exemptions
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The decision if no rule applies.
    pub fn otherwise(&self) -> Decision<'_> {
        Decision { mode: self.mode, rule: DEFAULT_RULE, line: self.line, starts: None, is_assumed: false }
    }

    /// The rules that may decide a login by `service` at `now` or later, in their order. A rule without a condition on users
    /// or their login decides for all users, so it is the last of them.
    pub fn rules_at(&self, service: &str, now: UnixTime) -> impl Iterator<Item = &Rule> {
        let mut is_decided = false;
        let reaching = self.rules.iter().filter(move |rule| rule.reaches(service) && !rule.is_over(now));
        reaching.take_while(move |rule| {
            let is_looked_at = !is_decided;
            is_decided |= rule.is_about_services_alone();
            is_looked_at
        })
    }

    /// The strictest mode that any user may get at `service` at `now` or later.
    pub fn strictest(&self, service: &str, now: UnixTime) -> Mode {
        let mut strictest = Mode::Exempt;
        for rule in self.rules_at(service, now) {
            strictest = strictest.max(rule.mode);
            if rule.is_about_services_alone() {
                return strictest;
            }
        }
        strictest.max(self.mode)
    }

    /// Whether any user must have a second step at `service` at `now` or later.
    pub fn may_require(&self, service: &str, now: UnixTime) -> bool {
        self.strictest(service, now) == Mode::Mandatory
    }

    /// The names in rules that could be other spellings of `name`: only these are looked up.
    pub fn possible_spellings(&self, name: &str) -> impl Iterator<Item = &str> {
        let users = self.rules.iter().flat_map(|rule| rule.users.iter().flatten()).map(String::as_str);
        possible_among(users, name)
    }

    /// The groups that any rule names: only these are looked up.
    pub fn groups(&self) -> BTreeSet<&str> {
        // `collect` would bring a sort for this type into the module.
        let mut groups = BTreeSet::new();
        groups.extend(self.rules.iter().flat_map(|rule| rule.groups.iter().flatten()).map(String::as_str));
        groups
    }
}

/// What exempts a user from the second step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exemption<'p> {
    /// The rule's name; `default` for the policy's own mode.
    pub rule: &'p str,
    /// The line of that name, or of the policy's own mode.
    pub line: usize,
    /// The last day on which it applies; none if it does not end.
    pub until: Option<Day>,
}

/// One rule. It matches if all its conditions match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its name in the log and in explanations.
    pub name: String,
    /// The line of its name in the policy file.
    pub line: usize,
    /// The user must have one of these names; none matches every user.
    pub users: Option<Vec<String>>,
    /// The user must be in one of these groups; none matches every user.
    pub groups: Option<Vec<String>>,
    /// The login must be by one of these services; none matches every service.
    pub services: Option<Vec<String>>,
    /// The login must come from this side; none matches both.
    pub origin: Option<Origin>,
    /// The login must come from one of these networks; none matches every address.
    pub from: Option<Vec<Network>>,
    /// One of these methods of sshd must come first; none matches every login.
    pub first_factor: Option<Vec<String>>,
    /// The last day on which it applies.
    pub until: Option<Day>,
    pub(super) starts: Option<Day>,
    pub(super) mode: Mode,
    /// The text for readers of the policy; it is not evaluated.
    pub reason: Option<String>,
}

/// What a rule requires of a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// The account is in this list.
    Users,
    /// The account belongs to a group in this list.
    Groups,
    /// The login is by a service in this list.
    Services,
    /// The login is local or remote, as this says.
    Origin,
    /// The login comes from a network in this list.
    From,
    /// The user proved a method in this list before.
    FirstFactor,
    /// This last day is not over.
    Until,
}

/// The key of the condition in the policy file.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Services => "services",
            Self::Origin => "origin",
            Self::From => "from",
            Self::FirstFactor => "first-factor",
            Self::Until => "until",
        })
    }
}

/// Whether a rule applies, as far as is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applies {
    /// The rule applies and decides.
    Yes,
    /// The rule does not apply, because this condition does not hold.
    No(Condition),
    /// It is unknown whether this condition holds. Of the decisions with and without it, the stricter counts.
    Perhaps(Condition),
    /// The rule would apply if the user were in one of its groups, but the groups could not be looked up: mandatory.
    UnknownGroups,
}

impl Applies {
    /// Whether the rules after it are no longer looked at.
    pub(super) fn decides(self) -> bool {
        match self {
            Self::Yes | Self::UnknownGroups => true,
            Self::No(_) | Self::Perhaps(_) => false,
        }
    }
}

/// Whether one condition holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Rule {
    /// The accounts, groups and services that it names.
    pub fn names(&self) -> impl Iterator<Item = (Condition, &str)> {
        let lists = [
            (Condition::Users, &self.users),
            (Condition::Groups, &self.groups),
            (Condition::Services, &self.services),
        ];
        lists
            .into_iter()
            .flat_map(|(condition, list)| list.iter().flatten().map(move |name| (condition, name.as_str())))
    }

    /// The day on which it starts to require a second step; before it, the rule is opt-in.
    pub fn starts(&self) -> Option<Day> {
        self.starts
    }

    /// The mode of the rule from the day on which it starts.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The services that it names; no item if it is for all services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().flatten().map(String::as_str)
    }

    /// Whether it can apply to a login by `service`.
    fn reaches(&self, service: &str) -> bool {
        is_listed(self.services.as_deref(), service)
    }

    /// Whether it applies to every user who logs in by one of its services.
    pub fn is_about_services_alone(&self) -> bool {
        let Self { users, groups, origin, from, first_factor, .. } = self;
        users.is_none() && groups.is_none() && origin.is_none() && from.is_none() && first_factor.is_none()
    }

    /// Whether it applies to `who` at `now`.
    pub(super) fn applies(&self, who: &LoginFacts<'_>, now: UnixTime) -> Applies {
        let named = self.named(who.user, &who.spellings);
        let known = [
            (Condition::Until, !self.is_over(now)),
            (Condition::Users, named != Holds::No),
            (Condition::Services, is_listed(self.services.as_deref(), who.service)),
            (Condition::Origin, self.origin.is_none_or(|origin| origin == who.origin)),
        ];
        if let Some((condition, _)) = known.into_iter().find(|(_, holds)| !holds) {
            return Applies::No(condition);
        }
        match (self.grouped(&who.groups), self.covers(who.address), self.follows(&who.methods)) {
            (Holds::No, _, _) => Applies::No(Condition::Groups),
            (_, Holds::No, _) => Applies::No(Condition::From),
            (_, _, Holds::No) => Applies::No(Condition::FirstFactor),
            (Holds::Unknown, _, _) => Applies::UnknownGroups,
            (Holds::Yes, _, _) if named == Holds::Unknown => Applies::Perhaps(Condition::Users),
            (Holds::Yes, Holds::Unknown, _) => Applies::Perhaps(Condition::From),
            (Holds::Yes, Holds::Yes, Holds::Unknown) => Applies::Perhaps(Condition::FirstFactor),
            (Holds::Yes, Holds::Yes, Holds::Yes) => Applies::Yes,
        }
    }

    /// Its decision at `now`, if it applies. Before the day on which it starts, that is the milder opt-in.
    pub(super) fn decision(&self, now: UnixTime) -> Decision<'_> {
        let coming = self.starts.filter(|day| now < day.begins());
        let mode = if coming.is_some() { Mode::OptIn } else { self.mode };
        Decision { mode, rule: &self.name, line: self.line, starts: coming, is_assumed: false }
    }

    /// Whether it means the same users in every login.
    pub(super) fn is_about_people_alone(&self) -> bool {
        let Self { services, origin, from, first_factor, .. } = self;
        services.is_none() && origin.is_none() && from.is_none() && first_factor.is_none()
    }

    /// Whether its last day is over.
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.until.is_some_and(|day| now >= day.ends())
    }

    fn named(&self, user: &str, spellings: &Spellings<'_>) -> Holds {
        let Some(users) = &self.users else { return Holds::Yes };
        let lists = |name: &str| users.iter().any(|listed| listed == name);
        if lists(user) || spellings.known.iter().any(|name| lists(name)) {
            return Holds::Yes;
        }
        if spellings.unknown.iter().any(|name| lists(name)) { Holds::Unknown } else { Holds::No }
    }

    fn covers(&self, address: Address) -> Holds {
        match (&self.from, address) {
            (None, _) => Holds::Yes,
            (Some(from), Address::Literal(address)) => {
                from.iter().any(|network| network.holds(address)).into()
            }
            (Some(from), Address::Within(network)) => {
                let holds_all = from.iter().any(|one| one.holds_network(&network));
                let holds_some = from.iter().any(|one| network.holds_network(one));
                if holds_some && !holds_all { Holds::Unknown } else { holds_all.into() }
            }
            (Some(_), Address::Unknown) => Holds::Unknown,
            (Some(_), Address::None) => Holds::No,
        }
    }

    fn grouped(&self, groups: &Groups) -> Holds {
        match (&self.groups, groups) {
            (None, _) => Holds::Yes,
            (Some(_), Groups::Unknown) => Holds::Unknown,
            (Some(named), Groups::Known(mine)) => named.iter().any(|name| mine.contains(name)).into(),
        }
    }

    fn follows(&self, methods: &Methods<'_>) -> Holds {
        let Some(wanted) = self.first_factor.as_deref() else { return Holds::Yes };
        let has_one = |proved: &[&str]| proved.iter().any(|method| is_listed(Some(wanted), method));
        match methods {
            Methods::Known(proved) => has_one(proved).into(),
            Methods::AtLeast(proved) if has_one(proved) => Holds::Yes,
            Methods::AtLeast(_) => Holds::Unknown,
        }
    }
}

/// If there is no list, every value matches.
fn is_listed(list: Option<&[String]>, value: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|listed| listed == value))
}

#[cfg(test)]
mod tests {
    use super::Condition::{FirstFactor, From, Groups, Origin, Services, Until, Users};

    #[test]
    fn names_condition_as_policy_file_does() {
        let keys = [Users, Groups, Services, Origin, From, FirstFactor, Until]
            .map(|condition| condition.to_string());
        assert_eq!(keys, ["users", "groups", "services", "origin", "from", "first-factor", "until"]);
    }
}
