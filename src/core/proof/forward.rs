//! One answer that holds a password followed by a code, for programs that can ask only one question.

use crate::proof::code::{Code, LONGEST_ANSWER, LongCode, Typed};

/// An answer that was cut in two. Cannot be printed.
pub struct Parts<'a> {
    /// The bytes before the code, possibly none.
    pub password: &'a [u8],
    /// The code or recovery code after the password.
    pub typed: Typed,
}

/// Length of a recovery code as it is shown: four groups of four with dashes between them.
const SHOWN: usize = 19;
/// The positions of the dashes.
const DASHES: [usize; 3] = [4, 9, 14];

/// Cuts the code off the end of `answer`. A recovery code must have the form in which it is shown, after a blank, which
/// is cut off too. A code must have as many digits as one of `lengths` says; the longest that fits is taken. None if
/// there is no code at the end. No answer matches both: the last group of a recovery code is too short for a code.
pub fn split<'a>(answer: &'a [u8], lengths: &[u8]) -> Option<Parts<'a>> {
    if answer.len() > LONGEST_ANSWER {
        return None;
    }
    split_recovery_code(answer).or_else(|| split_code(answer, lengths))
}

/// The dashes must be there: without them, the last word of a passphrase and a code after it could be taken for a
/// recovery code.
fn split_recovery_code(answer: &[u8]) -> Option<Parts<'_>> {
    let (rest, code) = answer.split_at_checked(answer.len().checked_sub(SHOWN)?)?;
    let has_dashes = DASHES.iter().all(|&at| code.get(at) == Some(&b'-'));
    let password = rest.strip_suffix(b" ").filter(|_| has_dashes)?;
    Some(Parts { password, typed: Typed::Recovery(LongCode::parse(code)?) })
}

fn split_code<'a>(answer: &'a [u8], lengths: &[u8]) -> Option<Parts<'a>> {
    let digits = answer.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let longest =
        lengths.iter().map(|&length| usize::from(length)).filter(|&length| length <= digits).max()?;
    let (password, code) = answer.split_at_checked(answer.len().checked_sub(longest)?)?;
    Some(Parts { password, typed: Typed::Code(Code::parse(code)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The password, a bar, and the code.
    fn cut(answer: &[u8], lengths: &[u8]) -> Option<Vec<u8>> {
        let Parts { password, typed } = split(answer, lengths)?;
        let code = match typed {
            Typed::Code(code) => code.expose_digits().to_owned(),
            Typed::Recovery(code) => code.expose_text().to_string(),
        };
        Some([password, b"|", code.as_bytes()].concat())
    }

    #[test]
    fn splits_code_off_the_end_and_keeps_any_password() {
        type Row = (&'static [u8], &'static [u8], Option<&'static [u8]>);
        let table: [Row; 22] = [
            (b"secret123456", &[6], Some(b"secret|123456")),
            (b"secret99123456", &[6], Some(b"secret99|123456")),
            (b"1234567890", &[6], Some(b"1234|567890")),
            (b"123456", &[6], Some(b"|123456")),
            (b"two words 123456", &[6], Some(b"two words |123456")),
            (b" 123456", &[6], Some(b" |123456")),
            (b"\xff\x00\n\x1b123456", &[6], Some(b"\xff\x00\n\x1b|123456")),
            (b"secret12345678", &[8], Some(b"secret|12345678")),
            (b"secret1234567", &[7], Some(b"secret|1234567")),
            // the longest that fits, in any order of the lengths
            (b"secret12345678", &[6, 8], Some(b"secret|12345678")),
            (b"secret12345678", &[8, 6, 7], Some(b"secret|12345678")),
            (b"secret123456", &[8, 6], Some(b"secret|123456")),
            (b"secret1234567", &[8, 6], Some(b"secret1|234567")),
            (b"secret123456", &[8], None),
            (b"secret", &[6], None),
            (b"secret12345", &[6], None),
            (b"12345", &[6], None),
            (b"", &[6], None),
            (b"secret123 456", &[6], None),
            (b"secret123456 ", &[6], None),
            (b"secret123456\n", &[6], None),
            (b"secret123456", &[], None),
        ];
        for (answer, lengths, expected) in table {
            assert_eq!(cut(answer, lengths).as_deref(), expected, "{} {lengths:?}", answer.escape_ascii());
        }
        for other_digits in ["secret１２３４５６", "secret١٢٣٤٥٦"] {
            assert_eq!(cut(other_digits.as_bytes(), &[6]), None);
        }
    }

    #[test]
    fn splits_recovery_code_off_after_a_blank_as_it_is_shown() {
        let table: [(&[u8], Option<&[u8]>); 11] = [
            (b"secret 0123-4567-89AB-CDFZ", Some(b"secret|0123-4567-89AB-CDFZ")),
            (b"secret oi23-4567-89ab-cdfz", Some(b"secret|0123-4567-89AB-CDFZ")),
            (b"two words  0123-4567-89AB-CDFZ", Some(b"two words |0123-4567-89AB-CDFZ")),
            (b" 0123-4567-89AB-CDFZ", Some(b"|0123-4567-89AB-CDFZ")),
            (b"0000-1111-2222-3333 0123-4567-8901-2345", Some(b"0000-1111-2222-3333|0123-4567-8901-2345")),
            (b"0123-4567-89AB-CDFZ", None),
            (b"secret0123-4567-89AB-CDFZ", None),
            (b"secret 0123-4567-89AB-CDFU", None),
            (b"secret 0123456789ABCDFZ", None),
            (b"secret 0123-4567-89AB CDFZ", None),
            // a passphrase whose last word and the code have sixteen letters and digits together
            (b"my secret strawberry123456", Some(b"my secret strawberry|123456")),
        ];
        for (answer, expected) in table {
            assert_eq!(cut(answer, &[6]).as_deref(), expected, "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn cuts_no_answer_of_more_than_512_bytes() {
        let of = |password: usize, code: &str| [b"x".repeat(password), code.into()].concat();
        assert!(split(&of(506, "123456"), &[6]).is_some());
        assert!(split(&of(507, "123456"), &[6]).is_none());
        assert!(split(&of(492, " 0123-4567-89AB-CDFZ"), &[6]).is_some());
        assert!(split(&of(493, " 0123-4567-89AB-CDFZ"), &[6]).is_none());
    }
}
