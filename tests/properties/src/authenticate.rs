//! A complete login: the real module in the real libpam, with the files of a machine.

mod input;
mod oracle;

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::SigSet;
use nix::sys::time::TimeValLike;
use twostep_core::proof::totp::encode_secret;
use twostep_tests::interpose::{self, LogLine};
use twostep_tests::pam::{PAM_SUCCESS, PAM_SYSTEM_ERR};
use twostep_tests::{Open, Outcome, World};

use input::Input;
use oracle::Files;

/// The processor time of a phase, in addition to that of each answer. A recovery code is hashed in 10,000 rounds.
const TIME: Duration = Duration::from_millis(100);
const TIME_OF_ANSWER: Duration = Duration::from_millis(if cfg!(fuzzing) { 100 } else { 50 });
/// The real time of a phase, on a busy machine too. A wait for a lock takes as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// The KiB by which the process may grow in a phase.
const MEMORY: i64 = 16 * 1024;
/// The maximum number of prompts in a conversation.
const PROMPTS: usize = 40;

/// One login by one input. A line `--` separates its parts: the user, the service and the module arguments; the policy; the
/// secret file; the state; the answers. The login runs through all phases twice, and used codes must stay used.
pub fn authenticate(bytes: &[u8]) {
    thread_local!(static WORLD: World = World::new());
    let input = Input::read(bytes);
    WORLD.with(|world| {
        input.plant(world);
        for _ in 0..2 {
            log_in(world, &input);
        }
    });
    interpose::release_clock();
}

fn log_in(world: &World, input: &Input<'_>) {
    let mut open = input.login(world);
    let auth = phase(&mut open, world, input, Files::of(world), |open| open.authenticate(input.flags));
    let pending = open.handle.has_env(c"TWOSTEP_PENDING");
    oracle::check_auth(input, &auth, pending);
    let account = phase(&mut open, world, input, auth.after.clone(), Open::account);
    oracle::check_account(input, &auth, &account, pending);
    let pending = open.handle.has_env(c"TWOSTEP_PENDING");
    let setcred = phase(&mut open, world, input, account.after, Open::setcred);
    // After a refusal in the auth phase libpam itself refuses setcred.
    let expected = auth.outcome.code == PAM_SUCCESS && !pending;
    assert_eq!(setcred.outcome.code == PAM_SUCCESS, expected, "{:#?}", setcred.outcome);
    assert!(setcred.before == setcred.after, "setcred touches no file");
}

/// One phase, and the files before and after it.
struct Phase {
    outcome: Outcome,
    before: Files,
    after: Files,
}

fn phase(
    open: &mut Open,
    world: &World,
    input: &Input<'_>,
    before: Files,
    call: impl FnOnce(&mut Open) -> Outcome,
) -> Phase {
    let host = Host::now();
    let began = Instant::now();
    let outcome = call(open);
    let took = began.elapsed();
    host.check(&outcome);
    assert!(took < PATIENCE, "{took:?}: {outcome:#?}");
    assert_ne!(outcome.code, PAM_SYSTEM_ERR, "a panic: {outcome:#?}");
    assert!(outcome.prompts().len() <= PROMPTS && outcome.most_messages <= 1, "{outcome:#?}");
    check_secrecy(input, &outcome);
    let after = Files::of(world);
    oracle::check_files(&before, &after);
    Phase { outcome, before, after }
}

/// No stored key is shown, no key and no right code is logged, and each log line is one line of plain text.
fn check_secrecy(input: &Input<'_>, outcome: &Outcome) {
    let stored: Vec<String> = input.stored_keys().collect();
    let shown = |key: &String| outcome.transcript.iter().any(|(_, text)| text.contains(key));
    assert!(!stored.iter().any(shown), "{outcome:#?}");
    let new = encode_secret(input.new_authenticator().expose_secret()).to_string();
    let secrets = stored.into_iter().chain([new]).chain(input.right_codes());
    // A secret that is also given as a name may be logged.
    let secrets: Vec<_> = secrets.filter(|secret| !input.names(secret)).collect();
    for LogLine { text, .. } in &outcome.log {
        let is_plain = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        assert!(is_plain && text.len() < 4096, "{text:?}");
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text:?}");
    }
}

/// The parts of the host that a login must not change, and its use of resources.
struct Host {
    files: usize,
    mask: SigSet,
    time: Duration,
    memory: i64,
}

impl Host {
    /// Checks the host after a phase.
    fn check(&self, outcome: &Outcome) {
        let now = Self::now();
        assert_eq!((self.files, self.mask), (now.files, now.mask), "the host is unchanged");
        let (used, asked) = (now.time - self.time, outcome.prompts().len() as u32 + 1);
        assert!(used < TIME + TIME_OF_ANSWER * asked, "{used:?} of the processor's time: {outcome:#?}");
        assert!(now.memory - self.memory <= MEMORY, "{} KiB: {outcome:#?}", now.memory - self.memory);
    }

    fn now() -> Self {
        let thread = getrusage(UsageWho::RUSAGE_THREAD).expect("usage");
        let times = [thread.user_time(), thread.system_time()];
        let time =
            times.map(|time| Duration::from_micros(time.num_microseconds().unsigned_abs())).iter().sum();
        Self {
            // In a test other threads open files too.
            files: if cfg!(fuzzing) { fs::read_dir("/proc/self/fd").expect("a list").count() } else { 0 },
            mask: SigSet::thread_get_mask().expect("a mask"),
            time,
            memory: if cfg!(fuzzing) {
                getrusage(UsageWho::RUSAGE_SELF).expect("usage").max_rss()
            } else {
                0
            },
        }
    }
}
