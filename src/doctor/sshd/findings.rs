//! The sentences of the findings about sshd: one function a finding, named after its id.

use twostep_core::paths::POLICY;
use twostep_core::policy::Rule;
use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::methods::Way;
use twostep_hostconf::sshd::process::Change;
use twostep_hostconf::sshd::view::View;

use super::fate::SshdFirstFactor;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const MAY_NEED_NO_CODE: &str = "It may let users in by a key alone.";

pub(super) fn pam_off(location: Location, remedy: Remedy) -> Finding {
    let why = "sshd then does not use PAM, so no code is asked for.";
    Finding::problem(Id::SshdPamOff, location, "UsePAM is no", why, remedy)
}

pub(super) fn keyboard_interactive_off(view: &View<'_>, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::SshdKeyboardInteractiveOff,
        view.location("kbdinteractiveauthentication"),
        format!("KbdInteractiveAuthentication is no{}", whom(view)),
        "sshd cannot ask for a code by any other method. Users who need a code cannot log in.",
        remedy,
    )
}

/// The method `password` is offered beside others.
pub(super) fn password_cannot_ask(view: &View<'_>, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::SshdPasswordCannotAsk,
        view.location("passwordauthentication"),
        format!("PasswordAuthentication is yes{}", whom(view)),
        "The method 'password' cannot ask for a code. Users who need a code enter their password there in vain.",
        remedy,
    )
}

/// `way` of AuthenticationMethods has the method `password`; `is_only_way` if no other way is left.
pub(super) fn password_way_cannot_ask(
    view: &View<'_>,
    way: &Way,
    is_only_way: bool,
    remedy: Remedy,
) -> Finding {
    let new = if is_only_way { Finding::problem } else { Finding::warning };
    new(
        Id::SshdPasswordCannotAsk,
        view.location("authenticationmethods"),
        format!("AuthenticationMethods{}: '{way}' cannot ask for a code", whom(view)),
        "sshd asks only for the password there. Users who need a code are refused.",
        remedy,
    )
}

pub(super) fn no_key_first(view: &View<'_>, way: &Way, service: &str, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::SshdNoKeyFirst,
        view.location("authenticationmethods"),
        format!(
            "AuthenticationMethods{}: '{way}' refuses every login, because no key comes first",
            whom(view)
        ),
        format!("The pam_twostep line in /etc/pam.d/{service} has first_factor=publickey."),
        remedy,
    )
}

pub(super) fn keys_off(view: &View<'_>, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::SshdKeysOff,
        view.location("pubkeyauthentication"),
        format!("PubkeyAuthentication is no{}, but a key must come first", whom(view)),
        "Every login is refused.",
        remedy,
    )
}

/// `methods` let users in alone, because any one method is enough. `gated` as for [`way_without_code`].
pub(super) fn key_without_code(
    view: &View<'_>,
    methods: &[&str],
    gated: Option<bool>,
    first: SshdFirstFactor,
    remedy: Remedy,
) -> Finding {
    let is_set = view.value("authenticationmethods").location.is_some();
    let then = match first {
        SshdFirstFactor::Password => {
            "With the line below, users log in by password and code, and no longer by a key."
        }
        SshdFirstFactor::Key => "With the line below, users log in by key and code.",
        SshdFirstFactor::KeyOrPassword => {
            "With the line below, users log in by key and code, or by password and code."
        }
    };
    Finding::problem(
        Id::SshdKeyWithoutCode,
        view.location("authenticationmethods"),
        format!(
            "AuthenticationMethods is {}{}: {} alone lets users in",
            if is_set { "any" } else { "not set" },
            whom(view),
            methods.join(" or ")
        ),
        format!("{} {then}", who_gets_in(gated)),
        remedy,
    )
}

/// `way` of AuthenticationMethods asks for no code. `gated` tells whether the account line is a gate there; none if the policy is not
/// known.
pub(super) fn way_without_code(view: &View<'_>, way: &Way, gated: Option<bool>, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::SshdKeyWithoutCode,
        view.location("authenticationmethods"),
        format!("AuthenticationMethods{}: '{way}' lets users in without a code", whom(view)),
        who_gets_in(gated),
        remedy,
    )
}

fn who_gets_in(gated: Option<bool>) -> &'static str {
    match gated {
        None => "No code is asked for there.",
        Some(true) => {
            "No code is asked for there. The account line refuses users who must have a second step. All others get in without a \
             code, enrolled or not."
        }
        Some(false) => "All users get in there without a code, enrolled or not.",
    }
}

/// Users whom a `Match` block names may be meant to log in without a code. Then the policy must exempt them, too.
pub(super) fn exempt_or_set_methods(service: &str, methods: &str) -> Remedy {
    advice(format!(
        "To let these users log in without a code, add a rule to the policy that exempts them: with services = [\"{service}\"] and \
         mode = \"exempt\". Otherwise write here: AuthenticationMethods {methods}"
    ))
}

pub(super) fn root_shut_out(location: Location, value: &str, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::SshdRootShutOut,
        location,
        format!("PermitRootLogin is {value}: root cannot log in over SSH, though it has keys"),
        "sshd then accepts only a key from root, but AuthenticationMethods requires more. To keep root out, use the line below, log \
         in as yourself and use sudo. To let root in by a key alone, add a block 'Match User root' with 'AuthenticationMethods \
         publickey', and exempt root at sshd in the policy.",
        remedy,
    )
}

pub(super) fn service_without_code(
    location: Location,
    view: &View<'_>,
    service: &str,
    remedy: Remedy,
) -> Finding {
    Finding::problem(
        Id::SshdServiceWithoutCode,
        location,
        format!("sshd uses the PAM service '{service}'{}, which has no pam_twostep line", whom(view)),
        "PAM reads the file of that service instead of /etc/pam.d/sshd, so no code is asked for.",
        remedy,
    )
}

pub(super) fn copy_file_or_rename_program(service: &str) -> Remedy {
    advice(format!(
        "Copy /etc/pam.d/sshd to /etc/pam.d/{service}, or start this sshd by the name 'sshd'. If no code should be asked for there, \
         add a rule to the policy: services = [\"{service}\"], mode = \"exempt\"."
    ))
}

/// `[enrollment]` names the service sshd, and not the one that sshd uses. `set_by` is what names that one.
pub(super) fn service_not_in_enrollment(service: &str, set_by: Option<&Location>) -> Finding {
    let why = "Users cannot enroll in a login there. Users who need a second step and have none are refused.";
    service_not_in_policy(Location::file(POLICY), "[enrollment]", why, service, set_by)
}

/// A rule names the service sshd, and no rule names the one that sshd uses. `set_by` is what names that one.
pub(super) fn service_not_in_rule(rule: &Rule, service: &str, set_by: Option<&Location>) -> Finding {
    let why = "The rule does not apply to logins by that service.";
    let named_by = format!("rule '{}'", rule.name);
    service_not_in_policy(Location::line(POLICY, rule.line), &named_by, why, service, set_by)
}

fn service_not_in_policy(
    location: Location,
    named_by: &str,
    why: &str,
    service: &str,
    set_by: Option<&Location>,
) -> Finding {
    let set_by = set_by.map_or_else(String::new, |location| format!(" ({location})"));
    Finding::problem(
        Id::SshdServiceNotInPolicy,
        location,
        format!("{named_by} names the service 'sshd', but sshd uses '{service}'{set_by}"),
        why,
        advice(format!("Name '{service}' there as well, or make sshd use the service 'sshd'.")),
    )
}

pub(super) fn includes_itself(location: Location) -> Finding {
    Finding::problem(
        Id::SshdIncludesItself,
        location,
        "'Include' lines are nested more deeply here than sshd accepts",
        "At its next restart or reload, sshd exits and nobody can log in by SSH. doctor did not check the settings.",
        advice("Delete the 'Include' line that leads back to its own file."),
    )
}

/// `message` is sshd's own.
pub(super) fn settings_refused(location: Location, message: Option<&str>) -> Finding {
    Finding::problem(
        Id::SshdSettingsRefused,
        location,
        format!("sshd refuses its settings: {}", message.unwrap_or("it gives no reason")),
        "The running sshd keeps its old settings. At its next restart or reload it exits, and nobody can log in by SSH.",
        advice("Correct the settings until 'sshd -t' prints nothing."),
    )
}

/// `is_since_last_read` if the time is known at which this process read its settings; otherwise only its start is known.
pub(super) fn not_reloaded(
    file: String,
    change: &Change,
    pid: u32,
    is_since_last_read: bool,
    remedy: Remedy,
) -> Finding {
    let event = match change {
        Change::Text => "this file was changed",
        Change::Other => "this file or its attributes were changed",
        Change::Entries => "files in this folder were added, replaced or removed",
    };
    let (what, why) = if is_since_last_read {
        (
            format!("sshd (process {pid}) has not read its settings since {event}"),
            "It still uses the old settings, which may let users in without a code.",
        )
    } else {
        (
            format!("sshd (process {pid}) was started before {event}"),
            "Unless it was reloaded since, it still uses the old settings, which may let users in without a code. No PID file names \
             this sshd, so doctor cannot see a reload: set a PidFile of its own.",
        )
    };
    Finding::warning(Id::SshdNotReloaded, Location::file(file), what, why, remedy)
}

pub(super) fn test_settings_and_reload(signal: &str) -> Remedy {
    advice(format!("Run 'sshd -t' with the options of that sshd. If it prints nothing, run: {signal}"))
}

pub(super) fn settings_unknown_without_options(location: Location) -> Finding {
    unknown(
        Id::SshdSettingsUnknown,
        location,
        "doctor cannot tell the options of this sshd",
        "Run 'sshd -T' with its options, and again with '-C' for each 'Match' block. Check what it prints.",
    )
}

/// `failure` is what kept `program -T` from printing them.
pub(super) fn settings_unknown_by_failure(location: Location, failure: &str) -> Finding {
    unknown(
        Id::SshdSettingsUnknown,
        location,
        format!("doctor cannot tell the settings of this sshd: {failure}"),
        "Correct that, then run doctor again.",
    )
}

pub(super) fn settings_unknown_without_file(location: Location) -> Finding {
    unknown(
        Id::SshdSettingsUnknown,
        location,
        "doctor did not find the settings of sshd",
        "If they are in another file, name it in the command that starts sshd: -f FILE.",
    )
}

pub(super) fn too_many_blocks(location: Location, count: usize) -> Finding {
    unknown(
        Id::SshdTooManyBlocks,
        location,
        format!("{count} 'Match' blocks set how users may log in: too many to check each combination"),
        "Set how all users may log in before the first block, and remove those settings from the blocks.",
    )
}

fn unknown(id: Id, location: Location, what: impl Into<String>, text: &str) -> Finding {
    Finding::warning(id, location, what, MAY_NEED_NO_CODE, advice(text)).leaving_out()
}

/// The finding, about an sshd of which no file says how it is started.
pub(super) fn of_process(finding: Finding, pid: u32) -> Finding {
    let why = format!("{} This is the sshd that runs as process {pid}.", finding.why);
    Finding { why, ..finding }
}

/// The setting is in a file of a vendor that the main file includes.
pub(super) fn set_in_main_file() -> Remedy {
    advice(format!(
        "An update would replace this file. Set it in {MAIN}, before the line that includes this file."
    ))
}

/// `is_given` if the command that starts sshd already has this option, with another value.
pub(super) fn set_on_command_line(keyword: &str, value: &str, is_given: bool) -> Remedy {
    let instead = if is_given { " instead" } else { "" };
    advice(format!(
        "In the command that starts this sshd, write -o '{keyword} {value}'{instead}, then restart it."
    ))
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}

/// The users of `view`, as the end of a sentence.
fn whom(view: &View<'_>) -> String {
    let blocks: Vec<_> = view.blocks().map(|block| format!("'{}'", block.text)).collect();
    match blocks.as_slice() {
        [] => String::new(),
        [block] => format!(" for {block}"),
        blocks => format!(" where {} match together", blocks.join(" and ")),
    }
}
