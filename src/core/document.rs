//! A TOML document, read key by key. The caller asks for each value by its key; a key that was not asked for is an
//! error.

#[cfg(test)]
mod equivalence;
mod tree;

use std::fmt;
use std::ops::RangeInclusive;

use toml_parser::decoder::IntegerRadix;
use toml_parser::{Expected, ParseError};

use crate::time::Day;

use tree::{Content, Node};

/// The reader of no table asks for more keys.
const MOST_ASKED: usize = 12;

/// The most errors that are reported for one document.
const MOST_ERRORS: usize = 100;

/// A position in a text: line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Position {
    /// The position of the byte at `offset` of a text in UTF-8.
    pub fn of(offset: usize, text: &[u8]) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let is_first_of_character = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
        let of_last_line = before.iter().rev().take_while(|byte| **byte != b'\n');
        let column = of_last_line.filter(is_first_of_character).count();
        Self { line: line.saturating_add(1), column: column.saturating_add(1) }
    }
}

/// The types of TOML, as far as errors distinguish them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Characters in quotes.
    String,
    /// A whole number.
    Integer,
    /// A number with a fraction, or `inf` or `nan`.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A day without a time of day.
    Date,
    /// A time of day, with or without a date.
    Time,
    /// Values in brackets. TOML calls it an array.
    List,
    /// Keys and values.
    Table,
}

impl Type {
    fn of(content: &Content<'_>) -> Self {
        match content {
            Content::String(_) => Self::String,
            Content::Integer { .. } => Self::Integer,
            Content::Float => Self::Float,
            Content::Boolean(_) => Self::Boolean,
            Content::Date(_) => Self::Date,
            Content::Time => Self::Time,
            Content::List { .. } => Self::List,
            Content::Table { .. } => Self::Table,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Float => "a fraction",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::Time => "a time of day",
            Self::List => "a list",
            Self::Table => "a table",
        })
    }
}

/// What is wrong with any document. The strings are foreign text and may be secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DocumentError {
    /// It is not UTF-8.
    NotUtf8,
    /// It is not TOML. The text is that of the crate `toml_parser`, on one line.
    Syntax(String),
    /// This key is unknown.
    UnknownKey {
        /// The key, as written.
        key: String,
        /// The keys that are known here.
        known: Vec<&'static str>,
    },
    /// This key must be there.
    MissingKey(&'static str),
    /// The value has another type.
    WrongType {
        /// The type that it should have.
        expected: Type,
        /// The type that it has.
        found: Type,
    },
    /// The value is not one of the known words.
    UnknownWord {
        /// The value, as written.
        word: String,
        /// The words that are known here.
        known: Vec<&'static str>,
    },
    /// The integer is too small or too large.
    OutOfRange {
        /// The integer, as written.
        value: String,
        /// The smallest integer that is accepted.
        least: u64,
        /// The largest integer that is accepted.
        most: u64,
    },
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => write!(f, "not UTF-8"),
            Self::Syntax(message) => write!(f, "{message}"),
            Self::UnknownKey { key, known } => write!(f, "unknown key '{key}', expected {}", one_of(known)),
            Self::MissingKey(key) => write!(f, "missing key '{key}'"),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::UnknownWord { word, known } => {
                write!(f, "unknown value '{word}', expected {}", one_of(known))
            }
            Self::OutOfRange { value, least, most: u64::MAX } => {
                write!(f, "{value} is out of range: {least} or more")
            }
            Self::OutOfRange { value, least, most } => {
                write!(f, "{value} is out of range: {least} to {most}")
            }
        }
    }
}

/// Joins words as a choice, each in single quotes: `'a', 'b' or 'c'`.
pub(crate) fn one_of(words: &[&str]) -> String {
    let Some((last, others)) = words.split_last() else { return String::new() };
    let others: Vec<String> = others.iter().map(|word| format!("'{word}'")).collect();
    if others.is_empty() { format!("'{last}'") } else { format!("{} or '{last}'", others.join(", ")) }
}

/// A value or an error, with its place in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct At<T> {
    /// The byte offset, from 0.
    pub(crate) offset: usize,
    /// The value or error at this offset.
    pub(crate) what: T,
}

/// `bytes` as UTF-8. The error has the offset of the first byte that is not UTF-8.
pub(crate) fn text_of<E: From<DocumentError>>(bytes: &[u8]) -> Result<&str, At<E>> {
    std::str::from_utf8(bytes)
        .map_err(|error| At { offset: error.valid_up_to(), what: DocumentError::NotUtf8.into() })
}

/// A TOML document. It borrows from its text.
pub(crate) struct Document<'t>(Vec<Node<'t>>);

impl<'t> Document<'t> {
    /// Parses a document. Fails with a syntax error.
    pub(crate) fn parse<E: From<DocumentError>>(text: &'t str) -> Result<Self, At<E>> {
        tree::parse(text).map(Self).map_err(|errors| of_syntax(errors.first()))
    }

    /// The keys and values of the document.
    pub(crate) fn table(&self) -> Table<'_> {
        Table::new(0, Values { nodes: &self.0, next: tree::ROOT }.next().map_or(Values::NONE, Value::parts))
    }
}

/// All syntax errors, at most one a line: further errors on a line mostly follow from the first.
pub(crate) fn syntax_errors<E: From<DocumentError>>(text: &str) -> Vec<At<E>> {
    let mut errors = Vec::new();
    for error in &tree::parse(text).err().unwrap_or_default() {
        keep_in_order(&mut errors, of_syntax(Some(error)));
    }
    errors.dedup_by(|next, first| {
        let between = text.as_bytes().get(first.offset..next.offset).unwrap_or_default();
        !between.contains(&b'\n')
    });
    errors
}

/// Adds an error at its place in the order of the text. Keeps only the first [`MOST_ERRORS`].
#[cold]
pub(crate) fn keep_in_order<E>(errors: &mut Vec<At<E>>, error: At<E>) {
    let place = errors.partition_point(|earlier| earlier.offset <= error.offset);
    if place < MOST_ERRORS {
        errors.truncate(MOST_ERRORS.saturating_sub(1));
        errors.insert(place, error);
    }
}

#[cold]
fn of_syntax<E: From<DocumentError>>(error: Option<&ParseError>) -> At<E> {
    let offset = error.and_then(ParseError::unexpected).map_or(0, |span| span.start());
    let mut message = error.map_or("", ParseError::description).replace('\n', ", ");
    let expected = error.and_then(ParseError::expected);
    if expected.is_some_and(<[_]>::is_empty) {
        message.push_str(", expected nothing");
    }
    for (number, expected) in expected.into_iter().flatten().enumerate() {
        message.push_str(if number == 0 { ", expected " } else { ", " });
        match expected {
            Expected::Literal("\n") => message.push_str("newline"),
            Expected::Literal(text) => message.extend(["`", text, "`"]),
            Expected::Description(text) => message.push_str(text),
            _ => message.push_str("etc"),
        }
    }
    At { offset, what: DocumentError::Syntax(message).into() }
}

/// A value of a document.
#[derive(Clone, Copy)]
pub(crate) struct Value<'d> {
    nodes: &'d [Node<'d>],
    node: &'d Node<'d>,
}

impl<'d> Value<'d> {
    /// The byte offset of the value in the text.
    pub(crate) fn offset(self) -> usize {
        self.node.offset
    }

    /// The error for a value that has another type than `expected`.
    #[cold]
    fn is_not<E: From<DocumentError>>(self, expected: Type) -> At<E> {
        let wrong = DocumentError::WrongType { expected, found: Type::of(&self.node.content) };
        At { offset: self.offset(), what: wrong.into() }
    }

    /// The values of a table or list.
    fn parts(self) -> Values<'d> {
        let (Content::List { parts, .. } | Content::Table { parts, .. }) = &self.node.content else {
            return Values::NONE;
        };
        Values { nodes: self.nodes, next: parts.first }
    }
}

/// The values of a table or list, in the order of the text.
#[derive(Clone, Copy)]
pub(crate) struct Values<'d> {
    nodes: &'d [Node<'d>],
    next: usize,
}

impl Values<'_> {
    const NONE: Self = Self { nodes: &[], next: 0 };
}

impl<'d> Iterator for Values<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let node = self.nodes.get(self.next)?;
        self.next = node.next;
        Some(Value { nodes: self.nodes, node })
    }
}

/// A table. The reader asks for each key once.
pub(crate) struct Table<'d> {
    /// The byte offset of the table.
    offset: usize,
    values: Values<'d>,
    /// The keys that were asked for, as many as `many` says.
    asked: [&'static str; MOST_ASKED],
    many: usize,
}

impl<'d> Table<'d> {
    fn new(offset: usize, values: Values<'d>) -> Self {
        Self { offset, values, asked: [""; MOST_ASKED], many: 0 }
    }

    /// Takes a value as a table.
    pub(crate) fn of<E: From<DocumentError>>(value: Value<'d>) -> Result<Self, At<E>> {
        let Content::Table { .. } = value.node.content else { return Err(value.is_not(Type::Table)) };
        Ok(Self::new(value.offset(), value.parts()))
    }

    /// Reads the value of `key` with `read`; none if the table has no such key.
    pub(crate) fn read<T, E>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Result<T, At<E>>,
    ) -> Result<Option<T>, At<E>> {
        self.value(key).map(read).transpose()
    }

    /// Reads the value of `key` with `read`. It is an error if the table has no such key.
    pub(crate) fn need<T, E: From<DocumentError>>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Result<T, At<E>>,
    ) -> Result<T, At<E>> {
        match self.value(key) {
            Some(value) => read(value),
            None => Err(At { offset: self.offset, what: DocumentError::MissingKey(key).into() }),
        }
    }

    /// The value of `key`; none if the table has no such key.
    #[inline(never)]
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value<'d>> {
        if let Some(asked) = self.asked.get_mut(self.many) {
            *asked = key;
            self.many = self.many.saturating_add(1);
        }
        let value = self.values.into_iter().find(|value| value.node.key.name == key)?;
        value.node.is_asked.set(true);
        Some(value)
    }

    /// An error for each key that was not asked for.
    pub(crate) fn unknown_keys<E: From<DocumentError>>(&self) -> impl Iterator<Item = At<E>> {
        self.values.into_iter().filter(|value| !value.node.is_asked.get()).map(|value| {
            let key = &value.node.key;
            let known = self.asked.iter().take(self.many).copied().collect();
            At {
                offset: key.offset,
                what: DocumentError::UnknownKey { key: key.name.to_string(), known }.into(),
            }
        })
    }
}

/// Reads the value with `read` and checks the result with `check`. An error of `check` gets the offset of the value.
pub(crate) fn checked<'d, T, U, E>(
    value: Value<'d>,
    read: impl FnOnce(Value<'d>) -> Result<T, At<E>>,
    check: impl FnOnce(T) -> Result<U, E>,
) -> Result<U, At<E>> {
    check(read(value)?).map_err(|what| At { offset: value.offset(), what })
}

/// The characters of a string.
pub(crate) fn characters<E: From<DocumentError>>(value: Value<'_>) -> Result<&str, At<E>> {
    let Content::String(text) = &value.node.content else { return Err(value.is_not(Type::String)) };
    Ok(text)
}

/// A copy of the characters of a string.
pub(crate) fn string<E: From<DocumentError>>(value: Value<'_>) -> Result<String, At<E>> {
    characters(value).map(str::to_owned)
}

/// The entry of `words` for the string that `value` is.
pub(crate) fn word<T: Copy, E: From<DocumentError>>(
    value: Value<'_>,
    words: &[(&'static str, T)],
) -> Result<T, At<E>> {
    checked(value, characters, |word| {
        let found = words.iter().find(|(known, _)| *known == word);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known = words.iter().map(|(known, _)| *known).collect();
            DocumentError::UnknownWord { word: word.to_owned(), known }.into()
        })
    })
}

/// An integer in this range.
pub(crate) fn integer<T: TryFrom<u64>, E: From<DocumentError>>(
    value: Value<'_>,
    range: RangeInclusive<u64>,
) -> Result<T, At<E>> {
    let Content::Integer { digits, radix } = &value.node.content else {
        return Err(value.is_not(Type::Integer));
    };
    let number = whole_number(digits, *radix).filter(|number| range.contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| out_of_range(value, range))
}

/// The integer with these digits; none if no `u64` is so small or so large.
#[inline(never)]
fn whole_number(digits: &str, radix: IntegerRadix) -> Option<u64> {
    let number = |digits| u64::from_str_radix(digits, radix.value()).ok();
    match digits.strip_prefix('-') {
        None => number(digits),
        Some(digits) => number(digits).filter(|number| *number == 0),
    }
}

#[cold]
fn out_of_range<E: From<DocumentError>>(value: Value<'_>, range: RangeInclusive<u64>) -> At<E> {
    let Content::Integer { digits, radix } = &value.node.content else { return value.is_not(Type::Integer) };
    let prefix = match radix {
        IntegerRadix::Dec => "",
        IntegerRadix::Hex => "0x",
        IntegerRadix::Oct => "0o",
        IntegerRadix::Bin => "0b",
    };
    let (least, most) = range.into_inner();
    let wrong = DocumentError::OutOfRange { value: format!("{prefix}{digits}"), least, most };
    At { offset: value.offset(), what: wrong.into() }
}

/// An integer from 0 to the largest of `T`.
pub(crate) fn any_integer<T: TryFrom<u64>, E: From<DocumentError>>(value: Value<'_>) -> Result<T, At<E>> {
    integer(value, 0..=u64::MAX)
}

/// `true` or `false`.
pub(crate) fn boolean<E: From<DocumentError>>(value: Value<'_>) -> Result<bool, At<E>> {
    let Content::Boolean(boolean) = value.node.content else { return Err(value.is_not(Type::Boolean)) };
    Ok(boolean)
}

/// A date without a time of day.
pub(crate) fn day<E: From<DocumentError>>(value: Value<'_>) -> Result<Day, At<E>> {
    let Content::Date(day) = value.node.content else { return Err(value.is_not(Type::Date)) };
    Ok(day)
}

/// The values of a list.
pub(crate) fn list<E: From<DocumentError>>(value: Value<'_>) -> Result<Values<'_>, At<E>> {
    let Content::List { .. } = value.node.content else { return Err(value.is_not(Type::List)) };
    Ok(value.parts())
}

#[cfg(test)]
mod tests;
