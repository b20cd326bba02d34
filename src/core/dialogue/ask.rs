//! Asks a question until an answer is accepted: for codes and tickets, in a login and in the command.

use crate::dialogue::conversation::Conversation;
use crate::verdict::{Denial, Next};

/// A question, and how often the user may answer it.
pub(crate) struct Question<'a> {
    /// The text above the first prompt, without a line break at its end; may be empty.
    pub why: &'a str,
    /// The prompt.
    pub prompt: &'a str,
    /// Answers until the last denial is final, at least 1.
    pub tries: u8,
    /// Whether a denial that ends the tries is shown in one more prompt, because the user may not see any other text.
    pub shows_end: bool,
}

impl Question<'_> {
    fn first_prompt(&self) -> String {
        let line_break = if self.why.is_empty() { "" } else { "\n" };
        format!("{}{line_break}{}", self.why, self.prompt)
    }

    /// Tries that are left after `denial`, if `left` were left before it.
    fn left_after(&self, denial: &Denial, left: u8, is_first: bool) -> u8 {
        match denial.outward().next {
            Next::AskAgain => left.saturating_sub(1),
            // This holds even if only one try is allowed: sudo and `ssh -q` show a reason in a prompt or not at all.
            Next::OneMorePrompt if self.shows_end => left.saturating_sub(1).max(u8::from(is_first)).min(1),
            Next::OneMorePrompt | Next::Stop => 0,
        }
    }
}

/// The conversation and the log that a question needs.
pub(crate) trait Asker {
    /// The conversation with the user.
    fn conversation(&mut self) -> &mut impl Conversation;
    /// The text for the user whose `answer` is refused with `denial`.
    fn explain(&mut self, denial: &Denial, answer: &[u8]) -> String;
    /// Writes `denial` to the log.
    fn log_denial(&mut self, denial: Denial);
}

/// Asks `question` until `judge` accepts an answer. Each denial except the last is logged, and appears in the next
/// prompt. The last denial is returned, and so is the denial of a conversation that fails.
pub(crate) fn until_accepted<A: Asker, T>(
    asker: &mut A,
    question: &Question<'_>,
    mut judge: impl FnMut(&mut A, &[u8]) -> Result<T, Denial>,
) -> Result<T, Denial> {
    let (mut prompt, mut left, mut is_first) = (question.first_prompt(), question.tries, true);
    loop {
        let answer = asker.conversation().ask(&prompt)?;
        let denial = match judge(asker, &answer) {
            Ok(accepted) => return Ok(accepted),
            Err(denial) => denial,
        };
        let text = asker.explain(&denial, &answer);
        left = question.left_after(&denial, left, is_first);
        if left == 0 {
            return Err(denial);
        }
        is_first = false;
        prompt = format!("{text}\n{}", question.prompt);
        asker.log_denial(denial);
    }
}
