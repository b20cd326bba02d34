//! A bar on the terminal while a command goes through many users.

use std::cell::RefCell;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use twostep_core::dialogue::screen::DUMB;

/// A command that ends sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// It has no words, and only ASCII.
const STYLE: &str = "[{bar:40}] {pos}/{len}";
const CHARACTERS: &str = "=> ";

thread_local! {
    /// The bar on the screen.
    static SHOWN: RefCell<Option<ProgressBar>> = const { RefCell::new(None) };
}

/// How far a command is. It is shown on standard error if that is a terminal, and only while this value exists.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// Whether the bar may be shown and is not yet.
    waits: bool,
}

impl Progress {
    /// A command with `steps` of about the same length. A program that reads JSON gets none.
    pub(crate) fn new(steps: usize, json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars(CHARACTERS));
        }
        Self { bar, began: Instant::now(), waits: !json && can_show() }
    }

    /// One more step is done.
    pub(crate) fn step(&mut self) {
        self.bar.inc(1);
        if self.waits && self.began.elapsed() >= PATIENCE {
            self.waits = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.tick();
            SHOWN.set(Some(self.bar.clone()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        SHOWN.set(None);
    }
}

/// Whether a bar can move on standard error.
#[expect(clippy::disallowed_methods, reason = "this variable decides only what the user sees")]
fn can_show() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|name| name != DUMB)
}

/// Writes something else to the terminal: the bar makes room for it.
pub(crate) fn beside<T>(write: impl FnOnce() -> T) -> T {
    SHOWN.with_borrow(|shown| match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(began: Instant) -> bool {
        let mut progress = Progress::new(3, false);
        (progress.began, progress.waits) = (began, true);
        progress.step();
        SHOWN.with_borrow(Option::is_some)
    }

    #[test]
    fn draws_bar_only_after_its_patience() {
        let now = Instant::now();
        // Time passes during the test, so the start of the quick command is later than now.
        assert!(!draws(now + Duration::from_secs(60)));
        assert!(draws(now - PATIENCE));
    }
}
