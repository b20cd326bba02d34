//! What libpam does with the lines of a service file. Pure.

pub mod control;
pub mod line;
pub mod walk;
