//! The size of a terminal.

use std::os::fd::{AsFd, AsRawFd};

/// Columns and rows of the terminal at `stream`. None if it is not a terminal or has no size.
pub fn size(stream: &impl AsFd) -> Option<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one structure of this type to the pointer.
    let failed = unsafe { libc::ioctl(stream.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) } != 0;
    (!failed && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}
