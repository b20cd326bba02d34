//! `twostep replace`: a new authenticator in place of an old one, for a phone that is lost, or a new one.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Act for this user (root only)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Show no QR code, only text
    #[arg(long)]
    text: bool,
    /// The name of the phone or app (see 'twostep status');
    /// without it, the only one
    #[arg(value_name = "LABEL", verbatim_doc_comment)]
    label: Option<String>,
}

/// The old authenticator works until the new one is stored, and not after that.
pub(crate) fn run(caller: &Caller, arguments: Arguments) -> Result<(), Failure> {
    let request = ManageRequest::Replace(arguments.label, Terminal::screen(arguments.text));
    caller.run(arguments.user.as_deref(), request)
}
