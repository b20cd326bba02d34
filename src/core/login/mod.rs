//! One login: the auth phase, the account phase, and what both need from the application and the machine.

pub mod account_line;
pub mod account_phase;
pub mod application;
pub mod audit;
pub mod auth_phase;
pub mod first_factor;
pub mod machine;
pub mod may_log_in;
mod not_here;
mod pam_call;
pub mod spellings;
