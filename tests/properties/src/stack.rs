use std::os::unix::fs::symlink;
use std::ptr;

use twostep_core::login::account_line::check_account_phase;
use twostep_tests::interpose::take_log;
use twostep_tests::pam::{Handle, PAM_SUCCESS};
use twostep_tests::{World, build_dir, plant};

/// The text for each byte of the input: the words and signs of PAM's files, and harmless modules. Each include has a name,
/// because libpam crashes without one. `@include` is left out, because libpam does not find its files in another folder.
const TOKENS: [&str; 48] = [
    "\n",
    " ",
    "account",
    "required",
    "pam_debug.so",
    "OURS",
    "requisite",
    "sufficient",
    "optional",
    "auth",
    "-",
    "\\\n",
    "\\",
    "#",
    "\t",
    "\r",
    "[",
    "]",
    "=",
    "success",
    "ignore",
    "default",
    "ok",
    "done",
    "bad",
    "die",
    "reset",
    "1",
    "2",
    "include part ",
    "substack part ",
    "\u{c}",
    "part",
    "other",
    "acct=",
    "auth_err",
    "new_authtok_reqd",
    "pam_permit.so",
    "pam_deny.so",
    "account required OURS",
    "account required pam_permit.so\n",
    "ACCOUNT",
    "Required",
    "session",
    "password",
    "\\]",
    "\u{b}",
    "a word of forty letters that is nothing.",
];
/// The byte that ends the service file and begins the file that it may include.
const DIVIDES: u8 = 0xff;

/// The stack of a service. If the core reports that the account phase always reaches the module's line, then the real
/// libpam reaches it or refuses. Each byte of the input is a word or a sign; byte 255 begins the file `part`.
pub fn stack(bytes: &[u8]) {
    thread_local!(static WORLD: World = world());
    let (own, part) =
        bytes.iter().position(|&byte| byte == DIVIDES).map_or((bytes, &[][..]), |at| bytes.split_at(at));
    WORLD.with(|world| {
        let ours = world.confdir().join("pam_twostep.so root=/nonexistent");
        let text = |tokens: &[u8]| -> String {
            let words = tokens.iter().filter_map(|&token| TOKENS.get(usize::from(token)));
            words.map(|word| word.replace("OURS", ours.to_str().expect("a plain path"))).collect()
        };
        check(world, &text(own), &text(part));
    });
}

/// A world whose service folder has the module under its installed name.
fn world() -> World {
    let world = World::new();
    symlink(build_dir().join("libpam_twostep.so"), world.confdir().join("pam_twostep.so")).expect("linked");
    world
}

fn check(world: &World, own: &str, part: &str) {
    let read = |file: &str| match file {
        "service" => Some(own.to_owned()),
        "part" => Some(part.to_owned()),
        _ => None,
    };
    if check_account_phase("service", &read).is_err() {
        return;
    }
    plant(&world.confdir().join("service"), 0o644, own.as_bytes());
    plant(&world.confdir().join("part"), 0o644, part.as_bytes());
    let started = Handle::try_start(&world.confdir(), "service", "virtual70001", None, ptr::null_mut());
    take_log();
    let Ok(handle) = started else { return }; // libpam refuses the file
    let passed = handle.account(0) == PAM_SUCCESS;
    // The module has no policy there, and logs that.
    let reached = take_log().iter().any(|line| line.text.starts_with("result="));
    assert!(reached || !passed, "libpam skipped the line of the module:\n{own}\n--\n{part}");
}
