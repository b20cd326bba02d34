#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

struct Scratch {
    root: Root,
    path: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twostep-journal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("var/lib")).unwrap();
        fs::create_dir_all(path.join("etc")).unwrap();
        Self { root: Root::at(&path).unwrap(), path }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }

    /// The change of `/etc/a` and the new file `/etc/b`.
    fn changes(&self) -> Vec<FileChange> {
        let old = file::read(&self.path.join("etc/a")).unwrap();
        let new = |text: &str| Some(Content { bytes: text.as_bytes().to_vec(), attributes: private() });
        let change = |path: &str, old: Option<Content>, new| FileChange { path: path.to_owned(), old, new };
        vec![
            change("/etc/a", old, new(&marks::mark("old\n", "old\nnew\n"))),
            change("/etc/b", None, new(&marks::block("b\n"))),
        ]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

const NOW: UnixTime = UnixTime::new(1_000);
const LATER: UnixTime = UnixTime::new(1_600);

fn names() -> Vec<String> {
    vec!["sshd".to_owned()]
}

fn asking() -> BTreeSet<String> {
    BTreeSet::from(["ssh-corp".to_owned(), "sshd".to_owned()])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn puts_back_what_it_changed() {
    let scratch = Scratch::new("puts-back");
    scratch.write("etc/a", "old\n");
    fs::set_permissions(scratch.path.join("etc/a"), PermissionsExt::from_mode(0o640)).unwrap();
    let journal = Journal::open(&scratch.root).unwrap();
    let pending = journal.begin(&names(), &asking(), &scratch.changes(), NOW, LATER).unwrap();
    assert_eq!(journal.pending().unwrap().as_ref(), Some(&pending));
    assert!(scratch.text("etc/a").unwrap().contains("new") && scratch.text("etc/b").is_some());
    for _ in 0..2 {
        let whole = ["/etc/b", "/etc/a"].map(|path| Ok(PutBack::Whole(path.to_owned())));
        assert_eq!(journal.put_back(&pending), whole);
    }
    journal.forget().unwrap();
    assert_eq!((scratch.text("etc/a").as_deref(), scratch.text("etc/b")), (Some("old\n"), None));
    assert_eq!(mode(&scratch.path.join("etc/a")), 0o640);
    assert_eq!(journal.pending().unwrap(), None);
}

#[test]
fn is_due_after_its_time_and_in_another_boot() {
    let scratch = Scratch::new("due");
    scratch.write("etc/a", "old\n");
    let journal = Journal::open(&scratch.root).unwrap();
    let pending = journal.begin(&names(), &asking(), &scratch.changes(), NOW, LATER).unwrap();
    assert!(!pending.is_due(UnixTime::new(1_599), &boot()));
    assert!(pending.is_due(LATER, &boot()));
    assert!(pending.is_due(UnixTime::new(999), &boot()));
    assert!(pending.is_due(NOW, "another"));
    assert!(Pending { is_complete: false, ..pending }.is_due(NOW, &boot()));
}

#[test]
fn leaves_all_as_it_was_if_one_file_cannot_change() {
    let scratch = Scratch::new("whole");
    scratch.write("etc/a", "old\n");
    let mut changes = scratch.changes();
    changes.get_mut(1).unwrap().path = "/etc/none/b".to_owned();
    let journal = Journal::open(&scratch.root).unwrap();
    assert!(journal.begin(&names(), &asking(), &changes, NOW, LATER).is_err());
    assert_eq!(scratch.text("etc/a").as_deref(), Some("old\n"));
    assert_eq!(journal.pending().unwrap(), None);
}

#[test]
fn changes_no_file_that_was_written_since_plan() {
    let scratch = Scratch::new("since");
    scratch.write("etc/a", "old\n");
    let changes = scratch.changes();
    scratch.write("etc/a", "other\n");
    let journal = Journal::open(&scratch.root).unwrap();
    assert!(journal.begin(&names(), &asking(), &changes, NOW, LATER).is_err());
    assert_eq!((scratch.text("etc/a").as_deref(), scratch.text("etc/b")), (Some("other\n"), None));
}

#[test]
fn puts_nothing_back_from_damaged_copy() {
    let scratch = Scratch::new("damaged");
    scratch.write("etc/a", "old\n");
    let journal = Journal::open(&scratch.root).unwrap();
    let pending = journal.begin(&names(), &asking(), &scratch.changes(), NOW, LATER).unwrap();
    scratch.write("var/lib/twostep-enable/0", "auth sufficient pam_permit.so\n");
    assert!(journal.put_back(&pending).iter().any(Result::is_err));
    assert!(scratch.text("etc/a").unwrap().contains("new"));
}

#[test]
fn refuses_folder_that_others_can_write() {
    let scratch = Scratch::new("others");
    let folder = scratch.path.join("var/lib/twostep-enable");
    for mode in [0o777, 0o770, 0o702, 0o755] {
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
        assert!(Journal::open(&scratch.root).is_err(), "{mode:o}");
        assert!(pending(&scratch.root).is_err(), "{mode:o}");
    }
}

#[test]
fn remembers_services_until_they_are_disabled() {
    let scratch = Scratch::new("enabled");
    scratch.write("etc/a", "old\n");
    let journal = Journal::open(&scratch.root).unwrap();
    let enabled = || {
        let text = fs::read(scratch.root.path(CHANGES).join(ENABLED)).ok();
        text.map(|text| serde_json::from_slice::<Enabled>(&text).unwrap().services)
    };
    let pending = journal.begin(&names(), &asking(), &scratch.changes(), NOW, LATER).unwrap();
    assert_eq!(enabled(), None, "it is not kept yet");
    journal.keep(&pending).unwrap();
    assert_eq!((enabled(), journal.pending().unwrap()), (Some(asking()), None));
    journal.disabled(&BTreeSet::from(["sshd".to_owned(), "su".to_owned()])).unwrap();
    assert_eq!(enabled(), Some(BTreeSet::from(["ssh-corp".to_owned()])));
    journal.disabled(&asking()).unwrap();
    assert_eq!(enabled(), None);
}
