//! `twostep remove`: takes away one authenticator, or all.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

/// Which authenticator to take away.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, where root does it for somebody
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What the phone or app is called ('twostep status' tells);
    /// without it, all go, and the recovery codes too
    #[arg(value_name = "LABEL", verbatim_doc_comment)]
    label: Option<String>,
}

/// Removes it. The state stays: no code that was used becomes usable.
pub(crate) fn run(caller: &Caller, arguments: Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Remove(arguments.label))
}
