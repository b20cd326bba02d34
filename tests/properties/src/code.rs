use twostep_core::proof::code::{LongCode, Typed};
use twostep_core::proof::forward::{self, Parts};

/// An answer at a prompt. Without blanks, line ends and dashes, a code is 6 to 8 digits, and a recovery code is 16
/// characters of Crockford's base32. Nothing else is a code. With `forward_pass` the rest of the answer is the password.
pub fn code(bytes: &[u8]) {
    assert_eq!(kind_of(Typed::parse(bytes).as_ref()), expected(bytes), "{}", bytes.escape_ascii());
    if let Some(long) = LongCode::parse(bytes) {
        assert_eq!(Some(without_dashes(&long)), read(bytes));
        assert!(long.ends_with(bytes));
    }
    for lengths in [&[6][..], &[8, 6], &[7], &[]] {
        if let Some(parts) = forward::split(bytes, lengths) {
            check_parts(bytes, &parts, lengths);
        }
    }
}

fn check_parts(answer: &[u8], Parts { password, typed }: &Parts<'_>, lengths: &[u8]) {
    let shown = answer.escape_ascii();
    let rest = answer.strip_prefix(*password).unwrap_or_else(|| panic!("{shown}: another password"));
    let (code, kind) = match typed {
        Typed::Code(_) => (rest, 6),
        Typed::Recovery(_) => (rest.strip_prefix(b" ").expect("a blank"), 16),
    };
    assert_eq!(expected(code), Some(kind), "{shown}");
    let is_plain = code.iter().all(u8::is_ascii_digit)
        && lengths.iter().any(|&length| code.len() == usize::from(length));
    assert!(is_plain || (kind == 16 && code.len() == 19), "{shown}");
}

/// The length, 6 for all codes.
fn kind_of(typed: Option<&Typed>) -> Option<usize> {
    typed.map(|typed| match typed {
        Typed::Code(_) => 6,
        Typed::Recovery(_) => 16,
    })
}

fn expected(answer: &[u8]) -> Option<usize> {
    let digits: Vec<u8> = answer.iter().copied().filter(|byte| !b" \t\r\n-".contains(byte)).collect();
    if answer.len() <= 512 && (6..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) {
        return Some(6);
    }
    read(answer).map(|_| 16)
}

fn without_dashes(code: &LongCode) -> String {
    code.expose_text().replace('-', "")
}

/// The answer in canonical Crockford base32, if it has 16 characters of it.
fn read(answer: &[u8]) -> Option<String> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let characters = answer.iter().filter(|byte| !b" \t\r\n-".contains(byte));
    let meant: String = characters
        .map(|&byte| match byte.to_ascii_uppercase() {
            b'O' => '0',
            b'I' | b'L' => '1',
            other => char::from(other),
        })
        .collect();
    (answer.len() <= 512 && meant.len() == 16 && meant.chars().all(|c| ALPHABET.contains(c))).then_some(meant)
}
