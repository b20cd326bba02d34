//! The lines of a service: whether its logins may be tried, and what to expect of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use twostep_core::os::root::Root;
use twostep_core::pam::factor::stem;
use twostep_core::pam::walk::Handler;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::library::{Library, ModuleFile};
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::tree;
use twostep_rehearse::WhyNot;

use crate::failure::Failure;
use crate::namespace::bind;
use crate::stand_in::SHELL;

/// Modules that change nothing outside of the login in their auth and account phases, or only what this namespace hides. A
/// directory service is asked about a user whom it does not know.
const HARMLESS: [&str; 34] = [
    "pam_access",
    "pam_cap",
    "pam_debug",
    "pam_deny",
    "pam_echo",
    "pam_env",
    "pam_faildelay",
    FAILLOCK,
    "pam_group",
    "pam_issue",
    "pam_keyinit",
    "pam_krb5",
    "pam_lastlog",
    "pam_ldap",
    "pam_limits",
    "pam_listfile",
    "pam_localuser",
    "pam_mail",
    "pam_nologin",
    "pam_permit",
    "pam_rhosts",
    "pam_rootok",
    "pam_securetty",
    "pam_sepermit",
    "pam_shells",
    "pam_sss",
    "pam_succeed_if",
    "pam_systemd_home",
    "pam_time",
    "pam_umask",
    "pam_unix",
    "pam_usertype",
    "pam_wheel",
    "pam_winbind",
];
const FAILLOCK: &str = "pam_faillock";
/// Where pam_faillock counts, and where its directory is set (faillock.conf(5)).
const TALLIES: &str = "/var/run/faillock";
const FAILLOCK_CONF: &str = "/etc/security/faillock.conf";

/// The lines of a service whose logins may be tried.
#[derive(Debug)]
pub(crate) struct Stack {
    /// Whether the pam_twostep line asks for password and code at once.
    pub asks_once: bool,
    /// Where its modules count wrong passwords.
    pub tallies: Vec<PathBuf>,
    /// Modules that are not run. Their lines are optional, so that pam_permit stands in for them.
    pub left_out: BTreeSet<String>,
    /// A line that may refuse the account of the logins for what it is.
    pub condition: Option<(String, Location)>,
}

impl Stack {
    /// The lines of the service called `name`.
    pub(crate) fn of(name: &str) -> Result<Self, WhyNot> {
        let root = Root::SYSTEM;
        let files = Files::new(&root);
        let service = Service::load(&files, name).ok_or(WhyNot::NoFile)?;
        let has_module = |line: &&PamLine| line.handler != Handler::Substack && !line.module().is_empty();
        let lines: Vec<_> = service.auth.iter().chain(&service.account).filter(has_module).collect();
        let mut tallies = Vec::new();
        let mut left_out = BTreeSet::new();
        for line in &lines {
            if !is_harmless(files.library(), line) {
                if !line.control.is_optional() {
                    return Err(not_run(line));
                }
                left_out.insert(line.module().to_owned());
            }
            if stem(line.module()) == FAILLOCK {
                tallies.push(tally(line).ok_or_else(|| not_run(line))?);
            }
        }
        tallies.sort();
        tallies.dedup();
        let joins = |line: &&PamLine| line.is_ours() && line.arguments().any(|word| word == "forward_pass");
        let condition = lines.iter().find(|line| may_refuse(line));
        Ok(Self {
            asks_once: service.auth.iter().any(|line| joins(&line)),
            tallies,
            left_out,
            condition: condition.map(|line| (line.module().to_owned(), line.location.clone())),
        })
    }
}

/// Has pam_permit stand in for a module, as a line names it, in this namespace.
pub(crate) fn leave_out(module: &str) -> Result<(), Failure> {
    let root = Root::SYSTEM;
    let files = Files::new(&root);
    let path_of = |module: &str| PathBuf::from(files.library().path_of(module));
    bind(&path_of("pam_permit.so"), &path_of(module))
}

fn not_run(line: &PamLine) -> WhyNot {
    WhyNot::Module { module: line.module().to_owned(), location: line.location.clone() }
}

/// Whether the module of a line may be run. One that is not there is not.
fn is_harmless(library: &Library<'_>, line: &PamLine) -> bool {
    let module = line.module();
    let is_known = HARMLESS.contains(&stem(module)) && is_of_libpam(library, module);
    line.is_of_twostep() || is_known || library.look_for(module) == ModuleFile::Missing
}

/// Whether a module, as a line names it, is the one of this name in libpam's own directory.
fn is_of_libpam(library: &Library<'_>, module: &str) -> bool {
    let Some((_, name)) = module.rsplit_once('/') else { return true };
    let real = |path: &str| tree::resolve(&Root::SYSTEM, path);
    module.starts_with('/') && real(module) == real(&library.path_of(name))
}

/// The directory in which a line of pam_faillock counts; none if it would have to create it.
fn tally(line: &PamLine) -> Option<PathBuf> {
    let set = |key: &str| argument(line, key).map(str::to_owned);
    let conf = set("conf").unwrap_or_else(|| FAILLOCK_CONF.to_owned());
    let directory = set("dir").or_else(|| directory_in(&tree::text(&Root::SYSTEM, &conf)?));
    let path = tree::resolve(&Root::SYSTEM, directory.as_deref().unwrap_or(TALLIES))?;
    path.is_dir().then_some(path)
}

/// What faillock.conf(5) sets.
fn directory_in(text: &str) -> Option<String> {
    let pairs = tree::lines(text).filter_map(|(_, line)| line.split_once('='));
    pairs.filter(|(key, _)| key.trim() == "dir").map(|(_, value)| value.trim().to_owned()).last()
}

/// The value of the argument `KEY=value`.
fn argument<'a>(line: &'a PamLine, key: &str) -> Option<&'a str> {
    line.arguments().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Whether the module of a line may refuse the account of the logins: for its name, its groups, its shell, or the time of day.
fn may_refuse(line: &PamLine) -> bool {
    let is_there = |path: &str| fs::symlink_metadata(path).is_ok();
    match stem(line.module()) {
        "pam_listfile" | "pam_wheel" | "pam_rhosts" | "pam_debug" => true,
        "pam_access" => argument(line, "accessfile").map_or_else(
            || has_rules("/etc/security/access.conf") || has_entries("/etc/security/access.d"),
            has_rules,
        ),
        "pam_time" => has_rules(argument(line, "conffile").unwrap_or("/etc/security/time.conf")),
        "pam_nologin" => argument(line, "file")
            .map_or_else(|| is_there("/etc/nologin") || is_there("/var/run/nologin"), is_there),
        "pam_shells" => {
            let shells = tree::text(&Root::SYSTEM, "/etc/shells").unwrap_or_default();
            !shells.lines().any(|line| line.trim() == SHELL)
        }
        "pam_succeed_if" => {
            let words: Vec<_> = line.arguments().collect();
            !is_true_of_account(&words)
        }
        _ => false,
    }
}

fn has_rules(path: &str) -> bool {
    tree::text(&Root::SYSTEM, path).is_some_and(|text| tree::lines(&text).next().is_some())
}

fn has_entries(directory: &str) -> bool {
    fs::read_dir(Path::new(directory)).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether the conditions of pam_succeed_if(8) are certainly true of the account: it is a person, and not root.
fn is_true_of_account(words: &[&str]) -> bool {
    const FLAGS: [&str; 6] = ["debug", "use_uid", "quiet", "quiet_fail", "quiet_success", "audit"];
    let mut words = words.iter().filter(|word| !FLAGS.contains(word));
    while let Some(field) = words.next() {
        let (Some(operator), Some(value)) = (words.next(), words.next()) else { return false };
        let is_true = match (*field, *operator) {
            ("uid", ">=" | "ge") => value.parse().is_ok_and(|least: u32| least <= 1000),
            ("uid", ">" | "gt") => value.parse().is_ok_and(|least: u32| least < 1000),
            ("uid", "!=" | "ne") => *value == "0",
            ("user", "!=" | "ne") => *value == "root",
            _ => false,
        };
        if !is_true {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_directory_of_faillock() {
        let table = [
            ("# dir = /a\n", None),
            ("silent\ndir = /b/c # here\n", Some("/b/c")),
            ("dir=/a\ndir=/b", Some("/b")),
            ("directory = /a", None),
        ];
        for (text, expected) in table {
            assert_eq!(directory_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn tells_condition_that_is_true_of_account() {
        let table = [
            ("uid >= 1000 quiet_success", true),
            ("quiet uid gt 999 user != root", true),
            ("user ingroup wheel", false),
            ("uid >= 1001", false),
            ("uid >=", false),
            ("user notingroup nopasswdlogin", false),
            ("", true),
        ];
        for (text, expected) in table {
            let words: Vec<_> = text.split_whitespace().collect();
            assert_eq!(is_true_of_account(&words), expected, "{text}");
        }
    }

    #[test]
    fn knows_module_of_libpam_only_where_libpam_has_it() {
        let root = Root::SYSTEM;
        let files = Files::new(&root);
        let of_libpam = |module: &str| is_of_libpam(files.library(), module);
        assert!(of_libpam("pam_unix.so"));
        assert!(of_libpam(&files.library().path_of("pam_unix.so")));
        assert!(!of_libpam("/opt/pam_unix.so"));
        assert!(!of_libpam("other/pam_unix.so"));
    }

    #[test]
    fn lists_harmless_modules_once_and_in_order() {
        let mut sorted = HARMLESS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, HARMLESS);
        for module in
            ["pam_exec", "pam_script", "pam_python", "pam_mount", "pam_duo", "pam_setquota", "pam_mkhomedir"]
        {
            assert!(!HARMLESS.contains(&module), "{module}");
        }
    }
}
