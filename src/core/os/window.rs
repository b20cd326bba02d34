//! The size of a terminal.

use std::ffi::c_int;
use std::fmt;

/// The size of a terminal, or of what is shown on it, in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Characters in a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Window {
    /// Whether `other` fits into it.
    pub fn has_room_for(self, other: Self) -> bool {
        other.columns <= self.columns && other.rows <= self.rows
    }
}

/// As users write it: `80x24`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

/// The size of the terminal at standard input. None if it is not a terminal or has no size.
pub fn of_input() -> Option<Window> {
    of(libc::STDIN_FILENO)
}

/// The size of the terminal at standard output. None if it is not a terminal or has no size.
pub fn of_output() -> Option<Window> {
    of(libc::STDOUT_FILENO)
}

fn of(descriptor: c_int) -> Option<Window> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one structure of this type to the pointer. The descriptor may be closed or anything else.
    let failed = unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &raw mut size) } != 0;
    (!failed && size.ws_col > 0 && size.ws_row > 0)
        .then_some(Window { columns: size.ws_col, rows: size.ws_row })
}
