//! A file with names of users, one a line.

use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::Path;

use twostep_core::os::names::Names;

use crate::failure::Failure;
use crate::subject::Subject;
use crate::words::naming as words;

/// Standard input.
const STANDARD_INPUT: &str = "-";
/// How many unknown lines are shown.
const MOST_SHOWN: usize = 10;

/// The users in `file`, with their names. Fails if a line has none, and says which lines these are.
pub(super) fn subjects<S: Subject>(file: &Path, users: &Names) -> Result<Vec<(String, S)>, Failure> {
    let is_input = file == Path::new(STANDARD_INPUT);
    let text = if is_input { read(stdin().lock()) } else { File::open(file).and_then(read) };
    let place = if is_input { words::STANDARD_INPUT.to_owned() } else { file.display().to_string() };
    let text = text.map_err(|error| {
        Failure::refused(words::unreadable_file(&place, error), words::UNREADABLE_FILE_THEN)
    })?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for (line, name) in names(&text) {
        match S::find(name, users)? {
            Some(subject) => found.push((name.to_owned(), subject)),
            None if can_be_shown(name) => unknown.push(words::unknown_in_line(&place, line, name)),
            None => unknown.push(words::no_user_in_line(&place, line)),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let more = unknown.len().saturating_sub(MOST_SHOWN);
    unknown.truncate(MOST_SHOWN);
    unknown.extend((more > 0).then(|| words::more_unknown_lines(more)));
    Err(Failure::refused(unknown.join("\n"), words::UNKNOWN_IN_FILE_THEN))
}

fn read(mut from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    Ok(text)
}

/// The names, each with the number of its line. A comment begins with `#`.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    (1..).zip(lines).filter(|(_, name)| !name.is_empty())
}

/// Whether an unknown word is written like a user name, and is no key, code or password hash of a file that was named by mistake.
/// Keys in base32 and recovery codes are in upper case, and codes are digits.
fn can_be_shown(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    word.len() <= 32
        && word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && word.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_name_a_line_without_comments() {
        let found: Vec<_> = names("# ops\nada\n\n  bob \t# new\r\n#carol\nDOM\\eve\n").collect();
        assert_eq!(found, [(2, "ada"), (4, "bob"), (6, "DOM\\eve")]);
    }

    #[test]
    fn shows_no_word_that_may_be_secret() {
        for name in ["ada", "_apt", "svc-web.2", "x"] {
            assert!(can_be_shown(name), "{name}");
        }
        let secrets =
            ["JBSWY3DPEHPK3PXP", "7KQ2-9XWD-M4TT-0ABC", "12345678", "ada:$6$x", "HOTP/T30/6 ada - 31", ""];
        for word in secrets {
            assert!(!can_be_shown(word), "{word}");
        }
    }
}
