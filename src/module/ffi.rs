//! The functions of libpam that pam-bindings lacks. A `&mut PamHandle` is the handle that libpam gave to the entry
//! point.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem::MaybeUninit;

use pam::items::ItemType;
use pam::module::PamHandle;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_fail_delay(pamh: *mut PamHandle, microseconds: c_uint) -> c_int;
    fn pam_getenv(pamh: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_putenv(pamh: *mut PamHandle, pair: *const c_char) -> c_int;
    fn pam_set_item(pamh: *mut PamHandle, item: c_int, value: *const c_void) -> c_int;
    fn pam_syslog(pamh: *const PamHandle, priority: c_int, format: *const c_char, ...);
}

/// Asks libpam to wait at least this many microseconds before it reports a failure (pam_fail_delay(3)).
pub(crate) fn fail_delay(pamh: &mut PamHandle, microseconds: u32) {
    // SAFETY: the handle is valid during the entry point; the call takes no other pointer.
    // Its only error is a null handle.
    let _ = unsafe { pam_fail_delay(pamh, microseconds) };
}

/// A variable of the PAM environment (pam_getenv(3)), not of the process environment.
pub(crate) fn getenv(pamh: &mut PamHandle, name: &CStr) -> Option<String> {
    // SAFETY: the handle is valid during the entry point; `name` ends with a null byte.
    let value = unsafe { pam_getenv(pamh, name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: libpam returns a string that ends with a null byte and is valid until the variable is changed; it is
    // copied here.
    Some(unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
}

/// Sets a variable of the PAM environment with `NAME=value`, or removes it with `NAME` (pam_putenv(3)). False if libpam
/// refuses, as it does if the variable to be removed does not exist.
pub(crate) fn putenv(pamh: &mut PamHandle, pair: &CStr) -> bool {
    // SAFETY: the handle is valid during the entry point; `pair` ends with a null byte, and libpam copies it.
    let code = unsafe { pam_putenv(pamh, pair.as_ptr()) };
    code == 0
}

/// Sets PAM_AUTHTOK, the password for later lines (pam_set_item(3)). False if libpam refuses.
pub(crate) fn set_password(pamh: &mut PamHandle, password: &CStr) -> bool {
    // SAFETY: the handle is valid during the entry point. The value of this item is a text that ends with a null byte,
    // and libpam copies it.
    let code = unsafe { pam_set_item(pamh, ItemType::AuthTok as c_int, password.as_ptr().cast()) };
    code == 0
}

/// Seconds until the alarm that the host has set for itself (getitimer(2)); none if it has set no alarm.
pub(crate) fn alarm_left() -> Option<u64> {
    let mut timer = MaybeUninit::<libc::itimerval>::zeroed();
    // SAFETY: the kernel writes one structure of this type to the pointer.
    let failed = unsafe { libc::getitimer(libc::ITIMER_REAL, timer.as_mut_ptr()) } != 0;
    // SAFETY: all its fields are numbers, for which zero is valid.
    let timer = unsafe { timer.assume_init() };
    u64::try_from(timer.it_value.tv_sec).ok().filter(|&seconds| !failed && seconds > 0)
}

/// Writes one line to the log under the host's own identity (pam_syslog(3)), with facility LOG_AUTHPRIV.
pub(crate) fn syslog(pamh: &PamHandle, priority: i32, text: &CStr) {
    // SAFETY: the handle is valid during the entry point; the format has one %s, and `text` ends with a null byte.
    unsafe { pam_syslog(pamh, priority, c"%s".as_ptr(), text.as_ptr()) };
}

/// The same, where no handle is known. libpam then writes 'PAM' in place of the names of module, service and phase.
#[cfg(loads_unwinder)]
pub(crate) fn syslog_without_handle(priority: i32, text: &CStr) {
    // SAFETY: libpam allows a null handle here; the format has one %s, and `text` ends with a null byte.
    unsafe { pam_syslog(std::ptr::null(), priority, c"%s".as_ptr(), text.as_ptr()) };
}
