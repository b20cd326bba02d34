//! What proves a second step: codes, recovery codes, tickets, and the state that counts them. Pure: nothing here
//! reads a clock or a file.

pub mod code;
pub mod forward;
pub mod recovery;
pub mod state;
pub mod ticket;
pub mod totp;
