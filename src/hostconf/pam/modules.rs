//! What is known of the modules: what part each plays in a stack, and what it may answer.

use twostep_core::pam::control::{Action, Control, ReturnValue};
use twostep_core::pam::factor::{SSHD_ACCEPTED, is_known_factor, never_ignores, stem};

use super::module_type::ModuleType;

/// The part that a module plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The module of twostep itself.
    Ours,
    /// The same with `sshd_accepted=`: whether sshd has accepted a method. It asks nobody.
    SshdAccepted,
    /// Checks a first factor. An unknown module counts as one.
    Factor,
    /// Counts wrong passwords, and may refuse.
    Counter,
    /// Refuses every login.
    Deny,
    /// Returns success for every login.
    Permit,
    /// Says yes if root calls.
    Root,
    /// Says yes or no for reasons of its own: who, when, from where.
    Condition,
    /// Prepares or shows something.
    Quiet,
}

const COUNTERS: [&str; 3] = ["pam_faillock", "pam_tally", "pam_tally2"];

const CONDITIONS: [&str; 17] = [
    "pam_access",
    "pam_exec",
    "pam_listfile",
    "pam_localuser",
    "pam_nologin",
    "pam_rhosts",
    "pam_securetty",
    "pam_sepermit",
    "pam_shells",
    "pam_succeed_if",
    "pam_time",
    "pam_usertype",
    "pam_wheel",
    "pam_abl",
    "pam_debug",
    "pam_slurm",
    "pam_setquota",
];

const QUIET: [&str; 29] = [
    "pam_cap",
    "pam_ecryptfs",
    "pam_echo",
    "pam_elogind",
    "pam_env",
    "pam_faildelay",
    "pam_ftp",
    "pam_gdm",
    "pam_gnome_keyring",
    "pam_group",
    "pam_issue",
    "pam_keyinit",
    "pam_kwallet",
    "pam_kwallet5",
    "pam_lastlog",
    "pam_lastlog2",
    "pam_limits",
    "pam_loginuid",
    "pam_mail",
    "pam_mkhomedir",
    "pam_motd",
    "pam_mount",
    "pam_namespace",
    "pam_selinux",
    "pam_ssh_add",
    "pam_systemd",
    "pam_umask",
    "pam_warn",
    "pam_xauth",
];

impl Role {
    /// The part of the module at `path` with these arguments, as a service file has them.
    pub fn of<'a>(path: &str, mut arguments: impl Iterator<Item = &'a str>) -> Self {
        let stem = stem(path);
        match stem {
            "pam_twostep" if arguments.any(|argument| argument.starts_with(SSHD_ACCEPTED)) => {
                Self::SshdAccepted
            }
            "pam_twostep" => Self::Ours,
            "pam_deny" => Self::Deny,
            "pam_permit" => Self::Permit,
            "pam_rootok" => Self::Root,
            _ if COUNTERS.contains(&stem) => Self::Counter,
            _ if CONDITIONS.contains(&stem) => Self::Condition,
            _ if QUIET.contains(&stem) => Self::Quiet,
            _ => Self::Factor,
        }
    }

    /// Whether it returns success only for a right first factor, or may.
    pub fn is_factor(self) -> bool {
        self == Self::Factor
    }

    /// Whether `answer` shows that a first factor was right.
    pub(crate) fn proves(self, answer: ReturnValue) -> bool {
        match self {
            Self::Factor => answer == ReturnValue::SUCCESS,
            Self::SshdAccepted => answer == ReturnValue::CRED_UNAVAIL,
            Self::Ours
            | Self::Counter
            | Self::Deny
            | Self::Permit
            | Self::Root
            | Self::Condition
            | Self::Quiet => false,
        }
    }
}

/// With one of these arguments pam_sss answers IGNORE, and without them never (pam_sss(8); pam_sss.c, function pam_sss).
const SSS_MAY_IGNORE: [&str; 2] = ["ignore_unknown_user", "ignore_authinfo_unavail"];

/// Whether the module at `path` may return PAM_IGNORE for a password. True for unknown modules.
fn may_ignore(path: &str, arguments: &[&str]) -> bool {
    match stem(path) {
        "pam_sss" => arguments.iter().any(|argument| SSS_MAY_IGNORE.contains(argument)),
        _ => !never_ignores(path),
    }
}

/// What twostep answers when it refuses.
pub const REFUSALS: &[ReturnValue] = &[
    ReturnValue::AUTH_ERR,
    ReturnValue::MAXTRIES,
    ReturnValue::AUTHINFO_UNAVAIL,
    ReturnValue::SERVICE_ERR,
    ReturnValue::SYSTEM_ERR,
    ReturnValue::BUF_ERR,
    ReturnValue::CONV_ERR,
    ReturnValue::ABORT,
    ReturnValue::PERM_DENIED,
];

const WRONG: &[ReturnValue] = &[
    ReturnValue::AUTH_ERR,
    ReturnValue::USER_UNKNOWN,
    ReturnValue::AUTHINFO_UNAVAIL,
    ReturnValue::MAXTRIES,
    ReturnValue::PERM_DENIED,
    ReturnValue::ACCT_EXPIRED,
    ReturnValue::MODULE_UNKNOWN,
];

const EITHER: &[ReturnValue] = &[
    ReturnValue::SUCCESS,
    ReturnValue::AUTH_ERR,
    ReturnValue::USER_UNKNOWN,
    ReturnValue::AUTHINFO_UNAVAIL,
    ReturnValue::MODULE_UNKNOWN,
];

/// What a line with `sshd_accepted=` may answer where sshd has not accepted the method.
const NOT_ACCEPTED: &[ReturnValue] = &[
    ReturnValue::AUTHINFO_UNAVAIL,
    ReturnValue::SERVICE_ERR,
    ReturnValue::SYSTEM_ERR,
    ReturnValue::MODULE_UNKNOWN,
];

const ACCEPTED_OR_NOT: &[ReturnValue] = &[
    ReturnValue::CRED_UNAVAIL,
    ReturnValue::AUTHINFO_UNAVAIL,
    ReturnValue::SERVICE_ERR,
    ReturnValue::SYSTEM_ERR,
    ReturnValue::MODULE_UNKNOWN,
];

/// What is assumed of one login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Some first factor may be right, and twostep may answer anything.
    Anything,
    /// Every first factor is wrong.
    WrongFactor,
    /// Some first factor may be right, and twostep refuses.
    Refused,
    /// Some first factor may be right, twostep says yes, and nothing else does that only prepares something.
    Granted,
    /// The same, but twostep says nothing: the person is exempt, or has not enrolled.
    Exempt,
}

/// Further return values that `module` may answer in a line with these arguments and this control. Each value for which the
/// control jumps, ends the stack or resets it is one. IGNORE is one, unless the module is known never to answer it. SUCCESS is
/// one, if the module is unknown and another line asks for the first factor.
pub(crate) fn unusual(
    kind: ModuleType,
    role: Role,
    module: &str,
    arguments: &[&str],
    control: &Control,
    scenario: Scenario,
    is_other_known: bool,
) -> Vec<ReturnValue> {
    if matches!(role, Role::Ours | Role::SshdAccepted | Role::Deny | Role::Permit | Role::Root) {
        return Vec::new();
    }
    let ignores = kind == ModuleType::Auth && role == Role::Factor && may_ignore(module, arguments);
    if matches!(scenario, Scenario::Granted | Scenario::Exempt) {
        return if ignores { vec![ReturnValue::IGNORE] } else { Vec::new() };
    }
    let is_wrong = role == Role::Factor && scenario == Scenario::WrongFactor;
    let may_be = |answer: &ReturnValue| {
        !(is_wrong && [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD].contains(answer))
    };
    let turns = |action: Action| matches!(action, Action::Jump(_) | Action::Done | Action::Reset);
    let mut actions: Vec<Action> = Vec::new();
    let mut unusual = Vec::new();
    for answer in ReturnValue::all().filter(may_be) {
        let action = control.on(answer);
        if turns(action) && !actions.contains(&action) {
            actions.push(action);
            unusual.push(answer);
        }
    }
    let is_known = is_known_factor(module);
    if ignores {
        unusual.push(ReturnValue::IGNORE);
    }
    if is_wrong && !is_known && is_other_known {
        unusual.push(ReturnValue::SUCCESS);
    }
    unusual
}

/// What a module of this part may answer.
pub fn answers(role: Role, kind: ModuleType, scenario: Scenario) -> &'static [ReturnValue] {
    use Scenario::{Anything, Exempt, Granted, Refused, WrongFactor};
    match (role, scenario) {
        (Role::Ours, Granted) => &[ReturnValue::SUCCESS],
        (Role::Ours, Refused) => &[ReturnValue::AUTH_ERR],
        (Role::Ours, Exempt) | (Role::Quiet, Exempt | Granted) => &[ReturnValue::IGNORE],
        (Role::Ours, Anything | WrongFactor) => {
            &[ReturnValue::SUCCESS, ReturnValue::IGNORE, ReturnValue::AUTH_ERR]
        }
        (Role::SshdAccepted, _) if kind == ModuleType::Account => &[ReturnValue::SERVICE_ERR],
        (Role::SshdAccepted, WrongFactor) => NOT_ACCEPTED,
        (Role::SshdAccepted, Anything | Granted | Exempt | Refused) => ACCEPTED_OR_NOT,
        (Role::Factor, _) if kind == ModuleType::Account => &[
            ReturnValue::SUCCESS,
            ReturnValue::NEW_AUTHTOK_REQD,
            ReturnValue::ACCT_EXPIRED,
            ReturnValue::USER_UNKNOWN,
            ReturnValue::IGNORE,
        ],
        (Role::Factor, WrongFactor) => WRONG,
        (Role::Factor, Anything | Granted | Exempt | Refused) => EITHER,
        (Role::Deny, _) => &[ReturnValue::AUTH_ERR],
        (Role::Permit, _) => &[ReturnValue::SUCCESS],
        (Role::Root, _) => &[ReturnValue::SUCCESS, ReturnValue::AUTH_ERR],
        (Role::Condition | Role::Counter, _) => {
            &[ReturnValue::SUCCESS, ReturnValue::IGNORE, ReturnValue::AUTH_ERR, ReturnValue::PERM_DENIED]
        }
        (Role::Quiet, Anything | WrongFactor | Refused) => &[ReturnValue::SUCCESS, ReturnValue::IGNORE],
    }
}
