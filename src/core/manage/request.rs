//! The requests of a user for their own second step outside of a login.

use crate::dialogue::screen::Screen;

/// A request for a second step.
pub enum ManageRequest {
    /// Enroll an authenticator with this label, on this screen.
    Enroll(String, Screen),
    /// Enroll a new authenticator in place of the one with this label, or of the only one, on this screen.
    Replace(Option<String>, Screen),
    /// Replace the recovery codes.
    Recovery,
    /// Remove the authenticator with this label, or all.
    Remove(Option<String>),
    /// Try a code without using it up.
    Try,
}
