//! Files with a secret in any place and spelling, as a user may give them to `twostep import`.

use proptest::prelude::*;

/// Lines in which `{K}` is the key, `{H}` and `{T}` its first and second half, and `{N}` a name.
const LINES: [&str; 58] = [
    "{K}",
    "{K}\n\" TOTP_AUTH",
    "{K} {N}\n\" TOTP_AUTH",
    "\" TOTP_AUTH\n{K}",
    "{K}\n\" STEP_SIZE {K}\n\" TOTP_AUTH",
    "{K}\n\" WINDOW_SIZE {K}\n\" TOTP_AUTH",
    "{K}\n\" DISALLOW_REUSE {K}\n\" TOTP_AUTH",
    "{K}\n\" HOTP_COUNTER {K}",
    "{K}\n\" DIGITS {K}\n\" TOTP_AUTH",
    "{K}\n\" ALGORITHM {K}\n\" TOTP_AUTH",
    "{K}\n\" TIME_SKEW {K}\n\" {K}\n\" TOTP_AUTH",
    "HOTP/T30/6 {N} - {K}",
    "HOTP/T30/6 {N} - {K}Z",
    "HOTP/T30/6 {K} - {N}",
    "HOTP/T30/6\t{K}\t{K}\t{K}",
    "HOTP/T30 {N} {K} {K}",
    "HOTP/T30 {N} - {H} {T}",
    "HOTP/T30 {H} {T} - {K}",
    "HOTP/T30 {N} - {K} {K} {K} {K}",
    "HOTP/{K} {N} - {K}",
    "HOTP{K} {N} - {K}",
    "HOTP/T30/{K} {N} - {K}",
    "HOTP/E/6 {K} - {K}",
    "{K} HOTP/T30/6 {N} -",
    "{N} - {K}",
    "# {N} {K}",
    "{K} {N}",
    "{N} {K}",
    "{N},{K}",
    "{N}: {K}",
    "{N}:{K}",
    "{K},{N},totp,6,30",
    "{N} otpauth://totp/{N}?secret={K}",
    "{N}: otpauth://totp/{N}?secret={K}",
    "otpauth://totp/{N}?secret={K}",
    "otpauth://totp/{N}@box?secret={K}",
    "otpauth://totp/{K}?secret={K}",
    "otpauth://totp/Corp:{K}?secret={K}&issuer=Corp",
    "otpauth://totp/{K}:{N}?secret={K}&issuer={K}",
    "{K} otpauth://totp/{N}?secret={K}",
    "{K}@box otpauth://totp/{K}@box?secret={K}",
    "{N} {K} otpauth://totp/{N}?secret={K}",
    "{N} otpauth://totp/{N}?secret={K} {K}",
    "{N} otpauth://totp/{N}?secret={K}&secret={T}",
    "{N} otpauth://totp/{N}?secret={H}-{T}%20",
    "{N} otpauth://totp/{N}?secret={K}&digits={K}",
    "{N} otpauth://totp/{N}?secret={K}&period={K}",
    "{N} otpauth://totp/{N}?secret={K}&algorithm={K}",
    "{N} otpauth://totp/{N}?{K}={K}",
    "{N} otpauth://{K}/{N}?secret={K}",
    "{N} otpauth://{K}",
    "{K} otpauth://hotp/{N}?secret={K}&counter=1",
    "OTPAUTH://totp/{N}?secret={K} {N}",
    "otpauth://steam/{N}?secret={K}",
    "otpauth-migration://offline?data={K}",
    "[{\"secret\":\"{K}\",\"issuer\":\"My Box\",\"label\":\"{N}\",\"thumbnail\":\"Default\"}]",
    "{\n  \"services\": [\n    {\n      \"name\": \"{N}\",\n      \"secret\": \"{K}\"\n    }\n  ],\n  \"schemaVersion\": 4\n}",
    "{\"version\": 1, \"header\": {\"slots\": null}, \"db\": {\"entries\": [{\"info\": {\"secret\": \"{K}\"}}]}}",
];

/// Names beside the key: of an account, of none, and no name.
const NAMES: [&str; 5] = ["daemon", "nosuchuser", "x", "", "Alice Smith"];

/// A file, and the key in it.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    pub(super) file: Vec<u8>,
    key: Vec<u8>,
    /// The key as the file has it.
    spelled: String,
}

pub(super) fn arrangements() -> impl Strategy<Value = Arrangement> {
    let key = prop::collection::vec(any::<u8>(), 10..33);
    let lines = prop::collection::vec((0..LINES.len(), 0..NAMES.len()), 1..4);
    let around = ("[ -~]{0,6}", 0..10_u8, any::<u8>());
    (key, 0..SPELLINGS.len(), lines, around).prop_map(|(key, spelling, lines, (noise, trait_, at))| {
        let spelled = SPELLINGS[spelling](&key);
        let written = lines.iter().map(|&(line, name)| line_of(LINES[line], &spelled, NAMES[name]));
        let mut text: String = written.collect();
        match trait_ {
            0 => text.insert(0, '\u{feff}'),
            1 => text = text.replace('\n', "\r\n"),
            2 => text.truncate(text.trim_end().len()),
            3 => text.insert_str(0, "  \t"),
            4 => text = text.replace(' ', "\u{a0}"),
            5 => text = format!("{noise}{text}"),
            6 => text = text.replace('\n', &format!("{noise}\n")),
            7 => text = text.replace('\n', "\r"),
            _ => {}
        }
        let mut file = text.into_bytes();
        if trait_ == 8 {
            let place = usize::from(at) % file.len();
            file.insert(place, [0, 0xff, b'"', b'%'][usize::from(at) % 4]);
        }
        Arrangement { file, key, spelled }
    })
}

fn line_of(line: &str, key: &str, name: &str) -> String {
    let (head, tail) = key.split_at(key.len() / 2);
    line.replace("{N}", name).replace("{K}", key).replace("{H}", head).replace("{T}", tail) + "\n"
}

impl Arrangement {
    /// The piece of the key that is in `said`, in any encoding and with any separators.
    pub(super) fn piece_in(&self, said: &str) -> Option<String> {
        let encoded = [base32(&self.key), hex(&self.key), base64(&self.key, b"+/"), base64(&self.key, b"-_")];
        let encoded: Vec<String> = encoded.iter().map(|text| plain(text)).collect();
        common_piece(std::slice::from_ref(&self.spelled), said)
            .or_else(|| common_piece(&encoded, &plain(said)))
            .or_else(|| said.contains('%').then(|| common_piece(&encoded, &plain(&percent_decoded(said))))?)
    }
}

/// A piece that `said` shares with one of `texts`.
fn common_piece(texts: &[String], said: &str) -> Option<String> {
    let mut pieces: Vec<u64> = texts.iter().flat_map(|text| pieces_of(text)).collect();
    pieces.sort_unstable();
    let shared = pieces_of(said).find(|piece| pieces.binary_search(piece).is_ok())?;
    Some(shared.to_be_bytes().escape_ascii().to_string())
}

/// Every run of eight bytes, each as a number.
fn pieces_of(text: &str) -> impl Iterator<Item = u64> {
    let mut piece = 0;
    let runs = text.bytes().map(move |byte| {
        piece = piece << 8 | u64::from(byte);
        piece
    });
    runs.skip(7)
}

/// In small letters, without separators.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

type Spelling = fn(&[u8]) -> String;

const SPELLINGS: [Spelling; 14] = [
    base32,
    base32,
    |key| base32(key).to_lowercase(),
    |key| grouped(&base32(key), " "),
    |key| grouped(&base32(key).to_lowercase(), "-"),
    |key| base32(key) + "======",
    |key| base32(key).replace('O', "0").replace('L', "1").replace('B', "8"),
    |key| base32(key).bytes().map(|byte| format!("%{byte:02X}")).collect(),
    hex,
    |key| hex(key).to_uppercase(),
    |key| key.iter().map(|byte| format!("%{byte:02x}")).collect(),
    |key| grouped(&hex(key), ":"),
    |key| base64(key, b"+/") + "=",
    |key| base64(key, b"-_"),
];

fn base32(key: &[u8]) -> String {
    base32::encode(base32::Alphabet::Rfc4648 { padding: false }, key)
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4648 section 4 without padding; `last` are the two characters in which its alphabets differ.
fn base64(key: &[u8], last: &[u8; 2]) -> String {
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last).collect();
    let bits: Vec<u8> = key.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let value = |six: &[u8]| (0..6).fold(0, |value, bit| value << 1 | six.get(bit).copied().unwrap_or(0));
    bits.chunks(6).map(|six| char::from(alphabet[usize::from(value(six))])).collect()
}

fn grouped(text: &str, by: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(by)
}
