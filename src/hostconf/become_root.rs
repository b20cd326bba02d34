//! Who may become root: root, and users to whom sudo gives a shell of root's.

use std::path::Path;

use crate::program::run;

const SUDO: &str = "/usr/bin/sudo";
/// What a user may run as whom follows a line that ends in this.
const LIST: &str = "may run the following commands";
/// The name of a shell.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "su"];

/// Whether the user called `name` may run a shell as root, as `sudo -l -U` tells root. What cannot be asked does not count.
pub fn may_become_root(uid: u32, name: &str) -> bool {
    uid == 0
        || run(SUDO, &["-n", "-l", "-U", name])
            .is_ok_and(|output| output.is_success && gives_shell(&output.stdout))
}

/// Whether the output of `sudo -l` has a command that is a shell of root's.
fn gives_shell(output: &str) -> bool {
    let mut lines = output.lines().skip_while(|line| !line.contains(LIST)).skip(1);
    lines
        .any(|line| line.trim().strip_prefix('(').and_then(|line| line.split_once(')')).is_some_and(is_shell))
}

/// `(ALL : ALL) NOPASSWD: ALL, !/bin/su`: whom the command runs as, and the commands. One that is taken out again may be any.
fn is_shell((who, commands): (&str, &str)) -> bool {
    let mut users = who.split(':').next().unwrap_or_default().split(',').map(str::trim);
    let may_be_root = users.any(|user| ["ALL", "root", "#0"].contains(&user));
    let mut commands =
        commands.split(',').map(|command| command.rsplit(": ").next().unwrap_or_default().trim());
    may_be_root
        && !who.contains('!')
        && commands.clone().all(|command| !command.starts_with('!'))
        && commands.any(is_any_or_shell)
}

fn is_any_or_shell(command: &str) -> bool {
    let name = Path::new(command).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    command == "ALL" || command.starts_with('/') && SHELLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_shells_of_root_alone() {
        let list = |line: &str| {
            format!(
                "Matching Defaults entries for ada on host:\n    env_reset\n\nUser ada may run the following commands on host:\n    {line}\n"
            )
        };
        for yes in [
            "(ALL : ALL) ALL",
            "(root) NOPASSWD: /bin/bash",
            "(root) PASSWD: /usr/bin/id, /usr/bin/su",
            "(ada, root : adm) NOPASSWD: SETENV: ALL",
            "(#0) ALL",
        ] {
            assert!(gives_shell(&list(yes)), "{yes}");
        }
        for no in [
            "(bob) ALL",
            "(root) /usr/bin/apt",
            "(root) /usr/bin/apt bash",
            "(root) /bin/bash -n",
            "(ALL) ALL, !/bin/bash",
            "(ALL, !root) ALL",
            "(root) sha224:0 /usr/bin/id",
            "env_keep+=\"(root) ALL\"",
        ] {
            assert!(!gives_shell(&list(no)), "{no}");
        }
        assert!(!gives_shell("User ada is not allowed to run sudo on host.\n(ALL) ALL\n"));
    }
}
