//! The status as users read it.

use twostep_core::time::UnixTime;
use twostep_core::words::Reader;

use crate::words::{moment, status as words};

use super::facts::{AccountStatus, AuthenticatorStatus, Codes, HelperStatus, OccasionStatus, RequiredBy};

/// Whose accounts are shown.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    Own,
    Others,
}

impl AccountStatus {
    pub(super) fn text(&self, whose: Whose) -> String {
        let uid = self.uid.to_string();
        // What a command takes for an account, also for one that is deleted.
        let argument = self.user.as_deref().unwrap_or(&uid);
        let reader = match whose {
            Whose::Own => Reader::You,
            Whose::Others => Reader::Admin(argument),
        };
        let name = self.user.as_deref().unwrap_or(words::NO_SUCH_ACCOUNT);
        let head = if self.enrolled { words::enrolled } else { words::not_enrolled };
        let mut lines = vec![head(name, self.uid)];
        lines.extend(self.authenticators.iter().map(AuthenticatorStatus::text));
        lines.extend(self.required_by.as_ref().map(|by| by.text(self.required_since)));
        if self.enrolled || self.failures > 0 || self.problem.is_some() {
            lines.push(words::at_hosts(self.codes_text(reader, argument)));
        }
        if self.helper.codes != Codes::Accepted || self.helper.failures > 0 {
            lines.push(words::at_helper(self.helper.codes_text(reader, argument)));
        }
        if self.helper.recovery_disabled {
            lines.push(words::at_helper(words::recovery_disabled(reader, argument)));
        }
        lines.extend(self.last_granted.as_ref().map(|last| words::last_granted(last.text())));
        lines.extend(self.last_refused.as_ref().map(|last| words::last_refused(last.text())));
        lines.extend(self.recovery_codes.map(words::recovery_left));
        if self.recovery_disabled {
            lines.push(words::at_hosts(words::recovery_disabled(reader, argument)));
        }
        lines.extend(self.ticket_until.map(|until| words::ticket(moment::text(UnixTime::new(until)))));
        if !self.enrolled && reader == Reader::You {
            lines.push(words::TO_ENROLL.to_owned());
        }
        lines.join("\n")
    }

    fn codes_text(&self, reader: Reader<'_>, argument: &str) -> String {
        match &self.problem {
            Some(problem) => words::denied(problem),
            None => codes_text(self.codes, self.wait_until, self.failures, reader, argument),
        }
    }
}

impl HelperStatus {
    fn codes_text(&self, reader: Reader<'_>, argument: &str) -> String {
        codes_text(self.codes, self.wait_until, self.failures, reader, argument)
    }
}

fn codes_text(
    codes: Codes,
    wait_until: Option<u64>,
    failures: u16,
    reader: Reader<'_>,
    argument: &str,
) -> String {
    match (codes, wait_until) {
        (Codes::Disabled, _) => words::disabled(reader, argument),
        (_, Some(until)) => words::waiting(UnixTime::new(until)),
        (Codes::ClockAnomaly, None) => words::ahead(reader, argument),
        (Codes::Accepted | Codes::Waiting, None) => words::accepted(failures),
    }
}

impl OccasionStatus {
    fn text(&self) -> String {
        let at = moment::text(UnixTime::new(self.at));
        match (self.service.as_str(), self.host.as_str()) {
            ("", _) => words::by_own_program(at),
            (service, "") => words::here(at, service),
            (service, host) => words::from_host(at, service, host),
        }
    }
}

impl RequiredBy {
    /// `since` is when an administrator required it.
    fn text(&self, since: Option<u64>) -> String {
        let Self { rule, line, administrator } = self;
        if !administrator {
            return words::required_by_rule(rule, line);
        }
        match since.and_then(moment::date) {
            Some(date) => words::required_by_administrator_since(date),
            None => words::REQUIRED_BY_ADMINISTRATOR.to_owned(),
        }
    }
}

impl AuthenticatorStatus {
    fn text(&self) -> String {
        let Self { label, algorithm, digits, period, .. } = self;
        match self.enrolled.and_then(moment::date) {
            Some(date) => words::authenticator_since(label, algorithm, digits, period, date),
            None => words::authenticator(label, algorithm, digits, period),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Utc;
    use super::*;

    /// A credential at whose state `codes` is the answer, until `wait_until`.
    fn lines(codes: Codes, wait_until: Option<u64>, whose: Whose) -> Vec<String> {
        let helper = HelperStatus {
            failures: 0,
            codes: Codes::Accepted,
            wait_until: None,
            wait_until_utc: None,
            recovery_failures: 0,
            recovery_disabled: false,
        };
        let status = AccountStatus {
            user: Some("ada".to_owned()),
            uid: 1000,
            enrolled: true,
            enrolled_since: None,
            required_by: None,
            required_since: None,
            authenticators: Vec::new(),
            failures: 3,
            codes,
            wait_until,
            helper,
            last_use: None,
            last_granted: None,
            last_refused: None,
            recovery_codes: None,
            recovery_failures: 0,
            recovery_disabled: false,
            ticket_until: None,
            problem: None,
            utc: Utc::default(),
        };
        status.text(whose).lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn says_whether_codes_are_accepted() {
        let table = [
            (Codes::Accepted, None, "  codes are accepted; failed codes in a row: 3"),
            (Codes::Waiting, Some(3600), "  no code is accepted before 01:00:00 UTC"),
            (Codes::ClockAnomaly, Some(3600), "  no code is accepted before 01:00:00 UTC"),
            (Codes::Disabled, None, "  codes are disabled: run 'twostep unlock ada'"),
        ];
        for (codes, wait_until, expected) in table {
            assert_eq!(lines(codes, wait_until, Whose::Others), [expected]);
        }
    }

    #[test]
    fn says_when_administrator_required_second_step() {
        let by = |administrator| RequiredBy { rule: "all".to_owned(), line: 4, administrator };
        assert_eq!(by(true).text(None), "  an administrator requires a second step ('twostep require')");
        let dated = "  an administrator has required a second step since 2027-01-15 ('twostep require')";
        assert_eq!(by(true).text(Some(1_800_000_000)), dated);
        assert!(by(false).text(Some(1_800_000_000)).starts_with("  rule 'all'"));
    }

    #[test]
    fn sends_user_to_administrator_and_gives_root_command() {
        let unlock = "    ask your administrator to run 'twostep unlock ada'";
        assert_eq!(lines(Codes::Disabled, None, Whose::Own), ["  codes are disabled:", unlock]);
        let ahead = "  the last accepted code is dated in the future:";
        let own = [
            "    ask your administrator to set the clock, then to run",
            "    'twostep unlock ada --reset-clock'",
        ];
        assert_eq!(lines(Codes::ClockAnomaly, None, Whose::Own), [&[ahead], &own[..]].concat());
        let root = "    set the clock, then run 'twostep unlock ada --reset-clock'";
        assert_eq!(lines(Codes::ClockAnomaly, None, Whose::Others), [ahead, root]);
    }
}
