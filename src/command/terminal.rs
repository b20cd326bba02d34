//! Standard input, output and error: a terminal, or the pipes of a script.

use std::io::{self, BufRead, BufWriter, IsTerminal, Read, Stdout, Write, stderr, stdin, stdout};

use anstyle::{AnsiColor, Style};
use twostep_core::dialogue::conversation::Conversation;
use twostep_core::dialogue::qr::Colour;
use twostep_core::dialogue::screen::{DUMB, Screen};
use twostep_core::os::window;
use twostep_core::proof::code::{Answer, LONGEST_ANSWER};
use twostep_core::verdict::Denial;

use crate::failure::Failure;
use crate::printable::printable;
use crate::progress::beside;
use crate::words::frame::{OUTPUT_IS_NOT_TERMINAL, OUTPUT_IS_NOT_TERMINAL_THEN, output_failed};

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

    /// What standard output can show. With `text_only` the user wants no picture.
    #[expect(clippy::disallowed_methods, reason = "these variables decide nothing but what the user sees")]
    pub(crate) fn screen(text_only: bool) -> Screen {
        let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        // The order of setlocale(3). It falls back to the locale C, which is ASCII.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
        let has_characters = locale.is_some_and(|name| is_utf_8(&name.to_string_lossy()));
        let is_dumb = value("TERM").is_some_and(|name| name == DUMB);
        let wants_text = text_only || value("TWOSTEP_TEXT").is_some();
        // no-color.org
        let has_colours = stdout().is_terminal() && value("NO_COLOR").is_none();
        Screen {
            picture: has_characters && !is_dumb && !wants_text,
            colour: if has_colours { Colour::Explicit } else { Colour::None },
            window: window::of_output(),
        }
    }
}

/// Whether a locale such as `de_DE.utf8@euro` has the characters of Unicode.
fn is_utf_8(locale: &str) -> bool {
    let codeset = locale.split('@').next().and_then(|name| name.split_once('.'));
    codeset
        .is_some_and(|(_, codeset)| ["UTF-8", "UTF8"].iter().any(|name| codeset.eq_ignore_ascii_case(name)))
}

/// Writes `text` and a line break to standard output.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let written = writeln!(stdout(), "{}", printable(text)).and_then(|()| stdout().flush());
    written.map_err(not_written)
}

/// How a part of a text looks on a terminal with colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tone {
    Plain,
    Heading,
    Good,
    Doubtful,
    Bad,
}

/// The parts of a line, each with its tone.
pub(crate) type Line = Vec<(Tone, String)>;

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Doubtful => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }

    /// The part with its tone. The text itself has no control character then.
    fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{}{style:#}", printable(text))
    }
}

/// Writes lines to standard output, with their tones if it shows colours.
pub(crate) fn say_in_tones(lines: &[Line], has_colours: bool) -> Result<(), Failure> {
    let paint = |(tone, text): &(Tone, String)| if has_colours { *tone } else { Tone::Plain }.paint(text);
    let text: String = lines.iter().map(|line| line.iter().map(paint).collect::<String>() + "\n").collect();
    let written = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    written.map_err(not_written)
}

/// Standard output for a text that is written piece by piece.
pub(crate) struct Output(BufWriter<Stdout>);

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, stdout()))
    }

    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        // Nearly all texts can be written as they are.
        let is_plain = text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte));
        let written = if is_plain {
            self.0.write_all(text.as_bytes())
        } else {
            self.0.write_all(printable(text).as_bytes())
        };
        written.map_err(not_written)
    }

    pub(crate) fn end(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(not_written)
    }
}

fn not_written(error: io::Error) -> Failure {
    unwritten(&error, output_failed(&error))
}

/// The failure `what`. It is silent if the reader of a pipe has ended, such as head(1): then nobody wants the rest.
pub(crate) fn unwritten(error: &io::Error, what: String) -> Failure {
    let what = if error.kind() == io::ErrorKind::BrokenPipe { String::new() } else { what };
    Failure::unavailable(what, "")
}

/// Writes a note to standard error.
pub(crate) fn note(text: &str) {
    // If standard error is closed, nothing can be said.
    let _ = beside(|| writeln!(stderr(), "note: {}", printable(text)));
}

/// Writes a warning to standard error, about an act that is done.
pub(crate) fn warn(text: &str) {
    let _ = beside(|| writeln!(stderr(), "warning: {}", printable(text)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_text_without_its_control_characters() {
        assert_eq!(Tone::Bad.paint("a\u{1b}[32mb"), "\u{1b}[31ma?[32mb\u{1b}[0m");
        assert_eq!(Tone::Plain.paint("a\u{9b}b"), "a?b");
    }

    #[test]
    fn knows_which_locales_have_unicode() {
        for name in ["C.UTF-8", "C.utf8", "en_US.UTF-8", "de_DE.utf8@euro"] {
            assert!(is_utf_8(name), "{name}");
        }
        for name in
            ["", "C", "POSIX", "UTF-8", "de_DE", "de_DE@euro", "de_DE.ISO-8859-15@euro", "ja_JP.eucJP"]
        {
            assert!(!is_utf_8(name), "{name}");
        }
    }
}
