use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::*;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("twostep-logged-in-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn record(kind: i16, user: &[u8]) -> [u8; size_of::<utmpx>()] {
    let mut record = [0; size_of::<utmpx>()];
    record[..2].copy_from_slice(&kind.to_ne_bytes());
    let from = offset_of!(utmpx, ut_user);
    record[from..][..user.len()].copy_from_slice(user);
    record[offset_of!(utmpx, ut_host)] = b'h';
    record
}

#[test]
fn finds_users_in_wtmp() {
    let folder = folder("wtmp");
    let path = folder.join("wtmp");
    let long = b"a-very-long-user-name-of-32-byte";
    let records =
        [record(7, b"ada"), record(8, b"bob"), record(2, b"reboot"), record(7, long), record(7, b"")];
    fs::write(&path, [records.concat(), vec![1; 20]].concat()).unwrap();
    assert_eq!(wtmp(&path).unwrap(), ["a-very-long-user-name-of-32-byte", "ada"].map(str::to_owned).into());
    assert!(wtmp(&folder.join("none")).unwrap().is_empty());
    assert!(wtmp(&folder).is_err());
    fs::remove_dir_all(folder).unwrap();
}

/// The highest uid makes a file of more than a terabyte, nearly all of it holes.
#[test]
fn finds_uids_in_lastlog_with_holes() {
    let folder = folder("lastlog");
    let path = folder.join("lastlog");
    let file = File::create(&path).unwrap();
    let wanted: BTreeSet<u32> = [0, 1, 1000, 70_000, 4_000_000_000].into();
    for &uid in &wanted {
        file.write_all_at(&[7; LASTLOG_RECORD as usize], u64::from(uid) * LASTLOG_RECORD).unwrap();
    }
    assert_eq!(lastlog(&path).unwrap(), wanted);
    assert!(lastlog(&folder.join("none")).unwrap().is_empty());
    fs::remove_dir_all(folder).unwrap();
}

/// As Debian 13 prints them: lastlog2 of util-linux 2.41.5, wtmpdb 0.73.0.
#[test]
fn finds_names_that_programs_print() {
    let table = "Username         Port     From                                       Latest \n\
        ada              pts/0    192.0.2.7                                  Mon Sep 21 14:13:20 +0000 2026\n";
    assert_eq!(lastlog2_names(table), ["ada".to_owned()].into());
    let json = r#"{ "entries": [ { "user": "ada", "tty": "pts/0", "hostname": "192.0.2.7",
        "login": "Mon Sep 21 14:13", "logout": "14:15", "length": "00:01" } ], "start": "Mon Sep 21 14:13:20 2026" }"#;
    assert_eq!(wtmpdb_names(json.to_owned()).unwrap(), ["ada".to_owned()].into());
    assert!(wtmpdb_names("{".to_owned()).is_err());
}
