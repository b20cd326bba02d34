//! `twostep recovery`: a new set of recovery codes.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

/// Whose recovery codes to replace.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, where root does it for somebody
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// Replaces them, once the new ones were read.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Recovery)
}
