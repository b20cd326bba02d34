//! The host for which an entry of sudoers holds, by its names and addresses.

use std::net::Ipv4Addr;

use nix::unistd::gethostname;
use twostep_core::os::root::Root;

use super::sure::Sure;
use crate::sshd::glob;
use crate::tree;

/// The names and addresses of a host.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// The name that it has given itself; empty if it is not known.
    name: String,
    /// What /etc/hosts calls it first: sudo takes this name, if its option `fqdn` is on, as in Debian's.
    canonical: Option<String>,
    /// Its IPv4 addresses without the loopback; none if they are not known.
    addresses: Option<Vec<Ipv4Addr>>,
}

impl Host {
    /// The machine below `root`.
    pub(super) fn of(root: &Root) -> Self {
        let name = name(root);
        let canonical = tree::text(root, "/etc/hosts").and_then(|hosts| canonical(&hosts, &name));
        let addresses = tree::text(root, "/proc/net/fib_trie").map(|trie| addresses(&trie));
        Self { name, canonical, addresses }
    }

    /// The name without its domain.
    pub(super) fn short(&self) -> &str {
        short(&self.name)
    }

    /// Whether a name or pattern means this host. One with a dot is compared with the name and its domain.
    pub(super) fn is_called(&self, pattern: &str) -> Sure {
        if self.name.is_empty() {
            return Sure::Perhaps;
        }
        let one = self.is(&self.name, pattern);
        self.canonical.as_ref().map_or(one, |other| {
            let other = self.is(other, pattern);
            if one == other { one } else { Sure::Perhaps }
        })
    }

    fn is(&self, name: &str, pattern: &str) -> Sure {
        let fits = |name: &str| glob::matches(&pattern.to_lowercase(), &name.to_lowercase());
        if !pattern.contains('.') {
            return fits(short(name)).into();
        }
        match fits(name) {
            true => Sure::Yes,
            // A name server decides its domain.
            false if !name.contains('.') && self.canonical.is_none() => {
                let first = pattern.split('.').next().unwrap_or_default().to_lowercase();
                if glob::matches(&first, &name.to_lowercase()) { Sure::Perhaps } else { Sure::No }
            }
            false => Sure::No,
        }
    }

    /// Whether an address or network has one of this host's addresses.
    pub(super) fn is_in(&self, network: &str) -> Sure {
        match (&self.addresses, network.split_once('/')) {
            (Some(addresses), None) => match network.parse::<Ipv4Addr>() {
                // That of a network means its hosts, too.
                Ok(address) if address.octets().last() == Some(&0) => Sure::Perhaps,
                Ok(address) => addresses.contains(&address).into(),
                Err(_) => Sure::Perhaps,
            },
            (Some(addresses), Some((first, mask))) => match (first.parse::<Ipv4Addr>(), mask_of(mask)) {
                (Ok(first), Some(mask)) => {
                    let in_it = |address: &Ipv4Addr| *address & mask == first & mask;
                    addresses.iter().any(in_it).into()
                }
                _ => Sure::Perhaps,
            },
            (None, _) => Sure::Perhaps,
        }
    }
}

/// The mask that is written as `24` or as `255.255.255.0`.
fn mask_of(text: &str) -> Option<Ipv4Addr> {
    if let Ok(mask) = text.parse() {
        return Some(mask);
    }
    let zeros = 32_u32.checked_sub(text.parse().ok()?)?;
    Some(Ipv4Addr::from(u32::MAX.checked_shl(zeros).unwrap_or(0)))
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn name(root: &Root) -> String {
    if root.is_machine() {
        return gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    }
    let text = tree::text(root, "/etc/hostname").unwrap_or_default();
    tree::lines(&text).next().map_or_else(String::new, |(_, name)| name.to_owned())
}

/// The first name on the first line that has `name`.
fn canonical(hosts: &str, name: &str) -> Option<String> {
    tree::lines(hosts).find_map(|(_, line)| {
        let mut names = line.split_whitespace().skip(1);
        names.clone().any(|one| one.eq_ignore_ascii_case(name)).then(|| names.next().map(str::to_owned))?
    })
}

/// The addresses that the kernel's table of routes (proc(5)) marks as the host's own.
fn addresses(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        match line.strip_prefix("|-- ") {
            Some(address) => last = address.parse::<Ipv4Addr>().ok(),
            None if line == "/32 host LOCAL" => found.extend(last.filter(|address| !address.is_loopback())),
            None => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, hosts: &str) -> Host {
        Host { name: name.to_owned(), canonical: canonical(hosts, name), addresses: None }
    }

    #[test]
    fn is_called_by_its_name_or_what_hosts_calls_it() {
        let table = [
            // name              /etc/hosts                          pattern             is it
            ("web", "", "web", Sure::Yes),
            ("web", "", "WEB", Sure::Yes),
            ("web", "", "w?b", Sure::Yes),
            ("web", "", "db", Sure::No),
            ("web", "", "web.example.org", Sure::Perhaps),
            ("web", "", "db.example.org", Sure::No),
            ("web.example.org", "", "web", Sure::Yes),
            ("web.example.org", "", "web.example.org", Sure::Yes),
            ("web.example.org", "", "web.example.net", Sure::No),
            ("web", "127.0.1.1 web.example.org web\n", "web.example.org", Sure::Perhaps),
            ("web", "127.0.1.1 web.example.org web\n", "web", Sure::Yes),
            ("web", "127.0.0.1 localhost web # x\n", "web", Sure::Perhaps),
            ("web", "127.0.0.1 localhost web\n", "localhost", Sure::Perhaps),
            ("web", "127.0.0.1 localhost\n10.0.0.1 web\n", "localhost", Sure::No),
            ("", "", "web", Sure::Perhaps),
        ];
        for (name, hosts, pattern, expected) in table {
            assert_eq!(host(name, hosts).is_called(pattern), expected, "{name}, {hosts}: {pattern}");
        }
    }

    #[test]
    fn leaves_networks_open_if_its_addresses_are_unknown() {
        let unknown = host("web", "");
        let known = Host { addresses: Some(vec![Ipv4Addr::new(10, 1, 2, 3)]), ..host("web", "") };
        let table = [
            ("10.1.2.3", Sure::Yes),
            ("10.1.2.4", Sure::No),
            ("10.1.0.0", Sure::Perhaps),
            ("10.1.2.0/24", Sure::Yes),
            ("10.1.2.0/255.255.255.252", Sure::Yes),
            ("10.1.2.4/30", Sure::No),
            ("0.0.0.0/0", Sure::Yes),
            ("2001:db8::/32", Sure::Perhaps),
            ("10.1.2.0/x", Sure::Perhaps),
        ];
        for (network, expected) in table {
            assert_eq!(known.is_in(network), expected, "{network}");
            assert_eq!(unknown.is_in(network), Sure::Perhaps, "{network}");
        }
    }
}
