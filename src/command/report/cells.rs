//! What a row of the report says, the same in each form that has rows.

use crate::status::Codes;
use crate::words::report as words;

use super::person::{Date, Exemption, Person, Recovery, Required, Used};
use super::totals::Totals;

/// The cells of a row.
pub(super) const COLUMNS: usize = 12;

impl Person {
    /// All that a row can say. A cell is empty if it has nothing to say.
    pub(super) fn row(&self) -> [String; COLUMNS] {
        [
            self.user.clone(),
            self.uid.to_string(),
            self.required_by(),
            self.required_since(),
            self.enrollment(),
            self.last_used(),
            self.last_place(),
            self.code_state(),
            self.recovery().to_owned(),
            self.exemptions(),
            self.groups.join(", "),
            self.problem.clone().unwrap_or_default(),
        ]
    }

    /// Who or what requires a second step of this person.
    pub(super) fn required_by(&self) -> String {
        match &self.required {
            Required::No => words::NOT_REQUIRED.to_owned(),
            Required::Later { from } => words::required_from(from),
            Required::Now { administrator: true, .. } => words::BY_ADMINISTRATOR.to_owned(),
            Required::Now { rule, .. } => words::by_rule(rule),
        }
    }

    /// Since what day it is required.
    pub(super) fn required_since(&self) -> String {
        match &self.required {
            Required::No | Required::Later { .. } => String::new(),
            Required::Now { since, .. } => date_or_unknown(*since),
        }
    }

    /// When this person enrolled.
    pub(super) fn enrollment(&self) -> String {
        match (self.enrolled, self.enrolled_since) {
            (false, _) => words::NOT_ENROLLED.to_owned(),
            (true, since) => date_or_unknown(since),
        }
    }

    /// The day of the last accepted code.
    pub(super) fn last_used(&self) -> String {
        match &self.used {
            Used::At { date, .. } => date_or_unknown(*date),
            Used::Never if self.enrolled => words::NEVER.to_owned(),
            Used::Never => String::new(),
            Used::Unknown => words::FORMAT_1.to_owned(),
        }
    }

    /// Where that was.
    fn last_place(&self) -> String {
        match &self.used {
            Used::At { service, host, .. } => match (service.as_ref(), host.as_ref()) {
                ("", _) => words::OWN_PROGRAM.to_owned(),
                (service, "") => service.to_owned(),
                (service, host) => words::from_host(service, host),
            },
            Used::Never | Used::Unknown => String::new(),
        }
    }

    /// Whether codes are accepted.
    pub(super) fn code_state(&self) -> String {
        if self.problem.is_some() {
            return words::UNUSABLE.to_owned();
        }
        if !self.enrolled && !self.is_locked() {
            return String::new();
        }
        match (self.codes, self.helper_codes) {
            (Codes::Accepted, Codes::Accepted) => words::ACCEPTED.to_owned(),
            (Codes::Accepted, helper) => words::at_helper(word(helper)),
            (codes, _) => word(codes).to_owned(),
        }
    }

    /// How many recovery codes are left.
    pub(super) fn recovery(&self) -> &'static str {
        match self.recovery_codes {
            Option::None => "",
            Some(Recovery::None) => words::NO_CODES,
            Some(Recovery::Few) => words::FEW_CODES,
            Some(Recovery::Enough) => words::ENOUGH_CODES,
        }
    }

    /// The exemptions, with their ends.
    pub(super) fn exemptions(&self) -> String {
        let texts = self.exempt.iter().map(|Exemption { rule, until, .. }| match until {
            Some(day) => words::exempt_until(rule, day),
            Option::None => words::exempt(rule),
        });
        texts.collect::<Vec<_>>().join(", ")
    }
}

impl Totals {
    /// What is counted beside those who are enrolled, as far as there is anybody.
    pub(super) fn others(&self) -> Vec<(String, usize)> {
        let recovery = &self.recovery_codes;
        let counts = [
            (words::EXEMPT_SOMEWHERE, self.exempt),
            (words::LOCKED, self.locked),
            (words::UNUSABLE_RECORDS, self.unusable),
            (words::NO_RECOVERY_CODES, recovery.none),
            (words::FEW_RECOVERY_CODES, recovery.few),
            (words::ORPHANS, self.orphans),
        ];
        let later = self.required_next.map(|from| (words::required_later(from), self.required_later));
        let others = counts.into_iter().filter(|(_, count)| *count > 0);
        later.into_iter().chain(others.map(|(what, count)| (what.to_owned(), count))).collect()
    }
}

fn date_or_unknown(date: Option<Date>) -> String {
    date.map_or_else(|| words::UNKNOWN.to_owned(), |date| date.to_string())
}

fn word(codes: Codes) -> &'static str {
    match codes {
        Codes::Accepted => words::ACCEPTED,
        Codes::Waiting => words::WAITING,
        Codes::Disabled => words::DISABLED,
        Codes::ClockAnomaly => words::AHEAD,
    }
}
