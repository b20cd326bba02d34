//! Lines as twostep's own files write them.

use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::{PamLine, written};

/// The argument with which our line asks for the password, too, and stands before the lines that check it.
pub(crate) const FORWARD_PASS: &str = "forward_pass";

/// Our line of this kind.
pub(crate) fn our_text(kind: ModuleType) -> String {
    written(kind.word(), "required", "pam_twostep.so", [])
}

/// Our line that takes password and code in one answer.
pub(crate) fn joining() -> String {
    written(ModuleType::Auth.word(), "required", "pam_twostep.so", [FORWARD_PASS])
}

/// `line` anew, with the control that jumps over so many lines after a yes.
pub(crate) fn jumping(line: &PamLine, lines: usize) -> String {
    line.with_control(&format!("[success={lines} default=ignore]"))
}

/// The line that ends a stack whose password was wrong.
pub(crate) fn deny() -> String {
    written(ModuleType::Auth.word(), "requisite", "pam_deny.so", [])
}

/// The line that says yes, which a jump does not.
pub(crate) fn permit() -> String {
    written(ModuleType::Auth.word(), "required", "pam_permit.so", [])
}
