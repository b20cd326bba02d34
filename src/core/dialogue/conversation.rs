//! Somebody to talk to.

use crate::proof::code::Answer;
use crate::verdict::Denial;

/// The question for a code of an app, or a recovery code.
pub(crate) const CODE_PROMPT: &str = "Verification code: ";
/// The question for a ticket.
pub(crate) const TICKET_PROMPT: &str = "Enrollment ticket: ";
/// The question for password and code, where one question must do. It begins with the word by which programs without a person
/// know that a password is wanted.
pub(crate) const BOTH_PROMPT: &str = "Password and verification code: ";

/// Talks to the person: in a login through libpam, in the command through the terminal.
pub trait Conversation {
    /// Shows `prompt` and returns what was typed. An error means that nobody can be asked, or nobody answers.
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial>;
    /// Shows `text`, if that can be done; nobody may rely on its being read.
    fn tell(&mut self, text: &str);
}
