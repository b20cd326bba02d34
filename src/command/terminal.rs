//! Standard input, output and error: a terminal, or the pipes of a script.

use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin, stdout};

use twostep_core::dialogue::conversation::Conversation;
use twostep_core::dialogue::qr::Colour;
use twostep_core::os::window;
use twostep_core::proof::code::{Answer, LONGEST_ANSWER};
use twostep_core::verdict::Denial;

use crate::failure::Failure;
use crate::printable::printable;
use crate::words::frame::{OUTPUT_IS_NOT_TERMINAL, OUTPUT_IS_NOT_TERMINAL_THEN, output_failed, small_window};

/// The size in which QR code, key and prompt fit.
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// Standard input and output.
pub(crate) struct Terminal;

impl Terminal {
    /// Fails if a secret would be written to a file or a pipe, although a user types at a terminal.
    pub(crate) fn check_for_secrets() -> Result<(), Failure> {
        if stdin().is_terminal() && !stdout().is_terminal() {
            return Err(Failure::refused(OUTPUT_IS_NOT_TERMINAL, OUTPUT_IS_NOT_TERMINAL_THEN));
        }
        Ok(())
    }

    /// Says if the window is too small for the QR code.
    pub(crate) fn note_small_window() {
        if let Some((columns, rows)) =
            window::size(&stdout()).filter(|&size| size.0 < COLUMNS || size.1 < ROWS)
        {
            note(&small_window(columns, rows, COLUMNS, ROWS));
        }
    }

    /// Colours only on a terminal, and not where NO_COLOR is set (no-color.org).
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR decides nothing but colours")]
    pub(crate) fn colour() -> Colour {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stdout().is_terminal() && !refused { Colour::Explicit } else { Colour::None }
    }
}

/// Writes `text` and a line break to standard output.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let written = writeln!(stdout(), "{}", printable(text)).and_then(|()| stdout().flush());
    written.map_err(|error| Failure::unavailable(output_failed(error), ""))
}

/// Writes a note to standard error.
pub(crate) fn note(text: &str) {
    // If standard error is closed, nothing can be said.
    let _ = writeln!(stderr(), "note: {}", printable(text));
}

/// Writes a warning to standard error, about an act that is done.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(stderr(), "warning: {}", printable(text));
}

impl Conversation for Terminal {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        let gone = |_| Denial::Conversation;
        write!(stdout(), "{prompt}").and_then(|()| stdout().flush()).map_err(gone)?;
        let longest = LONGEST_ANSWER.saturating_add(1);
        let mut answer = Answer::new(Vec::with_capacity(longest));
        let read = stdin().lock().take(longest as u64).read_until(b'\n', &mut answer).map_err(gone)?;
        if read == 0 {
            // The next message must begin on a line of its own.
            let _ = say("");
            return Err(Denial::Conversation);
        }
        Ok(answer)
    }

    fn tell(&mut self, text: &str) {
        // The prompt that follows says what matters.
        let _ = say(text);
    }
}
