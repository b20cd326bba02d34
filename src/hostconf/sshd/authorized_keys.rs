//! The lines of an authorized_keys file (sshd(8)), as OpenSSH reads their options (auth-options.c).

/// What a line allows a user who has its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyUse {
    /// A session of their choice.
    Session,
    /// The command that the line names, and nothing else.
    ForcedCommand,
}

/// What each line of the file gives. A line that sshd refuses is taken for one that gives a session.
pub fn key_uses(text: &str) -> impl Iterator<Item = KeyUse> {
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '\t']));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let forces = options(line).iter().any(|option| forces_command(option));
        if forces { KeyUse::ForcedCommand } else { KeyUse::Session }
    })
}

/// The options at the beginning of a line, with commas between them; the type of the key if it has none. They end at the first
/// blank outside of quotes. `\"` neither begins nor ends a quote. None if a quote is not closed: sshd refuses such a line.
fn options(line: &str) -> Vec<&str> {
    let (mut options, mut start, mut is_quoted) = (Vec::new(), 0, false);
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next_if(|(_, next)| *next == '"');
            }
            '"' => is_quoted = !is_quoted,
            ',' | ' ' | '\t' if !is_quoted => {
                options.extend(line.get(start..at));
                start = at.saturating_add(1);
                if letter != ',' {
                    break;
                }
            }
            _ => {}
        }
    }
    if is_quoted { Vec::new() } else { options }
}

/// Names of options may be written in any case, and a value must be quoted.
fn forces_command(option: &str) -> bool {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    name.eq_ignore_ascii_case("command") && value.starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_forced_commands_as_sshd_does() {
        use KeyUse::{ForcedCommand, Session};
        let table: [(&str, &[KeyUse]); 15] = [
            ("", &[]),
            ("# command=\"x\" ssh-rsa A\n \t#\n\n", &[]),
            ("ssh-rsa A me\n  ssh-ed25519 B\n", &[Session, Session]),
            ("command=\"x\" ssh-rsa A", &[ForcedCommand]),
            ("restrict,COMMAND=\"x\",pty ssh-rsa A", &[ForcedCommand]),
            (r#"no-pty,command="echo 'Log in as \"ubuntu\".';exit 1" ssh-rsa A"#, &[ForcedCommand]),
            ("command=\"echo # , x\"\tssh-rsa A", &[ForcedCommand]),
            (r#"environment="A=,command=\"x\"" ssh-rsa A"#, &[Session]),
            ("from=\"1.2.3.4\",no-pty ssh-rsa A command=\"x\"", &[Session]),
            ("from=\"a, command=b\" ssh-rsa A", &[Session]),
            ("ssh-rsa A command=\"x\"", &[Session]),
            ("subcommand=\"x\",command=x ssh-rsa A", &[Session]),
            (r#"command="x\" ssh-rsa A"#, &[Session]),
            ("command=\"x\",from=\"1 ssh-rsa A", &[Session]),
            (r#"command="x\\" ssh-rsa A" ssh-rsa A"#, &[ForcedCommand]),
        ];
        for (text, expected) in table {
            assert_eq!(key_uses(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
