//! sshd: its settings in its files, what it says of them itself, and the ways in that they offer.
//!
//! Each file uses only those before it:
//!
//! ```text
//! words, glob -> config -> effective
//!                       -> view -> methods
//! ```

pub mod config;
pub mod effective;
pub mod glob;
pub mod methods;
pub mod view;
pub mod words;
