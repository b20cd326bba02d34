//! Who runs the command: root, who may read the store, or a user, for whom the helper does it.

use std::path::PathBuf;

use twostep_core::helper::client::{self, Refusal};
use twostep_core::helper::message::{Done, HelperRequest};
use twostep_core::manage::failure::Failure;
use twostep_core::manage::request::ManageRequest;
use twostep_core::os::account;
use twostep_core::verdict::Denial;

use crate::administrator::{Administrator, root_at};
use crate::terminal::{Terminal, say};
use crate::words::frame::{ASK_ADMINISTRATOR, ONLY_ROOT_FOR_OTHERS, ONLY_ROOT_FOR_OTHERS_THEN};
use crate::words::naming::{WHICH_USER, which_user_then};

/// Who runs this command.
pub(crate) enum Caller {
    /// Root, or a user who gives a root directory of their own.
    Administrator(Box<Administrator>),
    /// Any other user.
    User,
}

impl Caller {
    /// The caller of this process, with this `--root`.
    pub(crate) fn new(root: Option<PathBuf>) -> Result<Self, Failure> {
        if root_at(root.clone())?.is_ours() {
            return Administrator::new(root).map(Box::new).map(Self::Administrator);
        }
        Ok(Self::User)
    }

    /// Does what `verb` does with the second step of `user`. Only root must name one.
    pub(crate) fn run(&self, verb: &str, user: Option<&str>, request: ManageRequest) -> Result<(), Failure> {
        if let ManageRequest::Enroll(..) | ManageRequest::Replace(..) | ManageRequest::Recovery = request {
            Terminal::check_for_secrets()?;
        }
        match self {
            Self::Administrator(administrator) => {
                let account = administrator.account(named(user, which_user_then(verb))?)?;
                administrator
                    .with_context(&account, |context, frontend| say(&context.run(&request, frontend)?))
            }
            Self::User => {
                check_own(user)?;
                match client::carry_out(HelperRequest::Manage(request), &mut Terminal).map_err(explain)? {
                    Done::Text(text) => say(&text),
                    Done::Accepted(_) => Ok(()),
                }
            }
        }
    }
}

/// The user that root names. Without one, the failure shows `then`, how to name one.
pub(crate) fn named(user: Option<&str>, then: String) -> Result<&str, Failure> {
    user.ok_or_else(|| Failure::of(Failure::USAGE, WHICH_USER, then))
}

/// Fails if a user names another one. The text is the same whether that user exists or not.
pub(crate) fn check_own(user: Option<&str>) -> Result<(), Failure> {
    let Some(user) = user else { return Ok(()) };
    if account::by_name(user)?.is_some_and(|named| named.uid == account::real_uid()) {
        return Ok(());
    }
    Err(Failure::refused(ONLY_ROOT_FOR_OTHERS, ONLY_ROOT_FOR_OTHERS_THEN))
}

/// The failure for a refusal of the helper.
pub(crate) fn explain(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Failed(failure) => failure,
        Refusal::Denied(denial) => unavailable(denial),
    }
}

/// What a user cannot fix.
pub(crate) fn unavailable(denial: Denial) -> Failure {
    Failure::unavailable(Failure::from(denial).what(), ASK_ADMINISTRATOR)
}
