//! Words of sudoers, and the command that edits its files.

use twostep_hostconf::sudoers::grants::UnaskedBy;

/// The word in sudoers that keeps sudo from asking.
pub(super) fn reason(by: UnaskedBy) -> &'static str {
    match by {
        UnaskedBy::Tag => "NOPASSWD",
        UnaskedBy::Option => "!authenticate",
        UnaskedBy::Group => "exempt_group",
    }
}

/// The command that edits `file`, a file of sudoers.
pub(super) fn editor(file: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    let escaped = file.chars().flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c]));
    format!("visudo -f {}", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_shell_would_split() {
        assert_eq!(editor("/etc/sudoers.d/10-x"), "visudo -f /etc/sudoers.d/10-x");
        assert_eq!(editor("/etc/a b's"), r"visudo -f /etc/a\ b\'s");
    }
}
