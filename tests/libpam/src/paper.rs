//! What a newcomer types, and notes on paper, if the module's randomness is fixed; and what is kept of it, computed by
//! Python, which shares no line with the code under test.

use std::process::Command;
use std::sync::LazyLock;

use crate::{Generator, SECRET};

/// A salt, for states that are written by hand.
pub const SALT: [u8; 16] = *b"a salt for tests";

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What getrandom(2) gives if it is fixed: first [`SECRET`], so that it is the new key, then bytes that do not repeat. Those
/// are of the first person, with the number 0; each bit of their number is changed in those of any other.
pub fn random_bytes(person: u8, length: usize) -> Vec<u8> {
    let secret = base32(SECRET, BASE32);
    let more = (0..).map(|n: usize| (n * 7 + 3) as u8);
    secret.into_iter().chain(more).take(length).map(|byte| byte ^ person).collect()
}

/// The app of this person once they have enrolled.
pub fn app(person: u8) -> Generator {
    let key = random_bytes(person, 20);
    let fives = key.chunks(5).map(|five| five.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte)));
    let letters = fives.flat_map(|bits| (0..8).map(move |n| (bits >> (35 - 5 * n) & 31) as usize));
    Generator::new(&letters.map(|letter| &BASE32[letter..=letter]).collect::<String>())
}

/// The bits that these characters of an alphabet of 32 spell.
pub fn base32(text: &str, alphabet: &str) -> Vec<u8> {
    let bits: Vec<usize> = text.chars().map(|c| alphabet.find(c).unwrap()).collect();
    let bit = |at: usize| bits[at / 5] >> (4 - at % 5) & 1;
    (0..bits.len() * 5 / 8)
        .map(|byte| (0..8).fold(0, |value, n| value * 2 + bit(byte * 8 + n) as u8))
        .collect()
}

/// The ten bytes of the recovery code with this number, from 1.
pub fn recovery_bytes(number: usize) -> Vec<u8> {
    recovery_bytes_of(0, number)
}

fn recovery_bytes_of(person: u8, number: usize) -> Vec<u8> {
    random_bytes(person, SALT.len() + 10 * number)[SALT.len() + 10 * (number - 1)..].to_vec()
}

/// A long code as it is shown: ten bytes in Crockford's base32, in groups of four.
pub fn long_code(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = bytes.iter().fold(0u128, |number, &byte| number << 8 | u128::from(byte));
    let characters: Vec<char> =
        (0..16).map(|n| ALPHABET[(number >> (75 - 5 * n) & 31) as usize].into()).collect();
    let groups: Vec<String> = characters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The recovery code with this number, from 1.
pub fn recovery_code(number: usize) -> String {
    recovery_code_of(0, number)
}

/// That of another person.
pub fn recovery_code_of(person: u8, number: usize) -> String {
    long_code(&recovery_bytes_of(person, number))
}

/// The ticket that is issued with the randomness of this person.
pub fn ticket_of(person: u8) -> String {
    long_code(&random_bytes(person, 10))
}

/// The answers of a whole enrollment at `now` with eight recovery codes: two codes, and the last group of the recovery code
/// that is asked for, which is the first.
pub fn dialogue(now: i64) -> [String; 3] {
    let app = Generator::default();
    let last = recovery_code(1).rsplit('-').next().unwrap().to_owned();
    [app.at(now), app.at(now + 30), last]
}

/// PBKDF2-HMAC-SHA-256 of ten bytes with this salt, as docs/FILEFORMAT.md says.
pub fn hash(bytes: &[u8], salt: &[u8]) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let program = "import hashlib, sys; a = [bytes.fromhex(x) for x in sys.argv[1:]]; \
                   print(hashlib.pbkdf2_hmac('sha256', a[0], a[1], 10000, 16).hex())";
    let output = Command::new("python3").args(["-c", program, &hex(bytes), &hex(salt)]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (0..16).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// What is kept of the first eight recovery codes with [`SALT`].
pub fn hashes() -> &'static [Vec<u8>] {
    static HASHES: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| (1..=8).map(|number| hash(&recovery_bytes(number), &SALT)).collect());
    &HASHES
}
