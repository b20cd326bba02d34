//! What libpam does with the lines of a service file. Pure.

pub mod other_modules;
