use std::io::{Seek, Write};
use std::os::fd::IntoRawFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::*;
use crate::os::account;

fn users(text: &str) -> LocalUsers {
    LocalUsers::of(&mut text.as_bytes())
}

fn entry(name: &str, uid: u32, gid: u32) -> Option<Entry> {
    Some(Entry { name: name.to_owned(), uid, gid })
}

#[test]
fn finds_first_entry_of_name_and_of_uid() {
    let text = "# local\n\nada:x:7:100:Ada,,,:/home/ada:/bin/sh\ntoor::0:0:::\nroot:x:0:1:::\nada:x:8:8:::\n";
    let users = users(text);
    assert_eq!(users.by_name("ada"), entry("ada", 7, 100));
    assert_eq!(users.by_name("root"), entry("root", 0, 1));
    assert_eq!(users.by_uid(0), entry("toor", 0, 0));
    assert_eq!((users.by_name("ad"), users.by_name("Ada"), users.by_uid(9)), (None, None, None));
}

#[test]
fn gives_no_answer_behind_an_unusual_line() {
    let unusual = [
        " eve:x:7:7:::",
        ":x:7:7:::",
        "+",
        "+eve::7:7:::",
        "-eve::::::",
        "eve:x:7:7",
        "eve:x:7:7:::/bin/sh:-l",
        "eve:x: 7:7:::",
        "eve:x:+7:7:::",
        "eve:x:-7:7:::",
        "eve:x:4294967296:7:::",
        "eve:x:7::::",
        "ev\u{e9}:x:7:7:::",
        "e\u{1}e:x:7:7:::",
        "eve:x:7:7:\0::",
    ];
    for line in unusual {
        let users = users(&format!("bob:x:9:9:::\n{line}\nada:x:7:7:::\n"));
        assert_eq!((users.by_uid(7), users.by_name("ada")), (None, None), "{line}");
        assert_eq!(users.by_uid(9), entry("bob", 9, 9), "it stands before {line}");
    }
}

/// With an index the answers are the same, for a database without an unusual line.
#[test]
fn finds_same_entries_in_order() {
    let text = "# local\n\nroot:x:0:0:::\ntoor:x:0:5:::\nada:x:7:100:::\nada:x:8:100:::\nbob:x:3:3:::\n_x:x:7:9:::\n";
    let (plain, sorted) = (users(text), LocalUsers::whole(text.as_bytes()).unwrap());
    for name in ["root", "toor", "ada", "bob", "_x", "", "zoe", "adam", "Ada"] {
        assert_eq!(sorted.by_name(name), plain.by_name(name), "{name}");
    }
    for uid in 0..10 {
        assert_eq!(sorted.by_uid(uid), plain.by_uid(uid), "{uid}");
    }
    for unusual in ["+\n", " eve:x:7:7:::\n", "eve:x:7:7::\n", "eve:x:7:7:::"] {
        assert!(LocalUsers::whole(format!("{text}{unusual}").as_bytes()).is_none(), "{unusual}");
    }
}

/// Each byte in the field, and each behind its end, at every place of the word that is looked at.
#[test]
fn finds_end_of_field_among_all_bytes() {
    for (length, byte, end) in (0..20).flat_map(|length| {
        (0..=u8::MAX).flat_map(move |byte| [b':', b'\n', 0].map(|end| (length, byte, end)))
    }) {
        let is_field = length == 0 || ![b':', b'\n', 0].contains(&byte);
        let bytes = [&vec![byte; length][..], &[end, byte], &[b'x'; 9]].concat();
        let mut rest = &bytes[..];
        let found = field(&mut rest, end);
        assert!(!is_field || found == bytes.get(..length), "{length} times {byte}, then {end}");
        assert!(!is_field || bytes.get(length + 1..) == Some(rest), "{length} times {byte}, then {end}");
    }
}

#[test]
fn reads_only_whole_lines() {
    assert_eq!((users("").by_uid(7), users("ada:x:7:7:::").by_uid(7)), (None, None));
    assert_eq!(users("bob:x:9:9:::\nada:x:7:7:::").by_name("ada"), None);
}

#[test]
fn reads_database_only_if_name_service_asks_it_first() {
    let file = |name: &str, text: &str| {
        let path = std::env::temp_dir().join(format!("twostep-local-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    };
    let database =
        file("users", &format!("ada:x:7:7:::\n{}eve:x:8:8:::\n", "bob:x:9:9:::\n".repeat(MOST / 8)));
    let read = |switch: &str| {
        let switch = file("switch", switch);
        let read = LocalUsers::read_from(&switch, &database);
        std::fs::remove_file(switch).unwrap();
        read
    };
    let users = read("passwd: files sss\n").unwrap();
    assert_eq!(
        (users.by_name("ada"), users.by_name("eve")),
        (entry("ada", 7, 7), None),
        "eve is too far behind"
    );
    assert!(read("passwd: sss files\n").is_none() && read("").is_none());
    assert!(
        read(&format!("passwd: files\n{}passwd: sss\n", "#\n".repeat(MOST))).is_none(),
        "it was not read whole"
    );
    assert!(LocalUsers::read_from(Path::new("/no-such-file"), &database).is_none());
    std::fs::remove_file(&database).unwrap();
    assert!(read("passwd: files\n").is_none());
}

#[test]
fn answers_as_name_service_does_on_this_machine() {
    let Some(local) = LocalUsers::read() else { return };
    for name in account::local_names().unwrap() {
        let Some(found) = local.by_name(&name) else { continue };
        assert_eq!(User::from_name(&name).unwrap().map(Entry::from), Some(found));
    }
    assert_eq!(local.by_uid(0), User::from_uid(0.into()).unwrap().map(Entry::from));
}

/// The entries of a database as glibc's source `files` reads them (nss_files/files-XXX.c).
fn entries_by_glibc(text: &str) -> Vec<Entry> {
    let mut file = File::from(memfd_create("passwd", MFdFlags::empty()).unwrap());
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    // SAFETY: the descriptor is open and belongs to the stream from here on; the mode ends with a zero byte.
    let stream = unsafe { libc::fdopen(file.into_raw_fd(), c"r".as_ptr()) };
    let mut entries = Vec::new();
    let mut room = [0; 4096];
    loop {
        // SAFETY: `passwd` has only integers and pointers, for which zero is a valid value.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid, and the buffer has the given length.
        let status = unsafe {
            libc::fgetpwent_r(stream, &raw mut entry, room.as_mut_ptr(), room.len(), &raw mut found)
        };
        if status != 0 {
            break;
        }
        entries.push(Entry::from(User::from(&entry)));
    }
    // SAFETY: the stream is open, and is not used after this.
    unsafe { libc::fclose(stream) };
    entries.retain(|entry| !entry.name.starts_with(['+', '-']));
    entries
}

/// Every database of three lines of these, with every question.
#[test]
fn never_differs_from_glibc_on_odd_databases() {
    let lines = [
        "ada:x:7:100:Ada,,,:/home/ada:/bin/sh",
        "eve:x:7:7:::",
        "ada:x:007:8::/:",
        "",
        "#ada:x:7:7:::",
        " ada:x:7:9:::",
        "ada :x:7:9:::",
        "ada\t:x:7:9:::",
        ":x:7:7:::",
        "+ada:x:7:7:::",
        "-ada",
        "+",
        "ada:x:7",
        "ada:x:7:7",
        "ada:x:7:7:",
        "ada:x:7:7:::sh:sh",
        "ada:x:+7:7:::",
        "ada:x:-7:7:::",
        "ada:x: 7:7:::",
        "ada:x:7 :7:::",
        "ada:x:0x7:7:::",
        "ada:x::7:::",
        "ada:x:7:z:::",
        "ada:x:7:4294967295:::",
        "ada:x:7:4294967296:::",
        "ada:x:4294967303:7:::",
        "ada:x:7:7:::\r",
        "ada:x:7:7:a\u{e4}::",
        "ada\0:x:7:7:::",
        "ada:x:7:7:\0::",
        "ad\u{e4}:x:7:7:::",
    ];
    let mut answers = 0;
    for first in lines {
        for second in lines {
            for third in ["ada:x:7:1:::", "eve:x:8:8:::"] {
                let text = format!("{first}\n{second}\n{third}\n");
                let (local, glibc) = (users(&text), entries_by_glibc(&text));
                let asked = [
                    ("ada", local.by_name("ada"), glibc.iter().find(|entry| entry.name == "ada")),
                    ("eve", local.by_name("eve"), glibc.iter().find(|entry| entry.name == "eve")),
                    ("7", local.by_uid(7), glibc.iter().find(|entry| entry.uid == 7)),
                ];
                for (question, answer, by_glibc) in asked {
                    assert!(
                        answer.is_none() || answer.as_ref() == by_glibc,
                        "{question} in {text}: {answer:?} {by_glibc:?}"
                    );
                    answers += usize::from(answer.is_some());
                }
            }
        }
    }
    assert!(answers > 500, "{answers}");
}
