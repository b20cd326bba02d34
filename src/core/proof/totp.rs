//! Authenticators, and the search for the step to which a code belongs (RFC 4226, RFC 6238).

use std::fmt;

use totp_rs::{Builder, Secret, Totp};

use crate::proof::code::Code;
use crate::time::{Period, Step, UnixTime};
use crate::zeroizing::Zeroizing;

pub use totp_rs::Algorithm;

/// The hashes of the HMAC, by their names in twostep's files (RFC 6238 section 1.2). Several apps silently use SHA1 for
/// the others.
pub(crate) const HASHES: [(&str, Algorithm); 3] =
    [("SHA1", Algorithm::SHA1), ("SHA256", Algorithm::SHA256), ("SHA512", Algorithm::SHA512)];

/// How many steps outside the window are searched to find by how much the clocks differ.
const NEAR: u64 = 10;

/// Seconds from one searched difference of the clocks to the next.
const HOUR: u64 = 3600;
/// How many hours are searched to each side: as far as time zones reach.
const HOURS: u64 = 14;

/// Bytes of a new secret: 160 bits, as RFC 4226 section 4 recommends.
pub(crate) const SECRET_BYTES: usize = 20;

/// The fewest bytes of a secret that twostep makes: 128 bits (RFC 4226 section 4, R6).
pub const SHORTEST_SECRET: usize = 16;

/// The fewest bytes of an imported secret: 80 bits, which is what google-authenticator made until 2018.
const SHORTEST_IMPORTED: usize = 10;

/// Decodes base32 (RFC 4648 section 6) as people copy it: with lower case, blanks, dashes and padding. None if the
/// decoded bytes do not encode back to the same text.
pub fn decode_secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const ALPHABET: base32::Alphabet = base32::Alphabet::Rfc4648 { padding: false };
    let mut tidied = Zeroizing::new(String::new());
    // A secret file has nothing to tidy.
    let is_tidy = text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    if !is_tidy {
        tidied.reserve_exact(text.len());
        tidied.extend(text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()));
    }
    let plain = if is_tidy { text } else { tidied.trim_end_matches('=') };
    let decoded = Zeroizing::new(base32::decode(ALPHABET, plain)?);
    let again = Zeroizing::new(base32::encode(ALPHABET, &decoded));
    (again.as_str() == plain).then_some(decoded)
}

/// Encodes a secret as base32 without padding, the form that apps accept.
pub fn encode_secret(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(base32::encode(base32::Alphabet::Rfc4648 { padding: false }, secret))
}

/// Why a secret or a number of digits makes no authenticator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthenticatorError {
    /// The secret is too short.
    ShortSecret {
        /// The fewest bytes that it must have.
        least: usize,
    },
    /// Codes do not have 6, 7 or 8 digits.
    Digits,
}

impl fmt::Display for AuthenticatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret { least } => write!(f, "the secret must have at least {least} bytes"),
            Self::Digits => write!(f, "digits must be 6, 7 or 8"),
        }
    }
}

impl std::error::Error for AuthenticatorError {}

/// One phone, app or device, with its own secret and label. Cannot be printed; wiped when dropped.
#[derive(Clone)]
pub struct Authenticator {
    /// The name that its user gave it.
    pub label: String,
    /// Seconds per step (RFC 6238 section 4.1, X).
    pub period: Period,
    /// When it was enrolled, if that is known.
    pub enrolled: Option<UnixTime>,
    /// Whether another program made its secret.
    pub imported: bool,
    totp: Totp,
}

impl Authenticator {
    /// An authenticator with a secret of at least [`SHORTEST_SECRET`] bytes and codes of 6 to 8 digits. The error never
    /// holds the secret.
    pub fn new(
        label: String,
        secret: &[u8],
        algorithm: Algorithm,
        digits: u8,
        period: Period,
        enrolled: Option<UnixTime>,
    ) -> Result<Self, AuthenticatorError> {
        let totp = builder(secret, algorithm, digits, period)?
            .build()
            .map_err(|_| AuthenticatorError::ShortSecret { least: SHORTEST_SECRET })?;
        Ok(Self { label, period, enrolled, imported: false, totp })
    }

    /// An authenticator with a secret that another program made, which may be shorter: 10 bytes.
    #[expect(clippy::disallowed_methods, reason = "the length is checked here")]
    pub fn imported(
        label: String,
        secret: &[u8],
        algorithm: Algorithm,
        digits: u8,
        period: Period,
        enrolled: Option<UnixTime>,
    ) -> Result<Self, AuthenticatorError> {
        if secret.len() < SHORTEST_IMPORTED {
            return Err(AuthenticatorError::ShortSecret { least: SHORTEST_IMPORTED });
        }
        let totp = builder(secret, algorithm, digits, period)?.build_noncompliant();
        Ok(Self { label, period, enrolled, imported: true, totp })
    }

    /// The hash of the HMAC.
    pub fn algorithm(&self) -> Algorithm {
        self.totp.algorithm()
    }

    /// Digits of a code: 6, 7 or 8.
    pub fn digits(&self) -> u8 {
        self.totp.digits()
    }

    /// The secret. Use it only to write the secret file or to show it at enrollment.
    pub fn expose_secret(&self) -> &[u8] {
        self.totp.secret().as_bytes()
    }

    /// Whether this authenticator shows `code` during `step`. The comparison takes constant time.
    pub fn shows(&self, code: &Code, step: Step) -> bool {
        self.totp.check(code.expose_digits(), step.begins().seconds()).is_some()
    }

    /// The step that contains `now`.
    pub fn step_at(&self, now: UnixTime) -> Step {
        Step::at(now, self.period)
    }
}

fn builder(
    secret: &[u8],
    algorithm: Algorithm,
    digits: u8,
    period: Period,
) -> Result<Builder, AuthenticatorError> {
    if !(6..=8).contains(&digits) {
        return Err(AuthenticatorError::Digits);
    }
    Ok(Builder::new()
        .with_secret(Secret::new(secret.into()))
        .with_algorithm(algorithm)
        .with_digits(digits)
        .with_step_duration(period.seconds())
        .with_skew(0))
}

/// A step to which a code belongs.
#[derive(Clone, Copy)]
pub struct Match<'a> {
    /// The authenticator that shows the code.
    pub authenticator: &'a Authenticator,
    /// The step during which it shows the code.
    pub step: Step,
}

impl Match<'_> {
    /// By how many seconds the step differs from the step at `now`.
    pub fn offset(&self, now: UnixTime) -> i64 {
        self.step.offset_from(self.authenticator.step_at(now))
    }
}

/// The step within `skew` steps of `now` to which `code` belongs. The search covers all authenticators and steps,
/// without early exit. A code can belong to several steps by chance; then the earliest step that is not used up counts.
pub fn matching<'a>(
    authenticators: &'a [Authenticator],
    code: &Code,
    now: UnixTime,
    skew: u64,
    used: impl Fn(Step) -> bool,
) -> Option<Match<'a>> {
    let mut found: Option<Match<'a>> = None;
    for candidate in candidates(authenticators, now, skew) {
        let shows = candidate.authenticator.shows(code, candidate.step);
        if shows && found.is_none_or(|earlier| used(earlier.step) && !used(candidate.step)) {
            found = Some(candidate);
        }
    }
    found
}

/// The step outside the window to which a refused code belongs: just outside, or whole hours away, as on a machine that
/// takes local time for UTC. This is a hint that the clocks differ, never a reason to accept.
///
/// The search looks at 20 + 28 * (2 * skew + 1) steps of each authenticator, 104 with the default skew. Of a million
/// wrong codes of six digits, 104 therefore get a false hint for each authenticator. A single hint is only for the
/// log, because it tells which code comes later.
pub(crate) fn near_miss<'a>(
    authenticators: &'a [Authenticator],
    code: &Code,
    now: UnixTime,
    skew: u64,
) -> Option<Match<'a>> {
    // Also without early exit: the time that this takes must not reveal a code that becomes right a little later.
    let near = candidates(authenticators, now, skew.saturating_add(NEAR));
    let hours = hours_off(now).flat_map(|then| candidates(authenticators, then, skew));
    near.chain(hours).fold(None, |found, candidate| {
        let shows = candidate.authenticator.shows(code, candidate.step);
        found.or(shows.then_some(candidate))
    })
}

/// The times that a clock shows if it is wrong by whole hours, those nearest to `now` first.
fn hours_off(now: UnixTime) -> impl Iterator<Item = UnixTime> {
    (1..=HOURS).map(|hours| hours.saturating_mul(HOUR)).flat_map(move |off| [now.plus(off), now.minus(off)])
}

/// When the last step that could be accepted at `now` begins.
pub fn window_end(authenticators: &[Authenticator], now: UnixTime, skew: u64) -> UnixTime {
    let ends = authenticators.iter().map(|one| one.step_at(now).later(skew).begins());
    ends.max().unwrap_or_else(|| Step::at(now, Period::DEFAULT).later(skew).begins())
}

fn candidates(
    authenticators: &[Authenticator],
    now: UnixTime,
    reach: u64,
) -> impl Iterator<Item = Match<'_>> {
    authenticators.iter().flat_map(move |authenticator| {
        authenticator.step_at(now).around(reach).map(move |step| Match { authenticator, step })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secrets of RFC 6238 appendix B (its errata: each as long as the hash).
    const SEED: &[u8; 64] = b"1234567890123456789012345678901234567890123456789012345678901234";

    fn authenticator(algorithm: Algorithm, length: usize, digits: u8) -> Authenticator {
        Authenticator::new("phone".to_owned(), &SEED[..length], algorithm, digits, Period::DEFAULT, None)
            .unwrap()
    }

    fn code(digits: &str) -> Code {
        Code::parse(digits.as_bytes()).unwrap()
    }

    #[test]
    fn computes_codes_of_rfc_4226_appendix_d() {
        let sha1 = authenticator(Algorithm::SHA1, 20, 6);
        let values = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, value) in (0..).zip(values) {
            let step = Step::at(UnixTime::new(counter * 30), Period::DEFAULT);
            assert!(sha1.shows(&code(value), step), "counter {counter}");
            assert!(!sha1.shows(&code(value), step.later(1)), "counter {counter}");
        }
    }

    #[test]
    fn computes_codes_of_rfc_6238_appendix_b() {
        let table = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        let sha1 = authenticator(Algorithm::SHA1, 20, 8);
        let sha256 = authenticator(Algorithm::SHA256, 32, 8);
        let sha512 = authenticator(Algorithm::SHA512, 64, 8);
        for (time, one, two, five) in table {
            let step = Step::at(UnixTime::new(time), Period::DEFAULT);
            assert!(sha1.shows(&code(one), step), "SHA1 at {time}");
            assert!(sha256.shows(&code(two), step), "SHA256 at {time}");
            assert!(sha512.shows(&code(five), step), "SHA512 at {time}");
        }
    }

    #[test]
    fn accepts_codes_of_skew_steps_to_each_side_only() {
        let phone = [authenticator(Algorithm::SHA1, 20, 6)];
        let now = UnixTime::new(5 * 30);
        let found = |digits, skew| {
            matching(&phone, &code(digits), now, skew, |_| false).map(|found| found.offset(now))
        };
        assert_eq!(found("254676", 0), Some(0));
        assert_eq!(found("338314", 1), Some(-30));
        assert_eq!(found("287922", 1), Some(30));
        assert_eq!(found("287922", 0), None);
        assert_eq!(found("162583", 1), None);
    }

    #[test]
    fn matches_no_code_of_wrong_length() {
        let phone = [authenticator(Algorithm::SHA1, 20, 6)];
        assert!(matching(&phone, &code("94287082"), UnixTime::new(59), 3, |_| false).is_none());
    }

    #[test]
    fn prefers_unused_step_if_two_have_the_same_code() {
        let twins = [authenticator(Algorithm::SHA1, 20, 6), authenticator(Algorithm::SHA1, 20, 6)];
        let now = UnixTime::new(5 * 30);
        let checked = std::cell::Cell::new(0);
        let used_once = |_| checked.replace(checked.get() + 1) == 0;
        assert!(std::ptr::eq(
            matching(&twins, &code("254676"), now, 1, used_once).unwrap().authenticator,
            &twins[1]
        ));
    }

    #[test]
    fn reports_by_how_much_clocks_differ_on_near_miss() {
        let phone = [authenticator(Algorithm::SHA1, 20, 6)];
        let now = UnixTime::new(20 * 30);
        let offset = |digits| near_miss(&phone, &code(digits), now, 1).map(|found| found.offset(now));
        assert_eq!(offset("520489"), Some(-11 * 30));
        assert_eq!(offset("399871"), None);
    }

    #[test]
    fn finds_near_miss_of_clock_that_is_hours_off() {
        let phone = [authenticator(Algorithm::SHA1, 20, 6)];
        let now = UnixTime::new(2_000_000_017);
        let offset = |then: UnixTime, skew| {
            let code = code(&phone[0].totp.generate(then.seconds()).to_string());
            near_miss(&phone, &code, now, skew).map(|found| found.offset(now))
        };
        for (hours, is_told) in [(1, true), (2, true), (14, true), (15, false)] {
            for (slip, skew) in [(0, 0), (1, 0), (1, 1), (2, 1), (3, 3), (4, 3)] {
                let away: u64 = hours * 3600 + slip * 30;
                let told = |seconds| (is_told && slip <= skew).then_some(seconds);
                let seconds = away.cast_signed();
                assert_eq!(offset(now.plus(away), skew), told(seconds), "{away} s ahead, skew {skew}");
                assert_eq!(offset(now.minus(away), skew), told(-seconds), "{away} s behind, skew {skew}");
            }
        }
    }

    #[test]
    fn searches_same_number_of_steps_for_every_near_miss() {
        let now = UnixTime::new(2_000_000_000);
        let phone = [authenticator(Algorithm::SHA1, 20, 6)];
        let steps = |skew| {
            let near = candidates(&phone, now, skew + NEAR).count();
            near + hours_off(now).map(|then| candidates(&phone, then, skew).count()).sum::<usize>()
        };
        assert_eq!([steps(0), steps(1), steps(3)], [21 + 28, 23 + 84, 27 + 196]);
    }

    #[test]
    fn refuses_corrupt_base32_that_the_crate_accepts() {
        for corrupt in ["A", "AB", "AC", "AF", "JB=WY3DP", "AAA=AAAA", "JBSWY3D1", "JBSWY3DPÄ"] {
            assert!(decode_secret(corrupt).is_none(), "{corrupt}");
        }
        assert_eq!(decode_secret("jbsw y3dp-EHPK 3PXP").unwrap().as_slice(), b"Hello!\xde\xad\xbe\xef");
        assert_eq!(decode_secret("JBSWY3DPEHPK3PXPAE======").unwrap().len(), 11);
        assert_eq!(encode_secret(b"Hello!\xde\xad\xbe\xef").as_str(), "JBSWY3DPEHPK3PXP");
    }

    #[test]
    fn refuses_short_secret() {
        let short = Authenticator::new("x".into(), &[7; 15], Algorithm::SHA1, 6, Period::DEFAULT, None);
        assert!(short.is_err());
    }

    #[test]
    fn takes_imported_secret_from_ten_bytes_on() {
        let imported = |length| {
            let sha1 = Algorithm::SHA1;
            Authenticator::imported("x".into(), &SEED[..length], sha1, 6, Period::DEFAULT, None).is_ok()
        };
        assert_eq!([9, 10, 11, 20].map(imported), [false, true, true, true]);
    }
}
