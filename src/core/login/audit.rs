//! The log line of each answered prompt and each exemption: `key=value`, one line, no secret.

use std::fmt::{self, Write};

use crate::store::files::credential::NewEnrollment;
use crate::verdict::log_text::how_it_was_skipped;
use crate::verdict::{
    Accepted, ClockOffset, Denial, Exemption, ExemptionReason, Priority, Program, Proof, Verdict,
};

/// The longest value in a line, in bytes.
const LONGEST_VALUE: usize = 256;
/// How many bytes a long sentence keeps at its beginning, which says what is wrong, and at its end, which says what to
/// do.
const SENTENCE: (usize, usize) = (240, 400);
/// Replaces the bytes that are left out.
const CUT: &str = "...";

/// The names of a login in the log.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Who {
    /// The canonical name; none for an unknown user, because users type passwords as names.
    pub user: Option<String>,
    /// PAM_SERVICE, or the name of twostep's own program.
    pub service: String,
    /// The remote host, as the application gave it.
    pub rhost: String,
    /// The terminal, as the application gave it.
    pub tty: String,
    /// The name of the deciding rule, if one has decided.
    pub rule: Option<String>,
    /// Whether the rule decided opt-in and an administrator requires more of this account.
    pub required: bool,
    /// The kind of program that asks. Some causes depend on it.
    pub program: Program,
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
        Verdict::Grant(Accepted { proof: Proof::RecoveryCode, recovery_left, .. }) => {
            fields.push("method", "recovery-code");
            fields.push("left", &recovery_left.unwrap_or(0).to_string());
        }
        Verdict::Enrolling => {}
        Verdict::Exempt(Exemption { reason: ExemptionReason::Exempt, .. }) => fields.push("reason", "exempt"),
        Verdict::Exempt(Exemption { reason: ExemptionReason::NotEnrolled, .. }) => {
            fields.push("reason", "not-enrolled");
        }
        Verdict::Deny(denial) => fields.denial(denial, who.program),
    }
    fields.rule(who);
    Line { priority, text: fields.0 }
}

/// The facts of an enrollment that its line shows.
pub struct Enrolled {
    label: String,
    recovery_codes: u8,
}

impl From<&NewEnrollment> for Enrolled {
    fn from(enrollment: &NewEnrollment) -> Self {
        Self { label: enrollment.label().to_owned(), recovery_codes: enrollment.recovery_codes() }
    }
}

/// The line for an enrollment that is on disk. `behind` has the modules that may still refuse the login.
pub fn enrolled(who: &Who, what: &Enrolled, behind: &[String]) -> Line {
    let mut fields = Fields::of("enrolled", who);
    fields.push("authenticator", &what.label);
    fields.push("recovery-codes", &what.recovery_codes.to_string());
    if !behind.is_empty() {
        fields.push("before", &behind.join(","));
    }
    Line { priority: Priority::Notice, text: fields.0 }
}

/// The line for an enrolled user whom the account phase lets in without a code, because the policy makes the second
/// step optional.
pub fn unasked(who: &Who) -> Line {
    let mut fields = Fields::of("unasked", who);
    fields.say("cause", &format!("enrolled, and let in without a code: {}", how_it_was_skipped(who.program)));
    fields.rule(who);
    Line { priority: Priority::Warning, text: fields.0 }
}

/// A line with another fact for an administrator, such as a state that had to be created.
pub fn remark(who: &Who, priority: Priority, what: &str) -> Line {
    let mut fields = Fields(format!("remark={}", Sentence(what)));
    fields.push("user", who.user.as_deref().unwrap_or("?"));
    fields.push("service", &who.service);
    Line { priority, text: fields.0 }
}

struct Fields(String);

impl Fields {
    /// Room for a usual line.
    const USUAL: usize = 256;

    fn of(result: &str, who: &Who) -> Self {
        let mut text = String::with_capacity(Self::USUAL);
        text.extend(["result=", result]);
        let mut fields = Self(text);
        fields.push("user", who.user.as_deref().unwrap_or("?"));
        fields.push("service", &who.service);
        fields.push("rhost", &who.rhost);
        fields.push("tty", &who.tty);
        fields
    }

    #[inline(never)]
    fn push(&mut self, key: &str, value: &str) {
        self.0.push(' ');
        self.0.push_str(key);
        self.0.push('=');
        // Writing to a string cannot fail.
        let _ = write_shortened(&mut self.0, value, LONGEST_VALUE, 0);
    }

    fn say(&mut self, key: &str, sentence: &str) {
        let _ = write!(self.0, " {key}={}", Sentence(sentence));
    }

    fn rule(&mut self, who: &Who) {
        if let Some(rule) = &who.rule {
            self.push("rule", rule);
        }
        if who.required {
            self.push("required-by", "administrator");
        }
    }

    fn authenticator(&mut self, label: &str, offset: i64) {
        self.push("authenticator", label);
        let _ = write!(self.0, " offset={offset:+}s");
    }

    fn denial(&mut self, denial: &Denial, program: Program) {
        self.push("reason", denial.outward().reason);
        if let Denial::WrongCode { failures, .. }
        | Denial::Replayed { failures }
        | Denial::WrongRecoveryCode { failures } = denial
        {
            let _ = write!(self.0, " failures={failures}");
        }
        if let Denial::WrongCode { clock_offset: Some(ClockOffset { authenticator, offset, .. }), .. } =
            denial
        {
            self.authenticator(authenticator, *offset);
        }
        let cause = denial.cause_in(program);
        if !cause.is_empty() {
            self.say("cause", &cause);
        }
    }
}

/// A value that cannot contain a line end, a quote or a terminal escape. A long value is cut at its end.
pub struct Value<'a>(pub &'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_shortened(f, self.0, LONGEST_VALUE, 0)
    }
}

/// The same for a sentence of twostep that contains foreign words. A long sentence is cut in the middle, because its
/// end says what to do.
pub struct Sentence<'a>(pub &'a str);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, tail) = SENTENCE;
        write_shortened(f, self.0, head, tail)
    }
}

/// Writes `text`, or its first `head` and last `tail` bytes.
#[inline(never)]
fn write_shortened(to: &mut dyn Write, text: &str, head: usize, tail: usize) -> fmt::Result {
    let bytes = text.as_bytes();
    let parts = match bytes.len().checked_sub(tail).filter(|&rest| rest > head) {
        Some(rest) => [bytes.get(..head), Some(CUT.as_bytes()), bytes.get(rest..)],
        None => [Some(bytes), None, None],
    };
    let parts = parts.into_iter().flatten();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:@/+,?-".contains(byte);
    let is_plain = !bytes.is_empty() && parts.clone().flatten().all(plain);
    let quote = if is_plain { "" } else { "\"" };
    to.write_str(quote)?;
    for run in parts.flat_map(|part| part.chunk_by(|one, next| is_shown(*one) == is_shown(*next))) {
        match std::str::from_utf8(run) {
            Ok(text) if run.first().is_some_and(|byte| is_shown(*byte)) => to.write_str(text)?,
            _ => run.iter().try_for_each(|byte| write!(to, "\\x{byte:02x}"))?,
        }
    }
    to.write_str(quote)
}

/// Whether a byte is shown as the character that it is.
fn is_shown(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::account_line::check_account_phase;
    use crate::login::not_here::NotHere;
    use crate::os::account::Account;
    use crate::policy::Policy;
    use crate::proof::state::State;
    use crate::store::not_theirs::check_state;
    use crate::test_support::unavailable;
    use crate::time::{Period, Step, UnixTime};
    use crate::verdict::{Alternative, Cause, Mismatch, TicketFault};

    fn who() -> Who {
        Who {
            user: Some("ada".to_owned()),
            service: "sshd".to_owned(),
            rhost: "192.0.2.7".to_owned(),
            tty: "ssh".to_owned(),
            rule: Some("default".to_owned()),
            required: false,
            program: Program::Other,
        }
    }

    #[test]
    fn logs_user_place_and_reason() {
        let deny = |denial| line(&who(), &Verdict::Deny(denial)).text;
        let head = "user=ada service=sshd rhost=192.0.2.7 tty=ssh";
        let proof = Proof::Code { authenticator: "Ada's phone".to_owned(), offset: -30 };
        let granted = Verdict::Grant(Accepted { proof, recovery_left: Some(8), clock: None, earlier: None });
        assert_eq!(
            line(&who(), &granted).text,
            format!("result=grant {head} authenticator=\"Ada's phone\" offset=-30s rule=default")
        );
        let step = Step::at(UnixTime::new(120), Period::DEFAULT);
        let clock_offset = Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120, step });
        assert_eq!(
            deny(Denial::WrongCode { failures: 2, clock_offset }),
            format!(
                "result=deny {head} reason=wrong-code failures=2 authenticator=phone offset=+120s rule=default"
            )
        );
        assert_eq!(
            deny(unavailable("/x is readable by its group")),
            format!(
                "result=deny {head} reason=unavailable cause=\"/x is readable by its group\" rule=default"
            )
        );
        let proof = Proof::RecoveryCode;
        let recovered =
            Verdict::Grant(Accepted { proof, recovery_left: Some(7), clock: None, earlier: None });
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
            enrolled(&who(), &stored, &[]).text,
            format!("result=enrolled {head} authenticator=phone recovery-codes=8")
        );
        let behind = ["pam_access.so", "pam_time.so"].map(str::to_owned);
        assert!(
            enrolled(&who(), &stored, &behind)
                .text
                .ends_with(" recovery-codes=8 before=pam_access.so,pam_time.so")
        );
        let unasked = unasked(&who());
        let text = format!("result=unasked {head} cause=\"enrolled, and let in without a code: ");
        assert!(unasked.text.starts_with(&text) && unasked.text.ends_with("\" rule=default"), "{unasked:?}");
        assert_eq!(unasked.priority, Priority::Warning);
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
    fn names_no_unknown_user() {
        let who = Who { user: None, ..who() };
        assert!(
            line(&who, &Verdict::Deny(Denial::UnknownUser)).text.starts_with("result=deny user=? service=")
        );
    }

    #[test]
    fn lets_no_value_forge_line_or_field() {
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

    /// The end of the cause of a denial with the longest foreign parts. It must say what to do.
    fn remedy(denial: &Denial, program: Program) -> String {
        let name = longest_name();
        match denial {
            Denial::Disabled { .. } | Denial::RecoveryDisabled { .. } => {
                format!("to end this, run 'twostep unlock {name}'")
            }
            Denial::ClockAnomaly { .. } => format!("run 'twostep unlock {name} --reset-clock'"),
            Denial::NotEnrolled { .. } => "change 'required' to 'requisite' there".to_owned(),
            Denial::NotStored { service } => {
                format!(
                    "put 'account required pam_twostep.so' before all other account lines of /etc/pam.d/{service}"
                )
            }
            Denial::Skipped => how_it_was_skipped(program).to_owned(),
            Denial::NoFirstFactor { .. } => "fix the PAM stack, or add first_factor=any".to_owned(),
            Denial::Unavailable(_) => format!(
                "if the account was renamed, run 'twostep rebind {name}'; if another user has the uid now, run 'twostep reset {name}'"
            ),
            Denial::Misconfigured(_) => "expected 'name', 'mode', 'until'".to_owned(),
            Denial::WrongTicket(_) => "issue one with 'twostep ticket'".to_owned(),
            Denial::RefusedBySshd => {
                "see PermitRootLogin, AllowUsers, DenyUsers and the user's shell".to_owned()
            }
            Denial::Conversation => match program {
                Program::Sshd => "'PasswordAuthentication no' in sshd_config".to_owned(),
                Program::Other => "forward_pass' before the line that checks the password".to_owned(),
                Program::OneQuestion => String::new(),
            },
            // The fault is the user's, or the reason word says it all.
            Denial::NotACode
            | Denial::WrongCode { .. }
            | Denial::WrongRecoveryCode { .. }
            | Denial::Replayed { .. }
            | Denial::Waiting { .. }
            | Denial::UnknownUser
            | Denial::NotConfirmed(_)
            | Denial::EnrolledMeanwhile => String::new(),
            Denial::Concealed(denial) => remedy(denial, program),
        }
    }

    /// The longest name of an account that is accepted.
    fn longest_name() -> String {
        "x".repeat(127)
    }

    fn with_longest_values() -> Vec<Denial> {
        let (name, alternative) = (longest_name(), Alternative::None);
        let (now, mark) = (UnixTime::new(100), UnixTime::new(u64::MAX));
        let line = format!("account required {}\naccount required pam_twostep.so", "x".repeat(980));
        let refused = check_account_phase("sshd", &|_| Some(line.clone())).unwrap_err();
        let account = Account { uid: u32::MAX, name: name.clone(), names: Vec::new() };
        let of_another = State::new(&"y".repeat(127), now);
        let rule = "[[rule]]\nname = \"a\"\nmode = \"exempt\"\n";
        let policy = format!("version = 1\nmode = \"opt-in\"\n{rule}{} = 1\n", "x".repeat(5000));
        vec![
            Denial::Disabled { name: name.clone(), alternative },
            Denial::Concealed(Box::new(Denial::Disabled { name: name.clone(), alternative })),
            Denial::RecoveryDisabled { name: name.clone() },
            Denial::ClockAnomaly { name, mark, now, alternative },
            Denial::NotEnrolled { cause: Some(Cause::new(NotHere::AccountLine(refused))) },
            Denial::NotStored { service: "x".repeat(255) },
            Denial::Skipped,
            Denial::NoFirstFactor { method: None },
            check_state(&of_another, &account).unwrap_err().into(),
            Denial::misconfigured(Policy::parse(policy.as_bytes()).unwrap_err()),
            Denial::WrongTicket(TicketFault::None),
            Denial::RefusedBySshd,
            Denial::Conversation,
            Denial::NotConfirmed(Mismatch::RecoveryCodes),
        ]
    }

    #[test]
    fn keeps_what_to_do_however_long_the_line_is() {
        for program in [Program::Sshd, Program::OneQuestion, Program::Other] {
            for denial in with_longest_values() {
                let text = line(&Who { program, ..who() }, &Verdict::Deny(denial.clone())).text;
                let remedy = remedy(&denial, program);
                assert!(
                    text.contains(&remedy),
                    "{program:?} {}: {text}\nlacks {remedy}",
                    denial.outward().reason
                );
            }
        }
    }

    #[test]
    fn names_settings_of_sshd_only_to_sshd() {
        for denial in [Denial::Conversation, Denial::Skipped] {
            let says = |program| denial.cause_in(program).contains("KbdInteractiveAuthentication");
            let all = [Program::Sshd, Program::OneQuestion, Program::Other];
            assert_eq!(all.map(says), [true, false, false], "{denial:?}");
        }
    }

    #[test]
    fn keeps_beginning_and_end_of_long_sentence() {
        let sentence = |middle: usize| format!("{} {}", "a".repeat(240), "b".repeat(middle));
        assert_eq!(Sentence(&sentence(399)).to_string(), format!("\"{}\"", sentence(399)));
        let cut = format!("{}...{}", "a".repeat(240), "b".repeat(400));
        assert_eq!(Sentence(&sentence(400)).to_string(), cut);
        assert_eq!(Sentence(&sentence(9000)).to_string(), cut);
        assert_eq!(Sentence("x\nresult=grant").to_string(), "\"x\\x0aresult=grant\"");
    }
}
