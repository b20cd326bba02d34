//! Changes of options in a `Defaults` line.

/// A new value for one option.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub option: &'static str,
    /// None switches the option off.
    pub value: Option<&'static str>,
}

impl Change {
    /// The option as a `Defaults` line sets it.
    pub(super) fn written(&self) -> String {
        self.value.map_or_else(|| format!("!{}", self.option), |value| format!("{}={value}", self.option))
    }

    /// The changed line; none if the line is not clear.
    pub(super) fn applied(&self, line: &str) -> Option<String> {
        match self.value {
            Some(value) => renamed(line, self.option, value),
            None => switched_off(line, self.option),
        }
    }
}

/// A line for a later place that makes these changes for the users or hosts of `line`.
pub(super) fn later<'a>(line: &str, changes: impl IntoIterator<Item = &'a Change>) -> String {
    let written: Vec<_> = changes.into_iter().map(Change::written).collect();
    format!("{} {}", binding(line), written.join(", "))
}

/// `Defaults` with the users, hosts or commands to which the line applies.
pub(super) fn binding(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or("Defaults")
}

/// The line with `value` as the text of its one `option`.
fn renamed(line: &str, option: &str, value: &str) -> Option<String> {
    let mut found = line.match_indices(option);
    let (start, _) = found.next()?;
    let (before, rest) = line.split_at_checked(start.saturating_add(option.len()))?;
    let old = rest.trim_start().strip_prefix('=')?.trim_start();
    let end = match old.strip_prefix('"') {
        Some(quoted) => quoted.find('"')?.saturating_add(2),
        None => old.find([',', ' ', '\t', '\n', '#', '\\']).unwrap_or(old.len()),
    };
    let after = old.get(end..)?;
    found.next().is_none().then(|| format!("{before}={value}{after}"))
}

/// The line with `!option` instead of its one `option`.
fn switched_off(line: &str, option: &str) -> Option<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '!';
    let mut found = line.match_indices(option).filter(|(start, _)| {
        let before = line.get(..*start).unwrap_or_default();
        let after = line.get(start.saturating_add(option.len())..).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word)
    });
    let (start, _) = found.next()?;
    let (before, rest) = line.split_at_checked(start)?;
    found.next().is_none().then(|| format!("{before}!{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(option: &'static str, value: Option<&'static str>, line: &str) -> Option<String> {
        Change { option, value }.applied(line)
    }

    #[test]
    fn renames_one_service_of_line() {
        let table = [
            ("Defaults pam_service=x", Some("Defaults pam_service=sudo")),
            ("Defaults a, pam_service = \"x y\", b # c", Some("Defaults a, pam_service=sudo, b # c")),
            ("Defaults pam_service=x,\\\n b", Some("Defaults pam_service=sudo,\\\n b")),
            ("Defaults pam_service=x, pam_service=y", None),
            ("Defaults pam_login_service=x", None),
        ];
        for (line, expected) in table {
            assert_eq!(applied("pam_service", Some("sudo"), line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn switches_off_one_word_of_line() {
        let table = [
            ("Defaults targetpw", Some("Defaults !targetpw")),
            ("Defaults env_reset,targetpw,\\\n lecture", Some("Defaults env_reset,!targetpw,\\\n lecture")),
            ("Defaults:targetpw targetpw", None),
            ("Defaults !!targetpw", None),
            ("Defaults targetpw_x", None),
        ];
        for (line, expected) in table {
            assert_eq!(applied("targetpw", None, line).as_deref(), expected, "{line}");
        }
    }
}
