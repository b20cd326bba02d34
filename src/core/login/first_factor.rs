//! Whether the auth lines before the pam_twostep auth line show that a first factor was right. PAM does not tell a module
//! what the lines before it returned. The texts of a lockout reveal who is enrolled, so a stranger must not read them.
//!
//! The auth lines of the service are walked as libpam walks them, on every way that they allow. What is unusual shows
//! nothing: an unreadable file, an ambiguous line, an unknown module.

use std::collections::BTreeSet;

use crate::pam::control::{Action, Control, ReturnValue};
use crate::pam::factor::{SSHD_ACCEPTED, is_known_factor, never_ignores, stem};
use crate::pam::line::{Word, logical_lines, words};
use crate::pam::walk::{Handler, StackLine, Walk};

use super::account_line::{DEEPEST, KINDS, ambiguity, is_blank, is_ours, is_plain_name};

/// More lines than any service has. Files that include each other twice would never end.
const MOST_LINES: usize = 200;
/// More steps than any stack needs.
const MOST_STEPS: usize = 5_000;

/// Whether `service` comes to each of its pam_twostep auth lines only after a module has returned PAM_SUCCESS for a
/// right first factor. `read` gives the text of a file in PAM's directory.
pub fn is_proved(service: &str, read: &impl Fn(&str) -> Option<String>) -> bool {
    let mut stack = AuthStack { read, lines: Vec::new() };
    stack.scan(service, 0, DEEPEST).is_some() && is_proved_on_every_way(&stack.lines)
}

/// The auth lines of a service.
struct AuthStack<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    lines: Vec<AuthLine>,
}

impl AuthStack<'_> {
    /// Adds the lines of a file and what they include; none if they cannot be read with certainty.
    fn scan(&mut self, file: &str, level: usize, depth: usize) -> Option<()> {
        let text = if is_plain_name(file) && depth > 0 { (self.read)(file) } else { None }?;
        let (lines, cut) = logical_lines(&text);
        if !is_unambiguous(&text) || cut.is_some() {
            return None;
        }
        lines.iter().try_for_each(|line| self.add(&words(&line.text), level, depth))
    }

    fn add(&mut self, words: &[Word], level: usize, depth: usize) -> Option<()> {
        let [kind, rest @ ..] = words else { return Some(()) };
        let deeper = depth.saturating_sub(1);
        if kind.raw.eq_ignore_ascii_case("@include") {
            return self.scan(&rest.first()?.raw, level, deeper);
        }
        let may_be_missing = kind.raw.starts_with('-');
        let kind = kind.raw.strip_prefix('-').unwrap_or(&kind.raw);
        if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            return None;
        }
        if !kind.eq_ignore_ascii_case("auth") {
            return Some(());
        }
        let [control, module, arguments @ ..] = rest else { return None };
        match control.text.to_ascii_lowercase().as_str() {
            "include" => self.scan(&module.text, level, deeper),
            "substack" => {
                self.push(AuthLine { level, part: Part::Substack, control: Control::REFUSES })?;
                self.scan(&module.text, level.saturating_add(1), deeper)
            }
            word => {
                let control = Control::parse(word).ok()?;
                let part = Part::of(&module.text, arguments);
                let part = if may_be_missing { part.if_missing() } else { part };
                self.push(AuthLine { level, part, control })
            }
        }
    }

    fn push(&mut self, line: AuthLine) -> Option<()> {
        self.lines.push(line);
        (self.lines.len() < MOST_LINES).then_some(())
    }
}

/// Whether every version of libpam reads the lines of `text` in the same way.
fn is_unambiguous(text: &str) -> bool {
    let mut continues = false;
    text.split('\n').all(|line| {
        let is_clear = ambiguity(line).is_none() && !(continues && is_blank(line));
        continues = line.ends_with('\\');
        is_clear
    })
}

/// One auth line.
struct AuthLine {
    level: usize,
    part: Part,
    control: Control,
}

/// The part that a line plays.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It asks pam_twostep.
    Ours,
    /// It asks pam_twostep whether sshd has accepted a method, and then returns PAM_CRED_UNAVAIL.
    SshdAccepted,
    /// It succeeds only for a right first factor, and otherwise may return anything.
    Factor,
    /// It succeeds for a right first factor, and otherwise refuses.
    CertainFactor,
    /// It never succeeds.
    Deny,
    /// It may return anything.
    Other,
    /// It begins a substack.
    Substack,
}

impl Part {
    fn of(module: &str, arguments: &[Word]) -> Self {
        let name = module.rsplit('/').next().unwrap_or(module);
        let is_question = || arguments.iter().any(|argument| argument.text.starts_with(SSHD_ACCEPTED));
        match stem(module) {
            _ if is_ours(name) && is_question() => Self::SshdAccepted,
            _ if is_ours(name) => Self::Ours,
            "pam_deny" => Self::Deny,
            _ if never_ignores(module) => Self::CertainFactor,
            _ if is_known_factor(module) => Self::Factor,
            _ => Self::Other,
        }
    }

    /// The part of a line whose module libpam may find missing, and then pass over without a word (`-` in pam.conf(5)).
    const fn if_missing(self) -> Self {
        match self {
            Self::CertainFactor => Self::Factor,
            Self::Deny | Self::SshdAccepted => Self::Other,
            Self::Ours | Self::Factor | Self::Other | Self::Substack => self,
        }
    }

    /// Whether `answer` shows that a first factor was right.
    fn proves(self, answer: ReturnValue) -> bool {
        match self {
            Self::Factor | Self::CertainFactor => answer == ReturnValue::SUCCESS,
            Self::SshdAccepted => answer == ReturnValue::CRED_UNAVAIL,
            Self::Ours | Self::Deny | Self::Other | Self::Substack => false,
        }
    }
}

impl StackLine for AuthLine {
    fn level(&self) -> usize {
        self.level
    }

    fn handler(&self) -> Handler {
        if self.part == Part::Substack { Handler::Substack } else { Handler::Module }
    }

    fn control(&self) -> &Control {
        &self.control
    }
}

impl AuthLine {
    /// The return values of the line, one for each way on.
    fn answers(&self) -> Vec<ReturnValue> {
        let mut answers: Vec<(Action, ReturnValue)> = Vec::new();
        for answer in ReturnValue::all() {
            let may_be = match self.part {
                Part::Deny => [ReturnValue::AUTH_ERR, ReturnValue::MODULE_UNKNOWN].contains(&answer),
                Part::CertainFactor => {
                    ![ReturnValue::IGNORE, ReturnValue::NEW_AUTHTOK_REQD].contains(&answer)
                }
                Part::SshdAccepted => ![ReturnValue::IGNORE, ReturnValue::SUCCESS].contains(&answer),
                Part::Ours | Part::Factor | Part::Other | Part::Substack => true,
            };
            let action = self.control.on(answer);
            // A right first factor is one more way, whatever libpam does then.
            let proves = self.part.proves(answer);
            let is_new =
                || answers.iter().all(|&(known, of)| known != action || self.part.proves(of) != proves);
            if may_be && is_new() {
                answers.push((action, answer));
            }
        }
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// Whether a first factor was right on every way to a pam_twostep line, and there is such a way.
fn is_proved_on_every_way(stack: &[AuthLine]) -> bool {
    let (mut seen, mut comes) = (BTreeSet::new(), false);
    let mut open = vec![(Walk::start(), false)];
    while let Some((walk, is_proved)) = open.pop() {
        if !seen.insert((walk.clone(), is_proved)) {
            continue;
        }
        let Some(line) = stack.get(walk.next()) else { continue };
        if seen.len() > MOST_STEPS || (line.part == Part::Ours && !is_proved) {
            return false;
        }
        comes |= line.part == Part::Ours;
        open.extend(
            line.answers()
                .into_iter()
                .map(|answer| (walk.step(stack, answer), is_proved || line.part.proves(answer))),
        );
    }
    comes
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const DEBIAN: &str = "auth [success=1 default=ignore] pam_unix.so nullok\n\
                          auth requisite pam_deny.so\nauth required pam_permit.so\n";
    const FEDORA: &str = "auth required pam_env.so\nauth sufficient pam_unix.so\nauth required pam_deny.so\n";
    const OURS: &str = "auth required pam_twostep.so";
    const KEY: &str = "auth [cred_unavail=2 default=ignore] pam_twostep.so sshd_accepted=publickey";

    fn shows(text: &str) -> bool {
        is_proved("sshd", &|name: &str| match name {
            "sshd" => Some(text.to_owned()),
            "common-auth" => Some(DEBIAN.to_owned()),
            "password-auth" => Some(FEDORA.to_owned()),
            "strict-auth" => Some(FEDORA.replace("required pam_deny", "requisite pam_deny")),
            "ours" => Some(OURS.to_owned()),
            "loop" => Some("@include loop\n".to_owned()),
            "loops" => Some("auth include loops\n".repeat(50)),
            _ => None,
        })
    }

    #[test]
    fn takes_line_after_right_first_factor_for_proof() {
        let table = [
            format!("@include common-auth\n{OURS}"),
            format!(
                "auth optional pam_faildelay.so\nauth requisite pam_nologin.so\n@include common-auth\n{OURS} first_factor=any\nauth optional pam_group.so"
            ),
            format!("auth requisite pam_unix.so\n{OURS}"),
            "AUTH\tREQUISITE\t/usr/lib/security/pam_unix.so # password\n-auth required /x/libpam_twostep.so\naccount required pam_unix.so".to_owned(),
            "auth include common-auth\nauth include ours".to_owned(),
            format!(
                "auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] pam_sss.so use_first_pass\nauth requisite pam_deny.so\n{OURS}"
            ),
            format!(
                "auth [success=ok default=die] pam_unix.so\nauth required pam_faillock.so \\\n preauth\n{OURS}"
            ),
            format!("auth required pam_unix.so\nauth [success=ok default=die] pam_sss.so\n{OURS}"),
            format!("auth sufficient pam_rootok.so\n@include common-auth\n{OURS}"),
            format!("{KEY}\n@include common-auth\n{OURS}"),
            format!("{}\nauth requisite pam_unix.so\n{OURS}", KEY.replace("=2", "=1")),
        ];
        for text in table {
            assert!(shows(&text), "{text}");
        }
    }

    #[test]
    fn takes_no_other_line_for_proof() {
        let table = [
            String::new(),
            "@include common-auth".to_owned(),
            OURS.to_owned(),
            format!("auth required pam_unix.so\n{OURS}"),
            format!("auth optional pam_unix.so\n{OURS}"),
            format!("auth sufficient pam_unix.so\n{OURS}"),
            format!("{OURS} forward_pass\n@include common-auth"),
            format!("{OURS}\n@include common-auth\n{OURS}"),
            // Inside a substack, `requisite` ends only the substack.
            format!("auth substack common-auth\n{OURS}"),
            format!("auth substack password-auth\n{OURS}"),
            format!("auth include strict-auth\n{OURS}"),
            format!("auth requisite pam_permit.so\n{OURS}"),
            format!("auth requisite pam_rootok.so\n{OURS}"),
            format!("auth requisite pam_unknown.so\n{OURS}"),
            format!("auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_permit.so\n{OURS}"),
            format!("auth [success=1 default=ignore] pam_unix.so\nauth optional pam_deny.so\n{OURS}"),
            format!("auth [success=3 default=ignore] pam_rootok.so\n@include common-auth\n{OURS}"),
            format!("auth [success=3 default=ignore] pam_succeed_if.so\n@include common-auth\n{OURS}"),
            format!("auth requisite pam_sss.so\n{OURS}"),
            format!("-auth requisite pam_unix.so\n{OURS}"),
            format!("auth [success=1 default=ignore] pam_unix.so\n-auth requisite pam_deny.so\n{OURS}"),
            format!("auth [success=ok ignore=ignore default=die] pam_sss.so\n{OURS}"),
            format!("auth [success=ok user_unknown=ignore default=die] pam_unix.so\n{OURS}"),
            format!("auth [success=ok new_authtok_reqd=ok default=die] pam_sss.so\n{OURS}"),
            format!("account requisite pam_unix.so\n{OURS}"),
            format!("@include missing\n@include common-auth\n{OURS}"),
            format!("@include ../common-auth\n{OURS}"),
            format!("@include loop\n{OURS}"),
            format!("@include common-auth\n{OURS}\nauth include loops"),
            format!("auth requisit pam_unix.so\n{OURS}"),
            format!("auth requisite\n@include common-auth\n{OURS}"),
            format!("nonsense\n@include common-auth\n{OURS}"),
            format!("# a comment \\\n@include common-auth\n{OURS}"),
            format!("auth required pam_env.so \\\n\n@include common-auth\n{OURS}"),
            format!("@include common-auth\r\n{OURS}"),
            format!("@include common-auth\n{OURS} \\"),
            format!("auth required {}\n@include common-auth\n{OURS}", "x".repeat(1000)),
            "@include common-auth\nauth required pam_twostep.so.old".to_owned(),
            format!("{}\n@include common-auth\n{OURS}", KEY.replace("cred_unavail", "authinfo_unavail")),
            format!("{}\n@include common-auth\n{OURS}", KEY.replace("default=ignore", "default=2")),
            format!("-{KEY}\n@include common-auth\n{OURS}"),
            format!("auth optional pam_twostep.so sshd_accepted=publickey\n{OURS}"),
        ];
        for text in table {
            assert!(!shows(&text), "{text}");
        }
    }

    /// The shipped service files, beside the files that Debian and Fedora include.
    #[test]
    fn takes_each_shipped_stack_with_a_password_for_proof() {
        for system in ["debian-12", "debian-13", "fedora"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pam.d").join(system);
            for file in fs::read_dir(&folder).unwrap() {
                let service = file.unwrap().file_name().into_string().unwrap();
                let shows = is_proved(&service, &|name: &str| match name {
                    "common-auth" => Some(DEBIAN.to_owned()),
                    "postlogin" => Some("auth optional pam_umask.so\n".to_owned()),
                    _ if name.contains('-') && name != service => Some(String::new()),
                    _ => fs::read_to_string(folder.join(name)).ok(),
                });
                // Those with `forward_pass`, where the code comes first, and the one for a key.
                let no_password_before = ["i3lock", "swaylock", "sshd-key"].contains(&service.as_str());
                assert_eq!(shows, !no_password_before, "{system} {service}");
            }
        }
    }

    #[test]
    fn ends_on_stack_of_many_jumps() {
        let line = "auth [success=3 auth_err=7 ignore=1 perm_denied=11 default=reset] pam_x.so\n";
        assert!(!shows(&format!("{}{OURS}", line.repeat(190))));
        assert!(!shows(&format!(
            "{}@include common-auth\n{OURS}",
            "auth optional pam_x.so\n".repeat(MOST_LINES)
        )));
    }
}
