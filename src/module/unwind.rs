//! The unwinder is loaded by the first panic, not by each login.
//!
//! Rust's standard library calls functions of libgcc_s.so.1 to catch a panic. If the module were linked to that
//! library, ld.so would load it for the first login of each process, which is every login by SSH: 80,000 instructions,
//! 14 system calls, 7 page faults. So this file defines these functions, hidden from other objects, and the linker
//! leaves libgcc_s out. Each function jumps to that of libgcc_s with the same name. Arguments and return address stay as
//! they are, so the unwinder begins at the caller. The process has one unwinder, which host and module share.
//!
//! The panic hook loads libgcc_s, before the standard library unwinds. If the host cancels a thread
//! (pthread_cancel(3)) or throws an exception, the host's unwinder calls the module without a panic. The first of these
//! functions that is called then loads libgcc_s. It is in memory already, so dlopen(3) opens no file. Threads may load
//! it at once: all store the same pointers, and no thread waits for a lock of the module. dlopen(3) must not run in a
//! signal handler. So a host must not cancel a thread asynchronously in a login; libpam is not safe against that either.
//!
//! If libgcc_s cannot be loaded, the module cannot catch the panic: it writes a line to the log and ends the process.
//! A login that does not panic never comes here. The load fails if the host
//!
//! - has no free descriptor, or no address space;
//! - has changed its root to a folder without the library, or runs on a system without it;
//! - is confined by seccomp(2), and may not open or map a file. A filter that kills the process does so here, and no line is logged.
//!
//! None of this matters if the host or another module has loaded libgcc_s before.

use std::arch::global_asm;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use twostep_core::os::syslog;
use twostep_core::verdict::Priority;

use crate::ffi;

const LIBRARY: &CStr = c"libgcc_s.so.1";
const LOST: &CStr =
    c"pam_twostep: result=error cause=\"libgcc_s.so.1 cannot be loaded; a panic ends this program\"";

/// Defines the functions with these names, which are numbered from 0, in assembler.
macro_rules! unwinder {
    ($($number:literal $name:literal)*) => {
        const NAMES: &[&CStr] = &[$(
            match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            }
        ),*];
        $(jump!($number, $name);)*
    };
}

/// A function that jumps to the pointer with this number in `FUNCTIONS`, or first to `twostep_load_unwinder` if it is
/// null. It has a section of its own, which the linker leaves out if nothing calls the function.
#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($number:literal, $name:literal) => {
        global_asm!(
            concat!(".pushsection .text.", $name, ", \"ax\", @progbits"),
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "mov r11, qword ptr [rip + {functions} + 8 * {number}]",
            "test r11, r11",
            "jz 2f",
            "jmp r11",
            "2:",
            concat!("lea r11, [rip + ", $name, "]"),
            "jmp twostep_load_unwinder",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            functions = sym FUNCTIONS,
            number = const $number,
        );
    };
}

/// As above. x16 and x17 are for such jumps: a caller expects them changed.
#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($number:literal, $name:literal) => {
        global_asm!(
            concat!(".pushsection .text.", $name, ", \"ax\", @progbits"),
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "hint #34", // bti c
            "adrp x16, {functions} + 8 * {number}",
            "ldr x16, [x16, #:lo12:{functions} + 8 * {number}]",
            "cbz x16, 2f",
            "br x16",
            "2:",
            concat!("adrp x16, ", $name),
            concat!("add x16, x16, #:lo12:", $name),
            "b twostep_load_unwinder",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            functions = sym FUNCTIONS,
            number = const $number,
        );
    };
}

// Calls `load_or_abort`, then jumps back to the function that jumped here: r11 has its address. The functions take three
// arguments at most, which are kept.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.twostep_load_unwinder, \"ax\", @progbits",
    ".globl twostep_load_unwinder",
    ".hidden twostep_load_unwinder",
    ".type twostep_load_unwinder, @function",
    "twostep_load_unwinder:",
    ".cfi_startproc",
    "sub rsp, 40", // the return address makes 48, a multiple of 16
    ".cfi_adjust_cfa_offset 40",
    "mov qword ptr [rsp], rdi",
    "mov qword ptr [rsp + 8], rsi",
    "mov qword ptr [rsp + 16], rdx",
    "mov qword ptr [rsp + 24], r11",
    "call {load}",
    "mov rdi, qword ptr [rsp]",
    "mov rsi, qword ptr [rsp + 8]",
    "mov rdx, qword ptr [rsp + 16]",
    "mov r11, qword ptr [rsp + 24]",
    "add rsp, 40",
    ".cfi_adjust_cfa_offset -40",
    "jmp r11",
    ".cfi_endproc",
    ".size twostep_load_unwinder, . - twostep_load_unwinder",
    ".popsection",
    load = sym load_or_abort,
);

// As above, with x16.
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.twostep_load_unwinder, \"ax\", @progbits",
    ".globl twostep_load_unwinder",
    ".hidden twostep_load_unwinder",
    ".type twostep_load_unwinder, @function",
    "twostep_load_unwinder:",
    ".cfi_startproc",
    "stp x29, x30, [sp, #-48]!",
    ".cfi_def_cfa_offset 48",
    ".cfi_offset x29, -48",
    ".cfi_offset x30, -40",
    "mov x29, sp",
    "stp x0, x1, [sp, #16]",
    "stp x2, x16, [sp, #32]",
    "bl {load}",
    "ldp x0, x1, [sp, #16]",
    "ldp x2, x16, [sp, #32]",
    "ldp x29, x30, [sp], #48",
    ".cfi_def_cfa_offset 0",
    ".cfi_restore x29",
    ".cfi_restore x30",
    "br x16",
    ".cfi_endproc",
    ".size twostep_load_unwinder, . - twostep_load_unwinder",
    ".popsection",
    load = sym load_or_abort,
);

// All that the standard library may call (library/unwind and the crate backtrace). If a name is missing here, the
// linker links libgcc_s again, and tests/libpam/tests/artefact.rs fails.
unwinder! {
    0 "_Unwind_Backtrace"
    1 "_Unwind_DeleteException"
    2 "_Unwind_FindEnclosingFunction"
    3 "_Unwind_GetCFA"
    4 "_Unwind_GetDataRelBase"
    5 "_Unwind_GetGR"
    6 "_Unwind_GetIP"
    7 "_Unwind_GetIPInfo"
    8 "_Unwind_GetLanguageSpecificData"
    9 "_Unwind_GetRegionStart"
    10 "_Unwind_GetTextRelBase"
    11 "_Unwind_RaiseException"
    12 "_Unwind_Resume"
    13 "_Unwind_SetGR"
    14 "_Unwind_SetIP"
}

/// The functions of libgcc_s with these names, or null until it is loaded.
static FUNCTIONS: [AtomicPtr<c_void>; NAMES.len()] = [const { AtomicPtr::new(ptr::null_mut()) }; NAMES.len()];

/// Loads libgcc_s. If that fails, this writes a line to the log and ends the process. It writes no text to the standard
/// streams, which lead to the remote client in setcred.
#[cold]
pub(crate) extern "C" fn load_or_abort() {
    if load() {
        return;
    }
    if syslog::takes_a_line() {
        ffi::syslog_without_handle(Priority::Err as i32, LOST);
    }
    // SAFETY: abort(3) takes nothing and does not return.
    unsafe { libc::abort() }
}

/// False if the library or one of its functions is missing. The library stays loaded, like one that is linked.
///
/// RTLD_NOW: with lazy binding, ld.so could end the process later, with a text on its standard error. RTLD_LOCAL: the
/// host's other objects must find the same functions as before.
fn load() -> bool {
    // SAFETY: the name ends with a null byte. The constructors of this library only look at the processor.
    let library = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        return false;
    }
    FUNCTIONS.iter().zip(NAMES).all(|(place, name)| {
        // SAFETY: dlopen returned this handle, and no code closes it. The name ends with a null byte.
        let function = unsafe { libc::dlsym(library, name.as_ptr()) };
        // A thread that sees the pointer also sees the library, which was mapped before.
        place.store(function, Ordering::Release);
        !function.is_null()
    })
}
