//! The requests of a user for their own second step outside of a login.

use crate::dialogue::qr::Colour;

/// A request for a second step.
pub enum ManageRequest {
    /// Enroll an authenticator with this label, and show a picture in these colours.
    Enroll(String, Colour),
    /// Replace the recovery codes.
    Recovery,
    /// Remove the authenticator with this label, or all.
    Remove(Option<String>),
    /// Try a code without using it up.
    Try,
}
