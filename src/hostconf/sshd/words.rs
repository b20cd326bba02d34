//! How sshd splits a line into words (OpenSSH, misc.c).

/// The keyword of a line, in lower case, and the rest; none for an empty line or a comment. One `=` may separate the two.
pub(crate) fn first_word(line: &str) -> Option<(String, &str)> {
    let line = line.trim_matches([' ', '\t', '\r', '\u{c}']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if let Some(quoted) = line.strip_prefix('"') {
        let (keyword, rest) = quoted.split_once('"')?;
        return Some((keyword.to_ascii_lowercase(), rest.trim_start()));
    }
    let end = line.find([' ', '\t', '=', '"']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    Some((keyword.to_ascii_lowercase(), rest))
}

/// The words of the rest: quotes hold blanks together, a backslash takes the meaning from a quote, a word that begins with
/// `#` begins a comment. None at all if a quote is not closed, because sshd refuses such a line.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t']);
    while !rest.is_empty() && !rest.starts_with('#') {
        let Some((word, after)) = word(rest) else { return Vec::new() };
        words.push(word);
        rest = after.trim_start_matches([' ', '\t']);
    }
    words
}

/// The first word of `text`, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match letter {
            '\\' if is_escaped(next, quote) => word.extend(letters.next().map(|(_, next)| next)),
            ' ' | '\t' if quote.is_none() => return Some((word, text.get(at..)?)),
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            _ => word.push(letter),
        }
    }
    quote.is_none().then_some((word, ""))
}

fn is_escaped(next: Option<char>, quote: Option<char>) -> bool {
    matches!(next, Some('\\' | '"' | '\'')) || (next == Some(' ') && quote.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_and_its_value_are_told_apart_as_sshd_does() {
        let table = [
            ("UsePAM yes", Some(("usepam", "yes"))),
            ("  UsePAM\tyes  ", Some(("usepam", "yes"))),
            ("UsePAM=yes", Some(("usepam", "yes"))),
            ("UsePAM = yes", Some(("usepam", "yes"))),
            ("usepam yes # really", Some(("usepam", "yes # really"))),
            ("\"UsePAM\" yes", Some(("usepam", "yes"))),
            ("UsePAM", Some(("usepam", ""))),
            ("UsePAM \"yes\"", Some(("usepam", "\"yes\""))),
            ("# UsePAM no", None),
            ("", None),
            ("   ", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|(keyword, rest)| (keyword.to_owned(), rest));
            assert_eq!(first_word(line), expected, "{line:?}");
        }
    }

    #[test]
    fn words_are_split_as_sshd_does() {
        let table: &[(&str, &[&str])] = &[
            ("a b", &["a", "b"]),
            ("a\tb  ", &["a", "b"]),
            ("\"a b\" c", &["a b", "c"]),
            ("'a b'c", &["a bc"]),
            ("a # b", &["a"]),
            ("a#b", &["a#b"]),
            ("a\\ b", &["a b"]),
            ("\\\"a\\\"", &["\"a\""]),
            ("a\\b", &["a\\b"]),
            ("\"a", &[]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(words(text), *expected, "{text:?}");
        }
    }
}
