//! The lines of a service file, as libpam puts them together (pam_line.c), and the words in them (pam_misc.c).

const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// One line, or several lines that `\` joins.
#[derive(Debug, PartialEq, Eq)]
pub struct Logical {
    /// Its first line in the file, from 1.
    pub first: usize,
    /// Its last line in the file, from 1.
    pub last: usize,
    /// Its text, without comment.
    pub text: String,
}

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text as libpam reads it, without brackets.
    pub text: String,
    /// Its text as written in the file.
    pub raw: String,
}

/// The lines of `text` that are not empty or comments. If the last line of the file ends with `\` and no line follows,
/// its number is returned too: libpam then rejects the whole service.
pub fn logical_lines(text: &str) -> (Vec<Logical>, Option<usize>) {
    let (mut lines, mut open) = (Vec::new(), None::<Logical>);
    // Not `lines`, which drops a carriage return: libpam reads it as a part of the last word.
    for (number, line) in (1..).zip(text.strip_suffix('\n').unwrap_or(text).split('\n')) {
        let mut logical =
            open.take().unwrap_or_else(|| Logical { first: number, last: number, text: String::new() });
        logical.last = number;
        let (said, continues) = said(line);
        logical.text.push_str(said);
        if continues {
            logical.text.push(' ');
            open = Some(logical);
        } else if !logical.text.trim_matches(BLANKS).is_empty() {
            lines.push(logical);
        }
    }
    (lines, open.map(|logical| logical.first))
}

/// The text of a line without its comment, and whether the next line belongs to it. A comment ends the line, with or
/// without `\`.
fn said(line: &str) -> (&str, bool) {
    let line = line.trim_start_matches(BLANKS);
    if let Some((said, _)) = line.split_once('#') {
        return (said, false);
    }
    match line.trim_end_matches(BLANKS).strip_suffix('\\') {
        Some(said) => (said, true),
        None => (line, false),
    }
}

/// The words of a line. `[...]` is one word, in which `\]` means `]`.
pub fn words(text: &str) -> Vec<Word> {
    let (mut words, mut rest) = (Vec::new(), text);
    while let Some((word, after)) = next_word(rest) {
        words.push(word);
        rest = after;
    }
    words
}

fn next_word(text: &str) -> Option<(Word, &str)> {
    let text = text.trim_start_matches(BLANKS);
    if text.is_empty() {
        return None;
    }
    let (raw, rest) = match text.strip_prefix('[') {
        Some(inner) => text.split_at(end_of_brackets(inner).saturating_add(1)),
        None => text.split_at(text.find(BLANKS).unwrap_or(text.len())),
    };
    let inner = raw.strip_prefix('[').map(|inner| inner.strip_suffix(']').unwrap_or(inner));
    let text = inner.map_or_else(|| raw.to_owned(), |inner| inner.replace("\\]", "]"));
    Some((Word { text, raw: raw.to_owned() }, rest))
}

/// The length in bytes up to and including the closing bracket; the whole length if there is none.
fn end_of_brackets(inner: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            ']' if !escaped => return at.saturating_add(1),
            _ => escaped = letter == '\\',
        }
    }
    inner.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_lines_as_libpam_does() {
        type Lines = &'static [(usize, usize, &'static str)];
        let table: [(&str, Lines, Option<usize>); 9] = [
            ("", &[], None),
            ("# comment \\\nauth a b\n", &[(2, 2, "auth a b")], None),
            ("auth a b # c \\\nauth c d", &[(1, 1, "auth a b "), (2, 2, "auth c d")], None),
            ("auth \\\n  a \\  \n\tb\n\nx", &[(1, 3, "auth  a  b"), (5, 5, "x")], None),
            ("  \t \n\\\nauth a b", &[(2, 3, " auth a b")], None),
            ("auth a b\\", &[], Some(1)),
            ("a\n b \\\nc \\\n", &[(1, 1, "a")], Some(2)),
            ("a\\\n # c\nb", &[(1, 2, "a "), (3, 3, "b")], None),
            ("auth a b\r\n\r\n", &[(1, 1, "auth a b\r"), (2, 2, "\r")], None),
        ];
        for (text, expected, cut) in table {
            let (lines, open) = logical_lines(text);
            let got: Vec<_> = lines.iter().map(|l| (l.first, l.last, l.text.as_str())).collect();
            assert_eq!((got.as_slice(), open), (expected, cut), "{text:?}");
        }
    }

    #[test]
    fn reads_text_in_brackets_as_one_word() {
        let table: [(&str, &[(&str, &str)]); 7] = [
            (" a\tb  c", &[("a", "a"), ("b", "b"), ("c", "c")]),
            ("auth [a=b c=d] x", &[("auth", "auth"), ("a=b c=d", "[a=b c=d]"), ("x", "x")]),
            ("[a]b", &[("a", "[a]"), ("b", "b")]),
            ("[a \\] b] c", &[("a ] b", "[a \\] b]"), ("c", "c")]),
            ("[a [b] c", &[("a [b", "[a [b]"), ("c", "c")]),
            ("[a b", &[("a b", "[a b")]),
            ("a[b c", &[("a[b", "a[b"), ("c", "c")]),
        ];
        for (text, expected) in table {
            let got = words(text);
            let got: Vec<_> = got.iter().map(|word| (word.text.as_str(), word.raw.as_str())).collect();
            assert_eq!(got, expected, "{text:?}");
        }
    }
}
