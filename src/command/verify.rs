//! `twostep verify`: tries a code without using it up.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;

/// Whose code to try.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, where root does it for somebody
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// Asks for a code, and says whether it works.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    caller.run(arguments.user.as_deref(), ManageRequest::Try)
}
