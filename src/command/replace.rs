//! `twostep replace`: a new authenticator in place of an old one, for a phone that is lost, or a new one.

use twostep_core::manage::request::ManageRequest;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::naming::OneUserAndLabel;
use crate::terminal::Terminal;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: OneUserAndLabel,
    /// Show no QR code, only text
    #[arg(long)]
    text: bool,
}

/// The old authenticator works until the new one is stored, and not after that.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    let (user, label) = arguments.which.parts(caller)?;
    let screen = Terminal::screen(arguments.text);
    caller.run("replace", user, ManageRequest::Replace(label.map(str::to_owned), screen))
}
