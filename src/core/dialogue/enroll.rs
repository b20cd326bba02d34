//! The dialogue in which a user enrolls, in a login and in the command: a new key, two consecutive codes of it, and the
//! recovery codes. It stores nothing.

use zeroize::Zeroizing;

use crate::dialogue::conversation::Conversation;
use crate::dialogue::qr::{Colour, Invitation, Picture};
use crate::policy;
use crate::proof::code::{Code, LONG_CODE_BYTES, LongCode};
use crate::proof::recovery::{Entropy, MOST_CODES, NewCodes, RecoveryCodes, SALT};
use crate::proof::totp::{self, Authenticator, SECRET_BYTES};
use crate::store::files::credential::NewEnrollment;
use crate::time::{Step, UnixTime};
use crate::verdict::{Denial, Mismatch};
use crate::words::enrollment as words;

/// Wrong answers until a part of the dialogue ends.
const TRIES: u8 = 3;
/// How often the user may have the picture drawn again.
const REDRAWS: u8 = 8;

/// The source of time and randomness.
pub trait Source {
    /// The present moment, in whole seconds since 1970.
    fn now(&self) -> Result<UnixTime, Denial>;
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial>;
}

/// What is enrolled, and how it is shown.
pub struct EnrollmentTerms<'a> {
    /// The account's canonical name, which apps show.
    pub account: &'a str,
    /// The name that apps show beside the account.
    pub issuer: &'a str,
    /// The user's name for the phone or app.
    pub label: &'a str,
    /// The policy's requirements for new authenticators.
    pub wanted: &'a policy::Enrollment,
    /// Steps by which the phone's clock may be wrong.
    pub skew_steps: u8,
    /// How many recovery codes are shown.
    pub recovery_codes: u8,
    /// The colours of the picture.
    pub colour: Colour,
    /// Other text beside the picture: lines of at most 32 characters.
    pub notes: &'a [String],
}

/// Makes a new authenticator, shows it, and asks for proof that it works and that the user has read the recovery codes.
pub fn enroll(
    conversation: &mut impl Conversation,
    source: &impl Source,
    terms: &EnrollmentTerms<'_>,
) -> Result<NewEnrollment, Denial> {
    let authenticator = new_authenticator(source, terms)?;
    let mark = Proving { authenticator: &authenticator, terms, first: None }.run(conversation, source)?;
    let id = new_id(source)?;
    let recovery = new_recovery_codes(conversation, source, terms.recovery_codes, &id)?;
    Ok(NewEnrollment { id, authenticator, mark, recovery, ticket: None })
}

/// An enrollment for a user who was not asked for proof. Cannot be printed or copied.
pub struct IssuedEnrollment {
    /// What is to be stored. The first login shows whether the app has the key.
    pub enrollment: NewEnrollment,
    /// The URI in the QR code.
    pub uri: Zeroizing<String>,
    /// The key, for typing by hand.
    pub key: Zeroizing<String>,
    /// The recovery codes as a user types them, in groups of four.
    pub recovery_codes: Vec<Zeroizing<String>>,
}

/// Makes a new authenticator and its recovery codes without a dialogue. Only an administrator may do this.
pub fn issue(source: &impl Source, terms: &EnrollmentTerms<'_>) -> Result<IssuedEnrollment, Denial> {
    let authenticator = new_authenticator(source, terms)?;
    let id = new_id(source)?;
    let codes = new_codes(source, terms.recovery_codes, &id)?;
    let EnrollmentTerms { account, issuer, notes, .. } = *terms;
    Ok(IssuedEnrollment {
        uri: Invitation { account, issuer, authenticator: &authenticator, notes }.uri(),
        key: totp::encode_secret(authenticator.expose_secret()),
        recovery_codes: codes.codes().iter().map(LongCode::expose_text).collect(),
        // No code of it was shown to any user yet.
        enrollment: NewEnrollment {
            id,
            authenticator,
            mark: UnixTime::new(0),
            recovery: (terms.recovery_codes > 0).then(|| codes.into_kept()),
            ticket: None,
        },
    })
}

/// An id that no other credential has: 80 random bits. It is not secret.
pub fn new_id(source: &impl Source) -> Result<String, Denial> {
    let mut random = [0; 10];
    source.fill(&mut random)?;
    Ok(totp::encode_secret(&random).as_str().to_owned())
}

fn new_authenticator(source: &impl Source, terms: &EnrollmentTerms<'_>) -> Result<Authenticator, Denial> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    source.fill(secret.as_mut_slice())?;
    let policy::Enrollment { algorithm, digits, period, .. } = *terms.wanted;
    let enrolled = Some(source.now()?);
    Authenticator::new(terms.label.to_owned(), secret.as_slice(), algorithm, digits, period, enrolled)
        .map_err(Denial::unavailable)
}

/// Makes a set of recovery codes for the credential called `id`, shows it, and asks for the last group of one, which
/// the user must look up in the list. None if `count` is zero.
pub(crate) fn new_recovery_codes(
    conversation: &mut impl Conversation,
    source: &impl Source,
    count: u8,
    id: &str,
) -> Result<Option<RecoveryCodes>, Denial> {
    let codes = new_codes(source, count, id)?;
    let Some(asked) = pick(codes.codes().len(), source)? else { return Ok(None) };
    let number = asked.saturating_add(1);
    let question = words::confirm_prompt(number);
    let mut prompt =
        Zeroizing::new(format!("{}\n\n{}\n{question}", words::WRITE_DOWN, codes.screen().as_str()));
    for _ in 0..TRIES {
        let answer = conversation.ask(&prompt)?;
        if codes.codes().get(asked).is_some_and(|code| code.ends_with(&answer)) {
            return Ok(Some(codes.into_kept()));
        }
        prompt = Zeroizing::new(format!("{}\n{question}", words::not_last_group(number)));
    }
    Err(Denial::NotConfirmed(Mismatch::RecoveryCodes))
}

fn new_codes(source: &impl Source, count: u8, id: &str) -> Result<NewCodes, Denial> {
    let mut random = Entropy::new([0; SALT + MOST_CODES * LONG_CODE_BYTES]);
    source.fill(random.as_mut_slice())?;
    Ok(NewCodes::new(count, &random, id))
}

/// A random number below `many`; none if `many` is zero.
fn pick(many: usize, source: &impl Source) -> Result<Option<usize>, Denial> {
    let mut byte = [0];
    source.fill(&mut byte)?;
    Ok(usize::from(u8::from_le_bytes(byte)).checked_rem(many))
}

/// The part of the dialogue that asks for two consecutive codes.
struct Proving<'a> {
    authenticator: &'a Authenticator,
    terms: &'a EnrollmentTerms<'a>,
    /// The step of the last code that was right.
    first: Option<Step>,
}

/// The meaning of an answer.
enum Reply {
    /// The user wants to see another picture.
    Redraw(Picture),
    /// The app has the key: this is a code of this step.
    Code(Step),
    Wrong,
}

impl Proving<'_> {
    /// Asks until two consecutive codes are typed, whichever is first. A phone whose clock is wrong by more than the
    /// window is refused, because its codes would be refused later. Returns the mark that makes both codes used.
    fn run(mut self, conversation: &mut impl Conversation, source: &impl Source) -> Result<UnixTime, Denial> {
        let (mut left, mut redraws) = (TRIES, REDRAWS);
        let mut shown = self.screen(Picture::Light);
        loop {
            let prompt = Zeroizing::new(format!("{}{}", shown.as_str(), self.question()));
            let answer = conversation.ask(&prompt)?;
            let hint = match self.reply(&answer, source)? {
                Reply::Redraw(picture) if redraws > 0 => {
                    redraws = redraws.saturating_sub(1);
                    shown = self.screen(picture);
                    continue;
                }
                Reply::Code(step) => match self.follow(step) {
                    Ok(Some(mark)) => return Ok(mark),
                    Ok(None) => None,
                    Err(hint) => Some(hint),
                },
                Reply::Redraw(_) | Reply::Wrong => Some(words::NOT_OF_THIS_KEY),
            };
            left = left.saturating_sub(u8::from(hint.is_some()));
            if left == 0 {
                return Err(Denial::NotConfirmed(Mismatch::Codes));
            }
            shown = Zeroizing::new(hint.map_or_else(String::new, |hint| format!("{hint}\n")));
        }
    }

    const fn question(&self) -> &'static str {
        if self.first.is_some() { words::NEXT_CODE_PROMPT } else { words::FIRST_CODE_PROMPT }
    }

    fn screen(&self, picture: Picture) -> Zeroizing<String> {
        let EnrollmentTerms { account, issuer, notes, colour, .. } = *self.terms;
        Invitation { account, issuer, authenticator: self.authenticator, notes }.screen(picture, colour)
    }

    fn reply(&self, answer: &[u8], source: &impl Source) -> Result<Reply, Denial> {
        match answer.trim_ascii() {
            b"i" | b"I" => return Ok(Reply::Redraw(Picture::Dark)),
            b"t" | b"T" => return Ok(Reply::Redraw(Picture::None)),
            _ => {}
        }
        let Some(code) = Code::parse(answer) else { return Ok(Reply::Wrong) };
        let (now, skew) = (source.now()?, self.terms.skew_steps.into());
        let alone = std::slice::from_ref(self.authenticator);
        if let Some(found) = totp::matching(alone, &code, now, skew, |_| false) {
            return Ok(Reply::Code(found.step));
        }
        match totp::near_miss(alone, &code, now, skew) {
            Some(near) => Err(Denial::NotConfirmed(Mismatch::Clock(near.offset(now)))),
            None => Ok(Reply::Wrong),
        }
    }

    /// Judges a code of `step`. Returns the mark if the step is the one right after the first, or a hint.
    fn follow(&mut self, step: Step) -> Result<Option<UnixTime>, &'static str> {
        match self.first.replace(step) {
            None => Ok(None),
            Some(before) if step == before.later(1) => Ok(Some(step.begins())),
            Some(before) if step == before => Err(words::SAME_CODE),
            Some(_) => Err(words::NOT_CONSECUTIVE),
        }
    }
}

#[cfg(test)]
mod tests;
