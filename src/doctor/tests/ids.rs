//! docs/DOCTOR.md explains each id and no other, and a machine of `tests/doctor` shows each.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use twostep_doctor::id::Id;

/// The ids that no machine of `tests/doctor` shows, and why.
const NOT_SHOWN: [(Id, &str); 13] = [
    (Id::PamTooManyWays, "takes hundreds of lines that jump"),
    (Id::PamModulesNotFound, "reported for the machine itself only"),
    (Id::SshdSettingsRefused, "sshd is asked on the machine itself: tests/doctor/test_sshd.py"),
    (Id::SudoCvtsudoersFails, "takes another cvtsudoers: tests/e2e/test_sudoers.py"),
    (Id::PolicyNotTheUsersName, "takes a directory service: tests/e2e/test_names.py"),
    (Id::FilesCannotBeRead, "takes a disk that fails"),
    (Id::MountsNearlyFull, "reported for the machine itself only"),
    (Id::MachineClockWrong, "reported for the machine itself only"),
    (Id::MachineClockNotKept, "reported for the machine itself only"),
    (Id::MachineLookUpFails, "takes a directory service: tests/e2e/test_names.py"),
    (Id::EnableWaits, "takes a change of the machine itself: tests/e2e/test_enable.py"),
    (Id::EnableNotTakenBack, "takes a change of the machine itself: tests/e2e/test_enable.py"),
    (Id::EnableLinesLost, "takes a change of the machine itself: tests/e2e/test_enable.py"),
];

#[test]
fn is_a_topic_and_words_in_lower_case() {
    for id in ids() {
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
        let (topic, words) = id.split_once('.').unwrap();
        assert!(is_word(topic) && words.split('-').all(is_word), "{id}");
    }
}

#[test]
fn has_a_paragraph_in_the_page_and_a_place_in_its_list() {
    let page = fs::read_to_string(checkout().join("docs/DOCTOR.md")).unwrap();
    let (list, sections) = page.split_once("\n## ").unwrap();
    let sections: Vec<&str> = sections.split("\n### `").skip(1).collect();
    let headings: Vec<&str> = sections.iter().map(|section| section.split('`').next().unwrap()).collect();
    assert_eq!(headings, ids());
    for section in sections {
        let text = section.split_once("`\n\n").unwrap().1.split("\n## ").next().unwrap();
        assert!(text.split(". ").count() >= 2 && text.trim_end().ends_with('.'), "{section}");
    }
    let links: Vec<&str> = list.split("[`").skip(1).map(|link| link.split_once(')').unwrap().0).collect();
    let expected: Vec<String> = ids().iter().map(|id| format!("{id}`](#{}", id.replace('.', ""))).collect();
    assert_eq!(links, expected);
}

#[test]
fn is_shown_by_a_machine_or_has_a_reason_not_to_be() {
    let not_shown: BTreeSet<&str> = NOT_SHOWN.iter().map(|(id, _)| id.text()).collect();
    let expected: BTreeSet<String> =
        ids().into_iter().filter(|id| !not_shown.contains(id)).map(str::to_owned).collect();
    assert_eq!(shown(), expected);
}

fn ids() -> Vec<&'static str> {
    Id::ALL.iter().map(|id| id.text()).collect()
}

/// The ids in the reports on the machines of `tests/doctor`.
fn shown() -> BTreeSet<String> {
    let folders = fs::read_dir(checkout().join("tests/doctor")).unwrap();
    let reports =
        folders.filter_map(|folder| fs::read_to_string(folder.unwrap().path().join("expected")).ok());
    let ids = |report: String| -> Vec<String> {
        let first_lines =
            report.lines().filter(|line| line.starts_with("problem: ") || line.starts_with("warning: "));
        let ids = first_lines.map(|line| line.rsplit_once(" [").unwrap().1.trim_end_matches(']'));
        ids.map(str::to_owned).collect()
    };
    reports.flat_map(ids).collect()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
