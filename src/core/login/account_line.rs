//! Whether PAM's account phase surely comes to twostep's line. What a login enrolls is stored there, and an application that
//! passes it by would let somebody in with nothing stored: setcred alone does not stop that, because sshd calls it in a
//! process whose stack other modules steer.

use std::fmt::Write;

use crate::paths::PAM_DIR;

/// The name of the module's file, perhaps behind a directory.
const MODULE: &str = "pam_twostep.so";
/// The same before it is installed.
const AS_BUILT: &str = "libpam_twostep.so";
/// What a line begins with.
const KINDS: [&str; 4] = ["auth", "account", "password", "session"];
/// What stands between words.
const BLANKS: [char; 2] = [' ', '\t'];
/// Of a longer line, in bytes, libpam takes the rest for another one.
const LONGEST: usize = 1000;
/// Includes within includes; libpam has a limit of its own.
const DEEPEST: usize = 8;

/// Fails, with what to mend, unless the account phase of `service` comes to a line of twostep's whatever the lines before it
/// find: these must be `required` or `requisite`, which never skip what follows but by a refusal. `read` gives the text of a
/// file of PAM's directory.
pub fn check_account_phase(service: &str, read: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    match scan(service, read, DEEPEST)? {
        Found::Ours => Ok(()),
        Found::Nothing => Err(mend("no account line is twostep's", &format!("{PAM_DIR}/{service}"))),
    }
}

/// What the account lines of a file come to.
enum Found {
    Ours,
    /// Neither our line nor one that could skip it.
    Nothing,
}

fn scan(file: &str, read: &impl Fn(&str) -> Option<String>, depth: usize) -> Result<Found, String> {
    let is_plain = !file.is_empty() && !file.starts_with('.') && !file.contains('/');
    let text = if is_plain && depth > 0 { read(file) } else { None };
    let text = text.ok_or_else(|| format!("the PAM file '{file}' cannot be read"))?;
    let mut lines = text.split('\n').enumerate();
    while let Some((index, line)) = lines.next() {
        let place = format!("{PAM_DIR}/{file}, line {}", index.saturating_add(1));
        check_plain(line, &place)?;
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            let next = lines.next().unwrap_or_default().1;
            check_plain(next, &place)?;
            check_continuation(next, &place)?;
            let _ = write!(whole, " {next}"); // to a string, that cannot fail
        }
        if let Found::Ours = judge(&whole, &place, read, depth)? {
            return Ok(Found::Ours);
        }
    }
    Ok(Found::Nothing)
}

/// Versions of libpam differ in how they take what is odd: nothing is enrolled on a guess.
fn check_plain(line: &str, place: &str) -> Result<(), String> {
    let odd = |what: &str| Err(format!("{what} ({place}): versions of libpam read that in different ways"));
    let ends = line.trim_end_matches(BLANKS);
    if line.len() > LONGEST {
        return odd("the line is too long");
    }
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return odd("the line holds a control character, perhaps the line end of another system");
    }
    if ends.ends_with('\\') && (ends.contains('#') || ends.len() < line.len()) {
        return odd("the line ends with a \\ in a comment or before blanks");
    }
    Ok(())
}

fn check_continuation(line: &str, place: &str) -> Result<(), String> {
    let content = line.trim_matches(BLANKS);
    if content.is_empty() || content.starts_with('#') {
        return Err(format!("a \\ is followed by an empty line or a comment ({place}): take the \\ away"));
    }
    Ok(())
}

fn judge(
    line: &str,
    place: &str,
    read: &impl Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<Found, String> {
    let content = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = content.split(BLANKS).filter(|word| !word.is_empty()).collect();
    let Some((first, rest)) = words.split_first() else { return Ok(Found::Nothing) };
    if first.eq_ignore_ascii_case("@include") {
        return scan(rest.first().unwrap_or(&""), read, depth.saturating_sub(1));
    }
    let kind = first.strip_prefix('-').unwrap_or(first);
    if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        return Err(format!("nobody can tell what '{first}' is ({place})"));
    }
    if !kind.eq_ignore_ascii_case("account") {
        return Ok(Found::Nothing);
    }
    let (control, module) = match rest {
        [control, module, ..] => (*control, module.rsplit('/').next().unwrap_or_default()),
        [] | [_] => ("", ""),
    };
    let passes_on = ["required", "requisite"].iter().any(|plain| control.eq_ignore_ascii_case(plain));
    match (passes_on, MODULE == module || AS_BUILT == module) {
        (true, true) => Ok(Found::Ours),
        (true, false) => Ok(Found::Nothing),
        (false, true) => Err(mend("the account line of twostep is not 'required'", place)),
        (false, false) => {
            Err(mend(&format!("'{}' may skip the account line of twostep", words.join(" ")), place))
        }
    }
}

fn mend(problem: &str, place: &str) -> String {
    format!("{problem} ({place}): put 'account required {MODULE}' before all other account lines")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        let files = |name: &str| match name {
            "sshd" => Some(text.to_owned()),
            "common-auth" => {
                Some("auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n".to_owned())
            }
            "common-account" => {
                Some("account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n".to_owned())
            }
            "ours" => Some("account required pam_twostep.so\n".to_owned()),
            "loop" => Some("@include loop\n".to_owned()),
            _ => None,
        };
        check_account_phase("sshd", &files)
    }

    #[test]
    fn lines_before_ours_may_refuse_and_never_skip() {
        let reached = [
            "account required pam_twostep.so",
            "#%PAM-1.0\n@include common-auth\nauth sufficient pam_unix.so\n\naccount required pam_twostep.so\n@include common-account",
            "account requisite pam_nologin.so\naccount required pam_access.so\naccount requisite pam_twostep.so root=/x",
            "ACCOUNT\tREQUIRED\t/usr/lib/security/pam_twostep.so # ours",
            "-account required pam_none.so\naccount required \\\n  pam_twostep.so",
            "@include ours",
            "session sufficient pam_permit.so\naccount required pam_twostep.so",
        ];
        for text in reached {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn whatever_may_skip_ours_is_named_with_its_place() {
        let table = [
            ("auth required pam_twostep.so", "no account line is twostep's"),
            ("", "no account line is twostep's"),
            ("account required pam_unix.so", "no account line is twostep's"),
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
            ("account required pam_twostep.so.old", "no account line is twostep's"),
            ("account required /x/pam_twostep.so/y.so", "no account line is twostep's"),
            ("account optional pam_twostep.so", "is not 'required'"),
            ("account sufficient pam_twostep.so", "is not 'required'"),
            ("account", "may skip"),
            ("# account required pam_twostep.so", "no account line is twostep's"),
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
            ("account\u{a0}required pam_twostep.so", "nobody can tell what"),
            (
                "[account] sufficient x.so\naccount required pam_twostep.so",
                "nobody can tell what '[account]'",
            ),
            ("[-account] sufficient x.so\naccount required pam_twostep.so", "nobody can tell what"),
            ("--account sufficient x.so\naccount required pam_twostep.so", "nobody can tell what"),
            ("-@include common-account\naccount required pam_twostep.so", "nobody can tell what"),
            (
                "@INCLUDE common-account\naccount required pam_twostep.so",
                "(/etc/pam.d/common-account, line 1)",
            ),
            ("account required /x/not_pam_twostep.so", "no account line is twostep's"),
            ("account required pam_twostep.so.old", "no account line is twostep's"),
            ("-account sufficient x.so\naccount required pam_twostep.so", "may skip"),
            ("auth required x.so \\\naccount required pam_twostep.so", "no account line is twostep's"),
            ("@include missing\naccount required pam_twostep.so", "'missing' cannot be read"),
            ("@include ../sshd", "cannot be read"),
            ("@include loop\naccount required pam_twostep.so", "'loop' cannot be read"),
        ];
        for (text, expected) in table {
            let problem = check(text).unwrap_err();
            assert!(problem.contains(expected), "{text}\n  gives {problem}");
        }
        let long = format!("#{}account sufficient x.so\naccount required pam_twostep.so", "x".repeat(1022));
        assert!(check(&long).unwrap_err().contains("too long"));
        assert!(check_account_phase("a/b", &|_| Some("account required pam_twostep.so".to_owned())).is_err());
        for service in ["", ".", "..", "a/b"] {
            let ours = |_: &str| Some("account required pam_twostep.so".to_owned());
            assert!(check_account_phase(service, &ours).is_err(), "{service}");
        }
    }
}
