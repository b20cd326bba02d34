//! What can be done with a second step outside of a login.

use crate::dialogue::qr::Colour;

/// What can be done.
pub enum ManageRequest {
    /// Enroll an authenticator of this label, with a picture of these colours.
    Enroll(String, Colour),
    /// Replace the recovery codes.
    Recovery,
    /// Remove the authenticator of this label, or all.
    Remove(Option<String>),
    /// Try a code without using it up.
    Try,
}
