//! `twostep recovery`: a new set of recovery codes.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::naming::OneUser;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
}

/// Replaces them after the user has confirmed the new ones.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run("recovery", arguments.user.name()?, ManageRequest::Recovery)
}
