//! `twostep recovery`: a new set of recovery codes.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Act for this user (root only)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// Replaces them after the user has confirmed the new ones.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Recovery)
}
