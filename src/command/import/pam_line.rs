//! `twostep import --pam-line`: what a line of another module's is in our words.

use std::fmt::Write;
use std::path::Path;

use twostep_core::pam::line::words;
use twostep_core::pam::other_modules;
use twostep_core::paths::PAM_DIR;

use crate::failure::Failure;
use crate::printable::printable;
use crate::terminal::say;

const GOOGLE: &str = "pam_google_authenticator";
const OATH: &str = "pam_oath";

/// Prints a policy, with the line in its comments.
pub(crate) fn run(line: &str) -> Result<(), Failure> {
    say(&translate(line)?)
}

fn translate(line: &str) -> Result<String, Failure> {
    let words: Vec<String> =
        words(line).into_iter().map(|word| printable(&word.text.replace('\n', " "))).collect();
    let (module, arguments) = module_and_arguments(&words).ok_or_else(|| {
        Failure::of(
            Failure::USAGE,
            "this is no line of pam_google_authenticator.so or pam_oath.so.",
            "Give the whole line in one pair of quotes, as in 'auth required pam_oath.so usersfile=/etc/users.oath'.",
        )
    })?;
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("alwaysok") {
        return Err(Failure::refused(
            "alwaysok lets everybody in, whatever they type: nothing here means the same.",
            "Leave it out, or put mode = \"exempt\" into the policy.",
        ));
    }
    let forward = ["forward_pass", "try_first_pass", "use_first_pass"].into_iter().any(has);
    // pam_oath passes over nobody: who has no line in its file is refused.
    let opt_in = module == GOOGLE && has("nullok");
    let ours = format!("auth required pam_twostep.so{}", if forward { " forward_pass" } else { "" });
    let mut text =
        format!("# In place of the line of {module} in the service's file in {PAM_DIR}:\n#   {ours}\n");
    if forward {
        text.push_str(
            "# It stands before the line that checks the password, which then has use_first_pass.\n",
        );
    }
    text.push_str(
        "# For SSH and the console also, as the first account line:\n#   account required pam_twostep.so\n",
    );
    if !arguments.is_empty() {
        text.push_str("#\n");
    }
    for argument in arguments {
        let advice = match argument.as_str() {
            "forward_pass" => "the same",
            other => other_modules::instead_of(other).unwrap_or("no argument of that module's that we know"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {argument}: {advice}.");
    }
    text.push_str("\nversion = 1\n");
    text.push_str(if opt_in {
        "mode = \"opt-in\"\n"
    } else {
        "mode = \"mandatory\"\n\n[enrollment]\n# Who has no second step is refused, as before. Without this line, the next login leads them \
         through enrollment.\nservices = []\n"
    });
    if let Some(steps) = skew_steps(arguments) {
        let _ = writeln!(text, "\n[verification]\nskew-steps = {steps}");
    }
    Ok(text.trim_end().to_owned())
}

/// The other module, by its name, and what stands behind it.
fn module_and_arguments(words: &[String]) -> Option<(&'static str, &[String])> {
    let at = words.iter().position(|word| named(word).is_some())?;
    let module = words.get(at).and_then(|word| named(word))?;
    Some((module, words.get(at.saturating_add(1)..).unwrap_or_default()))
}

fn named(word: &str) -> Option<&'static str> {
    let stem = Path::new(word).file_name()?.to_str()?.strip_suffix(".so")?;
    [GOOGLE, OATH].into_iter().find(|name| *name == stem)
}

/// pam_oath's window, which is 5 where it is not given, as far as ours goes.
fn skew_steps(arguments: &[String]) -> Option<u8> {
    let window = arguments.iter().find_map(|argument| argument.strip_prefix("window="))?;
    Some(window.parse::<u8>().unwrap_or(u8::MAX).min(3))
}

#[cfg(test)]
mod tests {
    use twostep_core::policy::Policy;

    use super::*;

    fn policy_of(line: &str) -> Policy {
        Policy::parse(translate(line).unwrap().as_bytes()).unwrap()
    }

    #[test]
    fn nullok_is_opt_in_and_without_it_nobody_passes_unenrolled() {
        let line = "auth [success=1 default=ignore] pam_google_authenticator.so nullok [secret=/var/ga/${USER} x] forward_pass";
        let text = translate(line).unwrap();
        assert!(text.contains("#   auth required pam_twostep.so forward_pass\n"));
        assert!(text.contains("# secret=/var/ga/${USER} x: secrets lie in the store"));
        assert!(text.contains("\nmode = \"opt-in\""));
        policy_of(line);
        let strict = policy_of("auth required /lib/security/pam_google_authenticator.so");
        assert!(strict.enrollment.services.is_empty());
        assert!(
            translate("auth required pam_google_authenticator.so").unwrap().contains("mode = \"mandatory\"")
        );
    }

    #[test]
    fn a_window_is_taken_as_far_as_ours_goes() {
        for (window, steps) in [("0", 0), ("2", 2), ("20", 3), ("1000", 3)] {
            let line =
                format!("auth requisite pam_oath.so usersfile=/etc/users.oath window={window} digits=6");
            assert_eq!(policy_of(&line).verification.skew_steps, steps);
        }
    }

    #[test]
    fn refuses_lines_that_let_everybody_in_or_are_not_theirs() {
        assert!(translate("auth required pam_oath.so alwaysok").unwrap_err().what().contains("everybody"));
        for line in ["", "auth required pam_unix.so", "nullok"] {
            assert_eq!(translate(line).unwrap_err().status(), Failure::USAGE);
        }
    }

    #[test]
    fn what_stands_in_the_line_cannot_leave_its_comment() {
        let text = translate("auth required pam_oath.so [a\nmode = \"exempt\"\n] window=1").unwrap();
        assert!(Policy::parse(text.as_bytes()).is_ok() && !text.contains("\nmode = \"exempt\""), "{text}");
    }
}
