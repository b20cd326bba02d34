//! Whether SSSD answers sudo: its responder runs if the services of sssd.conf(5) name it, or if systemd starts it by its socket.

use std::fs;

use twostep_core::os::root::Root;

use crate::tree;

/// The files of settings, the later ones over the earlier. The vendor's counts if the first is missing.
const MAIN: [&str; 2] = ["/etc/sssd/sssd.conf", "/usr/etc/sssd/sssd.conf"];
const SNIPPETS: &str = "/etc/sssd/conf.d";
/// Where `systemctl enable` puts a link; the socket belongs to sssd.service, which needs settings to start.
const UNITS: [&str; 2] = ["/etc/systemd/system", "/usr/lib/systemd/system"];
const ENABLED: &str = "sssd.service.wants/sssd-sudo.socket";
const MASK: &str = "/etc/systemd/system/sssd-sudo.socket";

/// Whether SSSD may answer sudo.
pub(super) fn answers_sudo(root: &Root) -> bool {
    let texts = texts(root);
    let named = texts.iter().filter_map(|text| services(text)).next_back();
    let is_named = named.is_some_and(|services| services.split(',').any(|service| service.trim() == "sudo"));
    is_named || !texts.is_empty() && has_socket(root)
}

fn texts(root: &Root) -> Vec<String> {
    let main = MAIN.iter().find_map(|file| tree::text(root, file));
    let entries = fs::read_dir(root.path(SNIPPETS)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".conf") && !name.starts_with('.')).collect();
    names.sort();
    let snippets = names.iter().filter_map(|name| tree::text(root, &format!("{SNIPPETS}/{name}")));
    main.into_iter().chain(snippets).collect()
}

/// The last `services` of the section `[sssd]`. A line that begins with a blank may continue the one before it.
fn services(text: &str) -> Option<String> {
    let (mut is_ours, mut is_open) = (false, false);
    let mut services: Option<String> = None;
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(section) = line.trim().strip_prefix('[') {
            is_ours = section.split(']').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("sssd"));
            is_open = false;
        } else if let Some((key, value)) = line.split_once('=') {
            is_open = is_ours && key.trim().eq_ignore_ascii_case("services");
            services = if is_open { Some(value.to_owned()) } else { services };
        } else if is_open && line.starts_with([' ', '\t']) {
            services.iter_mut().for_each(|services| services.push_str(line));
        }
    }
    services
}

fn has_socket(root: &Root) -> bool {
    let is_masked = fs::read_link(root.path(MASK)).is_ok_and(|target| target.ends_with("null"));
    let is_there = |folder: &str| fs::symlink_metadata(root.path(&format!("{folder}/{ENABLED}"))).is_ok();
    !is_masked && UNITS.iter().any(|folder| is_there(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_sudo_if_it_is_named_or_has_a_socket() {
        let (main, snippet) = ("etc/sssd/sssd.conf", "etc/sssd/conf.d/10.conf");
        let socket = "etc/systemd/system/sssd.service.wants/sssd-sudo.socket";
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[(main, "[sssd]\nservices = nss, pam\n")], false),
            (&[(main, "[sssd]\nservices = nss, pam, sudo\n")], true),
            (&[(main, "[ sssd ]\nservices=sudo\n[domain/x]\nid_provider = ldap\n")], true),
            (&[(main, "[sssd]\nservices = nss,\n pam, sudo\n")], true),
            (&[(main, "[sssd]\n# services = sudo\n[nss]\nservices = sudo\n")], false),
            (&[(main, "[sssd]\nservices = sudo\n"), (snippet, "[sssd]\nservices = nss\n")], false),
            (&[(main, "[sssd]\n"), (snippet, "[sssd]\nservices = nss,sudo\n")], true),
            (&[(main, "[sssd]\n"), ("etc/sssd/conf.d/.x.conf", "[sssd]\nservices = sudo\n")], false),
            (&[("usr/etc/sssd/sssd.conf", "[sssd]\nservices = sudo\n")], true),
            (&[(main, "[sssd]\n"), (socket, "")], true),
            (&[(socket, "")], false),
        ];
        let folder = std::env::temp_dir().join(format!("twostep-sssd-{}", std::process::id()));
        for (files, expected) in table {
            let root = Root::at(&folder).unwrap();
            for (file, text) in *files {
                fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
                fs::write(folder.join(file), text).unwrap();
            }
            assert_eq!(answers_sudo(&root), *expected, "{files:?}");
            let _ = fs::remove_dir_all(&folder);
        }
    }
}
