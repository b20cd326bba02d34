//! Files with faulty contents: the login is denied, and no default is used.

use std::fs;

use twostep_tests::pam::*;
use twostep_tests::refusal::Target::{Policy, Secret, State};
use twostep_tests::refusal::edit;
use twostep_tests::{Format, Generator, NOW, OTHER_SECRET, SECRET, Stage, World, seal, slot_of};

fn right() -> String {
    Generator::default().at(NOW)
}

#[test]
fn refuses_faulty_text_files() {
    for target in [Policy, Secret] {
        target.assert_refused("trailing garbage", |path| edit(path, |bytes| bytes.extend(b"garbage\n")));
        target.assert_refused("trailing NULs", |path| edit(path, |bytes| bytes.extend([0; 8])));
        target.assert_refused("only NULs", |path| edit(path, |bytes| bytes.fill(0)));
        target.assert_refused("not UTF-8", |path| edit(path, |bytes| bytes.extend(b"# \xff\n")));
        target.assert_refused("UTF-16", |path| {
            edit(path, |bytes| *bytes = bytes.iter().flat_map(|&byte| [byte, 0]).collect());
        });
        target.assert_refused("lone CR", |path| {
            edit(path, |bytes| {
                bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r')
            });
        });
        target.assert_refused("an unknown key", |path| {
            edit(path, |bytes| bytes.splice(..0, *b"surprise = 1\n").for_each(drop))
        });
        target.assert_refused("a key twice", |path| {
            edit(path, |bytes| bytes.splice(..0, *b"version = 1\n").for_each(drop))
        });
        for version in ["0", "2", "\"1\"", "1.0", "-1", "99999999999999999999"] {
            let line = format!("version = {version}\n");
            target.assert_refused(&line, |path| {
                edit(path, |bytes| bytes.splice(..12, line.bytes()).for_each(drop))
            });
        }
        target.assert_refused("no version", |path| edit(path, |bytes| bytes.drain(..12).for_each(drop)));
        target.assert_refused("a million brackets", |path| {
            edit(path, |bytes| bytes.extend(b"x = ".iter().chain(&[b'['; 60_000])))
        });
    }
}

#[test]
fn accepts_files_with_crlf_line_ends() {
    for target in [Policy, Secret] {
        let world = World::lenient();
        edit(&target.path(&world), |bytes| {
            *bytes = String::from_utf8_lossy(bytes).replace('\n', "\r\n").into()
        });
        assert_eq!(
            world.followed("games").answer(right()).run().field("result"),
            "grant",
            "CRLF is a line end of TOML"
        );
    }
}

#[test]
fn refuses_login_with_truncated_secret() {
    let world = World::lenient();
    let path = world.secret_path("games");
    let whole = fs::read(&path).unwrap();
    let needed = String::from_utf8_lossy(&whole).rfind('"').unwrap() + 1;
    for length in 0..needed {
        fs::write(&path, &whole[..length]).unwrap();
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, &format!("{length} bytes"));
    }
}

fn authenticator(lines: &str) -> String {
    format!("[[authenticator]]\nlabel = \"phone\"\n{lines}")
}

#[test]
fn refuses_credential_with_bad_value() {
    let secret = format!("secret = \"{SECRET}\"\n");
    let with = |lines: &str| authenticator(&format!("{secret}{lines}"));
    let table = [
        authenticator(""),
        authenticator("secret = \"\"\n"),
        authenticator("secret = \"JBSWY3DPEHPK3PXP\"\n"),
        authenticator("secret = \"JBSWY3DPEHPK3PXPJBSWY3DPE\"\n"),
        authenticator("secret = \"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1\"\n"),
        authenticator("secret = \"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PB\"\n"),
        authenticator("secret = 1234\n"),
        with("algorithm = \"MD5\"\n"),
        with("algorithm = \"sha1\"\n"),
        with("digits = 5\n"),
        with("digits = 9\n"),
        with("digits = -6\n"),
        with("digits = \"6\"\n"),
        with("period = 0\n"),
        with("period = 14\n"),
        with("period = 121\n"),
        with("period = -30\n"),
        with("period = 9223372036854775807\n"),
        with("enrolled = -1\n"),
        with("surprise = 1\n"),
        format!("[[authenticator]]\n{secret}"),
        format!("[[authenticator]]\nlabel = \"\"\n{secret}"),
        with("") + &with(""),
        (0..9).map(|n| format!("[[authenticator]]\nlabel = \"{n}\"\n{secret}")).collect(),
        String::new(),
        "authenticator = []\n".into(),
    ];
    for text in table {
        let world = World::lenient();
        world.enroll_with("games", &text);
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, &text);
    }
}

#[test]
fn refuses_credential_of_another_name_or_uid() {
    for (from, to) in
        [("name = \"games\"", "name = \"gamer\""), ("name = \"games\"", "name = \"\""), ("uid = ", "uid = 1")]
    {
        let world = World::lenient();
        edit(&world.secret_path("games"), |bytes| {
            *bytes = String::from_utf8_lossy(bytes).replace(from, to).into()
        });
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, to);
        assert_eq!(world.state_of("games").root.codes, 0, "not charged");
    }
}

#[test]
fn refuses_files_copied_from_another_user() {
    for part in ["users", "state"] {
        let world = World::lenient();
        world.enroll("mail", OTHER_SECRET);
        let (from, to) = match part {
            "users" => (world.secret_path("mail"), world.secret_path("games")),
            _ => (world.state_path("mail"), world.state_path("games")),
        };
        fs::rename(from, to).unwrap();
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, part);
    }
}

fn with_checksum(slot: &mut [u8], change: impl Fn(&mut [u8])) {
    change(slot);
    seal(slot);
}

#[test]
fn refuses_faulty_state() {
    State.assert_refused("cut by a byte", |path| edit(path, |bytes| bytes.truncate(8191)));
    State.assert_refused("trailing garbage", |path| edit(path, |bytes| bytes.push(0)));
    State.assert_refused("half", |path| edit(path, |bytes| bytes.truncate(4096)));
    State.assert_refused("a slot", |path| edit(path, |bytes| bytes.truncate(512)));
    State.assert_refused("only NULs", |path| edit(path, |bytes| bytes.fill(0)));
    State.assert_refused("CRLF", |path| {
        edit(path, |bytes| {
            *bytes = bytes.iter().flat_map(|&byte| if byte == 1 { vec![13, 1] } else { vec![byte] }).collect()
        });
    });
    let sealed = |what: &str, change: fn(&mut [u8])| {
        State.assert_refused(what, |path| edit(path, |bytes| with_checksum(slot_of(bytes, 0), change)));
    };
    // The start of the only block, or of its header.
    let start = |what: &str, change: fn(&mut [u8])| {
        State.assert_refused(what, |path| edit(path, |bytes| with_checksum(&mut bytes[..512], change)));
    };
    start("version 0", |slot| slot[7] = 0);
    start("version 3", |slot| slot[7] = 3);
    start("another magic", |slot| slot[0] = b'3');
    sealed("stage 0", |slot| slot[Format::of_run().stage()] = 0);
    sealed("stage 3", |slot| slot[Format::of_run().stage()] = 3);
    if Format::of_run() == Format::Two {
        sealed("a second stage, where format 1 has it", |slot| slot[Format::One.stage()] = 2);
    }
    sealed("moved to another store, or a reserved byte of format 1", |slot| slot[18] = 1);
    sealed("required 2", |slot| slot[17] = 2);
    sealed("a reserved byte", |slot| slot[19] = 1);
    sealed("a reserved byte of a count", |slot| slot[36] = 1);
    sealed("a reserved byte of a ticket", |slot| slot[95] = 1);
    sealed("another uid", |slot| slot[20] ^= 1);
    sealed("another name", |slot| slot[369] ^= 1);
    sealed("a name too long", |slot| slot[368] = 255);
    sealed("no name", |slot| slot[368] = 0);
}

/// All bits of the first bytes, and each seventh of the others. The unit tests of the slot flip every bit.
#[test]
fn refuses_login_with_flipped_bit_in_only_slot() {
    let world = World::lenient();
    let path = world.state_path("games");
    let whole = fs::read(&path).unwrap();
    let slot = Format::of_run().slot();
    for bit in
        (0..slot.end * 8).filter(|bit| bit % 7 == 0 || (slot.start..slot.start + 64).contains(&(bit / 8)))
    {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, &format!("bit {bit}"));
    }
}

#[test]
fn uses_other_slot_when_one_is_torn() {
    for newest in [0, 4096] {
        let world = World::default();
        let generator = Generator::default();
        for step in [0, 2, 4] {
            let now = NOW + 30 * step;
            world.login("games").at(now).answer(generator.at(now)).run().assert_granted();
        }
        let path = world.state_path("games");
        let before = world.state_of("games").generation;
        let whole = fs::read(&path).unwrap();
        // In format 2 the first bytes say how to check the others.
        for at in [0, 2, 3, 300] {
            fs::write(&path, &whole).unwrap();
            edit(&path, |bytes| slot_of(bytes, newest)[at] ^= 0xff);
            let fallen = world.state_of("games");
            assert!(fallen.generation >= before - 1 && fallen.stage == Stage::Settled);
            let login = || world.login("games").at(NOW + 300).answer(generator.at(NOW + 300)).run();
            login().assert_granted();
            login().assert_denied(PAM_AUTH_ERR, "replayed");
        }
    }
}

#[test]
fn refuses_state_with_slot_of_later_version() {
    let world = World::lenient();
    world.login("games").at(NOW - 90).answer(Generator::default().at(NOW - 90)).run().assert_granted();
    edit(&world.state_path("games"), |bytes| with_checksum(&mut bytes[4096..4096 + 512], |slot| slot[7] = 3));
    world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, "slot B of version 3");
}

#[test]
fn refuses_state_with_what_only_later_program_writes() {
    if Format::of_run() == Format::One {
        return;
    }
    for (what, at, bytes) in [("moved", 18, &[1][..]), ("more fields", 2, &960u16.to_le_bytes())] {
        let world = World::lenient();
        world.login("games").at(NOW - 90).answer(Generator::default().at(NOW - 90)).run().assert_granted();
        edit(&world.state_path("games"), |file| {
            let block = &mut file[4096 + 512..4096 + 2048];
            block[at..at + bytes.len()].copy_from_slice(bytes);
            seal(block);
        });
        world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, what);
    }
}
