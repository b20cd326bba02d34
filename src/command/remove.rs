//! `twostep remove`: removes one authenticator, or the whole second step.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Act for this user (root only)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The name of the phone or app (see 'twostep status');
    /// without it, all of them and the recovery codes
    #[arg(value_name = "LABEL", verbatim_doc_comment)]
    label: Option<String>,
}

/// The state stays, so no used code becomes valid again.
pub(crate) fn run(caller: &Caller, arguments: Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Remove(arguments.label))
}
