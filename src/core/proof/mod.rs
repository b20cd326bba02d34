//! What proves a second step: codes, recovery codes, tickets, and the state that counts them. This module is pure: it
//! reads no clock and no file.

pub mod code;
pub mod forward;
pub mod recovery;
pub mod state;
pub mod ticket;
pub mod totp;
