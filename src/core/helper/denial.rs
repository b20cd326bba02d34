//! Denials as fields of a message. Facts for the log only are left out: the helper writes them to the log itself.

use crate::time::UnixTime;
use crate::verdict::{Alternative, Denial};

use super::error::HelperError;

/// The fields of `denial`. They must not tell by how much a phone's clock is wrong: an attacker would learn from one
/// wrong code which code comes next.
pub(crate) fn encode(denial: &Denial) -> Vec<String> {
    let reason = denial.outward().reason.to_owned();
    let more = match denial {
        Denial::WrongCode { failures, clock_offset: _ }
        | Denial::WrongRecoveryCode { failures }
        | Denial::Replayed { failures } => vec![failures.to_string()],
        Denial::Waiting { until, now, alternative } => {
            vec![seconds(*until), seconds(*now), way(*alternative)]
        }
        Denial::Disabled { name, alternative } => vec![name.clone(), way(*alternative)],
        Denial::RecoveryDisabled { name } => vec![name.clone()],
        Denial::ClockAnomaly { name, mark, now, alternative } => {
            vec![name.clone(), seconds(*mark), seconds(*now), way(*alternative)]
        }
        Denial::NotEnrolled { .. } => Vec::new(),
        Denial::NotACode
        | Denial::RefusedBySshd
        | Denial::UnknownUser
        | Denial::WrongTicket(_)
        | Denial::NotConfirmed(_)
        | Denial::EnrolledMeanwhile
        | Denial::Skipped
        | Denial::NotStored { .. }
        | Denial::NoFirstFactor { .. }
        | Denial::Unavailable(_)
        | Denial::Misconfigured(_)
        | Denial::Conversation
        | Denial::Concealed(_) => return vec![UNAVAILABLE.to_owned()],
    };
    [vec![reason], more].concat()
}

/// The denial in these fields; none if they hold no denial.
pub(crate) fn decode(fields: &[&str]) -> Option<Denial> {
    let name = |name: &str| name.to_owned();
    Some(match fields {
        ["wrong-code", failures] => {
            Denial::WrongCode { failures: failures.parse().ok()?, clock_offset: None }
        }
        ["wrong-recovery-code", failures] => Denial::WrongRecoveryCode { failures: failures.parse().ok()? },
        ["replayed", failures] => Denial::Replayed { failures: failures.parse().ok()? },
        ["locked", until, now, way] => {
            Denial::Waiting { until: moment(until)?, now: moment(now)?, alternative: alternative(way)? }
        }
        ["disabled", user, way] => Denial::Disabled { name: name(user), alternative: alternative(way)? },
        ["recovery-disabled", user] => Denial::RecoveryDisabled { name: name(user) },
        ["clock-anomaly", user, mark, now, way] => Denial::ClockAnomaly {
            name: name(user),
            mark: moment(mark)?,
            now: moment(now)?,
            alternative: alternative(way)?,
        },
        ["not-enrolled"] => Denial::NotEnrolled { cause: None },
        [UNAVAILABLE] => Denial::unavailable(HelperError::CannotJudge),
        _ => return None,
    })
}

const UNAVAILABLE: &str = "unavailable";
const RECOVERY_CODE: &str = "recovery-code";
const NOTHING: &str = "nothing";

fn seconds(moment: UnixTime) -> String {
    moment.seconds().to_string()
}

fn moment(text: &str) -> Option<UnixTime> {
    text.parse().ok().map(UnixTime::new)
}

fn way(alternative: Alternative) -> String {
    match alternative {
        Alternative::None => NOTHING.to_owned(),
        Alternative::RecoveryCode => RECOVERY_CODE.to_owned(),
    }
}

fn alternative(text: &str) -> Option<Alternative> {
    match text {
        NOTHING => Some(Alternative::None),
        RECOVERY_CODE => Some(Alternative::RecoveryCode),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::unavailable;
    use crate::time::{Period, Step};
    use crate::verdict::ClockOffset;

    fn again(denial: &Denial) -> Option<Denial> {
        let fields = encode(denial);
        decode(&fields.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn carries_every_fact_that_the_user_reads() {
        let (now, until) = (UnixTime::new(5), UnixTime::new(35));
        let alternative = Alternative::RecoveryCode;
        let ada = || "ada".to_owned();
        for denial in [
            Denial::WrongCode { failures: 3, clock_offset: None },
            Denial::WrongRecoveryCode { failures: 1 },
            Denial::Replayed { failures: 2 },
            Denial::Waiting { until, now, alternative },
            Denial::Disabled { name: ada(), alternative: Alternative::None },
            Denial::RecoveryDisabled { name: ada() },
            Denial::ClockAnomaly { name: ada(), mark: until, now, alternative },
            Denial::NotEnrolled { cause: None },
        ] {
            assert_eq!(again(&denial), Some(denial));
        }
    }

    #[test]
    fn keeps_clock_offset_and_cause_from_client() {
        let step = Step::at(UnixTime::new(35), Period::DEFAULT);
        let clock_offset = Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120, step });
        let told = again(&Denial::WrongCode { failures: 1, clock_offset });
        assert_eq!(told, Some(Denial::WrongCode { failures: 1, clock_offset: None }));
        let Some(Denial::Unavailable(cause)) = again(&unavailable("a path")) else { panic!() };
        assert!(!cause.to_string().contains("path"));
    }
}
