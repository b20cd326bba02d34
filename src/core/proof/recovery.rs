//! Recovery codes, for a user who has lost the phone. Only their hashes are kept.

use constant_time_eq::constant_time_eq_n;
use pbkdf2::pbkdf2_hmac_array;
use sha2::Sha256;

use crate::proof::code::{LONG_CODE_BYTES, LongCode};
use crate::zeroizing::Zeroizing;

/// The most recovery codes in a set: more than a user writes down.
pub(crate) const MOST_CODES: usize = 16;
/// Bytes of a salt (RFC 8018 section 4.1 asks for at least 8).
pub(crate) const SALT: usize = 16;
/// Bytes of a hash.
pub(crate) const HASH: usize = 16;
/// The hash of one recovery code.
pub type RecoveryHash = [u8; HASH];
/// Rounds of PBKDF2. The codes are random and have 80 bits, so a few milliseconds make a stolen file useless. More
/// would let an attacker slow down other logins.
const ROUNDS: u32 = 10_000;

/// The hash of a long code: PBKDF2-HMAC-SHA-256 (RFC 8018 section 5.2), 128 bits.
pub fn hash(code: &LongCode, salt: &[u8]) -> RecoveryHash {
    pbkdf2_hmac_array::<Sha256, HASH>(code.expose_bytes(), salt, ROUNDS)
}

/// The recovery codes of one user, hashed with one salt.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCodes {
    /// The salt; zero if this user never had recovery codes.
    pub salt: [u8; SALT],
    /// The hashes. The hash of a used code is zero.
    pub hashes: [RecoveryHash; MOST_CODES],
}

impl RecoveryCodes {
    /// No codes: salt and hashes are all zero.
    pub const NONE: Self = Self { salt: [0; SALT], hashes: [[0; HASH]; MOST_CODES] };

    /// How many codes are left; none if there never were any.
    pub fn left(&self) -> Option<u8> {
        let left = self.hashes.iter().filter(|hash| **hash != USED).count();
        (self.salt != Self::NONE.salt).then(|| u8::try_from(left).unwrap_or(u8::MAX))
    }

    /// The hash of `code`. None if it is not among these codes, or if they belong to another credential than the one
    /// called `id`. Costs one derivation and a comparison with each hash.
    pub fn find(&self, code: &LongCode, id: &str) -> Option<RecoveryHash> {
        let hash = hash(code, &salt_for(&self.salt, id));
        self.has(&hash).then_some(hash)
    }

    /// Whether the code of this hash is among these and not used.
    pub(crate) fn has(&self, hash: &RecoveryHash) -> bool {
        let found = self.hashes.iter().fold(false, |found, one| constant_time_eq_n(one, hash) | found);
        found && *hash != USED
    }

    /// These codes without the one of this hash; none if it is not among them.
    pub fn without(&self, hash: &RecoveryHash) -> Option<Self> {
        if !self.has(hash) {
            return None;
        }
        let mut rest = self.clone();
        rest.hashes.iter_mut().filter(|one| *one == hash).for_each(|one| *one = USED);
        Some(rest)
    }
}

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecoveryCodes({:?} left)", self.left())
    }
}

/// The salt with the credential's id. Recovery codes of a cancelled enrollment or of a replaced credential are
/// therefore useless with another credential.
fn salt_for(salt: &[u8; SALT], id: &str) -> Vec<u8> {
    [salt, id.as_bytes()].concat()
}

/// Replaces the hash of a used code.
const USED: RecoveryHash = [0; HASH];

/// A new set: the codes, which are shown once, and what is kept of them.
pub struct NewCodes {
    codes: Vec<LongCode>,
    kept: RecoveryCodes,
}

/// The random bytes of one set.
pub type Entropy = Zeroizing<[u8; SALT + MOST_CODES * LONG_CODE_BYTES]>;

impl NewCodes {
    /// A set of `count` codes, at most 16, from random bytes, for the credential called `id`.
    pub fn new(count: u8, random: &Entropy, id: &str) -> Self {
        let (salt, rest) =
            random.split_first_chunk::<SALT>().map_or((RecoveryCodes::NONE.salt, &[][..]), |(s, r)| (*s, r));
        let (chunks, _) = rest.as_chunks::<LONG_CODE_BYTES>();
        let codes: Vec<LongCode> =
            chunks.iter().take(count.into()).map(|bytes| LongCode::new(*bytes)).collect();
        let mut kept = RecoveryCodes { salt, ..RecoveryCodes::NONE };
        for (kept, code) in kept.hashes.iter_mut().zip(&codes) {
            *kept = hash(code, &salt_for(&salt, id));
        }
        Self { codes, kept }
    }

    /// The codes, to be shown.
    pub fn codes(&self) -> &[LongCode] {
        &self.codes
    }

    /// What is kept of them.
    pub fn into_kept(self) -> RecoveryCodes {
        self.kept
    }

    /// The codes in two columns, numbered so that a user can cross them off. The text ends with a line break.
    pub fn screen(&self) -> Zeroizing<String> {
        let mut screen = Zeroizing::new(String::with_capacity(1024));
        let rows = self.codes.len().div_ceil(2);
        let (left, right) = self.codes.split_at(rows);
        for (index, code) in left.iter().enumerate() {
            let number = index.saturating_add(1);
            screen.push_str(&format!("{number:4}. "));
            screen.push_str(&code.expose_text());
            if let Some(code) = right.get(index) {
                screen.push_str(&format!("{:8}. ", number.saturating_add(rows)));
                screen.push_str(&code.expose_text());
            }
            screen.push('\n');
        }
        screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "id";

    fn random() -> Entropy {
        let mut bytes = Entropy::new([0; SALT + MOST_CODES * LONG_CODE_BYTES]);
        bytes.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
        bytes
    }

    fn code(index: u8) -> LongCode {
        let (_, rest) =
            random().split_first_chunk::<SALT>().map(|(salt, rest)| (*salt, rest.to_vec())).unwrap();
        let (codes, _) = rest.as_chunks::<LONG_CODE_BYTES>();
        LongCode::new(codes[usize::from(index)])
    }

    #[test]
    fn hashes_with_pbkdf2_of_hmac_sha256() {
        // python3 -c 'import hashlib; print(hashlib.pbkdf2_hmac("sha256", bytes(range(10)), bytes(16), 10000, 16).hex())'
        let code = LongCode::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let hex: String = hash(&code, &[0; 16]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "20679747e6aa1ca158169497c80b8332");
    }

    #[test]
    fn accepts_each_code_of_set_once_and_no_other() {
        let set = NewCodes::new(8, &random(), ID);
        assert_eq!(set.codes().len(), 8);
        let mut kept = set.into_kept();
        assert_eq!(kept.left(), Some(8));
        assert!(kept.find(&code(0), "").is_none(), "beside one that was written by hand");
        for (index, left) in (0..8).zip((0..8).rev()) {
            let hash = kept.find(&code(index), ID).unwrap();
            let next = kept.without(&hash).unwrap();
            assert_eq!(next.left(), Some(left));
            assert!(next.find(&code(index), ID).is_none(), "used");
            assert!(next.without(&hash).is_none(), "used");
            kept = next;
        }
        assert!(kept.find(&code(8), ID).is_none(), "not of this set");
    }

    #[test]
    fn refuses_code_of_another_credential() {
        let kept = NewCodes::new(8, &random(), ID).into_kept();
        assert!(kept.find(&code(0), ID).is_some());
        assert!(kept.find(&code(0), "di").is_none());
        assert!(kept.find(&code(0), "").is_none(), "beside one that was written by hand");
    }

    #[test]
    fn tells_no_codes_from_all_codes_used() {
        assert_eq!(RecoveryCodes::NONE.left(), None);
        assert!(RecoveryCodes::NONE.find(&code(0), ID).is_none());
        assert!(RecoveryCodes::NONE.without(&USED).is_none());
        let kept = NewCodes::new(1, &random(), ID).into_kept();
        let hash = kept.find(&code(0), ID).unwrap();
        assert_eq!(kept.without(&hash).unwrap().left(), Some(0));
    }

    #[test]
    fn shows_no_hash_of_a_recovery_code() {
        let kept = NewCodes::new(1, &random(), ID).into_kept();
        assert_eq!(format!("{kept:?}"), "RecoveryCodes(Some(1) left)");
    }

    #[test]
    fn numbers_codes_on_screen_of_80_columns() {
        let set = NewCodes::new(3, &random(), ID);
        let texts: Vec<_> = set.codes().iter().map(LongCode::expose_text).collect();
        let expected = format!(
            "   1. {}       3. {}\n   2. {}\n",
            texts[0].as_str(),
            texts[2].as_str(),
            texts[1].as_str()
        );
        assert_eq!(set.screen().as_str(), expected);
        let most = NewCodes::new(16, &random(), ID);
        assert!(most.screen().lines().all(|line| line.chars().count() <= 80));
        assert_eq!(most.screen().lines().count(), 8);
    }
}
