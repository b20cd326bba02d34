//! /etc/nsswitch.conf: the sources of users and groups (nsswitch.conf(5)).

use twostep_core::os::root::Root;

use crate::tree;

/// Where the sources are set.
pub const FILE: &str = "/etc/nsswitch.conf";
/// Sources on this machine. If no other source is named, a name that they do not have does not exist.
const LOCAL: [&str; 5] = ["files", "db", "systemd", "altfiles", "extrausers"];

/// The sources of users that are, or may be, another machine's: none where nothing is set, as the C library then reads files.
pub fn remote_sources(root: &Root) -> Vec<String> {
    let text = tree::text(root, FILE).unwrap_or_default();
    sources(&text, "passwd").filter(|source| !LOCAL.contains(source)).map(str::to_owned).collect()
}

/// The sources of a database, without the actions in brackets.
fn sources<'t>(text: &'t str, database: &'t str) -> impl Iterator<Item = &'t str> {
    let set = tree::lines(text)
        .filter_map(move |(_, line)| line.strip_prefix(database)?.trim_start().strip_prefix(':'));
    let outside = |set: &'t str| set.split('[').map(|part| part.rsplit(']').next().unwrap_or(part));
    set.flat_map(outside).flat_map(str::split_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stand_behind_their_database() {
        let table = [
            ("passwd: files systemd sss\n", &["files", "systemd", "sss"][..]),
            ("# passwd: nis\npasswd:\tfiles [NOTFOUND=return] ldap # x\n", &["files", "ldap"]),
            ("passwd : files [ UNAVAIL=continue TRYAGAIN=return ]winbind\n", &["files", "winbind"]),
            ("passwd_compat: nis\ngroup: files\n", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(sources(text, "passwd").collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
