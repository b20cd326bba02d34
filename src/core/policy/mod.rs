//! The administrator's rules: for whom the second step is mandatory, opt-in or not asked at all. The first rule that
//! matches decides.

mod check;
mod model;
mod network;
#[cfg(test)]
mod properties;
mod reader;
mod remarks;
mod rules;
mod spelling;
#[cfg(test)]
mod tests;

pub use model::{
    Address, DEFAULT_RULE, Decision, Enrollment, Gate, Groups, LoginFacts, METHODS, Methods, Mode, Origin,
    Verification,
};
pub use network::Network;
pub use reader::{PolicyError, Position};
pub use remarks::{Remark, Weight};
pub use rules::{Applies, Condition, Policy, Rule};
pub use spelling::{Spellings, is_rewritten, may_be_spelling};
