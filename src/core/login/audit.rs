//! The log line of each answered prompt and each exemption: `key=value`, one line, no secret.

use std::fmt::{self, Write};

use crate::store::files::credential::NewEnrollment;
use crate::verdict::{Accepted, ClockOffset, Denial, Exemption, ExemptionReason, Priority, Proof, Verdict};

/// The longest value in a line, in bytes.
const LONGEST_VALUE: usize = 256;

/// Who logs in, as the log names them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Who {
    /// The canonical name; none for an unknown user, because people type passwords there.
    pub user: Option<String>,
    /// PAM_SERVICE, or the name of our own program.
    pub service: String,
    /// The remote host, as the application gave it.
    pub rhost: String,
    /// The terminal, as the application gave it.
    pub tty: String,
    /// The name of the rule that decided, once one has.
    pub rule: Option<String>,
    /// Whether it decided opt-in, and an administrator requires more of this account.
    pub required: bool,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How urgent it is.
    pub priority: Priority,
    /// The text, without the prefix that libpam puts before it.
    pub text: String,
}

/// The line for a verdict on one answer, or on a login that asked nothing.
pub fn line(who: &Who, verdict: &Verdict) -> Line {
    let (result, priority) = match verdict {
        Verdict::Grant(Accepted { proof: Proof::Code { .. }, .. }) => ("grant", Priority::Info),
        Verdict::Grant(Accepted { proof: Proof::RecoveryCode, .. }) => ("grant", Priority::Notice),
        Verdict::Enrolling => ("enrolling", Priority::Notice),
        Verdict::Exempt(_) => ("exempt", Priority::Notice),
        Verdict::Deny(denial) => ("deny", denial.outward().priority),
    };
    let mut fields = Fields::of(result, who);
    match verdict {
        Verdict::Grant(Accepted { proof: Proof::Code { authenticator, offset }, .. }) => {
            fields.authenticator(authenticator, *offset);
        }
        Verdict::Grant(Accepted { proof: Proof::RecoveryCode, recovery_left }) => {
            fields.push("method", "recovery-code");
            fields.push("left", &recovery_left.unwrap_or(0).to_string());
        }
        Verdict::Enrolling => {}
        Verdict::Exempt(Exemption { reason: ExemptionReason::Exempt, .. }) => fields.push("reason", "exempt"),
        Verdict::Exempt(Exemption { reason: ExemptionReason::NotEnrolled, .. }) => {
            fields.push("reason", "not-enrolled");
        }
        Verdict::Deny(denial) => fields.denial(denial),
    }
    if let Some(rule) = &who.rule {
        fields.push("rule", rule);
    }
    if who.required {
        fields.push("required-by", "administrator");
    }
    Line { priority, text: fields.0 }
}

/// What the line about an enrollment says of it.
pub struct Enrolled {
    label: String,
    recovery_codes: u8,
}

impl From<&NewEnrollment> for Enrolled {
    fn from(enrollment: &NewEnrollment) -> Self {
        Self { label: enrollment.label().to_owned(), recovery_codes: enrollment.recovery_codes() }
    }
}

/// The line for an enrollment that is on disk.
pub fn enrolled(who: &Who, what: &Enrolled) -> Line {
    let mut fields = Fields::of("enrolled", who);
    fields.push("authenticator", &what.label);
    fields.push("recovery-codes", &what.recovery_codes.to_string());
    Line { priority: Priority::Notice, text: fields.0 }
}

/// A line about something else that an administrator must know, such as a state that had to be created.
pub fn remark(who: &Who, priority: Priority, what: &str) -> Line {
    let mut fields = Fields(format!("remark={}", Value(what)));
    fields.push("user", who.user.as_deref().unwrap_or("?"));
    fields.push("service", &who.service);
    Line { priority, text: fields.0 }
}

struct Fields(String);

impl Fields {
    fn of(result: &str, who: &Who) -> Self {
        let mut fields = Self(format!("result={result}"));
        fields.push("user", who.user.as_deref().unwrap_or("?"));
        fields.push("service", &who.service);
        fields.push("rhost", &who.rhost);
        fields.push("tty", &who.tty);
        fields
    }

    fn push(&mut self, key: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " {key}={}", Value(value));
    }

    fn authenticator(&mut self, label: &str, offset: i64) {
        self.push("authenticator", label);
        let _ = write!(self.0, " offset={offset:+}s");
    }

    fn denial(&mut self, denial: &Denial) {
        self.push("reason", denial.outward().reason);
        if let Denial::WrongCode { failures, .. }
        | Denial::Replayed { failures }
        | Denial::WrongRecoveryCode { failures } = denial
        {
            let _ = write!(self.0, " failures={failures}");
        }
        if let Denial::WrongCode { clock_offset: Some(ClockOffset { authenticator, offset }), .. } = denial {
            self.authenticator(authenticator, *offset);
        }
        let cause = denial.cause();
        if !cause.is_empty() {
            self.push("cause", &cause);
        }
    }
}

/// A value that cannot end its line, its quotes or a terminal's patience.
pub struct Value<'a>(pub &'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_bytes();
        let (bytes, cut) = match bytes.get(..LONGEST_VALUE) {
            Some(start) if bytes.len() > LONGEST_VALUE => (start, "..."),
            _ => (bytes, ""),
        };
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:@/+,?-".contains(byte);
        if !bytes.is_empty() && bytes.iter().all(plain) {
            return write!(f, "{}{cut}", self.0.get(..bytes.len()).unwrap_or_default());
        }
        f.write_char('"')?;
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => write!(f, "\\x{byte:02x}")?,
                0x20..=0x7e => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        write!(f, "{cut}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;
    use crate::verdict::Alternative;

    fn who() -> Who {
        Who {
            user: Some("ada".to_owned()),
            service: "sshd".to_owned(),
            rhost: "192.0.2.7".to_owned(),
            tty: "ssh".to_owned(),
            rule: Some("default".to_owned()),
            required: false,
        }
    }

    #[test]
    fn a_line_says_who_where_and_why() {
        let deny = |denial| line(&who(), &Verdict::Deny(denial)).text;
        let head = "user=ada service=sshd rhost=192.0.2.7 tty=ssh";
        let proof = Proof::Code { authenticator: "Ada's phone".to_owned(), offset: -30 };
        let granted = Verdict::Grant(Accepted { proof, recovery_left: Some(8) });
        assert_eq!(
            line(&who(), &granted).text,
            format!("result=grant {head} authenticator=\"Ada's phone\" offset=-30s rule=default")
        );
        let clock_offset = Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120 });
        assert_eq!(
            deny(Denial::WrongCode { failures: 2, clock_offset }),
            format!(
                "result=deny {head} reason=wrong-code failures=2 authenticator=phone offset=+120s rule=default"
            )
        );
        assert_eq!(
            deny(Denial::Unavailable("/x is readable by its group".to_owned())),
            format!(
                "result=deny {head} reason=unavailable cause=\"/x is readable by its group\" rule=default"
            )
        );
        let recovered = Verdict::Grant(Accepted { proof: Proof::RecoveryCode, recovery_left: Some(7) });
        assert_eq!(
            line(&who(), &recovered).text,
            format!("result=grant {head} method=recovery-code left=7 rule=default")
        );
        assert_eq!(
            deny(Denial::WrongRecoveryCode { failures: 3 }),
            format!("result=deny {head} reason=wrong-recovery-code failures=3 rule=default")
        );
        assert_eq!(line(&who(), &Verdict::Enrolling).text, format!("result=enrolling {head} rule=default"));
        let stored = Enrolled { label: "phone".to_owned(), recovery_codes: 8 };
        assert_eq!(
            enrolled(&who(), &stored).text,
            format!("result=enrolled {head} authenticator=phone recovery-codes=8")
        );
        let now = UnixTime::new(0);
        assert_eq!(
            deny(Denial::Waiting { until: now, now, alternative: Alternative::None }),
            format!("result=deny {head} reason=locked rule=default")
        );
        let exempt = Exemption { rule: "default".to_owned(), reason: ExemptionReason::NotEnrolled };
        assert_eq!(
            line(&who(), &Verdict::Exempt(exempt)).text,
            format!("result=exempt {head} reason=not-enrolled rule=default")
        );
    }

    #[test]
    fn an_unknown_user_is_not_named() {
        let who = Who { user: None, ..who() };
        assert!(
            line(&who, &Verdict::Deny(Denial::UnknownUser)).text.starts_with("result=deny user=? service=")
        );
    }

    #[test]
    fn no_value_can_forge_a_line_or_a_field() {
        let table = [
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("x\nsshd[1]: Accepted", "\"x\\x0asshd[1]: Accepted\""),
            ("\" result=grant", "\"\\x22 result=grant\""),
            ("\u{1b}[31m\\", "\"\\x1b[31m\\x5c\""),
            ("ä%n%s", "\"\\xc3\\xa4%n%s\""),
            ("user=root", "\"user=root\""),
        ];
        for (value, shown) in table {
            assert_eq!(Value(value).to_string(), shown);
        }
        assert_eq!(Value(&"é".repeat(300)).to_string().len(), 256 * 4 + 5);
        assert_eq!(Value(&"a".repeat(300)).to_string(), format!("{}...", "a".repeat(256)));
    }
}
