//! The application's side of libpam: `security/pam_appl.h`.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

macro_rules! codes {
    ($($name:ident = $value:literal),* $(,)?) => {
        $(#[doc = concat!("`", stringify!($name), "` of `security/_pam_types.h`")] pub const $name: c_int = $value;)*
        /// The name of a PAM code, for messages of failed tests.
        pub fn name_of(code: c_int) -> String {
            match code { $($value => stringify!($name).into(),)* other => format!("PAM code {other}") }
        }
    };
}

codes! {
    PAM_SUCCESS = 0,
    PAM_SERVICE_ERR = 3,
    PAM_SYSTEM_ERR = 4,
    PAM_BUF_ERR = 5,
    PAM_PERM_DENIED = 6,
    PAM_AUTH_ERR = 7,
    PAM_AUTHINFO_UNAVAIL = 9,
    PAM_USER_UNKNOWN = 10,
    PAM_MAXTRIES = 11,
    PAM_CRED_ERR = 17,
    PAM_CONV_ERR = 19,
    PAM_IGNORE = 25,
    PAM_ABORT = 26,
    PAM_MODULE_UNKNOWN = 28,
}

/// The result of libpam for a stack whose only module returned PAM_IGNORE.
pub const IGNORED_ALONE: c_int = PAM_PERM_DENIED;

/// Flag of `pam_authenticate`: the module must show no text.
pub const PAM_SILENT: c_int = 0x8000;

/// Flag of `pam_setcred`.
pub const PAM_ESTABLISH_CRED: c_int = 2;

/// Item of `pam_set_item`: the terminal.
pub const PAM_TTY: c_int = 3;
/// Item: the service.
pub const PAM_SERVICE: c_int = 1;
/// Item: the user.
pub const PAM_USER: c_int = 2;
/// Item: the password. Only modules can read and set it.
pub const PAM_AUTHTOK: c_int = 6;
/// Item: the remote host.
pub const PAM_RHOST: c_int = 4;
const PAM_FAIL_DELAY: c_int = 10;

/// One message of a conversation call.
#[repr(C)]
pub struct Message {
    /// PAM_PROMPT_ECHO_OFF 1, PAM_PROMPT_ECHO_ON 2, PAM_ERROR_MSG 3, PAM_TEXT_INFO 4.
    pub style: c_int,
    /// The text, ended by NUL.
    pub text: *const c_char,
}

/// One response, freed by the module.
#[repr(C)]
pub struct Response {
    /// The typed line.
    pub text: *mut c_char,
    /// Unused; zero.
    pub code: c_int,
}

/// The application's conversation function.
pub type Converse =
    unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;
type Wait = unsafe extern "C" fn(c_int, u32, *mut c_void);

#[repr(C)]
struct Conv {
    function: Option<Converse>,
    data: *mut c_void,
}

#[repr(C)]
struct RawHandle {
    _opaque: [u8; 0],
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conv: *const Conv,
        confdir: *const c_char,
        handle: *mut *mut RawHandle,
    ) -> c_int;
    fn pam_end(handle: *mut RawHandle, status: c_int) -> c_int;
    fn pam_authenticate(handle: *mut RawHandle, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut RawHandle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut RawHandle, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut RawHandle, flags: c_int) -> c_int;
    fn pam_chauthtok(handle: *mut RawHandle, flags: c_int) -> c_int;
    fn pam_set_item(handle: *mut RawHandle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut RawHandle, pair: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut RawHandle, name: *const c_char) -> *const c_char;
}

/// One PAM transaction, ended when dropped.
pub struct Handle(*mut RawHandle);

impl Handle {
    /// Starts a transaction whose service file is in `confdir`. `data` must live as long as the handle.
    pub fn start(
        confdir: &Path,
        service: &str,
        user: &str,
        talk: Option<Converse>,
        data: *mut c_void,
    ) -> Self {
        Self::try_start(confdir, service, user, talk, data)
            .unwrap_or_else(|code| panic!("pam_start_confdir: {}", name_of(code)))
    }

    /// Like [`Handle::start`], for a service file that libpam may refuse. The error is libpam's code.
    pub fn try_start(
        confdir: &Path,
        service: &str,
        user: &str,
        talk: Option<Converse>,
        data: *mut c_void,
    ) -> Result<Self, c_int> {
        let (service, user) = (CString::new(service).unwrap(), CString::new(user).unwrap());
        let confdir = CString::new(confdir.to_str().unwrap()).unwrap();
        let conv = Conv { function: talk, data };
        let mut handle = ptr::null_mut();
        // SAFETY: all pointers are valid during the call. libpam copies what they point to, except `data`.
        let code = unsafe {
            pam_start_confdir(service.as_ptr(), user.as_ptr(), &conv, confdir.as_ptr(), &mut handle)
        };
        if code != PAM_SUCCESS {
            return Err(code);
        }
        let handle = Self(handle);
        handle.set_pointer(PAM_FAIL_DELAY, no_waiting as Wait as *const c_void);
        Ok(handle)
    }

    /// Calls `pam_authenticate`.
    pub fn authenticate(&self, flags: c_int) -> c_int {
        // SAFETY: the handle is live until drop.
        unsafe { pam_authenticate(self.0, flags) }
    }

    /// Calls `pam_setcred`.
    pub fn setcred(&self, flags: c_int) -> c_int {
        // SAFETY: the handle is live until drop.
        unsafe { pam_setcred(self.0, flags) }
    }

    /// Calls `pam_acct_mgmt`.
    pub fn account(&self, flags: c_int) -> c_int {
        // SAFETY: the handle is live until drop.
        unsafe { pam_acct_mgmt(self.0, flags) }
    }

    /// Calls `pam_open_session`.
    pub fn open_session(&self) -> c_int {
        // SAFETY: the handle is live until drop.
        unsafe { pam_open_session(self.0, 0) }
    }

    /// Calls `pam_chauthtok`.
    pub fn change_password(&self) -> c_int {
        // SAFETY: the handle is live until drop.
        unsafe { pam_chauthtok(self.0, 0) }
    }

    /// Sets an item that is a text.
    pub fn set_item(&self, item: c_int, value: &CStr) {
        self.set_pointer(item, value.as_ptr().cast());
    }

    /// Sets a variable, `NAME=value`, in the PAM environment.
    pub fn putenv(&self, pair: &str) {
        let pair = CString::new(pair).unwrap();
        // SAFETY: the handle is live until drop; libpam copies the text.
        assert_eq!(unsafe { pam_putenv(self.0, pair.as_ptr()) }, PAM_SUCCESS);
    }

    /// Whether a variable is set in the PAM environment.
    pub fn has_env(&self, name: &CStr) -> bool {
        // SAFETY: the handle is live until drop; the name ends with NUL.
        !unsafe { pam_getenv(self.0, name.as_ptr()) }.is_null()
    }

    fn set_pointer(&self, item: c_int, value: *const c_void) {
        // SAFETY: the handle is live until drop; each caller passes a value of the item's type.
        assert_eq!(unsafe { pam_set_item(self.0, item, value) }, PAM_SUCCESS);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from pam_start_confdir and is ended once.
        unsafe { pam_end(self.0, PAM_SUCCESS) };
    }
}

/// Replaces libpam's sleep after a denial. [`crate::interpose`] records the delay that the module requests.
unsafe extern "C" fn no_waiting(_code: c_int, _microseconds: u32, _data: *mut c_void) {}
