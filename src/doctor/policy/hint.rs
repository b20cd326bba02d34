//! What to do about an error of a policy file.

/// How alike two keys must be for one to be a slip for the other: 1 is the same.
const ALIKE: f64 = 0.7;

/// What to do about `message`.
pub fn hint(message: &str) -> String {
    if message.starts_with("unknown field `") || message.starts_with("unknown variant `") {
        let nearest = meant(message).map(|name| format!("Did you mean '{name}'?"));
        return nearest.unwrap_or_else(|| "Write one of these, or take it out.".to_owned());
    }
    let found = KNOWN.iter().find(|(part, _)| message.contains(part));
    found.map_or_else(|| SYNTAX.to_owned(), |(_, then)| (*then).to_owned())
}

/// What a message says, and what to do. The first that is found counts.
const KNOWN: [(&str, &str); 33] = [
    ("missing field `version`", "Write 'version = 1' as the first line."),
    ("missing field `mode`", "Write mode = \"opt-in\", \"mandatory\" or \"exempt\"."),
    ("missing field `name`", "Give the rule a name: it stands in the log."),
    ("a rule needs a name", "Give it one: it stands in the log."),
    ("stands for the policy's own mode", "Names stand in the log: choose another one."),
    ("another rule is called", "Names stand in the log: choose another one."),
    ("unknown version", "Write 'version = 1': there is no other."),
    ("duplicate key", "A key may stand once in a table: take one of the two away."),
    ("is out of range", "Write a whole number from that range."),
    ("the period is", "Write 30, which every app knows, or 60."),
    ("an issuer must have", "Write a short name, such as that of your organisation."),
    ("an empty list", "Leave the key out to match everything, or name something."),
    ("an empty name", "Take it out of the list."),
    ("no PAM service is called so", "Write it in lower case, as PAM makes every name."),
    ("bits set behind its prefix", "Write the network like that, or a single address without a prefix."),
    ("the prefix of", "Write fewer bits, such as /24."),
    ("as an IPv4 network", "Write it in the form of IPv4, such as 192.0.2.0/24."),
    ("is no literal", "Write an address; a name is what its owner's name server says today."),
    ("is no method of sshd's", "Write one of these."),
    ("this rule's mode is another", "Take the day out, or change the mode."),
    ("map, expected a sequence", "Rules stand under two brackets: [[rule]]."),
    ("expected a rule", "Rules stand under two brackets: [[rule]]."),
    ("expected a table", "Write its keys under its name in brackets, one a line."),
    ("expected a sequence", "Write a list, in brackets: [\"one\", \"two\"]."),
    ("expected a boolean", "Write true or false, without quotes."),
    ("expected i64", "Write a whole number, without quotes."),
    ("expected a string", "Write a text, in quotes."),
    ("invalid date", "Write a day of the calendar: 2027-06-30."),
    ("expected local date", "Write a day alone, without a time: 2027-06-30."),
    ("expected a TOML datetime", "Write a day without quotes: 2027-06-30."),
    ("recurse further", "Nothing in a policy is a list in a list: take it out."),
    ("invalid comment character", "Take out what cannot be printed."),
    ("not UTF-8", "Save the file as UTF-8."),
];

const SYNTAX: &str =
    "Write one key a line, 'key = value': texts in \"quotes\", lists in [brackets], days and numbers plain.";

/// The key or value that was probably meant, if `message` is about one that nobody knows.
pub fn meant(message: &str) -> Option<&str> {
    // What was written stands in backquotes and then, each in its own, what may be.
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = quoted.next()?;
    let alike = |name: &&str| strsim::jaro_winkler(written, name);
    quoted.max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|name| alike(name) > ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_something_else_is_not() {
        assert_eq!(
            hint("unknown field `skew-step`, expected one of `skew-steps`, `tries`"),
            "Did you mean 'skew-steps'?"
        );
        assert_eq!(hint("unknown field `service`, expected `services`"), "Did you mean 'services'?");
        assert_eq!(
            hint("unknown field `zzz`, expected one of `tries`"),
            "Write one of these, or take it out."
        );
    }
}
