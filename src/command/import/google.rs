//! The file of google-authenticator-libpam: a key, options, scratch codes.
//!
//! Its FILEFORMAT describes the file. This parser accepts what the module's own parser accepts.

use twostep_core::proof::totp::Algorithm;
use twostep_core::time::UnixTime;
use twostep_core::zeroizing::Zeroizing;

use crate::words::{import_notes, import_problems as problems};

use super::found::{self, Problem, Token, Used, period};

/// A used step that is further ahead than a day means a damaged file. Seconds.
const FURTHEST: u64 = 24 * 3600;

/// The number of a line, and its problem.
pub type LineProblem = (usize, Problem);

/// Reads the file's bytes. `now` is the present moment.
pub fn parse(bytes: &[u8], now: UnixTime) -> Result<Token, LineProblem> {
    if bytes.contains(&0) {
        return Err((1, problems::NUL));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| (1, problems::NOT_TEXT))?;
    let mut lines = text.lines();
    let key = lines.next().unwrap_or_default();
    let secret = decode(key).ok_or((1, problems::NO_KEY))?;
    if !text.ends_with('\n') {
        return Err((text.lines().count(), problems::CUT_OFF));
    }
    let options = GoogleOptions(text);
    if options.number("HOTP_COUNTER")?.is_some_and(|(_, counter)| counter >= 1) {
        return Err((options.line("HOTP_COUNTER"), problems::COUNTED));
    }
    if options.find("TOTP_AUTH").is_none() {
        return Err((1, problems::NO_TOTP_AUTH));
    }
    let (line, seconds) = options.number("STEP_SIZE")?.unwrap_or((1, 30));
    let period = positive(seconds).and_then(period).map_err(|problem| (line, problem))?;
    let (_, window) = options.number("WINDOW_SIZE")?.unwrap_or((1, 3));
    let (_, ahead) = options.number("TIME_SKEW")?.unwrap_or((1, 0));
    let scratch = text.lines().filter(|line| is_scratch_code(line)).count();
    let mut notes = Vec::new();
    if scratch > 0 {
        notes.push(import_notes::scratch_codes(scratch));
    }
    Ok(Token {
        secret,
        algorithm: options.algorithm()?,
        digits: options.digits()?,
        period,
        used: options.used(period.seconds(), now)?,
        ahead,
        reach: u64::try_from(window).unwrap_or(0) / 2,
        notes,
    })
}

/// Decodes a key as that module does: it ignores blanks and dashes, reads `0`, `1` and `8` as `O`, `L` and `B`, and drops bits that
/// make no whole byte.
fn decode(key: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(String::with_capacity(key.len()));
    plain.extend(key.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '-')).map(|c| match c {
        '0' => 'O',
        '1' => 'L',
        '8' => 'B',
        c => c.to_ascii_uppercase(),
    }));
    let secret = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &plain).map(Zeroizing::new);
    secret.filter(|secret| !secret.is_empty())
}

/// Eight digits, of which the first is not zero.
fn is_scratch_code(line: &str) -> bool {
    line.len() == 8 && !line.starts_with('0') && line.bytes().all(|byte| byte.is_ascii_digit())
}

fn positive(number: i64) -> Result<u64, Problem> {
    u64::try_from(number).map_err(|_| problems::NEGATIVE)
}

/// The lines `" NAME VALUE`. If several have one name, the first counts.
struct GoogleOptions<'a>(&'a str);

impl<'a> GoogleOptions<'a> {
    /// The number of the line and the value.
    fn find(&self, name: &str) -> Option<(usize, &'a str)> {
        (1..).zip(self.0.lines()).find_map(|(number, line)| {
            let value = line.strip_prefix("\" ")?.strip_prefix(name)?;
            (value.is_empty() || value.starts_with([' ', '\t'])).then(|| (number, value.trim()))
        })
    }

    fn line(&self, name: &str) -> usize {
        self.find(name).map_or(1, |(line, _)| line)
    }

    fn number(&self, name: &str) -> Result<Option<(usize, i64)>, LineProblem> {
        let Some((line, value)) = self.find(name) else { return Ok(None) };
        let number = value.parse().map_err(|_| (line, problems::NO_NUMBER))?;
        Ok(Some((line, number)))
    }

    /// An option of a fork.
    fn digits(&self) -> Result<u8, LineProblem> {
        let Some((line, digits)) = self.number("DIGITS")? else { return Ok(6) };
        let digits = u8::try_from(digits).ok().filter(|digits| (6..=8).contains(digits));
        digits.ok_or((line, problems::DIGITS))
    }

    /// An option of a fork.
    fn algorithm(&self) -> Result<Algorithm, LineProblem> {
        let Some((line, name)) = self.find("ALGORITHM") else { return Ok(Algorithm::SHA1) };
        found::algorithm(name).map_err(|problem| (line, problem))
    }

    /// The steps that were used. They are not known if the module allowed a code to be used again.
    fn used(&self, period: u64, now: UnixTime) -> Result<Used, LineProblem> {
        let Some((line, steps)) = self.find("DISALLOW_REUSE") else { return Ok(Used::Perhaps) };
        let wrong = |_| (line, problems::DISALLOW_REUSE);
        let steps: Vec<u64> =
            steps.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(wrong)?;
        let Some(last) = steps.into_iter().max() else { return Ok(Used::Nothing) };
        let begins = last.saturating_mul(period);
        if begins > now.plus(FURTHEST).seconds() {
            return Err((line, problems::FAR_AHEAD));
        }
        Ok(Used::Until(UnixTime::new(begins)))
    }
}
