//! The labels by which SELinux judges files.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The label of `path`, such as `system_u:object_r:var_lib_t:s0`. None if it has no label or the label cannot be read.
pub fn of(path: &Path) -> Option<String> {
    /// More than the longest label that a present policy has.
    const LONGEST: usize = 512;
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut label = [0u8; LONGEST];
    let name = c"security.selinux".as_ptr();
    // SAFETY: both strings end with a zero, and the kernel writes no more than the buffer's length.
    let length = unsafe { libc::lgetxattr(path.as_ptr(), name, label.as_mut_ptr().cast(), LONGEST) };
    let label = label.get(..usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(label).trim_end_matches('\0').to_owned())
}
