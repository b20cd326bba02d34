//! Where sshd looks for the keys of an account.

use twostep_core::os::root::Root;

use super::config::Config;
use super::launches::Launches;

/// What sshd reads where nothing is set (sshd_config(5)).
const USUAL: &str = ".ssh/authorized_keys .ssh/authorized_keys2";
/// Settings by which sshd may accept accounts without a file of keys, unless they have one of these values.
const OTHER_WAYS: [&str; 5] = [
    "authorizedkeyscommand",
    "gssapiauthentication",
    "hostbasedauthentication",
    "kerberosauthentication",
    "trustedusercakeys",
];
const OFF: [&str; 2] = ["none", "no"];

/// Where the sshds of a machine look for keys.
pub struct KeyFiles(Vec<String>);

impl KeyFiles {
    /// None if they are not known, or sshd may accept accounts without such a file.
    pub fn of(root: &Root) -> Option<Self> {
        let launches = Launches::of(root);
        if !launches.unclear.is_empty() {
            return None;
        }
        let configs = launches.known.iter().filter_map(|launch| Config::read(root, launch));
        let settings: Vec<_> = configs.flat_map(|config| config.settings).collect();
        let is_off = |value: &str| OFF.contains(&value.to_ascii_lowercase().as_str());
        if settings.iter().any(|one| OTHER_WAYS.contains(&one.keyword.as_str()) && !is_off(&one.value)) {
            return None;
        }
        let set = settings.iter().filter(|setting| setting.keyword == "authorizedkeysfile");
        let patterns = set.map(|setting| setting.value.as_str()).chain([USUAL]);
        Some(Self(patterns.flat_map(str::split_whitespace).map(str::to_owned).collect()))
    }

    /// The paths of the files for the account with this name, uid and home.
    pub fn paths(&self, name: &str, uid: u32, home: &str) -> impl Iterator<Item = String> {
        self.0.iter().map(move |pattern| expanded(pattern, name, uid, home))
    }
}

/// The path that `pattern` means. A relative one starts in the home.
fn expanded(pattern: &str, name: &str, uid: u32, home: &str) -> String {
    let mut path = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '%' { letters.next() } else { None }) {
            ('%', Some('h')) => path.push_str(home),
            ('%', Some('u')) => path.push_str(name),
            ('%', Some('U')) => path.push_str(&uid.to_string()),
            ('%', Some(other)) => path.push(other),
            _ => path.push(letter),
        }
    }
    if path.starts_with('/') { path } else { format!("{home}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_name_uid_and_home_into_the_pattern() {
        for (pattern, expected) in [
            (".ssh/keys", "/home/ada/.ssh/keys"),
            ("%h/keys", "/home/ada/keys"),
            ("/etc/ssh/keys/%u-%U%%", "/etc/ssh/keys/ada-1001%"),
        ] {
            assert_eq!(expanded(pattern, "ada", 1001, "/home/ada"), expected);
        }
    }
}
