//! sshd: how it is started, its settings in files and as it prints them, and the methods that they offer.
//!
//! Each file uses only those before it:
//!
//! ```text
//! process -> launch -> listeners;  words -> environment, unit_files -> units;  these -> launches
//! words, glob, launch -> config -> effective
//!                               -> view -> methods;  launches, config -> services, keys
//! authorized_keys
//! ```

pub mod authorized_keys;
pub mod config;
pub mod effective;
mod environment;
pub mod glob;
pub mod keys;
pub mod launch;
pub mod launches;
mod listeners;
pub mod methods;
pub mod process;
pub mod services;
mod unit_files;
mod units;
pub mod view;
pub mod words;
