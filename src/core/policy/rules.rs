//! The rules, and which of them decides.

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
    /// The line on which `mode` stands.
    pub(super) line: usize,
    pub(super) rules: Vec<Rule>,
    /// How codes are judged.
    pub verification: Verification,
    /// How people enroll: the table `[enrollment]`.
    pub enrollment: Enrollment,
    /// Where nobody gets by without.
    pub gate: Gate,
}

impl Policy {
    /// The verdict on `who` at `now`: the first rule that applies decides. Groups that cannot be looked up count as mandatory.
    /// Where a condition cannot be known, as with a remote host that is a name, the stricter of the two verdicts counts, so
    /// that whoever chooses the name neither reaches an exemption nor evades a rule.
    pub fn decide(&self, who: &LoginFacts<'_>, now: UnixTime) -> Decision<'_> {
        let mut strictest_perhaps: Option<Decision<'_>> = None;
        let mut sure = self.otherwise();
        for (rule, applies) in self.considered(who, now) {
            let this = rule.decision(now);
            match applies {
                Applies::No(_) => {}
                Applies::Perhaps(condition) => {
                    // Anybody who knows a password could otherwise enroll an account that the rule does not mean.
                    let this = Decision { is_assumed: condition == Condition::Users, ..this };
                    strictest_perhaps = strictest_perhaps.map(|that| that.or_stricter(this)).or(Some(this));
                }
                Applies::Yes => sure = this,
                Applies::UnknownGroups => sure = this.assumed(),
            }
        }
        strictest_perhaps.map_or(sure, |perhaps| sure.or_stricter(perhaps))
    }

    /// The rules that [`Self::decide`] looks at, each with whether it applies, up to the first that decides.
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

    /// What makes the second step mandatory for `user`, with these spellings and groups, in some login or other: every condition
    /// but those on people is taken as possible. None if it is mandatory nowhere; then they may give it up. `required`: whether
    /// an administrator requires it of this account.
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

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The verdict where no rule applies.
    fn otherwise(&self) -> Decision<'_> {
        Decision { mode: self.mode, rule: DEFAULT_RULE, line: self.line, starts: None, is_assumed: false }
    }

    /// The strictest mode that anybody may get at `service` at `now`, or on a day to come. A rule without a condition on
    /// people or their login decides for everybody, so the rules after it do not count.
    pub fn strictest(&self, service: &str, now: UnixTime) -> Mode {
        let mut strictest = Mode::Exempt;
        for rule in self.rules.iter().filter(|rule| rule.reaches(service) && !rule.is_over(now)) {
            strictest = strictest.max(rule.mode);
            if rule.is_about_services_alone() {
                return strictest;
            }
        }
        strictest.max(self.mode)
    }

    /// Whether somebody must have a second step at `service` at `now`, or on a day to come.
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
        self.rules.iter().flat_map(|rule| rule.groups.iter().flatten()).map(String::as_str).collect()
    }
}

/// One rule: all conditions that are given must match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What the log and explanations call it.
    pub name: String,
    /// The line of the policy file on which its name stands.
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

/// What a rule asks of a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// That the account is one of these.
    Users,
    /// That it belongs to one of these groups.
    Groups,
    /// That the login is by one of these services.
    Services,
    /// That it is from here, or from elsewhere.
    Origin,
    /// That it comes from one of these networks.
    From,
    /// That one of these methods came first.
    FirstFactor,
    /// That the last day is not over.
    Until,
}

/// The key of the policy file.
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

/// How sure it is that a rule applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applies {
    /// It does, and decides.
    Yes,
    /// This condition does not hold.
    No(Condition),
    /// Whether this condition holds cannot be known: of the verdicts with it and without it, the stricter counts.
    Perhaps(Condition),
    /// It would, if the person were in one of its groups, and that could not be looked up: mandatory.
    UnknownGroups,
}

impl Applies {
    /// Whether the rules after it are not looked at any more.
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

    /// What it asks for, from the day on which it starts.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The services that it names; none if it is for all.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().flatten().map(String::as_str)
    }

    /// Whether it can apply to a login by `service`.
    fn reaches(&self, service: &str) -> bool {
        is_listed(self.services.as_deref(), service)
    }

    /// Whether it applies to everybody who logs in by one of its services.
    fn is_about_services_alone(&self) -> bool {
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

    /// What it decides at `now`, if it applies: before the day on which it starts, the milder opt-in.
    pub(super) fn decision(&self, now: UnixTime) -> Decision<'_> {
        let coming = self.starts.filter(|day| now < day.begins());
        let mode = if coming.is_some() { Mode::OptIn } else { self.mode };
        Decision { mode, rule: &self.name, line: self.line, starts: coming, is_assumed: false }
    }

    /// Whether it means whom it means in every login.
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

/// No list holds everything.
fn is_listed(list: Option<&[String]>, value: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|listed| listed == value))
}

#[cfg(test)]
mod tests {
    use super::Condition::{FirstFactor, From, Groups, Origin, Services, Until, Users};

    #[test]
    fn a_condition_is_called_what_the_policy_file_calls_it() {
        let keys = [Users, Groups, Services, Origin, From, FirstFactor, Until]
            .map(|condition| condition.to_string());
        assert_eq!(keys, ["users", "groups", "services", "origin", "from", "first-factor", "until"]);
    }
}
