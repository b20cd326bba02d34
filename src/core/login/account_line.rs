//! The lines of PAM's account phase around the pam_twostep account line. That line stores the enrollment of a login. If
//! the application passed it by, the login would succeed with nothing stored: setcred alone does not stop that, because
//! sshd calls it in a process whose stack other modules steer. If a line before it refuses the login, nothing must be
//! stored.

mod fault;

use std::fmt::Write;

use crate::pam::line::words;

pub use fault::{AccountLineFault, Ambiguity, Place};

/// The file name of the module, which may follow a directory.
const MODULE: &str = "pam_twostep.so";
/// The file name before installation.
const AS_BUILT: &str = "libpam_twostep.so";
/// The words with which a line begins.
pub(super) const KINDS: [&str; 4] = ["auth", "account", "password", "session"];
/// The characters between words.
const BLANKS: [char; 2] = [' ', '\t'];
/// The longest line, in bytes. libpam reads the rest of a longer one as another line.
const LONGEST: usize = 1000;
/// The most includes within includes; libpam has a limit of its own.
pub(super) const DEEPEST: usize = 8;
/// Modules that never refuse after the enrollment is stored: they refuse no user, or refuse only because no other
/// module accepted, or `login::may_log_in` knows their answer before a key is shown.
const NEVER_LATE: [&str; 8] = [
    "pam_permit.so",
    "pam_deny.so",
    "pam_localuser.so",
    "pam_usertype.so",
    "pam_unix.so",
    "pam_nologin.so",
    MODULE,
    AS_BUILT,
];
/// Replaces the modules in and after a file that cannot be read and that follows the pam_twostep account line.
const UNREADABLE: &str = "?";

/// The modules after the pam_twostep account line that may refuse a login whose enrollment is already stored. Fails,
/// with what to do, in two cases. A line before it may skip it. A line before it is not `requisite`, so that the stack
/// goes on after its refusal: a refusal of `required` ends the login later, when the enrollment is stored. `read` gives
/// the text of a file in PAM's directory.
pub fn check_account_phase(
    service: &str,
    read: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, AccountLineFault> {
    let mut phase = Phase { read, ours: false, goes_on: None, behind: Vec::new() };
    phase.scan(service, DEEPEST)?;
    match (phase.ours, phase.goes_on) {
        (false, _) => Err(AccountLineFault::Missing { service: service.to_owned() }),
        (true, Some(problem)) => Err(problem),
        (true, None) => Ok(phase.behind),
    }
}

/// The account phase of a service, read line by line.
struct Phase<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the pam_twostep account line has been found.
    ours: bool,
    /// The fault of the first line before it after whose refusal the stack goes on.
    goes_on: Option<AccountLineFault>,
    /// The modules after it.
    behind: Vec<String>,
}

impl Phase<'_> {
    fn scan(&mut self, file: &str, depth: usize) -> Result<(), AccountLineFault> {
        let text = if is_plain_name(file) && depth > 0 { (self.read)(file) } else { None };
        let Some(text) = text else { return self.miss(file) };
        let mut lines = text.split('\n').enumerate();
        while let Some((index, line)) = lines.next() {
            let place = Place { file: file.to_owned(), line: index.saturating_add(1) };
            self.check(|| check_plain(line, &place))?;
            let mut whole = line.to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                let next = lines.next().unwrap_or_default().1;
                self.check(|| check_plain(next, &place))?;
                self.check(|| check_continuation(next, &place))?;
                let _ = write!(whole, " {next}"); // writing to a string cannot fail
            }
            self.judge(&whole, &place, depth)?;
            if self.is_lost() {
                break; // a file that includes itself would be read without end
            }
        }
        Ok(())
    }

    /// Whether a file after the pam_twostep account line could not be read.
    fn is_lost(&self) -> bool {
        self.behind.last().is_some_and(|last| last == UNREADABLE)
    }

    /// Lines after the pam_twostep account line cannot skip it, so they are not checked.
    fn check(&self, check: impl FnOnce() -> Result<(), AccountLineFault>) -> Result<(), AccountLineFault> {
        if self.ours { Ok(()) } else { check() }
    }

    fn miss(&mut self, file: &str) -> Result<(), AccountLineFault> {
        self.check(|| Err(AccountLineFault::Unreadable { file: file.to_owned() }))?;
        self.behind.push(UNREADABLE.to_owned());
        Ok(())
    }

    fn judge(&mut self, line: &str, place: &Place, depth: usize) -> Result<(), AccountLineFault> {
        let content = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = content.split(BLANKS).filter(|word| !word.is_empty()).collect();
        let Some((first, rest)) = words.split_first() else { return Ok(()) };
        if first.eq_ignore_ascii_case("@include") {
            return self.scan(rest.first().unwrap_or(&""), depth.saturating_sub(1));
        }
        let kind = first.strip_prefix('-').unwrap_or(first);
        if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let (word, place) = ((*first).to_owned(), place.clone());
            return self.check(|| Err(AccountLineFault::UnknownType { word, place }));
        }
        if !kind.eq_ignore_ascii_case("account") {
            return Ok(());
        }
        if self.ours {
            return self.judge_behind(content, depth);
        }
        self.judge_before(&words, place)
    }

    fn judge_before(&mut self, words: &[&str], place: &Place) -> Result<(), AccountLineFault> {
        let (control, module) = match words {
            [_, control, module, ..] => (*control, module.rsplit('/').next().unwrap_or_default()),
            [] | [_] | [_, _] => ("", ""),
        };
        let is = |word: &str| control.eq_ignore_ascii_case(word);
        let (goes_on, ends) = (is("required"), is("requisite"));
        let (line, place) = (words.join(" "), place.clone());
        match is_ours(module) {
            true if goes_on || ends => self.ours = true,
            true => return Err(AccountLineFault::NotRequired(place)),
            false if ends => {}
            false if goes_on => {
                self.goes_on.get_or_insert(AccountLineFault::GoesOn { line, place });
            }
            false => return Err(AccountLineFault::MaySkip { line, place }),
        }
        Ok(())
    }

    /// Records the module of an account line after the pam_twostep account line.
    fn judge_behind(&mut self, line: &str, depth: usize) -> Result<(), AccountLineFault> {
        let words = words(line);
        let [_, control, module, arguments @ ..] = words.as_slice() else { return Ok(()) };
        let is = |word: &str| control.text.eq_ignore_ascii_case(word);
        if is("include") || is("substack") {
            return self.scan(&module.text, depth.saturating_sub(1));
        }
        let module = module.text.rsplit('/').next().unwrap_or_default();
        let has_file_of_its_own = arguments.iter().any(|word| word.text.starts_with("file="));
        if !is("optional") && (has_file_of_its_own || !NEVER_LATE.contains(&module)) {
            self.behind.push(module.to_owned());
        }
        Ok(())
    }
}

fn check_plain(line: &str, place: &Place) -> Result<(), AccountLineFault> {
    ambiguity(line).map_or(Ok(()), |what| Err(AccountLineFault::Ambiguous(what, place.clone())))
}

fn check_continuation(line: &str, place: &Place) -> Result<(), AccountLineFault> {
    if is_blank(line) {
        return Err(AccountLineFault::Ambiguous(Ambiguity::Continuation, place.clone()));
    }
    Ok(())
}

/// Whether a file of this name is in PAM's directory itself.
pub(super) fn is_plain_name(file: &str) -> bool {
    !file.is_empty() && !file.starts_with('.') && !file.contains('/')
}

/// Whether the module with this file name is pam_twostep.
pub(super) fn is_ours(module: &str) -> bool {
    module == MODULE || module == AS_BUILT
}

/// Versions of libpam differ in how they read unusual lines. A decision must not depend on a guess.
pub(super) fn ambiguity(line: &str) -> Option<Ambiguity> {
    let ends = line.trim_end_matches(BLANKS);
    if line.len() > LONGEST {
        return Some(Ambiguity::TooLong);
    }
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return Some(Ambiguity::ControlCharacter);
    }
    (ends.ends_with('\\') && (ends.contains('#') || ends.len() < line.len())).then_some(Ambiguity::Backslash)
}

/// Whether a line is empty or a comment. As the continuation of another line, it is ambiguous.
pub(super) fn is_blank(line: &str) -> bool {
    let content = line.trim_matches(BLANKS);
    content.is_empty() || content.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<String>, AccountLineFault> {
        let files = |name: &str| {
            match name {
            "sshd" => Some(text.to_owned()),
            "common-auth" => {
                Some("auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n".to_owned())
            }
            "common-account" => {
                Some("account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n".to_owned())
            }
            "directory" => Some(
                "account sufficient pam_localuser.so\naccount [default=bad success=ok] pam_sss.so\nauth required pam_x.so\n"
                    .to_owned(),
            ),
            "ours" => Some("account required pam_twostep.so\n".to_owned()),
            "loop" => Some("@include loop\n".to_owned()),
            "loops" => Some("@include loops\n".repeat(50)),
            _ => None,
        }
        };
        check_account_phase("sshd", &files)
    }

    #[test]
    fn lets_lines_before_own_line_refuse_but_not_skip() {
        let reached = [
            "account required pam_twostep.so",
            "#%PAM-1.0\n@include common-auth\nauth sufficient pam_unix.so\n\naccount required pam_twostep.so\n@include common-account",
            "account requisite pam_nologin.so\naccount REQUISITE pam_access.so\naccount requisite pam_twostep.so root=/x",
            "ACCOUNT\tREQUIRED\t/usr/lib/security/pam_twostep.so # ours",
            "-account requisite pam_none.so\naccount required \\\n  pam_twostep.so",
            "@include ours",
            "session sufficient pam_permit.so\naccount required pam_twostep.so",
        ];
        for text in reached {
            assert_eq!(check(text), Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn names_line_that_goes_on_after_refusal() {
        let ours = "account required pam_twostep.so";
        let lines = [
            "account required pam_nologin.so",
            "account REQUIRED /usr/lib/security/pam_access.so noaudit",
            "-account required pam_time.so",
            "account required pam_permit.so",
        ];
        for line in lines {
            for text in [format!("{line}\n{ours}"), format!("account requisite pam_x.so\n{line}\n{ours}")] {
                let problem = check(&text).unwrap_err().to_string();
                let number = text.lines().count().saturating_sub(1);
                assert!(problem.starts_with(&format!("a login refused by '{line}'")), "{problem}");
                assert!(problem.contains(&format!("(/etc/pam.d/sshd, line {number})")), "{problem}");
                assert!(problem.ends_with("change 'required' to 'requisite' there"), "{problem}");
            }
        }
    }

    #[test]
    fn lists_modules_after_own_line_that_may_refuse() {
        let table: [(&str, &[&str]); 12] = [
            ("", &[]),
            (
                "account required pam_access.so\naccount required /lib/security/pam_time.so",
                &["pam_access.so", "pam_time.so"],
            ),
            ("@include common-account\naccount requisite pam_deny.so\naccount required pam_permit.so", &[]),
            (
                "account include directory\naccount required pam_faillock.so",
                &["pam_sss.so", "pam_faillock.so"],
            ),
            ("account substack directory", &["pam_sss.so"]),
            ("account [success=1 default=ignore] pam_ldap.so", &["pam_ldap.so"]),
            ("account sufficient pam_ldap.so", &["pam_ldap.so"]),
            ("account required pam_nologin.so\naccount required pam_nologin.so file=/x", &["pam_nologin.so"]),
            ("account optional pam_ldap.so\nauth required pam_y.so\nnonsense\naccount required", &[]),
            ("account required \\\n pam_access.so # listed\n# account required pam_z.so", &["pam_access.so"]),
            ("account required pam_x.so\n@include missing\naccount required pam_y.so", &["pam_x.so", "?"]),
            ("@include loops", &["?"]),
        ];
        for (behind, expected) in table {
            let text = format!("account required pam_twostep.so\n{behind}");
            assert_eq!(check(&text).unwrap(), expected, "{behind}");
        }
    }

    #[test]
    fn names_place_of_line_that_may_skip_own_line() {
        let table = [
            ("auth required pam_twostep.so", "no pam_twostep account line"),
            ("", "no pam_twostep account line"),
            ("account required pam_unix.so", "no pam_twostep account line"),
            (
                "@include common-account\naccount required pam_twostep.so",
                "(/etc/pam.d/common-account, line 1)",
            ),
            (
                "account sufficient pam_localuser.so\naccount required pam_twostep.so",
                "'account sufficient pam_localuser.so'",
            ),
            ("account include system-auth\naccount required pam_twostep.so", "(/etc/pam.d/sshd, line 1)"),
            ("account substack password-auth\naccount required pam_twostep.so", "may skip"),
            ("account optional pam_echo.so\naccount required pam_twostep.so", "may skip"),
            ("account [success=1 default=bad] pam_unix.so\naccount required pam_twostep.so", "may skip"),
            ("-account sufficient pam_none.so\naccount required pam_twostep.so", "may skip"),
            ("account required pam_twostep.so.old", "no pam_twostep account line"),
            ("account required /x/pam_twostep.so/y.so", "no pam_twostep account line"),
            ("account optional pam_twostep.so", "is not 'required'"),
            ("account sufficient pam_twostep.so", "is not 'required'"),
            ("account", "may skip"),
            ("# account required pam_twostep.so", "no pam_twostep account line"),
            ("# a comment \\\naccount required pam_twostep.so", "in a comment or before blanks"),
            ("auth required x.so # y \\\naccount required pam_twostep.so", "in a comment or before blanks"),
            ("session required x.so \\ \naccount required pam_twostep.so", "in a comment or before blanks"),
            ("session required x.so \\\t\naccount required pam_twostep.so", "in a comment or before blanks"),
            ("session required x.so \\\n# c\naccount required pam_twostep.so", "an empty line or a comment"),
            ("session required x.so \\\n\naccount required pam_twostep.so", "an empty line or a comment"),
            ("session required x.so \\\n \t\naccount required pam_twostep.so", "an empty line or a comment"),
            (
                "session required x.so \\\r\naccount sufficient x.so\naccount required pam_twostep.so",
                "control character",
            ),
            ("session required x.so \\\0\naccount required pam_twostep.so", "control character"),
            ("account\u{b}required pam_twostep.so", "control character"),
            ("account\u{a0}required pam_twostep.so", "unknown PAM line type"),
            (
                "[account] sufficient x.so\naccount required pam_twostep.so",
                "unknown PAM line type '[account]'",
            ),
            ("[-account] sufficient x.so\naccount required pam_twostep.so", "unknown PAM line type"),
            ("--account sufficient x.so\naccount required pam_twostep.so", "unknown PAM line type"),
            ("-@include common-account\naccount required pam_twostep.so", "unknown PAM line type"),
            (
                "@INCLUDE common-account\naccount required pam_twostep.so",
                "(/etc/pam.d/common-account, line 1)",
            ),
            ("account required /x/not_pam_twostep.so", "no pam_twostep account line"),
            ("account required pam_twostep.so.old", "no pam_twostep account line"),
            ("-account sufficient x.so\naccount required pam_twostep.so", "may skip"),
            ("auth required x.so \\\naccount required pam_twostep.so", "no pam_twostep account line"),
            ("@include missing\naccount required pam_twostep.so", "cannot read the PAM file 'missing'"),
            ("@include ../sshd", "cannot read the PAM file"),
            ("@include loop\naccount required pam_twostep.so", "cannot read the PAM file 'loop'"),
        ];
        for (text, expected) in table {
            let problem = check(text).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}\n  gives {problem}");
        }
        let long = format!("#{}account sufficient x.so\naccount required pam_twostep.so", "x".repeat(1022));
        assert!(check(&long).unwrap_err().to_string().contains("too long"));
        assert!(check_account_phase("a/b", &|_| Some("account required pam_twostep.so".to_owned())).is_err());
        for service in ["", ".", "..", "a/b"] {
            let ours = |_: &str| Some("account required pam_twostep.so".to_owned());
            assert!(check_account_phase(service, &ours).is_err(), "{service}");
        }
    }
}
