//! Somebody to talk to.

use crate::proof::code::Answer;
use crate::verdict::Denial;

/// Talks to the user: in a login through libpam, in the command through the terminal.
pub trait Conversation {
    /// Shows `prompt` and returns what was typed. An error means that nobody can be asked, or nobody answers.
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial>;
    /// Shows `text`, if that can be done; nobody may rely on its being read.
    fn tell(&mut self, text: &str);
}
