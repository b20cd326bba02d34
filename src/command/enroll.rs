//! `twostep enroll`: a new secret, shown once, stored after two consecutive codes.

use twostep_core::manage::Errand;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Whom to enroll.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person, where root does it for somebody
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What the phone or app shall be called
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
}

/// Enrolls one authenticator.
pub fn run(caller: &Caller, arguments: Arguments) -> Result<(), Failure> {
    Terminal::check_for_secrets()?;
    caller.run(arguments.user.as_deref(), Errand::Enroll(arguments.label, Terminal::colour()))
}
