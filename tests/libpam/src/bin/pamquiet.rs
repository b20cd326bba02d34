//! Runs one login through all phases: `pamquiet CONFDIR SERVICE USER UNIX-TIME`. The process keeps no copy of texts and
//! answers, so every copy in its memory is the module's. It writes each text to standard output, followed by NUL, and
//! reads each answer as a line of standard input. The line "\x04" hangs up. Last it writes PAM's code, and waits.

use std::env;
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::ptr;

use twostep_tests::interpose::set_clock;
use twostep_tests::pam::{Handle, Message, PAM_CONV_ERR, PAM_ESTABLISH_CRED, PAM_SUCCESS, Response};

/// PAM_PROMPT_ECHO_OFF and PAM_PROMPT_ECHO_ON.
const PROMPTS: [c_int; 2] = [1, 2];
const LONGEST_ANSWER: usize = 64;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [confdir, service, user, now] = &arguments[..] else { panic!("{arguments:?}") };
    set_clock(now.parse().unwrap());
    let handle = Handle::start(Path::new(confdir), service, user, Some(pass_on), ptr::null_mut());
    let mut code = handle.authenticate(0);
    if code == PAM_SUCCESS {
        code = handle.account(0);
    }
    if code == PAM_SUCCESS {
        code = handle.setcred(PAM_ESTABLISH_CRED);
    }
    say(format!("code {code}\0").as_bytes());
    // SAFETY: read(2) of one byte into one.
    unsafe { libc::read(0, (&raw mut code).cast(), 1) };
}

fn say(bytes: &[u8]) {
    // SAFETY: write(2) reads these bytes.
    let written = unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
    assert_eq!(written, bytes.len() as isize);
}

unsafe extern "C" fn pass_on(
    _count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: by libpam's contract there is one message with a text, and a place for the responses, which the module frees.
    unsafe {
        let message = &**messages;
        let length = libc::strlen(message.text) + 1;
        say(std::slice::from_raw_parts(message.text.cast(), length));
        let response: *mut Response = libc::calloc(1, size_of::<Response>()).cast();
        if PROMPTS.contains(&message.style) {
            let text: *mut u8 = libc::calloc(1, LONGEST_ANSWER).cast();
            let mut typed = 0;
            while typed == 0 || *text.add(typed - 1) != b'\n' {
                assert_eq!(libc::read(0, text.add(typed).cast(), 1), 1);
                typed += 1;
            }
            if *text == b'\x04' {
                libc::free(text.cast());
                libc::free(response.cast());
                return PAM_CONV_ERR;
            }
            *text.add(typed - 1) = 0;
            (*response).text = text.cast();
        }
        *responses = response;
    }
    PAM_SUCCESS
}
