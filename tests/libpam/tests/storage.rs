//! `twostep storage`: converts the records to the other format, while users log in, and whatever interrupts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use twostep_tests::drive::release_together;
use twostep_tests::pam::*;
use twostep_tests::strace::{self, talk, watch};
use twostep_tests::{AttemptCounter, Format, Generator, NOW, OTHER_SECRET, State, World, build_dir, uid};

const TICKET: &[u8] = b"a ticket..";

/// The verb that converts the records of this run, and the format that they then have.
fn conversion() -> (&'static str, Format) {
    match Format::of_run() {
        Format::One => ("upgrade", Format::Two),
        Format::Two => ("downgrade", Format::One),
    }
}

/// The verb back.
fn back() -> &'static str {
    match Format::of_run() {
        Format::One => "downgrade",
        Format::Two => "upgrade",
    }
}

fn storage(world: &World, verb: &str) -> Command {
    let mut command = Command::new(build_dir().join("twostep"));
    command.arg("--root").arg(world.root()).args(["storage", verb]);
    command
}

/// A user with something in every field.
fn full() -> State {
    let root = AttemptCounter { codes: 2, recoveries: 1, last_failure: NOW as u64 - 600 };
    let helper = AttemptCounter { codes: 1, ..root };
    let state =
        State { root, helper, requirement: 1, mark: NOW as u64 - 900, ..State::new(uid("games"), "games") };
    state.with_recovery_codes(8).with_ticket(TICKET, NOW + 600)
}

fn without_generation(state: State) -> State {
    State { generation: 0, format: Format::One, ..state }
}

#[test]
fn keeps_all_but_origin_of_codes_in_every_record() {
    let world = World::lenient();
    world.state("games", &full()).enroll("mail", OTHER_SECRET);
    let (verb, format) = conversion();
    for (verb, format) in [(verb, format), (back(), Format::of_run())] {
        let output = storage(&world, verb).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.ends_with("Records changed to it: 2.\n"), "{text}");
        let after = ["games", "mail"].map(|user| world.state_of(user));
        assert_eq!(after.each_ref().map(|state| state.format), [format; 2]);
        let [games, mail] = after.map(without_generation);
        assert!(games == without_generation(full()), "{games:?}");
        assert!(mail == without_generation(State::new(uid("mail"), "mail")), "{mail:?}");
        assert!(storage(&world, verb).output().unwrap().status.success(), "again");
    }
    world.login("games").at(NOW).answer(Generator::default().at(NOW)).run().assert_granted();
}

#[test]
fn creates_records_in_format_of_last_conversion() {
    let world = World::lenient();
    let (verb, format) = conversion();
    assert!(storage(&world, verb).output().unwrap().status.success());
    fs::remove_file(world.state_path("games")).unwrap();
    world
        .login("games")
        .at(NOW)
        .answer(Generator::default().at(NOW))
        .run()
        .assert_denied(PAM_AUTH_ERR, "replayed");
    assert_eq!(world.state_of("games").format, format);
}

#[test]
fn names_record_that_it_cannot_convert_and_leaves_it() {
    let world = World::lenient();
    world.enroll("mail", OTHER_SECRET);
    fs::write(world.state_path("mail"), vec![0; 8192]).unwrap();
    let damaged = fs::read(world.state_path("mail")).unwrap();
    let (verb, format) = conversion();
    let output = storage(&world, verb).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains(&format!("/state/{} is damaged", uid("mail"))), "{errors}");
    assert!(errors.contains("records that were not changed: 1"), "{errors}");
    assert_eq!(world.state_of("games").format, format, "the others are converted");
    assert_eq!(fs::read(world.state_path("mail")).unwrap(), damaged);
}

/// The process that has a file in this folder open that has no name yet.
fn writer_of_unnamed_file(folder: &Path) -> Option<i32> {
    let unnamed = format!("{}/#", folder.display());
    let is_unnamed = |file: PathBuf| file.to_string_lossy().starts_with(&unnamed);
    fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
        let mut files = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        files.find(|file| fs::read_link(file.path()).is_ok_and(is_unnamed))?;
        process.file_name().to_str()?.parse().ok()
    })
}

/// The command has read the old format, and is stopped while all other records are converted.
#[test]
fn converts_record_that_is_created_meanwhile() {
    let world = World::lenient();
    fs::remove_file(world.state_path("games")).unwrap();
    let (verb, format) = conversion();
    let mut require = Command::new(build_dir().join("twostep"));
    require.arg("--root").arg(world.root()).args(["require", "games"]);
    let stopped = ["-e", "trace=fsync", "-e", "inject=fsync:signal=STOP:when=1"];
    let (output, _) = talk(&require, &stopped, |child| {
        let folder = world.state_path("games").parent().unwrap().to_owned();
        let writer = loop {
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            if let Some(writer) = writer_of_unnamed_file(&folder) {
                break writer;
            }
        };
        assert!(storage(&world, verb).output().unwrap().status.success());
        assert!(!world.state_path("games").exists(), "it has its name already");
        while child.try_wait().unwrap().is_none() {
            // SAFETY: it takes no pointer. The process is the child's child, so its id stays its own while the child lives.
            unsafe { libc::kill(writer, libc::SIGCONT) };
        }
    });
    assert!(output.status.success(), "{output:?}");
    assert_eq!(world.state_of("games").format, format);
}

/// Killed before each of its calls, and with each of them failing: the record is whole, in one format or the other.
#[test]
fn leaves_whole_record_whatever_interrupts_it() {
    let (verb, format) = conversion();
    let world = || {
        let world = World::lenient();
        world.state("games", &full());
        world
    };
    let (output, calls) = watch(&storage(&world(), verb), &[]);
    assert!(output.status.success(), "{output:?}");
    let start = calls.iter().position(|call| call.contains("O_TMPFILE")).expect("it writes the format");
    let mut counts = std::collections::HashMap::new();
    let mut converted = 0;
    for (at, name) in calls.iter().enumerate().filter_map(|(at, call)| Some((at, strace::name(call)?))) {
        let count = counts.entry(name).or_insert(0);
        *count += 1;
        if at < start || name == "exit_group" {
            continue;
        }
        for fault in ["signal=KILL", "error=EIO"] {
            let world = world();
            let inject = format!("inject={name}:{fault}:when={count}");
            let (output, _) = watch(&storage(&world, verb), &["-e", &inject]);
            let state = world.state_of("games");
            assert!(without_generation(state.clone()) == without_generation(full()), "{inject}: {state:?}");
            assert!(state.format == format || !output.status.success(), "{inject}: {output:?}");
            converted += usize::from(state.format == format);
            let again = storage(&world, verb).output().unwrap();
            assert!(again.status.success(), "{inject}: {again:?}");
            assert_eq!(world.state_of("games").format, format, "{inject}: then it is finished");
        }
    }
    assert!(converted > 0);
}

/// Ends the other thread when this one ends, by a panic too.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A login that waits for the lock of the old file must not use up its code there.
#[test]
fn accepts_code_once_while_records_are_converted() {
    const PROCESSES: usize = 20;
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = 100\n");
    let done = AtomicBool::new(false);
    let mut granted = Vec::new();
    thread::scope(|scope| {
        let converting = scope.spawn(|| {
            let mut changed = 0;
            while !done.load(Ordering::Relaxed) {
                for verb in [conversion().0, back()] {
                    let output = storage(&world, verb).output().unwrap();
                    assert!(output.status.success(), "{output:?}");
                    changed += usize::from(output.stdout.ends_with(b": 1.\n"));
                }
            }
            changed
        });
        let finished = SetOnDrop(&done);
        for round in 0..10 {
            let now = NOW + 86_400 * round;
            let code = Generator::default().at(now);
            let reports =
                release_together((0..PROCESSES).map(|_| world.login("games").at(now).answers([&code; 2])));
            granted.push(reports.iter().filter(|report| report.code == Some(PAM_SUCCESS)).count());
        }
        drop(finished);
        assert!(converting.join().unwrap() > 2, "it was converted meanwhile");
    });
    assert_eq!(granted, [1; 10], "logins in each round");
}
