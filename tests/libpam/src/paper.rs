//! The answers, recovery codes and tickets of a user when the module's randomness is fixed. Their hashes come from Python,
//! which shares no code with the module under test.

use std::process::Command;
use std::sync::LazyLock;

use crate::{Generator, SECRET};

/// The salt of states that a test writes.
pub const SALT: [u8; 16] = *b"a salt for tests";

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bytes of the fixed getrandom(2). For user 0 they begin with [`SECRET`], so that it becomes the new key; the bytes
/// after it do not repeat. The bytes of another user are these, each XORed with the number of the user.
pub fn random_bytes(user: u8, length: usize) -> Vec<u8> {
    let secret = base32(SECRET, BASE32);
    let more = (0..).map(|n: usize| (n * 7 + 3) as u8);
    secret.into_iter().chain(more).take(length).map(|byte| byte ^ user).collect()
}

/// The app of this user after enrollment.
pub fn app(user: u8) -> Generator {
    let key = random_bytes(user, 20);
    let fives = key.chunks(5).map(|five| five.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte)));
    let letters = fives.flat_map(|bits| (0..8).map(move |n| (bits >> (35 - 5 * n) & 31) as usize));
    Generator::new(&letters.map(|letter| &BASE32[letter..=letter]).collect::<String>())
}

/// Decodes a text in an alphabet of 32 characters.
pub fn base32(text: &str, alphabet: &str) -> Vec<u8> {
    let bits: Vec<usize> = text.chars().map(|c| alphabet.find(c).unwrap()).collect();
    let bit = |at: usize| bits[at / 5] >> (4 - at % 5) & 1;
    (0..bits.len() * 5 / 8)
        .map(|byte| (0..8).fold(0, |value, n| value * 2 + bit(byte * 8 + n) as u8))
        .collect()
}

/// The ten bytes of the recovery code with this number, counted from 1.
pub fn recovery_bytes(number: usize) -> Vec<u8> {
    recovery_bytes_of(0, number)
}

fn recovery_bytes_of(user: u8, number: usize) -> Vec<u8> {
    random_bytes(user, SALT.len() + 10 * number)[SALT.len() + 10 * (number - 1)..].to_vec()
}

/// A long code as users see it: ten bytes in Crockford's base32, in groups of four.
pub fn long_code(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = bytes.iter().fold(0u128, |number, &byte| number << 8 | u128::from(byte));
    let characters: Vec<char> =
        (0..16).map(|n| ALPHABET[(number >> (75 - 5 * n) & 31) as usize].into()).collect();
    let groups: Vec<String> = characters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The recovery code with this number, counted from 1.
pub fn recovery_code(number: usize) -> String {
    recovery_code_of(0, number)
}

/// The recovery code with this number of this user.
pub fn recovery_code_of(user: u8, number: usize) -> String {
    long_code(&recovery_bytes_of(user, number))
}

/// The ticket that is issued with the randomness of this user.
pub fn ticket_of(user: u8) -> String {
    long_code(&random_bytes(user, 10))
}

/// The answers of a whole enrollment at `now` with eight recovery codes: two codes, and the last group of the first
/// recovery code, which is the one that the dialogue asks for.
pub fn dialogue(now: i64) -> [String; 3] {
    let app = Generator::default();
    let last = recovery_code(1).rsplit('-').next().unwrap().to_owned();
    [app.at(now), app.at(now + 30), last]
}

/// PBKDF2-HMAC-SHA-256 of ten bytes with this salt (docs/FILEFORMAT.md).
pub fn hash(bytes: &[u8], salt: &[u8]) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let program = "import hashlib, sys; a = [bytes.fromhex(x) for x in sys.argv[1:]]; \
                   print(hashlib.pbkdf2_hmac('sha256', a[0], a[1], 10000, 16).hex())";
    let output = Command::new("python3").args(["-c", program, &hex(bytes), &hex(salt)]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (0..16).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The hashes of the first eight recovery codes with [`SALT`].
pub fn hashes() -> &'static [Vec<u8>] {
    static HASHES: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| (1..=8).map(|number| hash(&recovery_bytes(number), &SALT)).collect());
    &HASHES
}
