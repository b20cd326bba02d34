//! What else decides about sudo on a machine than its files of sudoers(5): none of it is read here.

use twostep_core::os::root::Root;

use super::sssd;
use crate::location::Location;
use crate::pam::files::Files;
use crate::tree;

const SUDO: &str = "/usr/bin/sudo";
/// The name of sudo-rs' own file: the text is in that program, and not in sudo.
const SUDO_RS_FILE: &str = "sudoers-rs";
const NSSWITCH: &str = "/etc/nsswitch.conf";
const SSS: &str = "sss";
const SUDO_CONF: &str = "/etc/sudo.conf";
/// No sudo is longer, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Something that decides about sudo and is not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Elsewhere {
    /// The program is sudo-rs.
    SudoRs,
    /// The name service may have entries: these sources, such as `sss` and `ldap` (nsswitch.conf(5)).
    NameService {
        location: Location,
        /// The sources except `files`.
        sources: Vec<String>,
    },
    /// Another policy than that of sudoers(5), or with arguments of its own (sudo.conf(5)).
    Plugin(Location),
}

/// What decides elsewhere on the machine below `root`.
pub fn elsewhere(root: &Root) -> Vec<Elsewhere> {
    let sudo_rs = is_sudo_rs(root).then_some(Elsewhere::SudoRs);
    sudo_rs.into_iter().chain(name_service(root)).chain(plugin(root)).collect()
}

fn is_sudo_rs(root: &Root) -> bool {
    let program = Files::new(root).resolve(SUDO);
    let bytes = program.and_then(|program| tree::bytes_of(&program, LONGEST)).unwrap_or_default();
    bytes.windows(SUDO_RS_FILE.len()).any(|window| window == SUDO_RS_FILE.as_bytes())
}

fn name_service(root: &Root) -> Option<Elsewhere> {
    let text = tree::text(root, NSSWITCH)?;
    let (number, sources) =
        tree::lines(&text).find_map(|(number, line)| Some((number, line.strip_prefix("sudoers:")?)))?;
    let sources =
        sources.split_whitespace().filter(|source| *source != "files" && !source.contains(['[', ']', '=']));
    let sources: Vec<_> =
        sources.filter(|source| *source != SSS || sssd::answers_sudo(root)).map(str::to_owned).collect();
    let location = Location::line(NSSWITCH, number);
    (!sources.is_empty()).then_some(Elsewhere::NameService { location, sources })
}

/// The first line that names another policy.
fn plugin(root: &Root) -> Option<Elsewhere> {
    let text = tree::text(root, SUDO_CONF)?;
    let (number, _) = tree::lines(&text).find(|(_, line)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Plugin", "sudoers_policy", path] => !path.ends_with("sudoers.so"),
            ["Plugin", "sudoers_policy", ..] => true,
            // A policy of another name takes the place of sudoers; what audits or logs does not.
            ["Plugin", symbol, ..] => symbol.contains("policy"),
            _ => false,
        }
    })?;
    Some(Elsewhere::Plugin(Location::line(SUDO_CONF, number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_else_decides_about_sudo() {
        let folder = std::env::temp_dir().join(format!("twostep-elsewhere-{}", std::process::id()));
        let root = Root::at(&folder).unwrap();
        let table = [
            (NSSWITCH, "passwd: files\nsudoers: files\n", None),
            (NSSWITCH, "# sudoers: sss\n", None),
            (NSSWITCH, "sudoers: [SUCCESS=continue] files\n", None),
            (NSSWITCH, "sudoers: ldap [NOTFOUND=return] files # x\n", Some("ldap")),
            (NSSWITCH, "sudoers: files sss\n", None),
            (SUDO_CONF, "Plugin sudoers_policy sudoers.so\nPlugin sudoers_io sudoers.so\nPath x /y\n", None),
            (
                SUDO_CONF,
                "Plugin sudoers_policy /usr/libexec/sudo/sudoers.so sudoers_file=/x\n",
                Some("plugin"),
            ),
            (SUDO_CONF, "Plugin other_policy other.so\n", Some("plugin")),
            (SUDO, "a program that opens etc/sudoers-rs", Some("sudo-rs")),
            (SUDO, "a program that opens /etc/sudoers", None),
        ];
        for (file, text, expected) in table {
            let path = root.path(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            let found = elsewhere(&root).into_iter().map(|one| match one {
                Elsewhere::SudoRs => "sudo-rs".to_owned(),
                Elsewhere::Plugin(_) => "plugin".to_owned(),
                Elsewhere::NameService { sources, .. } => sources.join(" "),
            });
            assert_eq!(found.collect::<Vec<_>>(), Vec::from_iter(expected), "{text}");
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}
