//! `twostep remove`: removes one authenticator, or the whole second step.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::naming::OneUserAndLabel;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: OneUserAndLabel,
}

/// The state stays, so no used code becomes valid again.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    let (user, label) = arguments.which.parts(caller)?;
    caller.run("remove", user, ManageRequest::Remove(label.map(str::to_owned)))
}
