//! What a person types at the prompt.

use zeroize::Zeroizing;

/// One answer at a prompt: bytes, because nobody promises UTF-8. Wiped when dropped.
pub type Answer = Zeroizing<Vec<u8>>;

/// The longest answer that is looked at, in bytes: PAM_MAX_RESP_SIZE, which libpam itself does not enforce.
pub const LONGEST_ANSWER: usize = 512;

/// A code of 6 to 8 digits (RFC 4226 section 5.3), already parsed. Cannot be printed; wiped when dropped.
pub struct Code(Zeroizing<String>);

impl Code {
    /// Parses an answer. Blanks, line ends and dashes are dropped, because apps show codes in groups; what then is
    /// not 6 to 8 ASCII digits is no code.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        if answer.len() > LONGEST_ANSWER {
            return None;
        }
        let mut digits = Zeroizing::new(String::with_capacity(8));
        for &byte in answer.iter().filter(|byte| !b" \t\r\n-".contains(byte)) {
            if !byte.is_ascii_digit() || digits.len() == 8 {
                return None;
            }
            digits.push(char::from(byte));
        }
        (digits.len() >= 6).then_some(Self(digits))
    }

    /// The digits, for the comparison.
    pub(crate) fn expose_digits(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_to_eight_ascii_digits_are_a_code_and_nothing_else_is() {
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
    fn an_answer_of_more_than_512_bytes_is_no_code() {
        let padded = |blanks: usize| [b" ".repeat(blanks), b"123456".to_vec()].concat();
        assert!(Code::parse(&padded(506)).is_some());
        assert!(Code::parse(&padded(507)).is_none());
    }
}
