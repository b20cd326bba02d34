//! PAM lines as twostep writes them.

use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::{PamLine, written};

/// With this argument the pam_twostep line also asks for the password, and comes before the lines that check it.
pub(crate) const FORWARD_PASS: &str = "forward_pass";

/// The pam_twostep line of this type.
pub(crate) fn our_text(kind: ModuleType) -> String {
    written(kind.word(), "required", "pam_twostep.so", [])
}

/// The pam_twostep line that takes password and code in one answer.
pub(crate) fn joining() -> String {
    written(ModuleType::Auth.word(), "required", "pam_twostep.so", [FORWARD_PASS])
}

/// `line` with a control that jumps over `lines` lines after success.
pub(crate) fn jumping(line: &PamLine, lines: usize) -> String {
    line.with_control(&format!("[success={lines} default=ignore]"))
}

/// The line that ends a stack after a wrong password.
pub(crate) fn deny() -> String {
    written(ModuleType::Auth.word(), "requisite", "pam_deny.so", [])
}

/// The line that returns success, which a jump does not.
pub(crate) fn permit() -> String {
    written(ModuleType::Auth.word(), "required", "pam_permit.so", [])
}
