//! `twostep verify`: tries a code without using it up.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::naming::OneUser;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
}

pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run("verify", arguments.user.name()?, ManageRequest::Try)
}
