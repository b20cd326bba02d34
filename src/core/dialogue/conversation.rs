//! The conversation with the user.

use crate::proof::code::Answer;
use crate::verdict::Denial;

/// Talks to the user: through libpam in a login, through the terminal in the command.
pub trait Conversation {
    /// Shows `prompt` and returns the typed answer. An error means that the user cannot be asked or does not answer.
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial>;
    /// Shows `text` if that is possible. The caller must not rely on the user reading it.
    fn tell(&mut self, text: &str);
}
