//! A login leaves the host process unchanged. There is only one test, because another one would change the process too.

use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;

use twostep_tests::pam::*;
use twostep_tests::paper::dialogue;
use twostep_tests::{Generator, NOW, World};

/// The properties of the host that a module must not change.
fn host() -> BTreeMap<String, String> {
    let mut host = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        // The descriptor of the listing itself is closed before it is read.
        if let Ok(target) = fs::read_link(&path) {
            host.insert(path.display().to_string(), target.display().to_string());
        }
    }
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    // Not SigQ, which counts the signals of all processes of the same user.
    let kept = [
        "Uid",
        "Gid",
        "Groups",
        "Threads",
        "Cap",
        "SigPnd",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "ShdPnd",
        "NoNewPrivs",
        "Seccomp",
        "Umask",
    ];
    for line in status.lines().filter(|line| kept.iter().any(|key| line.starts_with(key))) {
        host.insert(line.split(':').next().unwrap().into(), line.into());
    }
    host.insert("limits".into(), fs::read_to_string("/proc/self/limits").unwrap());
    host.insert("cwd".into(), std::env::current_dir().unwrap().display().to_string());
    host.insert("environment".into(), format!("{:?}", std::env::vars_os().collect::<Vec<_>>()));
    host.insert("dispositions".into(), (1..=64).map(disposition).collect());
    host.insert("locale".into(), locale());
    host.insert("dumpable".into(), dumpable());
    host
}

fn disposition(signal: i32) -> String {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the call only reads; the structure stays zeroed if it fails.
    unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the structure is zeroed or filled in.
    let action = unsafe { action.assume_init() };
    format!("{signal}:{:x}:{:x} ", action.sa_sigaction, action.sa_flags)
}

fn locale() -> String {
    // SAFETY: the call only reads; the result ends with NUL, and no other thread changes it.
    unsafe { std::ffi::CStr::from_ptr(libc::setlocale(libc::LC_ALL, std::ptr::null())) }
        .to_string_lossy()
        .into()
}

fn dumpable() -> String {
    // SAFETY: the call only reads.
    unsafe { libc::prctl(libc::PR_GET_DUMPABLE) }.to_string()
}

#[test]
fn leaves_host_process_unchanged() {
    let right = Generator::default().at(NOW);
    let world = World::default();
    let broken = World::default();
    fs::write(broken.secret_path("games"), "").unwrap();
    let fresh = World::default();
    fs::remove_file(fresh.state_path("games")).unwrap();
    let logins: [(&World, &str, String, i32); 7] = [
        (&world, "games", right.clone(), PAM_SUCCESS),
        (&world, "games", right.clone(), PAM_AUTH_ERR),
        (&world, "games", "not a code".into(), PAM_AUTH_ERR),
        (&world, "nosuchuser", right.clone(), PAM_AUTH_ERR),
        (&world, "mail", right.clone(), PAM_AUTH_ERR),
        (&broken, "games", right.clone(), PAM_AUTHINFO_UNAVAIL),
        (&fresh, "games", right.clone(), PAM_AUTH_ERR),
    ];
    block_a_signal();
    // One login before, because the first loads the libraries of the name service.
    world.login("nosuchuser").at(NOW).answer("123456").run();
    for (world, user, answer, code) in logins {
        let before = host();
        let outcome = world.login(user).at(NOW).answer(answer).run();
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert_eq!(host(), before, "{user}: {outcome:#?}");
    }
    let newcomers = World::newcomers("");
    for (answers, code) in [(&dialogue(NOW)[..1], PAM_CONV_ERR), (&dialogue(NOW), PAM_SUCCESS)] {
        let before = host();
        let outcome = newcomers.newcomer("games").answers(answers).run();
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert_eq!(host(), before, "{outcome:#?}");
    }
    newcomers.service("sshd", "account required MODULE root=ROOT\n");
    let before = host();
    assert_eq!(newcomers.login("games").service("sshd").open().account().code, PAM_PERM_DENIED);
    assert_eq!(host(), before);
}

/// Blocks a signal, to detect a module that sets a mask and then restores a default mask.
fn block_a_signal() {
    // SAFETY: the set is initialized before it is used.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGUSR2);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
