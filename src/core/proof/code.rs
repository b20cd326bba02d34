//! What a user types at the prompt.

use base32::Alphabet::Crockford;

use crate::zeroizing::Zeroizing;

/// One answer at a prompt, in bytes, because it may not be UTF-8. Wiped when dropped.
pub type Answer = Zeroizing<Vec<u8>>;

/// The longest answer that is parsed, in bytes: PAM_MAX_RESP_SIZE, which libpam itself does not enforce.
pub const LONGEST_ANSWER: usize = 512;

/// An answer that has the shape of a code or of a recovery code.
pub enum Typed {
    /// A code of an authenticator.
    Code(Code),
    /// A recovery code: 80 bits in Crockford's base32.
    Recovery(LongCode),
}

impl Typed {
    /// Parses an answer; none if it has neither shape. The two shapes differ in length.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        Code::parse(answer).map(Self::Code).or_else(|| LongCode::parse(answer).map(Self::Recovery))
    }

    /// An answer that parses to the same value.
    pub(crate) fn expose_answer(&self) -> Answer {
        match self {
            Self::Code(code) => Answer::new(code.expose_digits().into()),
            Self::Recovery(code) => Answer::new(code.expose_text().as_bytes().into()),
        }
    }
}

/// The fewest characters of any code.
const SHORTEST_CODE: usize = 6;

/// What a refused answer shows to the user who typed it. It depends on nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It may be a code or a recovery code.
    MayBeCode,
    /// It is empty.
    Empty,
    /// It has fewer characters than any code.
    TooShort,
    /// It has only digits, and more or fewer than any code.
    Digits(usize),
    /// It is no code for another reason.
    NotACode,
}

impl Shape {
    /// The shape of an answer.
    pub fn of(answer: &[u8]) -> Self {
        let characters = answer.iter().filter(|byte| !BETWEEN.contains(byte));
        let is_number = || characters.clone().all(u8::is_ascii_digit);
        match characters.clone().count() {
            0 => Self::Empty,
            1..SHORTEST_CODE => Self::TooShort,
            _ if Typed::parse(answer).is_some() => Self::MayBeCode,
            digits if is_number() => Self::Digits(digits),
            _ => Self::NotACode,
        }
    }

    /// The shape of an answer of which only the length counts. For a user whom it refuses, sshd replaces each answer by
    /// a text of the same length. A shape of the content would reveal this.
    pub fn of_length(bytes: usize) -> Self {
        match bytes {
            0 => Self::Empty,
            1..SHORTEST_CODE => Self::TooShort,
            _ => Self::MayBeCode,
        }
    }
}

/// A code of 6 to 8 digits (RFC 4226 section 5.3), already parsed. Cannot be printed; wiped when dropped.
pub struct Code(Zeroizing<String>);

impl Code {
    /// Parses an answer. Blanks, line ends and dashes are dropped, because apps show codes in groups. The rest must be
    /// 6 to 8 ASCII digits.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let digits = condensed::<8>(answer)?;
        let is_code = digits.len() >= SHORTEST_CODE && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits))
    }

    /// The digits, for the comparison.
    pub(crate) fn expose_digits(&self) -> &str {
        &self.0
    }
}

/// Bytes of a long code: 80 bits, so that guessing is hopeless.
pub const LONG_CODE_BYTES: usize = 10;
/// Characters of a long code, without the dashes.
const LONG_CODE_LENGTH: usize = 16;
/// Characters between two dashes.
const GROUP: usize = 4;

/// The form of a recovery code and of a ticket: 80 random bits in Crockford's base32
/// (<https://www.crockford.com/base32.html>), as four groups of four. Cannot be printed by accident; wiped when
/// dropped.
pub struct LongCode(Zeroizing<[u8; LONG_CODE_BYTES]>);

impl LongCode {
    /// The long code of these random bytes.
    pub fn new(bytes: [u8; LONG_CODE_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Parses an answer. Case, blanks and dashes do not matter; `o` is read as zero, `i` and `l` as one.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let characters = condensed::<LONG_CODE_LENGTH>(answer)?;
        let bytes = Zeroizing::new(base32::decode(Crockford, &characters)?);
        let again = Zeroizing::new(base32::encode(Crockford, &bytes)); // the crate accepts corrupt text
        let whole =
            bytes.as_slice().try_into().ok().filter(|_| again.as_str() == as_meant(&characters).as_str())?;
        Some(Self::new(whole))
    }

    /// The four groups, to be shown once.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LONG_CODE_LENGTH.saturating_add(3)));
        // Five bytes at a time: the crate's buffer for more would grow and leave an unwiped copy.
        for (index, five) in self.0.chunks(5).enumerate() {
            let eight = Zeroizing::new(base32::encode(Crockford, five));
            let (first, second) = eight.split_at_checked(GROUP).unwrap_or_default();
            text.extend([if index == 0 { "" } else { "-" }, first, "-", second]);
        }
        text
    }

    /// The bits, to be hashed.
    pub(crate) fn expose_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Whether `answer` is the last group of this code, or all of it, in any spelling that is accepted for a code.
    pub fn ends_with(&self, answer: &[u8]) -> bool {
        let text = self.expose_text();
        let last = text.rsplit('-').next().unwrap_or_default();
        let is_last = condensed::<GROUP>(answer).is_some_and(|group| as_meant(&group).as_str() == last);
        is_last || Self::parse(answer).is_some_and(|typed| *typed.0 == *self.0)
    }
}

/// The characters between those of a code: blanks, line ends and dashes.
const BETWEEN: &[u8] = b" \t\r\n-";

/// `answer` without blanks, line ends and dashes. None if the rest is longer than `MOST` or has a character that is not
/// an ASCII letter or digit.
fn condensed<const MOST: usize>(answer: &[u8]) -> Option<Zeroizing<String>> {
    if answer.len() > LONGEST_ANSWER {
        return None;
    }
    let mut condensed = Zeroizing::new(String::with_capacity(MOST));
    for &byte in answer.iter().filter(|byte| !BETWEEN.contains(byte)) {
        if !byte.is_ascii_alphanumeric() || condensed.len() == MOST {
            return None;
        }
        condensed.push(char::from(byte));
    }
    Some(condensed)
}

/// Replaces the letters that Crockford's base32 reads as digits.
fn as_meant(characters: &str) -> Zeroizing<String> {
    let mut meant = Zeroizing::new(String::with_capacity(characters.len()));
    meant.extend(characters.chars().map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }));
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_six_to_eight_ascii_digits_as_code() {
        let table: [(&[u8], Option<&str>); 17] = [
            (b"123456", Some("123456")),
            (b"1234567", Some("1234567")),
            (b"12345678", Some("12345678")),
            (b"123 456", Some("123456")),
            (b"123-456", Some("123456")),
            (b" 123456\r\n", Some("123456")),
            (b"12345", None),
            (b"123456789", None),
            (b"", None),
            (b"   ", None),
            (b"\n", None),
            (b"12345a", None),
            (b"+123456", None),
            (b"\x08\n\r\x7fINCORRECT", None),
            (b"123456\0", None),
            ("１２３４５６".as_bytes(), None),
            ("١٢٣٤٥٦".as_bytes(), None),
        ];
        for (typed, expected) in table {
            assert_eq!(Code::parse(typed).as_ref().map(Code::expose_digits), expected, "{typed:?}");
        }
    }

    #[test]
    fn refuses_code_in_answer_of_more_than_512_bytes() {
        let padded = |blanks: usize| [b" ".repeat(blanks), b"123456".to_vec()].concat();
        assert!(Code::parse(&padded(506)).is_some());
        assert!(Code::parse(&padded(507)).is_none());
    }

    #[test]
    fn reads_long_code_in_every_spelling() {
        let code = LongCode::new([0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xff]);
        assert_eq!(code.expose_text().as_str(), "0123-4567-89AB-CDFZ");
        for spelling in [
            "0123456789ABCDFZ",
            "0123-4567-89ab-cdfz",
            "oi23 4567 89AB CDFZ",
            " OL23-4567-89AB-cdfZ\r\n",
            "o-I-2-345678 9abcdfz",
        ] {
            let parsed = LongCode::parse(spelling.as_bytes());
            assert!(parsed.is_some_and(|parsed| parsed.0 == code.0), "{spelling}");
            assert!(code.ends_with(spelling.as_bytes()), "{spelling}");
        }
        for other in [
            "0123-4567-89AB-CDFY",
            "0123-4567-89AB-CDF",
            "0123-4567-89AB-CDFZ-0",
            "0123-4567-89AB-CDFU",
            "",
            "Ä123-4567-89AB-CDF",
        ] {
            let parsed = LongCode::parse(other.as_bytes());
            assert!(parsed.is_none_or(|parsed| parsed.0 != code.0), "{other}");
        }
        for last in ["CDFZ", "cdfz", " c-d fz\n"] {
            assert!(code.ends_with(last.as_bytes()), "{last}");
        }
        for not_last in ["0123", "CDFY", "", "FZ", "89AB", "89AB-CDFZ"] {
            assert!(!code.ends_with(not_last.as_bytes()), "{not_last}");
        }
    }

    #[test]
    fn exposes_an_answer_that_parses_to_the_same() {
        for typed in ["123456", "0123-4567-89AB-CDFZ"] {
            let answer = Typed::parse(typed.as_bytes()).unwrap().expose_answer();
            assert_eq!(answer.as_slice(), typed.as_bytes());
        }
    }

    #[test]
    fn names_shape_of_answer_that_is_no_code() {
        use Shape::{Digits, Empty, MayBeCode, NotACode, TooShort};
        // answer, its shape, and the shape of which only the length is known
        let table: [(&str, Shape, Shape); 14] = [
            ("", Empty, Empty),
            (" - ", Empty, TooShort),
            ("1", TooShort, TooShort),
            ("abcde", TooShort, TooShort),
            ("12345", TooShort, TooShort),
            ("1 2 3", TooShort, TooShort),
            ("1 2 3 4", TooShort, MayBeCode),
            ("123456", MayBeCode, MayBeCode),
            ("1234 5678", MayBeCode, MayBeCode),
            ("0123-4567-89ab-cdfz", MayBeCode, MayBeCode),
            ("123 456 789", Digits(9), MayBeCode),
            ("12345678123456789", Digits(17), MayBeCode),
            ("secret", NotACode, MayBeCode),
            ("\x08\n\r\x7fINCORRECT", NotACode, MayBeCode),
        ];
        for (answer, shape, of_length) in table {
            assert_eq!(Shape::of(answer.as_bytes()), shape, "{answer:?}");
            assert_eq!(Shape::of_length(answer.len()), of_length, "{answer:?}");
        }
    }

    #[test]
    fn tells_code_from_long_code_by_length() {
        for (typed, kind) in [
            ("123456", 1),
            ("12345678", 1),
            ("123456789", 0),
            ("1234567812345678", 2),
            ("12345678123456789", 0),
        ] {
            let parsed = match Typed::parse(typed.as_bytes()) {
                None => 0,
                Some(Typed::Code(_)) => 1,
                Some(Typed::Recovery(_)) => 2,
            };
            assert_eq!(parsed, kind, "{typed}");
        }
    }
}
