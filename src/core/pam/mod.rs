//! What libpam does with the lines of a service file. This module is pure.

pub mod control;
pub mod factor;
pub mod line;
pub mod walk;
