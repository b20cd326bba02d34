//! Reads which parts of the others each file of `src` uses, and compares that with the two tables of
//! docs/ARCHITECTURE.md: the crates and the storeys of the core. No arrow goes up, and no files form a circle. It also
//! draws docs/architecture.svg.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::arithmetic_side_effects)]

mod drawing;
mod sentences;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sources::Sources;

/// The root of the checkout.
fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The cells of the table below this heading of docs/ARCHITECTURE.md, without the table's head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(checkout().join("docs/ARCHITECTURE.md")).unwrap();
    let section = page.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names between backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn crates_use_what_architecture_says() {
    let sources = Sources::read(&checkout().join("src"));
    let rows = table("Crates");
    let listed: BTreeSet<_> = rows.iter().map(|row| names(&row[0])[0].clone()).collect();
    assert_eq!(sources.crates(), listed);
    for row in rows {
        let name = &names(&row[0])[0];
        assert_eq!(sources.crates_used_by(name), names(&row[1]).into_iter().collect(), "{name} uses");
    }
}

#[test]
fn storeys_use_only_those_above_them_in_the_table() {
    let sources = Sources::read(&checkout().join("src"));
    let storeys: Vec<_> = table("Storeys of the core").iter().map(|row| names(&row[0])).collect();
    assert_eq!(sources.storeys(), storeys.iter().flatten().cloned().collect());
    let height = |name: &str| storeys.iter().position(|row| row.iter().any(|one| one == name)).unwrap();
    let mut up = Vec::new();
    for (from, to, arrow) in sources.between_storeys() {
        if height(&from) <= height(&to) {
            up.push(format!("{} uses {}", arrow.from.display(), arrow.path));
        }
    }
    assert!(up.is_empty(), "a storey uses only those above it in the table: {up:#?}");
}

#[test]
fn no_files_form_a_circle() {
    let circles = Sources::read(&checkout().join("src")).circles();
    assert!(circles.is_empty(), "these files use each other: {circles:#?}");
}

/// Only the core saves a state. There, an act is logged before any caller learns of it (`manage::act`).
#[test]
fn no_other_crate_saves_a_state() {
    let sources = Sources::read(&checkout().join("src"));
    for name in ["Durability", "Change"] {
        assert!(!sources.users_of(&format!("crate::store::{name}")).is_empty(), "this is how it is named");
        assert_eq!(sources.users_of(&format!("twostep_core::store::{name}")), [""; 0].map(Path::new));
    }
}

/// The texts of other programs that a file looks for, each with the program that writes it; and our own marks in files of others.
const FOREIGN: [(&str, &str); 14] = [
    ("change/marks.rs", "AWAITING_KEEP"), // twostep enable
    ("change/marks.rs", "BEGIN"),
    ("change/marks.rs", "COPY"),
    ("change/marks.rs", "DIGEST"),
    ("change/marks.rs", "NO_LINE_BREAK"),
    ("command/import/recognised.rs", "\" TOTP_AUTH"), // google-authenticator
    ("doctor/confinement.rs", " (enforce)"),          // Linux, of AppArmor
    ("hostconf/become_root.rs", "LIST"),              // sudo -l
    ("hostconf/sshd/effective.rs", " line "),         // sshd -T
    ("hostconf/sshd/effective.rs", "privilege separation directory"),
    ("hostconf/sshd/environment.rs", "export "), // every program that writes a file for a shell
    ("hostconf/sshd/listeners.rs", "LISTENER"),  // sshd, in the title of its process
    ("hostconf/sshd/process.rs", "btime "),      // Linux: /proc/stat
    ("hostconf/sudoers/host.rs", "/32 host LOCAL"), // Linux: /proc/net/fib_trie
];

#[test]
fn nothing_reads_a_sentence_back() {
    let foreign = FOREIGN.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let looked_for = Sources::read(&checkout().join("src")).sentences_looked_for();
    assert_eq!(looked_for, foreign.into());
}

/// With the variable WRITE_EXPECTED, this writes the picture. Look at it before you commit it.
#[test]
fn finds_picture_of_the_present_code() {
    let sources = Sources::read(&checkout().join("src"));
    let drawn = drawing::draw(&sources, &table("Crates"), &table("Storeys of the core"));
    let file = checkout().join("docs/architecture.svg");
    if std::env::var_os("WRITE_EXPECTED").is_some() {
        fs::write(&file, &drawn).unwrap();
    }
    let is_drawn = fs::read_to_string(&file).is_ok_and(|text| text == drawn);
    assert!(is_drawn, "docs/architecture.svg is not that of the code: run this test with WRITE_EXPECTED=1");
}
