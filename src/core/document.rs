//! A TOML document, read key by key. The caller asks for each value by its key; a key that was not asked for is an
//! error.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::time::Day;

/// No table of twostep's files has more keys.
const MOST_KEYS: usize = 12;

/// The most errors that are reported for one document.
pub(crate) const MOST_ERRORS: usize = 100;

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
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(_) => Self::String,
            DeValue::Integer(_) => Self::Integer,
            DeValue::Float(_) => Self::Float,
            DeValue::Boolean(_) => Self::Boolean,
            DeValue::Datetime(moment) if moment.time.is_none() => Self::Date,
            DeValue::Datetime(_) => Self::Time,
            DeValue::Array(_) => Self::List,
            DeValue::Table(_) => Self::Table,
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
    /// It is not TOML. The text is that of the crate `toml`, on one line.
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

/// A TOML value with its byte range in the text.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// `bytes` as UTF-8. The error has the offset of the first byte that is not UTF-8.
pub(crate) fn text_of<E: From<DocumentError>>(bytes: &[u8]) -> Result<&str, At<E>> {
    std::str::from_utf8(bytes)
        .map_err(|error| At { offset: error.valid_up_to(), what: DocumentError::NotUtf8.into() })
}

/// A table. The reader asks for each key once.
pub(crate) struct Table<'t> {
    /// The byte offset of the table.
    offset: usize,
    keys: Vec<(Spanned<DeString<'t>>, Option<Value<'t>>)>,
    asked: Vec<&'static str>,
}

impl<'t> Table<'t> {
    /// Parses a document as a table. Fails with its first syntax error.
    pub(crate) fn parse<E: From<DocumentError>>(text: &'t str) -> Result<Self, At<E>> {
        let keys = DeTable::parse(text).map_err(|error| of_syntax(&error))?;
        Ok(Self::new(0, keys.into_inner()))
    }

    fn new(offset: usize, keys: DeTable<'t>) -> Self {
        let keys = keys.into_iter().map(|(key, value)| (key, Some(value))).collect();
        Self { offset, keys, asked: Vec::with_capacity(MOST_KEYS) }
    }

    /// Takes a value as a table.
    pub(crate) fn of<E: From<DocumentError>>(value: Value<'t>) -> Result<Self, At<E>> {
        let offset = value.span().start;
        let keys =
            typed(
                value,
                Type::Table,
                |value| if let DeValue::Table(keys) = value { Some(keys) } else { None },
            );
        Ok(Self::new(offset, keys?))
    }

    /// Reads the value of `key` with `read`; none if the table has no such key.
    pub(crate) fn read<T, E>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'t>) -> Result<T, At<E>>,
    ) -> Result<Option<T>, At<E>> {
        self.asked.push(key);
        let found = self.keys.iter_mut().find(|(name, _)| name.get_ref() == key);
        found.and_then(|(_, value)| value.take()).map(read).transpose()
    }

    /// Reads the value of `key` with `read`. It is an error if the table has no such key.
    pub(crate) fn need<T, E: From<DocumentError>>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'t>) -> Result<T, At<E>>,
    ) -> Result<T, At<E>> {
        let missing = At { offset: self.offset, what: DocumentError::MissingKey(key).into() };
        self.read(key, read)?.ok_or(missing)
    }

    /// An error for each key that was not asked for.
    pub(crate) fn unknown_keys<E: From<DocumentError>>(&self) -> impl Iterator<Item = At<E>> {
        self.keys.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| {
            let unknown =
                DocumentError::UnknownKey { key: key.get_ref().to_string(), known: self.asked.clone() };
            At { offset: key.span().start, what: unknown.into() }
        })
    }
}

/// All syntax errors, at most one a line: further errors on a line mostly follow from the first.
pub(crate) fn syntax_errors<E: From<DocumentError>>(text: &str) -> Vec<At<E>> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<At<E>> = errors.iter().map(of_syntax).collect();
    errors.sort_by_key(|error| error.offset);
    errors.truncate(MOST_ERRORS);
    errors.dedup_by(|next, first| {
        let between = text.as_bytes().get(first.offset..next.offset).unwrap_or_default();
        !between.contains(&b'\n')
    });
    errors
}

fn of_syntax<E: From<DocumentError>>(error: &toml::de::Error) -> At<E> {
    let offset = error.span().map_or(0, |span| span.start);
    At { offset, what: DocumentError::Syntax(error.message().replace('\n', ", ")).into() }
}

/// Takes `part` out of `value`, which must be of the type `expected`.
fn typed<'t, T, E: From<DocumentError>>(
    value: Value<'t>,
    expected: Type,
    part: impl FnOnce(DeValue<'t>) -> Option<T>,
) -> Result<T, At<E>> {
    let (offset, found) = (value.span().start, Type::of(value.get_ref()));
    let wrong = || At { offset, what: DocumentError::WrongType { expected, found }.into() };
    part(value.into_inner()).ok_or_else(wrong)
}

/// Reads the value with `read` and checks the result with `check`. An error of `check` gets the offset of the value.
pub(crate) fn checked<'t, T, U, E>(
    value: Value<'t>,
    read: impl FnOnce(Value<'t>) -> Result<T, At<E>>,
    check: impl FnOnce(T) -> Result<U, E>,
) -> Result<U, At<E>> {
    let offset = value.span().start;
    check(read(value)?).map_err(|what| At { offset, what })
}

/// The characters of a string.
pub(crate) fn string<E: From<DocumentError>>(value: Value<'_>) -> Result<String, At<E>> {
    characters(value).map(Cow::into_owned)
}

fn characters<E: From<DocumentError>>(value: Value<'_>) -> Result<DeString<'_>, At<E>> {
    typed(value, Type::String, |value| if let DeValue::String(text) = value { Some(text) } else { None })
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
            DocumentError::UnknownWord { word: word.into_owned(), known }.into()
        })
    })
}

/// An integer in this range.
pub(crate) fn integer<T: TryFrom<u64>, E: From<DocumentError>>(
    value: Value<'_>,
    range: RangeInclusive<u64>,
) -> Result<T, At<E>> {
    let written = |value| if let DeValue::Integer(integer) = value { Some(integer) } else { None };
    checked(
        value,
        |value| typed(value, Type::Integer, written),
        |integer| {
            // As i128, so that "-0" is 0.
            let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
            let number = number.and_then(|number| u64::try_from(number).ok());
            let number =
                number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
            number.ok_or_else(|| {
                let (least, most) = range.into_inner();
                DocumentError::OutOfRange { value: integer.to_string(), least, most }.into()
            })
        },
    )
}

/// An integer from 0 to the largest of `T`.
pub(crate) fn any_integer<T: TryFrom<u64>, E: From<DocumentError>>(value: Value<'_>) -> Result<T, At<E>> {
    integer(value, 0..=u64::MAX)
}

/// `true` or `false`.
pub(crate) fn boolean<E: From<DocumentError>>(value: Value<'_>) -> Result<bool, At<E>> {
    typed(
        value,
        Type::Boolean,
        |value| if let DeValue::Boolean(boolean) = value { Some(boolean) } else { None },
    )
}

/// A date without a time of day.
pub(crate) fn day<E: From<DocumentError>>(value: Value<'_>) -> Result<Day, At<E>> {
    typed(value, Type::Date, |value| {
        let DeValue::Datetime(moment) = value else { return None };
        let date = moment.date.filter(|_| moment.time.is_none())?;
        Some(Day::new(date.year, date.month, date.day))
    })
}

/// The values of a list.
pub(crate) fn list<E: From<DocumentError>>(value: Value<'_>) -> Result<Vec<Value<'_>>, At<E>> {
    let values =
        typed(
            value,
            Type::List,
            |value| if let DeValue::Array(values) = value { Some(values) } else { None },
        );
    Ok(values?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_lines_and_characters_from_1() {
        let text = "a\nüb\n".as_bytes();
        let at = |offset| {
            let Position { line, column } = Position::of(offset, text);
            (line, column)
        };
        assert_eq!([0, 1, 2, 4, 5, 6, 99].map(at), [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 1)]);
    }

    #[test]
    fn names_choice_of_words() {
        assert_eq!(one_of(&[]), "");
        assert_eq!(one_of(&["a"]), "'a'");
        assert_eq!(one_of(&["a", "b", "c"]), "'a', 'b' or 'c'");
    }

    /// `read` on the value of the key `x`.
    fn read<T>(
        value: &str,
        read: impl FnOnce(Value<'_>) -> Result<T, At<DocumentError>>,
    ) -> Result<T, DocumentError> {
        let text = format!("x = {value}\n");
        let read = Table::parse(&text).and_then(|mut table| table.need("x", read));
        read.map_err(|error| error.what)
    }

    #[test]
    fn reads_integers_in_every_notation() {
        for (text, value) in
            [("0", 0), ("-0", 0), ("+7", 7), ("1_0", 10), ("0x1F", 31), ("0o17", 15), ("0b11", 3)]
        {
            assert_eq!(read(text, |value| integer(value, 0..=31)), Ok(value), "{text}");
        }
        let wrong = |text| read(text, |value| integer::<u8, _>(value, 1..=10)).unwrap_err().to_string();
        assert_eq!(wrong("11"), "11 is out of range: 1 to 10");
        assert_eq!(wrong("99999999999999999999"), "99999999999999999999 is out of range: 1 to 10");
        assert_eq!(wrong("1.0"), "expected an integer, found a fraction");
        assert_eq!(
            read("256", any_integer::<u8, _>).unwrap_err().to_string(),
            "256 is out of range: 0 or more"
        );
    }

    #[test]
    fn tells_types_apart() {
        let found = [
            ("\"a\"", "a string"),
            ("1", "an integer"),
            ("inf", "a fraction"),
            ("true", "true or false"),
            ("2027-01-01", "a date"),
            ("2027-01-01T00:00:00Z", "a time of day"),
            ("00:00:00", "a time of day"),
            ("[]", "a list"),
        ];
        for (text, name) in found {
            let error = read(text, |value| Table::of(value).map(|_| ())).unwrap_err();
            assert_eq!(error.to_string(), format!("expected a table, found {name}"));
        }
        assert_eq!(read("{}", string).unwrap_err().to_string(), "expected a string, found a table");
        assert_eq!(read("2027-01-02", day), Ok(Day::new(2027, 1, 2)));
        assert!(["2027-01-02T00:00:00", "\"2027-01-02\""].iter().all(|text| read(text, day).is_err()));
    }

    #[test]
    fn reports_key_that_was_not_asked_for() {
        let mut table = Table::parse::<DocumentError>("a = 1\nb = 2\n").unwrap();
        assert_eq!(table.read("c", any_integer::<u8, DocumentError>), Ok(None));
        assert_eq!(table.read("a", any_integer::<u8, DocumentError>), Ok(Some(1)));
        let unknown: Vec<At<DocumentError>> = table.unknown_keys().collect();
        let expected = DocumentError::UnknownKey { key: "b".to_owned(), known: vec!["c", "a"] };
        assert_eq!(unknown, [At { offset: 6, what: expected }]);
    }
}
