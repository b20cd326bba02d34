//! Whoever runs the command: an administrator, who may read the store, or a person, for whom the helper does it.

use std::path::PathBuf;

use twostep_core::helper::client::{self, Refusal};
use twostep_core::helper::message::{Done, HelperRequest};
use twostep_core::manage::failure::Failure;
use twostep_core::manage::request::ManageRequest;
use twostep_core::os::account;
use twostep_core::verdict::Denial;

use crate::administrator::{Administrator, root_at};
use crate::terminal::{Terminal, say};

/// Whoever runs this command.
pub(crate) enum Caller {
    /// Root, or whoever gives a root directory of their own.
    Administrator(Administrator),
    Person,
}

impl Caller {
    /// Whoever runs this command, with this `--root`.
    pub(crate) fn new(root: Option<PathBuf>) -> Result<Self, Failure> {
        if root_at(root.clone())?.is_ours() {
            return Administrator::new(root).map(Self::Administrator);
        }
        Ok(Self::Person)
    }

    /// Does something with the second step of `user`, which only an administrator must name.
    pub(crate) fn run(&self, user: Option<&str>, request: ManageRequest) -> Result<(), Failure> {
        if let ManageRequest::Enroll(..) | ManageRequest::Recovery = request {
            Terminal::check_for_secrets()?;
        }
        match self {
            Self::Administrator(administrator) => {
                let account = administrator.account(named(user)?)?;
                administrator
                    .with_context(&account, |context, frontend| say(&context.run(&request, frontend)?))
            }
            Self::Person => {
                check_own(user)?;
                match client::carry_out(HelperRequest::Manage(request), &mut Terminal).map_err(explain)? {
                    Done::Text(text) => say(&text),
                    Done::Accepted(_) => Ok(()),
                }
            }
        }
    }
}

/// The user that an administrator names.
pub(crate) fn named(user: Option<&str>) -> Result<&str, Failure> {
    user.ok_or_else(|| {
        Failure::of(
            Failure::USAGE,
            "no user is named.",
            "Add --user NAME; for your own account, run it without sudo.",
        )
    })
}

/// Fails if a person names anybody but themselves: in the same words whether there is somebody of that name or not.
pub(crate) fn check_own(user: Option<&str>) -> Result<(), Failure> {
    let Some(user) = user else { return Ok(()) };
    if account::by_name(user)?.is_some_and(|named| named.uid == account::real_uid()) {
        return Ok(());
    }
    Err(Failure::refused(
        "only root can do this for others.",
        "Run it with sudo, or without --user for yourself.",
    ))
}

/// What the helper's refusal means to a person.
pub(crate) fn explain(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Failed(failure) => failure,
        Refusal::Denied(denial) => unavailable(denial),
    }
}

/// What cannot be done, to somebody who cannot mend it.
pub(crate) fn unavailable(denial: Denial) -> Failure {
    Failure::unavailable(format!("{}.", denial.cause()), ASK)
}

/// What to do about that.
pub(crate) const ASK: &str = "Ask your administrator to run 'twostep doctor'.";
