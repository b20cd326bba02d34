//! The administrator's rules: for which users the second step is mandatory, opt-in or exempt. The first rule that
//! matches decides.

mod error;
mod model;
mod network;
#[cfg(test)]
mod properties;
mod reader;
mod rules;
#[cfg(test)]
mod serde_reader;
mod spelling;
#[cfg(test)]
mod tests;

pub use error::{PolicyError, PolicyErrorKind, PolicyFileError};
pub use model::{
    Address, DEFAULT_RULE, Decision, Enrollment, Gate, Groups, LoginFacts, METHODS, Methods, Mode, Origin,
    Verification,
};
pub use network::{Network, NetworkError};
pub use rules::{Applies, Condition, Exemption, Policy, Rule};
pub use spelling::{Spellings, is_rewritten, may_be_spelling};
