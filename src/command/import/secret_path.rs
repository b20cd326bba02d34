//! Where google-authenticator's module looks for a user's file: its argument `secret=`.

use std::path::PathBuf;

use nix::unistd::User;

use crate::failure::Failure;
use crate::words::import as words;

const HOME: &str = "${HOME}";
const USER: &str = "${USER}";

/// The argument `secret=`: an absolute path, in which `~` at the beginning and `${HOME}` mean the home, and `${USER}` the name.
pub(crate) struct SecretPath(String);

impl SecretPath {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if ["/", "~", HOME].iter().any(|start| text.starts_with(start)) {
            return Ok(Self(text.to_owned()));
        }
        // It may be a secret, as the name of the option suggests, so it is not repeated.
        Err(Failure::refused(words::NOT_A_PATH, words::NOT_A_PATH_THEN))
    }

    /// Where the file of `user` is.
    pub(crate) fn of(&self, user: &User) -> PathBuf {
        let home = user.dir.to_string_lossy();
        let path = self.0.strip_prefix('~').map_or_else(|| self.0.clone(), |rest| format!("{home}{rest}"));
        PathBuf::from(path.replace(HOME, &home).replace(USER, &user.name))
    }

    /// The path below a home; none if the file is elsewhere.
    pub(crate) fn below_home(&self) -> Option<&str> {
        let rest = self.0.strip_prefix('~').or_else(|| self.0.strip_prefix(HOME))?;
        rest.strip_prefix('/').filter(|rest| !rest.contains(USER))
    }

    /// The folder that has a file or folder of each user, and the text before and behind the name there; none if the path depends on
    /// homes, or not on names.
    pub(crate) fn by_name(&self) -> Option<(&str, &str, &str)> {
        let (before, behind) = self.0.split_once(USER).filter(|_| self.0.starts_with('/'))?;
        let (folder, start) = before.rsplit_once('/').filter(|(folder, _)| !folder.contains(HOME))?;
        Some((folder, start, behind.split('/').next().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn root() -> User {
        User {
            name: "ada".to_owned(),
            dir: PathBuf::from("/home/ada"),
            ..User::from_uid(0.into()).unwrap().unwrap()
        }
    }

    #[test]
    fn expands_home_and_user_as_module_does() {
        let table = [
            (
                "~/.google_authenticator",
                "/home/ada/.google_authenticator",
                Some(".google_authenticator"),
                None,
            ),
            ("${HOME}/.ga", "/home/ada/.ga", Some(".ga"), None),
            ("/var/ga/${USER}", "/var/ga/ada", None, Some(("/var/ga", "", ""))),
            ("/var/ga/x-${USER}.ga/key", "/var/ga/x-ada.ga/key", None, Some(("/var/ga", "x-", ".ga"))),
            ("/etc/ga", "/etc/ga", None, None),
            ("~/${USER}", "/home/ada/ada", None, None),
        ];
        for (text, path, below_home, by_name) in table {
            let secret = SecretPath::parse(text).unwrap();
            assert_eq!(secret.of(&root()), Path::new(path), "{text}");
            assert_eq!((secret.below_home(), secret.by_name()), (below_home, by_name), "{text}");
        }
    }

    #[test]
    fn refuses_other_than_path_without_repeating_it() {
        for text in ["", "JBSWY3DPEHPK3PXP", "ga", "${USER}"] {
            let failure = SecretPath::parse(text).err().unwrap();
            assert!(!failure.what().contains("JBSWY3DP") && !failure.then().contains("JBSWY3DP"), "{text}");
        }
    }
}
