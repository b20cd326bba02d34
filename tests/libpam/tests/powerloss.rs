//! The power fails at any time during several logins in a row. The possible contents of the disk are computed from the real
//! writes: each write that is not yet flushed may be complete, missing or torn. The real module then runs on each of them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use twostep_tests::interpose::skip_flushes;
use twostep_tests::pam::*;
use twostep_tests::paper::recovery_code;
use twostep_tests::strace::{self, trace};
use twostep_tests::{Format, Generator, NOW, State, World};

/// An event in the trace: a change of the state file, or the result of a login.
enum Event {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    Flush,
    /// The process reported a granted login.
    Granted(Grant),
}

/// The time of a granted login, and its answer.
#[derive(Clone)]
struct Grant {
    now: i64,
    typed: String,
}

/// The answer of a login in a story.
#[derive(Clone, Copy)]
enum Typed {
    /// The current code.
    Right,
    /// A code of no step nearby.
    Wrong,
    /// A recovery code, a different one for each login.
    Recovery,
}

/// The fate of the process of a login.
#[derive(Clone, Copy)]
enum Fate {
    Lives,
    /// Killed before its n-th system call of this name.
    Killed(&'static str, u32),
}

/// The possible contents of the disk at one time, and the logins granted until then.
struct Moment {
    /// The contents when last flushed.
    flushed: Vec<u8>,
    /// The writes since then, in order.
    pending: Vec<(usize, Vec<u8>)>,
    /// The logins granted so far.
    granted: Vec<Grant>,
}

use Fate::{Killed, Lives};
const RIGHT: Typed = Typed::Right;
const WRONG: Typed = Typed::Wrong;
const RECOVERY: Typed = Typed::Recovery;

#[test]
fn keeps_codes_used_after_power_loss() {
    replay(&[(RIGHT, Lives), (WRONG, Lives), (RIGHT, Lives), (WRONG, Lives), (WRONG, Lives), (RIGHT, Lives)]);
}

#[test]
fn keeps_record_when_login_is_killed_after_charge() {
    replay(&[(RIGHT, Lives), (WRONG, Killed("pwrite64", 2)), (RIGHT, Lives), (WRONG, Lives)]);
    replay(&[(RIGHT, Lives), (RIGHT, Killed("pwrite64", 2)), (WRONG, Lives), (RIGHT, Lives)]);
}

#[test]
fn keeps_record_when_two_logins_are_killed_in_turn() {
    replay(&[(RIGHT, Lives), (WRONG, Killed("pwrite64", 2)), (WRONG, Killed("pwrite64", 1)), (RIGHT, Lives)]);
    replay(&[(RIGHT, Lives), (WRONG, Killed("pwrite64", 2)), (RIGHT, Killed("pwrite64", 2)), (RIGHT, Lives)]);
}

#[test]
fn keeps_record_when_login_is_killed_before_flush() {
    replay(&[(RIGHT, Lives), (RIGHT, Killed("fdatasync", 1)), (RIGHT, Lives)]);
    replay(&[(RIGHT, Lives), (WRONG, Killed("fdatasync", 1)), (WRONG, Lives), (RIGHT, Lives)]);
    replay(&[
        (RIGHT, Lives),
        (RIGHT, Killed("fdatasync", 1)),
        (WRONG, Killed("pwrite64", 2)),
        (RIGHT, Lives),
    ]);
    // The second login first flushes what the first one wrote.
    replay(&[
        (RIGHT, Lives),
        (RIGHT, Killed("fdatasync", 1)),
        (WRONG, Killed("fdatasync", 2)),
        (RIGHT, Lives),
    ]);
}

#[test]
fn keeps_record_when_login_is_killed_after_flush() {
    replay(&[(RIGHT, Lives), (RIGHT, Killed("pwrite64", 3)), (RIGHT, Lives), (WRONG, Lives)]);
    replay(&[(RIGHT, Lives), (WRONG, Killed("pwrite64", 3)), (RIGHT, Killed("pwrite64", 3)), (RIGHT, Lives)]);
}

#[test]
fn keeps_recovery_codes_used_after_power_loss() {
    replay(&[(RECOVERY, Lives), (RIGHT, Lives), (RECOVERY, Lives), (RECOVERY, Lives)]);
    replay(&[(RECOVERY, Lives), (RECOVERY, Killed("pwrite64", 2)), (RIGHT, Lives)]);
    replay(&[(WRONG, Lives), (RECOVERY, Killed("fdatasync", 1)), (RECOVERY, Lives)]);
    replay(&[(RIGHT, Lives), (RECOVERY, Killed("pwrite64", 3)), (RECOVERY, Lives), (WRONG, Lives)]);
}

/// Asserts that no accepted code and no flushed failure is lost and that every image parses. Runs with an existing state,
/// and with one that a first login creates.
fn replay(story: &[(Typed, Fate)]) {
    for first_login_creates_the_state in [false, true] {
        let images = replay_from(story, first_login_creates_the_state);
        println!("{images} images replayed");
        assert!(images > 100, "{images} images");
    }
}

fn replay_from(story: &[(Typed, Fate)], create: bool) -> usize {
    let world = World::default();
    if create {
        fs::remove_file(world.state_path("games")).unwrap();
        world.login("games").at(NOW - 300).answer("000000").run().assert_denied(PAM_AUTH_ERR, "wrong-code");
    }
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    let start = fs::read(world.state_path("games")).unwrap();
    skip_flushes();
    let events = record(&world, story);
    let end = NOW + 60 * story.len() as i64;
    let mut images = 0;
    for (at, moment) in moments(start, events).iter().enumerate() {
        for image in disk_images(moment) {
            images += 1;
            check(&world, &image, moment, end, &format!("after event {at}"));
        }
    }
    images
}

/// Runs the story under strace.
fn record(world: &World, story: &[(Typed, Fate)]) -> Vec<Event> {
    let mut events = Vec::new();
    for (login, &(typed, fate)) in story.iter().enumerate() {
        let now = NOW + 60 * login as i64;
        let code = match typed {
            Typed::Right => Generator::default().at(now),
            Typed::Wrong => Generator::default().wrong(now),
            Typed::Recovery => recovery_code(login + 1),
        };
        let mut options = vec!["-xx".to_owned(), "-s".into(), "9000".into()];
        if let Fate::Killed(name, when) = fate {
            options.extend(["-e".into(), format!("inject={name}:signal=KILL:when={when}")]);
        }
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let traced = trace(&world.login("games").at(now).answer(&code), &options);
        let expected = match (fate, typed) {
            (Fate::Killed(..), _) => None,
            (Fate::Lives, Typed::Right | Typed::Recovery) => Some(PAM_SUCCESS),
            (Fate::Lives, Typed::Wrong) => Some(PAM_AUTH_ERR),
        };
        assert_eq!(traced.report.code, expected, "login {login}: {:?}", traced.report);
        events.extend(traced.calls.iter().filter_map(|call| event(call)));
        if expected == Some(PAM_SUCCESS) {
            events.push(Event::Granted(Grant { now, typed: code }));
        }
    }
    events
}

/// The effect of one line of the trace on the state file. A call that did not return had none.
fn event(call: &str) -> Option<Event> {
    let (_, result) = call.rsplit_once(" = ")?;
    match strace::name(call)? {
        "pwrite64" => {
            let quoted = call.split('"').nth(1)?;
            let bytes: Vec<u8> =
                quoted.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
            if result.starts_with('?') {
                return None;
            }
            assert_eq!(result, bytes.len().to_string(), "{call}");
            let offset: usize = call.rsplit_once(", ")?.1.split(')').next()?.parse().unwrap();
            assert_eq!(
                offset / 4096,
                (offset + bytes.len() - 1) / 4096,
                "a write stays in one block: {call}"
            );
            Some(Event::Write { offset, bytes })
        }
        "fdatasync" => (result == "0").then_some(Event::Flush),
        "write" | "writev" | "pwritev" | "ftruncate" | "fallocate" if call.contains("/state/") => {
            panic!("not in this model: {call}")
        }
        _ => None,
    }
}

/// The disk before the first event and after each one.
fn moments(start: Vec<u8>, events: Vec<Event>) -> Vec<Moment> {
    let mut moments = vec![Moment { flushed: start, pending: Vec::new(), granted: Vec::new() }];
    for event in events {
        let last = moments.last().unwrap();
        let mut next = Moment {
            flushed: last.flushed.clone(),
            pending: last.pending.clone(),
            granted: last.granted.clone(),
        };
        match event {
            Event::Write { offset, bytes } => next.pending.push((offset, bytes)),
            Event::Flush => {
                for (offset, bytes) in next.pending.drain(..) {
                    next.flushed[offset..offset + bytes.len()].copy_from_slice(&bytes);
                }
            }
            Event::Granted(grant) => next.granted.push(grant),
        }
        moments.push(next);
    }
    moments
}

/// Every possible file: each pending write is missing, complete, or cut to its beginning or end.
fn disk_images(moment: &Moment) -> BTreeSet<Vec<u8>> {
    // A single write is torn at every byte, combinations at every eighth byte.
    let grain = if moment.pending.len() > 1 { 8 } else { 1 };
    let mut images = BTreeSet::from([moment.flushed.clone()]);
    for (offset, bytes) in &moment.pending {
        let torn = |image: &Vec<u8>| tears(image, *offset, bytes, grain).collect::<Vec<_>>();
        images = images.iter().flat_map(torn).collect();
    }
    images
}

fn tears<'a>(
    image: &'a [u8],
    offset: usize,
    bytes: &'a [u8],
    grain: usize,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    let cuts = (0..=bytes.len()).step_by(grain);
    cuts.flat_map(move |cut| [0..cut, cut..bytes.len()]).map(move |part| {
        let mut image = image.to_vec();
        image[offset + part.start..offset + part.end].copy_from_slice(&bytes[part]);
        image
    })
}

fn check(world: &World, image: &[u8], moment: &Moment, end: i64, place: &str) {
    let run = |now: i64, code: &str| {
        // In place, because ext4 flushes a file that is truncated and rewritten, and there are thousands.
        let file = File::options().write(true).open(world.state_path("games")).unwrap();
        file.write_all_at(image, 0).unwrap();
        world.login("games").at(now).answers([code; 2]).run()
    };
    for Grant { now, typed } in moment.granted.iter().rev().take(2) {
        let outcome = run(*now, typed);
        let reason = outcome.field("reason");
        let refused = ["replayed", "clock-anomaly", "locked", "wrong-recovery-code"].contains(&reason);
        assert!(refused, "{place}: a code that was used: {outcome:#?}");
    }
    let later = end + 7200;
    let next = run(later, &Generator::default().at(later));
    assert_eq!(
        (next.code, next.field("result")),
        (PAM_SUCCESS, "grant"),
        "{place}: the next login: {next:#?}"
    );
    let Some(flushed) = State::parse(&moment.flushed) else {
        panic!("{place}: the flushed file does not parse")
    };
    let slot = Format::of_run().slot();
    let accepted =
        |bytes: &[u8]| bytes.len() == slot.end && bytes[slot.start + 32..slot.start + 34] == [0; 2];
    if !moment.pending.iter().any(|(_, bytes)| accepted(bytes)) {
        let outcome = run(later, &Generator::default().wrong(later));
        let failures: u16 = outcome.field("failures").parse().unwrap();
        assert!(failures > flushed.root.codes, "{place}: failures are lost: {outcome:#?}");
    }
}
