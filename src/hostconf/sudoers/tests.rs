//! Each text goes through the real cvtsudoers.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::asked::Whose;
use super::export::ExportFault;
use super::grants::UnaskedBy;
use super::matching::{CallerAccount, CallerGroups};
use super::*;

/// A root with some files, which goes with it.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let machine =
            Self(std::env::temp_dir().join(format!("twostep-sudoers-{name}-{}", std::process::id())));
        for (path, text) in files {
            let path = machine.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        machine
    }

    fn sudoers(&self) -> Result<Option<Sudoers>, SudoersFault> {
        Sudoers::read(&Root::at(&self.0).unwrap())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// alice, uid 1001, in the groups alice (1001) and adm (4), on the host `web.example.org`.
fn asked(name: &str, text: &str) -> Asked {
    let trie = "Main:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 10.1.2.3\n     /32 host LOCAL\n  |-- 10.1.9.9\n     /32 link\n";
    let files = [("etc/sudoers", text), ("etc/hostname", "web.example.org\n"), ("proc/net/fib_trie", trie)];
    let groups =
        CallerGroups { names: ["alice".to_owned(), "adm".to_owned()].into(), gids: [1001, 4].into() };
    let account = CallerAccount { name: "alice".to_owned(), uid: 1001 };
    let sudoers = Machine::new(name, &files).sudoers().unwrap().unwrap();
    sudoers.asked(&Caller { account: Some(account), groups: Some(groups) })
}

fn owners(asked: &Asked) -> Vec<String> {
    let owner = |whose: &Whose| match whose {
        Whose::Caller => "alice".to_owned(),
        Whose::Root => "root".to_owned(),
        Whose::Default(name) => format!("default {name}"),
        Whose::Target(name) => format!("target {name}"),
    };
    asked.whose.iter().map(|(whose, _)| owner(whose)).collect()
}

#[test]
fn names_whose_code_the_flags_make_sudo_ask_for() {
    let table: &[(&str, &[&str])] = &[
        ("", &["alice"]),
        ("Defaults targetpw", &["target root"]),
        ("Defaults !targetpw", &["alice"]),
        ("Defaults targetpw, !targetpw", &["alice"]),
        ("Defaults !targetpw\nDefaults targetpw", &["target root"]),
        ("Defaults rootpw, runaspw, targetpw", &["root"]),
        ("Defaults runaspw, targetpw, runas_default=bob", &["default bob"]),
        ("Defaults targetpw\nDefaults runas_default=bob", &["target bob"]),
        ("Defaults:alice targetpw\nDefaults !targetpw", &["alice"]),
        ("Defaults:ALL,!alice targetpw", &["alice"]),
        ("Defaults:%adm targetpw", &["target root"]),
        ("Defaults:%#4,%#5 targetpw", &["target root"]),
        ("Defaults:%#5 targetpw", &["alice"]),
        ("Defaults:#1001 targetpw", &["target root"]),
        ("Defaults:+people targetpw", &["alice", "target root"]),
        ("User_Alias A = bob, alice\nDefaults:!A targetpw", &["alice"]),
        ("Defaults@web rootpw", &["root"]),
        ("Defaults@!web rootpw", &["alice"]),
        ("Defaults@db rootpw", &["alice"]),
        ("Defaults>root rootpw\nDefaults !rootpw", &["alice"]),
        ("Defaults>root rootpw", &["alice", "root"]),
        ("Defaults>ALL rootpw", &["root"]),
        ("Defaults!/bin/sh rootpw\nDefaults !rootpw", &["alice", "root"]),
        ("Defaults rootpw\nDefaults!ALL !rootpw", &["alice"]),
        ("Defaults rootpw\nDefaults!/bin/ls !rootpw", &["alice", "root"]),
    ];
    for (text, expected) in table {
        let text = format!("alice ALL = (ALL) ALL\n{text}\n");
        assert_eq!(owners(&asked("whose", &text)), *expected, "{text}");
    }
}

#[test]
fn finds_what_sudo_runs_unasked_by_the_last_match() {
    use UnaskedBy::{Group, Option, Tag};
    let table: &[(&str, &[UnaskedBy], bool)] = &[
        ("alice ALL = (ALL) ALL", &[], true),
        ("bob ALL = (ALL) ALL", &[], false),
        ("alice ALL = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("alice ALL = NOPASSWD: /bin/a, /bin/b, PASSWD: /bin/c", &[Tag], true),
        ("alice ALL = NOPASSWD: /bin/a, (bob) /bin/b", &[Tag], false),
        ("alice ALL = (ALL) NOPASSWD: ALL\n%adm ALL = (ALL) ALL", &[], true),
        ("%adm ALL = (ALL:ALL) ALL\nalice ALL = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("%adm ALL = (ALL:ALL) NOPASSWD: ALL\nalice ALL = (ALL) ALL", &[Tag], true),
        ("alice ALL = (ALL) NOPASSWD: ALL\nalice ALL = (root) ALL", &[Tag], true),
        ("alice ALL = (root) NOPASSWD: ALL\nalice ALL = (root) ALL", &[], true),
        ("alice ALL = NOPASSWD: /bin/a\nalice ALL = /bin/a", &[], true),
        ("alice ALL = NOPASSWD: /bin/a\nalice ALL = /bin/b", &[Tag], true),
        ("alice ALL = (ALL) NOPASSWD: ALL, !ALL", &[], false),
        ("alice ALL = (ALL) NOPASSWD: ALL, !/bin/su", &[Tag], false),
        ("alice ALL = (ALL) NOPASSWD: ALL\nalice ALL = (ALL) NOTAFTER=20300101000000Z ALL", &[Tag], true),
        ("alice ALL = (ALL) NOPASSWD: ALL\n+people ALL = (ALL) ALL", &[Tag], true),
        ("ALL, !alice ALL = (ALL) NOPASSWD: ALL", &[], false),
        ("alice db = (ALL) NOPASSWD: ALL", &[], false),
        ("alice ALL, !web = (ALL) NOPASSWD: ALL", &[], false),
        ("alice WE* = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("alice web.example.org = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("alice web.example.net = (ALL) NOPASSWD: ALL", &[], false),
        ("alice 10.1.2.3 = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("alice 10.1.9.9 = (ALL) NOPASSWD: ALL", &[], false),
        ("alice 127.0.0.1 = (ALL) NOPASSWD: ALL", &[], false),
        ("alice 10.1.0.0/16, 10.2.0.0/255.255.0.0 = (ALL) NOPASSWD: ALL", &[Tag], false),
        ("alice 10.2.0.0/16 = (ALL) NOPASSWD: ALL", &[], false),
        ("alice +hosts = (ALL) NOPASSWD: ALL", &[Tag], true),
        ("Defaults !authenticate\nalice ALL = (ALL) ALL", &[Option], false),
        ("Defaults !authenticate\nalice ALL = (ALL) PASSWD: ALL", &[], true),
        ("Defaults!/bin/a !authenticate\nalice ALL = (ALL) ALL", &[Option], true),
        ("Defaults exempt_group = adm\nalice ALL = (ALL) PASSWD: ALL", &[Group], false),
        ("Defaults exempt_group = staff\nalice ALL = (ALL) ALL", &[], true),
        ("NONE, alice ALL = (ALL) CWD=/ CHROOT=/ ROLE=r TYPE=t NOPASSWD: ALL\nNONE ALL = ALL", &[Tag], false),
    ];
    for (text, unasked, asks) in table {
        let asked = asked("unasked", text);
        let found: Vec<_> = asked.unasked.iter().map(|unasked| unasked.by).collect();
        assert_eq!((found.as_slice(), asked.asks), (*unasked, *asks), "{text}");
        assert_eq!(asked.granted.is_empty(), unasked.is_empty() && !asks, "{text}");
    }
}

#[test]
fn names_the_services_that_sudo_asks() {
    let text =
        "Defaults pam_service=One\nDefaults>bob pam_service=two\nDefaults!/bin/a pam_login_service=\"x y\"\n";
    let asked = asked("services", text);
    let found: BTreeSet<_> = asked.services.iter().map(|one| (one.option, one.name.as_str())).collect();
    let expected = [
        ("pam_login_service", "sudo-i"),
        ("pam_login_service", "x y"),
        ("pam_service", "one"),
        ("pam_service", "two"),
    ];
    assert_eq!(found, expected.into());
}

#[test]
fn reads_included_files_below_the_root_and_names_their_lines() {
    let files = [
        ("etc/sudoers", "@include parts/a\n#includedir /etc/d\nDefaults \\\n  targetpw"),
        ("etc/parts/a", "# \\\nalice ALL = (ALL) NOPASSWD: ALL\n@include b.%h"),
        ("etc/parts/b.web", "Defaults !authenticate"),
        ("etc/d/10", "bob ALL = ALL"),
        ("etc/d/20.x", "carol ALL = ALL"),
        ("etc/hostname", "web.example.org\n"),
    ];
    let sudoers = Machine::new("included", &files).sudoers().unwrap().unwrap();
    let settings = sudoers.export.settings.iter().map(|one| one.location.to_string());
    assert_eq!(settings.collect::<Vec<_>>(), ["/etc/parts/b.web:1", "/etc/sudoers:3-4"]);
    let entries = sudoers.export.entries.iter().map(|one| one.location.to_string());
    assert_eq!(entries.collect::<Vec<_>>(), ["/etc/parts/a:2", "/etc/d/10:1"]);
    assert_eq!(sudoers.line(&Location::lines("/etc/sudoers", 3, 4)), Some("Defaults \\\n  targetpw"));
}

#[test]
fn says_which_line_cvtsudoers_refuses() {
    let files =
        [("etc/sudoers", "@includedir /etc/d\n"), ("etc/d/10", "# fine\nDefaults a,\nbob ALL = ALL\n")];
    let Err(SudoersFault::Export(ExportFault::Refused { location, message })) =
        Machine::new("refused", &files).sudoers()
    else {
        panic!("cvtsudoers takes it")
    };
    assert_eq!((location.to_string().as_str(), message.as_str()), ("/etc/d/10:2", "syntax error"));
}

#[test]
fn refuses_what_includes_itself_or_nothing() {
    let circle = Machine::new("circle", &[("etc/sudoers", "@include /etc/sudoers\n")]);
    assert!(matches!(circle.sudoers(), Err(SudoersFault::Text(TextFault::TooMuch(_)))));
    let missing = Machine::new("missing", &[("etc/sudoers", "@include none\n")]);
    assert!(matches!(missing.sudoers(), Err(SudoersFault::Text(TextFault::NotIncluded { .. }))));
}

#[test]
fn refuses_a_file_that_is_not_read_to_its_end() {
    let long = format!("{}\nDefaults targetpw\n", "# x\n".repeat(300_000));
    let long = Machine::new("long", &[("etc/sudoers", "@include long\n"), ("etc/long", &long)]);
    assert!(matches!(long.sudoers(), Err(SudoersFault::Text(TextFault::TooMuch(_)))));
}

#[test]
fn takes_sudoers_without_entries_and_none_at_all() {
    let empty = Machine::new("empty", &[("etc/sudoers", "# nothing\n")]).sudoers().unwrap().unwrap();
    assert!(empty.export.entries.is_empty() && empty.export.settings.is_empty());
    assert!(Machine::new("none", &[("etc/x", "")]).sudoers().unwrap().is_none());
}
