//! `twostep verify`: tries a code without using it up.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Act for this user (root only)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Try)
}
