//! The power fails at any time during an enrollment or an administrator's command. The real module runs on every possible
//! image of the disk (tests/libpam/src/disk.rs): used codes stay used, and no record is incomplete.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};
use std::sync::LazyLock;

use twostep_tests::disk::{Disk, Image, WATCHED};
use twostep_tests::interpose::release_clock;
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, recovery_code};
use twostep_tests::strace::{talk, trace, watch};
use twostep_tests::{Format, Generator, NOW, OTHER_SECRET, SECRET, Stage, State, World, build_dir, uid};

/// Writes are torn at multiples of this many bytes, and at sectors.
const GRAIN: usize = 128;

static WITH_RECOVERY_CODES: LazyLock<State> =
    LazyLock::new(|| State::new(uid("games"), "games").with_recovery_codes(8));

/// All possible images of the disk during these calls.
fn images(world: &World, calls: &[String], before: &mut Disk) -> BTreeSet<Image> {
    let mut images = before.images(GRAIN);
    for moment in before.moments(calls) {
        images.extend(moment.images(GRAIN));
    }
    assert!(images.len() > 1, "{} images", images.len());
    println!("{} images, of {} calls", images.len(), calls.len());
    let now = Disk::of(world).images(GRAIN).pop_first().unwrap();
    assert!(images.contains(&now), "the current image is one of them");
    let done = |image: &Image| content(world, image) == content(world, &now);
    assert!(before.images(GRAIN).iter().all(done), "the command succeeded, and is not on disk");
    images
}

/// The state, with its stage ignored, and the secret.
fn content(world: &World, image: &Image) -> (Option<State>, Option<Vec<u8>>) {
    let state = image.get(&world.state_path("games")).and_then(|bytes| State::parse(bytes));
    let settled = state.map(|state| State { stage: Stage::Settled, ..state });
    (settled, image.get(&world.secret_path("games")).cloned())
}

fn put(world: &World, image: &Image) {
    for path in [world.state_path("games"), world.secret_path("games"), world.format_path()] {
        let _ = fs::remove_file(&path);
    }
    for (path, bytes) in image {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A user with two phones who has used a code and a recovery code, then typed a wrong one, and the time of that. It is recent, because the command
/// reads the real clock.
fn used() -> (World, i64) {
    let world = World::lenient();
    let now = release_clock() - 300;
    let phone = |label, secret| format!("[[authenticator]]\nlabel = \"{label}\"\nsecret = \"{secret}\"\n");
    world.secret("games", &(phone("phone", SECRET) + &phone("tablet", OTHER_SECRET)));
    world.state("games", &WITH_RECOVERY_CODES);
    world.followed("games").at(now).answer(Generator::default().at(now)).run().assert_granted();
    world.followed("games").at(now).answer(recovery_code(1)).run().assert_granted();
    let wrong = Generator::default().wrong(now);
    world.followed("games").at(now).answer(wrong).run().assert_denied(PAM_AUTH_ERR, "wrong-code");
    (world, now)
}

fn administrator(world: &World, words: &[&str]) -> Command {
    let mut command = Command::new(build_dir().join("twostep"));
    command.arg("--root").arg(world.root()).args(words);
    command
}

/// The verb of `storage` that changes the format of this run's records.
fn conversion() -> &'static str {
    match Format::of_run() {
        Format::One => "upgrade",
        Format::Two => "downgrade",
    }
}

#[test]
fn keeps_codes_used_when_power_fails_in_any_command() {
    let commands: [&[&str]; 5] = [
        &["storage", conversion()],
        &["unlock", "games"],
        &["unlock", "--reset-clock", "games"],
        &["require", "games"],
        &["remove", "--user", "games", "tablet"],
    ];
    for words in commands {
        let (world, now) = used();
        let mut disk = Disk::of(&world);
        let (output, calls) = watch(&administrator(&world, words), &WATCHED);
        assert!(output.status.success(), "{output:?}");
        for image in images(&world, &calls, &mut disk) {
            put(&world, &image);
            let state = State::parse(&image[&world.state_path("games")]);
            let state = state.unwrap_or_else(|| panic!("{words:?}: neither slot can be read"));
            assert!(state.mark as i64 > now - 30, "{words:?}: the mark decreased");
            for spent in [Generator::default().at(now), recovery_code(1)] {
                let outcome = world.followed("games").at(now).answer(spent).run();
                assert_ne!(outcome.code, PAM_SUCCESS, "{words:?}: {outcome:#?}");
            }
            let later = now + 3600;
            world.followed("games").at(later).answer(Generator::default().at(later)).run().assert_granted();
        }
    }
}

/// The command is killed when the file has its name, but that is not on disk. The next login puts it there before it accepts
/// a code.
#[test]
fn keeps_code_used_that_followed_killed_conversion() {
    let (world, now) = used();
    let mut disk = Disk::of(&world);
    let before = disk.images(GRAIN);
    // Format, its folder, state: the flush after that is that of the state's folder.
    let kill = ["-e", "inject=fsync:signal=KILL:when=4"];
    let command = administrator(&world, &["storage", conversion()]);
    let (output, calls) = watch(&command, &[&WATCHED[..], &kill].concat());
    assert!(!output.status.success(), "{output:?}");
    disk.follow(&calls);
    let states = |images: BTreeSet<Image>| -> BTreeSet<Vec<u8>> {
        images.into_iter().map(|image| image[&world.state_path("games")].clone()).collect()
    };
    assert_eq!(
        (states(before).len(), states(disk.images(GRAIN)).len()),
        (1, 2),
        "the old file, or the new one"
    );
    let (now, code) = (now + 60, Generator::default().at(now + 60));
    let traced = trace(&world.followed("games").at(now).answer(&code), &WATCHED);
    assert_eq!(traced.report.code, Some(PAM_SUCCESS), "{:?}", traced.report);
    disk.follow(&traced.calls);
    for image in disk.images(GRAIN) {
        put(&world, &image);
        let outcome = world.followed("games").at(now).answer(&code).run();
        outcome.assert_denied(PAM_AUTH_ERR, "replayed");
    }
}

#[test]
fn keeps_codes_used_when_power_fails_in_reset() {
    let (world, now) = used();
    let mut disk = Disk::of(&world);
    let (output, calls) = watch(&administrator(&world, &["reset", "games"]), &WATCHED);
    assert!(output.status.success(), "{output:?}");
    for image in images(&world, &calls, &mut disk) {
        put(&world, &image);
        let secret = format!("[[authenticator]]\nlabel = \"other\"\nsecret = \"{SECRET}\"\n");
        world.secret("games", &secret); // the same secret again, as configuration management writes it
        let outcome = world.followed("games").at(now).answer(Generator::default().at(now)).run();
        assert_ne!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
        let outcome = world.followed("games").at(now).answer(recovery_code(1)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    }
}

#[test]
fn stores_all_or_nothing_when_power_fails_in_enrollment() {
    for has_a_state in [false, true] {
        let world = World::newcomers("");
        if has_a_state {
            world.state("games", &State::new(uid("games"), "games")); // as after 'twostep require'
        }
        let mut disk = Disk::of(&world);
        let traced = trace(&world.newcomer("games").answers(dialogue(NOW)), &WATCHED);
        assert_eq!(traced.report.code, Some(PAM_SUCCESS), "{:?}", traced.report);
        let mut enrolled = 0;
        for image in images(&world, &traced.calls, &mut disk) {
            put(&world, &image);
            if !image.contains_key(&world.secret_path("games")) {
                continue;
            }
            enrolled += 1;
            let state = world.state_of("games");
            assert_eq!((state.mark, state.recovery_codes_left()), (NOW as u64 + 30, 8));
            let enter = |now, answer: &str| {
                world.login("games").service("login").at(now).whole().answer(answer).run()
            };
            enter(NOW + 30, &dialogue(NOW)[1]).assert_denied(PAM_AUTH_ERR, "replayed");
            enter(NOW + 600, &Generator::default().at(NOW + 600)).assert_granted();
        }
        assert!(enrolled > 0, "no image holds the secret");
    }
}

/// One set works completely, and a used code of the old set stays used.
#[test]
fn keeps_one_whole_set_when_power_fails_in_renewal() {
    let (world, now) = used();
    let mut disk = Disk::of(&world);
    let mut new = Vec::new();
    let command = administrator(&world, &["recovery", "--user", "games"]);
    let (output, calls) = talk(&command, &WATCHED, |child| new = confirm_recovery_codes(child));
    assert!(output.status.success(), "{output:?}");
    let (mut old_sets, mut new_sets) = (0, 0);
    for image in images(&world, &calls, &mut disk) {
        put(&world, &image);
        let enter = |code: &str| {
            put(&world, &image);
            world.followed("games").at(now + 3600).answer(code).run().code == PAM_SUCCESS
        };
        assert!(!enter(&recovery_code(1)), "it was used");
        let works = (enter(&recovery_code(2)), enter(&new[0]), enter(&new[7]));
        assert!([(true, false, false), (false, true, true)].contains(&works), "{works:?}");
        if works.0 { old_sets += 1 } else { new_sets += 1 }
    }
    assert!(old_sets > 0 && new_sets > 0, "{old_sets} old, {new_sets} new");
}

/// Types the last group of the requested recovery code. Returns all codes.
fn confirm_recovery_codes(child: &mut Child) -> Vec<String> {
    let (mut screen, mut byte) = (String::new(), [0]);
    let asked = loop {
        child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        screen.push(byte[0].into());
        let question = screen.rsplit_once("type the last 4 characters of\nrecovery code ");
        if let Some((_, number)) = question.filter(|_| screen.ends_with(": ")) {
            break number.trim_end_matches(": ").parse::<usize>().unwrap();
        }
    };
    let words: Vec<&str> = screen.split_whitespace().collect();
    let code_with = |number: usize| {
        let at = words.iter().position(|word| *word == format!("{number}.")).unwrap();
        words[at + 1].to_owned()
    };
    let codes: Vec<String> = (1..=8).map(code_with).collect();
    writeln!(child.stdin.as_mut().unwrap(), "{}", &codes[asked - 1][15..]).unwrap();
    codes
}

/// The state is complete or missing, and no current code is accepted.
#[test]
fn creates_whole_state_or_none_when_power_fails() {
    let world = World::lenient();
    fs::remove_file(world.state_path("games")).unwrap();
    let mut disk = Disk::of(&world);
    let right = || Generator::default().at(NOW);
    let traced = trace(&world.followed("games").answer(right()), &WATCHED);
    assert_eq!(traced.report.field("reason"), "replayed", "{:?}", traced.report);
    let mut without = 0;
    for image in images(&world, &traced.calls, &mut disk) {
        put(&world, &image);
        match image.get(&world.state_path("games")) {
            Some(bytes) => assert!(State::parse(bytes).is_some(), "an incomplete state"),
            None => without += 1,
        }
        assert_ne!(world.followed("games").answer(right()).run().code, PAM_SUCCESS);
        let later = NOW + 3600;
        world.followed("games").at(later).answer(Generator::default().at(later)).run().assert_granted();
    }
    assert!(without > 0);
}
