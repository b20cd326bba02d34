//! The dialogue in which a user enrolls, in a login and in the command: a new key, codes of it, and the recovery codes. It
//! stores nothing.

use std::ops::ControlFlow;

use crate::dialogue::conversation::Conversation;
use crate::dialogue::qr::{Invitation, Picture};
use crate::dialogue::screen::{Page, Screen};
use crate::policy;
use crate::proof::code::{Answer, Code, LONG_CODE_BYTES, LongCode};
use crate::proof::recovery::{Entropy, MOST_CODES, NewCodes, RecoveryCodes, SALT};
use crate::proof::totp::{self, Authenticator, SECRET_BYTES};
use crate::store::files::credential::NewEnrollment;
use crate::time::{Step, UnixTime};
use crate::verdict::{Denial, Mismatch};
use crate::words::enrollment as words;
use crate::zeroizing::Zeroizing;

/// Answers in the dialogue of a login, until the next one ends it. A user needs fewer before the login times out. A program
/// that answers by itself must not be asked for ever.
const MOST_ANSWERS: u8 = 50;

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
    /// What the user's terminal can show.
    pub screen: Screen,
    /// Where the user enrolls.
    pub place: Place,
}

/// Where a user enrolls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a command, which asks until its input ends.
    Command,
    /// In a login.
    Login {
        /// Seconds until the application ends it, if this is known.
        seconds_left: Option<u64>,
    },
}

/// Makes a new authenticator, shows it, and asks for proof that it works and that the user has read the recovery codes.
pub fn enroll(
    conversation: &mut impl Conversation,
    source: &impl Source,
    terms: &EnrollmentTerms<'_>,
) -> Result<NewEnrollment, Denial> {
    let authenticator = new_authenticator(source, terms)?;
    let mut questions = Questions::new(conversation, terms.place);
    let mark = Proving::new(&authenticator, terms).run(&mut questions, source)?;
    let id = new_id(source)?;
    let recovery = questions.confirm_new_codes(source, terms.recovery_codes, &id)?;
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
    let EnrollmentTerms { account, issuer, .. } = *terms;
    Ok(IssuedEnrollment {
        uri: Invitation { account, issuer, authenticator: &authenticator }.uri(),
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

/// Makes a set of recovery codes for the credential called `id`, shows it, and asks in a command for the last group of
/// one, which the user must look up in the list. None if `count` is zero.
pub(crate) fn new_recovery_codes(
    conversation: &mut impl Conversation,
    source: &impl Source,
    count: u8,
    id: &str,
) -> Result<Option<RecoveryCodes>, Denial> {
    Questions::new(conversation, Place::Command).confirm_new_codes(source, count, id)
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

/// The questions of one dialogue, each asked until its answer is right.
struct Questions<'c, C> {
    conversation: &'c mut C,
    /// How many answers may still be wrong; none if there is no limit.
    left: Option<u8>,
}

impl<'c, C: Conversation> Questions<'c, C> {
    fn new(conversation: &'c mut C, place: Place) -> Self {
        let left = match place {
            Place::Command => None,
            Place::Login { .. } => Some(MOST_ANSWERS),
        };
        Self { conversation, left }
    }

    /// Asks `prompt` and then, until `judge` is content, the prompt that it returns.
    fn ask<T>(
        &mut self,
        mut prompt: Zeroizing<String>,
        mismatch: Mismatch,
        mut judge: impl FnMut(&Answer) -> Result<ControlFlow<T, Zeroizing<String>>, Denial>,
    ) -> Result<T, Denial> {
        loop {
            self.left = match self.left {
                Some(left) => Some(left.checked_sub(1).ok_or(Denial::NotConfirmed(mismatch))?),
                None => None,
            };
            match judge(&self.conversation.ask(&prompt)?)? {
                ControlFlow::Break(done) => return Ok(done),
                ControlFlow::Continue(next) => prompt = next,
            }
        }
    }

    fn confirm_new_codes(
        &mut self,
        source: &impl Source,
        count: u8,
        id: &str,
    ) -> Result<Option<RecoveryCodes>, Denial> {
        let codes = new_codes(source, count, id)?;
        let Some(asked) = pick(codes.codes().len(), source)? else { return Ok(None) };
        let number = asked.saturating_add(1);
        let question = words::confirm_prompt(number);
        let list =
            Zeroizing::new(format!("{}\n\n{}\n{question}", words::WRITE_DOWN, codes.screen().as_str()));
        self.ask(list.clone(), Mismatch::RecoveryCodes, |answer| {
            Ok(if codes.codes().get(asked).is_some_and(|code| code.ends_with(answer)) {
                ControlFlow::Break(())
            } else if asks_for_help(answer) {
                ControlFlow::Continue(list.clone())
            } else {
                ControlFlow::Continue(below(&words::not_last_group(number), &question))
            })
        })?;
        Ok(Some(codes.into_kept()))
    }
}

/// Whether an answer asks what to answer.
fn asks_for_help(answer: &[u8]) -> bool {
    let answer = answer.trim_ascii();
    answer.is_empty() || answer == b"?" || answer.eq_ignore_ascii_case(b"help")
}

/// `question` with a hint above it.
fn below(hint: &str, question: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{hint}\n{question}"))
}

/// The part of the dialogue that asks for codes of the new authenticator: for two consecutive ones, or for one.
struct Proving<'a> {
    page: Page<'a>,
    /// The picture on the page that was shown last.
    picture: Option<Picture>,
    terms: &'a EnrollmentTerms<'a>,
    /// The step of the last code that was right.
    first: Option<Step>,
}

/// The next prompt, or the mark that makes the codes used.
type Judged = ControlFlow<UnixTime, Zeroizing<String>>;

impl<'a> Proving<'a> {
    fn new(authenticator: &'a Authenticator, terms: &'a EnrollmentTerms<'a>) -> Self {
        let EnrollmentTerms { account, issuer, screen, .. } = *terms;
        let page = Page { invitation: Invitation { account, issuer, authenticator }, screen };
        let mut proving = Self { page, picture: None, terms, first: None };
        proving.picture = proving.page.first_picture(proving.question());
        proving
    }

    /// Asks until the codes are typed. Of two, any may be the first.
    fn run<C: Conversation>(
        mut self,
        questions: &mut Questions<'_, C>,
        source: &impl Source,
    ) -> Result<UnixTime, Denial> {
        let (reason, limit) = match self.terms.place {
            Place::Command => ("", String::new()),
            Place::Login { seconds_left } => {
                (words::REQUIRED, seconds_left.map(words::time_left).unwrap_or_default())
            }
        };
        let prompt = self.page.first(reason, &limit, self.question());
        questions.ask(prompt, Mismatch::Codes, |answer| self.judge(answer, source))
    }

    const fn question(&self) -> &'static str {
        match self.first {
            _ if self.terms.wanted.codes == 1 => words::ONLY_CODE_PROMPT,
            None => words::FIRST_CODE_PROMPT,
            Some(_) => words::NEXT_CODE_PROMPT,
        }
    }

    fn judge(&mut self, answer: &[u8], source: &impl Source) -> Result<Judged, Denial> {
        match answer.trim_ascii() {
            b"i" | b"I" => return Ok(self.draw(Some(inverted(self.picture)))),
            b"t" | b"T" => return Ok(self.draw(None)),
            _ => {}
        }
        let authenticator = self.page.invitation.authenticator;
        let Some(code) = Code::parse(answer) else {
            return Ok(self.ask_again(&words::what_to_type(authenticator.digits())));
        };
        let (now, skew) = (source.now()?, self.terms.skew_steps.into());
        let alone = std::slice::from_ref(authenticator);
        if let Some(found) = totp::matching(alone, &code, now, skew, |_| false) {
            return Ok(self.follow(found.step));
        }
        // Later, the codes of a phone whose clock is so wrong would be refused.
        let near = totp::near_miss(alone, &code, now, skew);
        let hint = near
            .map_or_else(|| words::NOT_OF_THIS_KEY.to_owned(), |near| words::wrong_clock(near.offset(now)));
        Ok(self.ask_again(&hint))
    }

    fn draw(&mut self, picture: Option<Picture>) -> Judged {
        self.picture = picture;
        ControlFlow::Continue(self.page.again(picture, self.question()))
    }

    fn ask_again(&self, hint: &str) -> Judged {
        ControlFlow::Continue(below(hint, self.question()))
    }

    /// Judges a code of `step`: whether it is the one right after the first, or the only one.
    fn follow(&mut self, step: Step) -> Judged {
        if self.terms.wanted.codes == 1 {
            return ControlFlow::Break(step.begins());
        }
        match self.first.replace(step) {
            None => ControlFlow::Continue(Zeroizing::new(self.question().to_owned())),
            Some(before) if step == before.later(1) => ControlFlow::Break(step.begins()),
            Some(before) if step == before => self.ask_again(words::SAME_CODE),
            Some(_) => self.ask_again(words::NOT_CONSECUTIVE),
        }
    }
}

/// The picture that is not `shown`.
const fn inverted(shown: Option<Picture>) -> Picture {
    match shown {
        Some(Picture::Light) => Picture::Dark,
        Some(Picture::Dark) | None => Picture::Light,
    }
}

#[cfg(test)]
mod tests;
