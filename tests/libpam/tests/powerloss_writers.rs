//! The power fails at any moment of an enrollment, or of an administrator's command. Every image that the disk may hold then
//! (tests/libpam/src/disk.rs) is put in place, and the real module runs on it: what is used up stays so, and nothing is half.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use twostep_tests::disk::{Disk, Image, WATCHED};
use twostep_tests::interpose::release_clock;
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, recovery_code};
use twostep_tests::strace::{trace, watch};
use twostep_tests::{Generator, NOW, SECRET, State, World, build_dir};

/// Bytes at whose multiples writes are torn, besides sectors.
const GRAIN: usize = 128;

/// All that the disk may hold while these calls are made.
fn images(world: &World, calls: &[String], before: &mut Disk) -> BTreeSet<Image> {
    let mut images = before.images(GRAIN);
    for moment in before.moments(calls) {
        images.extend(moment.images(GRAIN));
    }
    assert!(images.len() > 1, "{} images", images.len());
    println!("{} images, of {} calls", images.len(), calls.len());
    assert!(world.state_path("games").parent().unwrap().is_dir());
    images
}

fn put(world: &World, image: &Image) {
    for path in [world.state_path("games"), world.secret_path("games")] {
        let _ = fs::remove_file(&path);
    }
    for (path, bytes) in image {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A person who has used a code and a recovery code, and when. The command has the real clock, so it was not long ago.
fn used() -> (World, i64) {
    let world = World::lenient();
    let now = release_clock() - 300;
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    world.followed("games").at(now).answer(Generator::default().at(now)).run().assert_granted();
    world.followed("games").at(now).answer(recovery_code(1)).run().assert_granted();
    (world, now)
}

#[test]
fn whatever_an_administrator_does_what_is_used_up_stays_so() {
    for words in [["unlock", "games"], ["require", "games"]] {
        let (world, now) = used();
        let mut command = Command::new(build_dir().join("twostep"));
        command.arg("--root").arg(world.root()).args(words);
        let mut disk = Disk::of(&world);
        let (output, calls) = watch(&command, &WATCHED);
        assert!(output.status.success(), "{output:?}");
        for image in images(&world, &calls, &mut disk) {
            put(&world, &image);
            let state = State::parse(&image[&world.state_path("games")]);
            let state = state.unwrap_or_else(|| panic!("{words:?}: neither slot can be read"));
            assert!(state.mark as i64 > now - 30, "{words:?}: the mark went down");
            for spent in [Generator::default().at(now), recovery_code(1)] {
                let outcome = world.followed("games").at(now).answer(spent).run();
                assert_ne!(outcome.code, PAM_SUCCESS, "{words:?}: {outcome:#?}");
            }
            let later = now + 3600;
            world.followed("games").at(later).answer(Generator::default().at(later)).run().assert_granted();
        }
    }
}

#[test]
fn a_reset_forgets_the_secret_or_not_and_never_what_is_used_up() {
    let (world, now) = used();
    let mut command = Command::new(build_dir().join("twostep"));
    command.arg("--root").arg(world.root()).args(["reset", "games"]);
    let mut disk = Disk::of(&world);
    let (output, calls) = watch(&command, &WATCHED);
    assert!(output.status.success(), "{output:?}");
    for image in images(&world, &calls, &mut disk) {
        put(&world, &image);
        let secret = format!("[[authenticator]]\nlabel = \"other\"\nsecret = \"{SECRET}\"\n");
        world.secret("games", &secret); // the same one again, as configuration management brings it
        let outcome = world.followed("games").at(now).answer(Generator::default().at(now)).run();
        assert_ne!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
        let outcome = world.followed("games").at(now).answer(recovery_code(1)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    }
}

#[test]
fn an_enrollment_is_there_with_its_codes_used_up_or_not_there() {
    let world = World::newcomers("");
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
        let enter =
            |now, answer: &str| world.login("games").service("login").at(now).whole().answer(answer).run();
        enter(NOW + 30, &dialogue(NOW)[1]).assert_denied(PAM_AUTH_ERR, "replayed");
        enter(NOW + 600, &Generator::default().at(NOW + 600)).assert_granted();
    }
    assert!(enrolled > 0, "no image holds the secret");
}
