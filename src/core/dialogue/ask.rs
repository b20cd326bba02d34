//! Asks until an answer is accepted: for codes and tickets, in a login as in the command.

use crate::dialogue::conversation::Conversation;
use crate::verdict::{Denial, Next};
use crate::words;

/// A question, and how often it may be answered.
pub(crate) struct Question<'a> {
    /// What stands above the first prompt, without a line break at its end; may be empty.
    pub why: &'a str,
    /// The prompt.
    pub prompt: &'a str,
    /// Answers until the last denial is final, from 1 on.
    pub tries: u8,
    /// Whether a denial that ends the tries is shown in one more prompt, because nothing else is sure to be read.
    pub shows_end: bool,
}

impl Question<'_> {
    fn first_prompt(&self) -> String {
        let line_break = if self.why.is_empty() { "" } else { "\n" };
        format!("{}{line_break}{}", self.why, self.prompt)
    }

    /// Tries that are left after `denial`, of `left` before it.
    fn left_after(&self, denial: &Denial, left: u8, is_first: bool) -> u8 {
        match denial.outward().next {
            Next::AskAgain => left.saturating_sub(1),
            // Also where one try is allowed: sudo and `ssh -q` show a reason in a prompt or not at all.
            Next::OneMorePrompt if self.shows_end => left.saturating_sub(1).max(u8::from(is_first)).min(1),
            Next::OneMorePrompt | Next::Stop => 0,
        }
    }
}

/// Who asks and keeps the log.
pub(crate) trait Asker {
    /// Where the user is asked.
    fn conversation(&mut self) -> &mut impl Conversation;
    /// Writes `denial` to the log.
    fn log_denial(&mut self, denial: Denial);
}

/// Asks `question` until `judge` accepts an answer. Each denial but the last is logged, and stands in the next prompt; the last
/// one is returned, as is a conversation that fails.
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
        left = question.left_after(&denial, left, is_first);
        if left == 0 {
            return Err(denial);
        }
        is_first = false;
        prompt = format!("{}\n{}", words::login::denied(&denial), question.prompt);
        asker.log_denial(denial);
    }
}
