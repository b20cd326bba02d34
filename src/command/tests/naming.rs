//! How users are named, and what is said where there are several.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod machine;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use machine::{Machine, transcript};

/// Writes a file with names beside the store, and returns its path.
fn list(machine: &Machine, text: &str) -> String {
    let file = machine.0.join("list");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// Damages the state of an account, so that every act on it fails.
fn damage(machine: &Machine, uid: u32) {
    let state = machine.0.join(format!("var/lib/twostep/state/{uid}"));
    fs::write(&state, vec![0; 8192]).unwrap();
    fs::set_permissions(state, fs::Permissions::from_mode(0o600)).unwrap();
}

fn is_required(machine: &Machine, user: &str) -> bool {
    machine.run(&format!("status {user}")).contains("an administrator requires a second step")
}

/// The lines of JSON on standard output, and the exit status.
fn json_lines(machine: &Machine, words: &str) -> (Vec<Value>, i32) {
    let output = machine.command(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code().unwrap())
}

#[test]
fn takes_name_with_and_without_option() {
    let machine = Machine::new("both-ways");
    let verbs =
        ["status", "verify", "recovery", "remove", "reset", "unlock", "export", "rebind", "unrequire"];
    for verb in verbs {
        let said = machine.run(&format!("{verb} daemon"));
        assert!(said.contains("daemon"), "{said}");
        assert_eq!(machine.run(&format!("{verb} --user daemon")), said, "{verb}");
    }
    for name in ["daemon", "--user bin", "--user sys sys"] {
        let enrolled = machine.run(&format!("enroll --json {name}"));
        assert!(enrolled.contains("\"user\": ") && enrolled.ends_with("[0]"), "{enrolled}");
    }
    for name in ["--user games", "lp"] {
        assert!(machine.run(&format!("require {name}")).contains(" now needs a second step"));
        assert!(machine.run(&format!("ticket {name}")).starts_with("Ticket for "));
    }
}

#[test]
fn rejects_two_names_where_one_is_meant() {
    let machine = Machine::new("two-names");
    for verb in ["enroll", "verify", "recovery", "reset", "rebind", "export"] {
        assert_eq!(
            machine.run(&format!("{verb} daemon --user bin")),
            "error: two users are named: 'daemon' and 'bin'\nName one.\n[2]"
        );
    }
    let not_enrolled = "error: daemon is not enrolled\nTo enroll, run 'twostep enroll --user daemon'.\n[1]";
    assert_eq!(machine.run("verify daemon --user daemon"), not_enrolled);
}

#[test]
fn tells_root_how_to_name_user() {
    let machine = Machine::new("no-name");
    for verb in ["enroll", "status", "verify", "recovery", "remove"] {
        assert_eq!(
            machine.run(verb),
            format!(
                "error: which user?\nRun 'twostep {verb} NAME' or 'twostep {verb} --user NAME'.\n\
                 For your own account, run 'twostep {verb}' without sudo.\n[2]"
            )
        );
    }
    assert_eq!(
        machine.run("reset"),
        "error: which user?\nRun 'twostep reset NAME' or 'twostep reset --user NAME'.\n[2]"
    );
    for verb in ["rebind", "export"] {
        assert_eq!(
            machine.run(verb),
            format!(
                "error: which user?\nRun 'twostep {verb} NAME' or 'twostep {verb} --user NAME',\n\
                 or 'twostep {verb} --all'.\n[2]"
            )
        );
    }
    for verb in ["ticket", "require", "unrequire", "unlock"] {
        assert_eq!(
            machine.run(verb),
            format!(
                "error: which users?\nRun 'twostep {verb} NAME...' or 'twostep {verb} --user NAME',\n\
                 or name users by '--group GROUP' or '--file FILE'.\n[2]"
            )
        );
    }
}

#[test]
fn takes_label_after_user_that_root_names() {
    let machine = Machine::new("label");
    assert!(machine.run("enroll daemon --json").ends_with("[0]"));
    let no_tablet = "error: daemon has no authenticator 'tablet'\nAuthenticators: 'phone'.\n[1]";
    for words in
        ["daemon tablet", "--user daemon tablet", "tablet --user daemon", "--user daemon daemon tablet"]
    {
        assert_eq!(machine.run(&format!("remove {words}")), no_tablet, "{words}");
    }
    assert_eq!(machine.run("remove tablet"), "error: there is no user 'tablet'\nCheck the spelling.\n[1]");
    assert!(
        machine.run("remove bin tablet --user daemon").starts_with("error: two users are named: 'bin' and")
    );
    assert!(machine.run("remove daemon").starts_with("daemon is no longer enrolled."));
}

#[test]
fn acts_for_each_user_once() {
    let machine = Machine::new("each");
    machine.policy("[enrollment]\nservices = []\n");
    assert!(machine.run("require bin").ends_with("[0]"));
    let said = machine.run("unrequire daemon bin 1 --user sys");
    assert_eq!(
        said,
        "daemon has no extra requirement. Nothing changed.\n\
         From now on only the policy decides whether bin needs a second step.\n\
         sys has no extra requirement. Nothing changed.\n[0]"
    );
    let tickets = machine.run("ticket daemon bin daemon");
    assert_eq!(tickets.matches("Ticket for daemon: ").count(), 1, "{tickets}");
    assert_eq!(tickets.matches("Valid for one enrollment until 2").count(), 2, "{tickets}");
    assert_eq!(tickets.matches("note: ").count(), 1, "{tickets}");
}

#[test]
fn failure_of_one_user_does_not_stop_the_others() {
    let machine = Machine::new("one-fails");
    damage(&machine, 2);
    let said = machine.run("require daemon bin sys");
    assert!(said.contains("daemon now needs") && said.contains("sys now needs"), "{said}");
    assert!(said.contains("\nerror: ") && said.contains("state/2 is damaged"), "{said}");
    let last = "error: failed for 1 of 3 users\nThe errors above say why. The others are done.\n[3]";
    assert!(said.ends_with(last), "{said}");
    assert!(is_required(&machine, "daemon") && is_required(&machine, "sys"));
    assert!(machine.run("enroll --json daemon").ends_with("[0]"));
    let said = machine.run("ticket daemon sys");
    assert!(
        said.contains("Ticket for sys: ") && said.contains("error: daemon is already enrolled"),
        "{said}"
    );
    assert!(said.contains("error: failed for 1 of 2 users\n") && said.ends_with("[1]"), "{said}");
}

#[test]
fn does_nothing_if_a_name_is_unknown() {
    let machine = Machine::new("unknown");
    let unknown = "error: there is no user 'nosuch'\nCheck the spelling.\n[1]";
    assert_eq!(machine.run("require daemon nosuch"), unknown);
    assert_eq!(
        machine.run("require daemon --group nosuch"),
        "error: there is no group 'nosuch'\nCheck the spelling.\n[1]"
    );
    let file = list(&machine, "# ops\nbin\n\nnosuch # gone\nsys\nJBSWY3DPEHPK3PXP\n");
    assert_eq!(
        machine.run(&format!("require daemon --file {file}")),
        format!(
            "error: {file}:4: there is no user 'nosuch'\n{file}:6: this is not the name of a user\n\
             Nothing was done. Correct the file, then run the command again.\n[1]"
        )
    );
    let missing = machine.run("require daemon --file /nonexistent/list");
    assert!(missing.starts_with("error: /nonexistent/list: cannot be read: No such file"), "{missing}");
    assert_eq!(machine.run("status --all"), "No user is enrolled.\n[0]");
}

#[test]
fn shows_no_more_than_ten_unknown_lines() {
    let machine = Machine::new("wrong-file");
    let file = list(&machine, &"nosuch\n".repeat(25));
    let said = machine.run(&format!("unlock --file {file}"));
    assert_eq!(said.matches("there is no user").count(), 10, "{said}");
    assert!(said.contains("\nand 15 more\nNothing was done."), "{said}");
}

#[test]
fn takes_users_from_file_and_standard_input() {
    let machine = Machine::new("file");
    let file = list(&machine, "# ops\r\n  daemon\r\n\r\nbin # new\n");
    let said = machine.run(&format!("unlock --file {file} bin"));
    assert_eq!(said, "bin has no record. Nothing changed.\ndaemon has no record. Nothing changed.\n[0]");
    let mut child = machine.command("unlock --file -").spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"sys\n1\nnosuch\n").unwrap();
    let said = transcript(&child.wait_with_output().unwrap());
    assert!(said.starts_with("error: standard input:3: there is no user 'nosuch'\n"), "{said}");
    let empty = list(&machine, "# nobody\n");
    assert_eq!(
        machine.run(&format!("unlock --file {empty}")),
        "error: there is no user in the group or file\nNothing was done. Name users.\n[1]"
    );
}

#[test]
fn takes_users_by_primary_group() {
    let machine = Machine::new("group");
    assert_eq!(machine.run("unlock --group daemon"), "daemon has no record. Nothing changed.\n[0]");
    let said = machine.run("unlock --group daemon --group bin daemon");
    assert_eq!(said, "daemon has no record. Nothing changed.\nbin has no record. Nothing changed.\n[0]");
}

/// The output where the user with uid 1, which is daemon, has run sudo.
fn by_daemon(machine: &Machine, words: &str) -> String {
    by_sudo(machine, words, "1")
}

fn by_sudo(machine: &Machine, words: &str, uid: &str) -> String {
    transcript(&machine.command(words).env("SUDO_UID", uid).output().unwrap())
}

#[test]
fn refuses_own_account_of_sudo_caller_among_several() {
    let machine = Machine::new("own-account");
    assert!(machine.run("require daemon bin").ends_with("[0]"));
    let own = "error: daemon ran sudo, and cannot do this for their own account\n\
        Ask another administrator. A root shell without sudo can do it,\n\
        such as that of a root login or of 'su -'.\n";
    for words in ["unlock daemon", "unlock 1", "ticket --user daemon", "reset daemon", "reset 1"] {
        assert_eq!(by_daemon(&machine, words), format!("{own}[1]"), "{words}");
    }
    let one_failed = "error: failed for 1 of 2 users\nThe errors above say why. The others are done.\n[1]";
    let unlocked = "Unlocked bin (0 failed codes cleared).\n";
    for words in ["unlock daemon bin", "unlock --group daemon bin"] {
        assert_eq!(by_daemon(&machine, words), format!("{unlocked}{own}{one_failed}"), "{words}");
    }
    let tickets = by_daemon(&machine, "ticket daemon bin");
    assert!(tickets.starts_with("Ticket for bin: ") && !tickets.contains("Ticket for daemon"), "{tickets}");
    assert!(tickets.contains(own) && tickets.ends_with(one_failed), "{tickets}");
    let sheet = by_daemon(&machine, "ticket --sheet daemon bin");
    assert!(sheet.contains("<h1>bin at ") && !sheet.contains("<h1>daemon"), "{sheet}");
    assert!(sheet.contains(own) && sheet.ends_with(one_failed), "{sheet}");
    let line = by_daemon(&machine, "unlock --json daemon");
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["user"], &line["uid"], &line["result"]),
        (&"daemon".into(), &1.into(), &"failed".into())
    );
    let ticket = |user: &str| machine.run(&format!("status {user}")).contains("ticket for one enrollment");
    assert_eq!((ticket("daemon"), ticket("bin")), (false, true));
}

#[test]
fn acts_for_caller_of_sudo_where_it_lets_nobody_in() {
    let machine = Machine::new("own-stricter");
    assert!(by_daemon(&machine, "require daemon").ends_with("[0]"));
    assert!(by_daemon(&machine, "status daemon").contains("an administrator requires a second step"));
    assert!(by_daemon(&machine, "report").ends_with("[0]"));
    for verb in ["unlock", "reset", "ticket"] {
        assert!(by_daemon(&machine, &format!("{verb} bin")).ends_with("[0]"), "{verb}");
        assert!(by_sudo(&machine, &format!("{verb} root"), "0").ends_with("[0]"), "{verb}");
        let not_of_sudo = by_sudo(&machine, &format!("{verb} bin"), "daemon");
        assert!(not_of_sudo.starts_with("error: the value of SUDO_UID is not a user id\n"), "{not_of_sudo}");
    }
}

#[test]
fn prints_line_of_json_for_each_user() {
    let machine = Machine::new("json");
    assert!(machine.run("require bin").ends_with("[0]"));
    damage(&machine, 3);
    let (lines, status) = json_lines(&machine, "require --json daemon bin sys");
    assert_eq!(status, 3);
    let start = |value: &Value| (value["user"].clone(), value["uid"].clone(), value["result"].clone());
    assert_eq!(start(&lines[0]), ("daemon".into(), 1.into(), "required".into()));
    assert_eq!(lines[0]["enrolled"], false);
    assert_eq!(start(&lines[1]), ("bin".into(), 2.into(), "already-required".into()));
    assert_eq!(start(&lines[2]), ("sys".into(), 3.into(), "failed".into()));
    assert!(
        lines[2]["error"]
            .as_str()
            .unwrap()
            .ends_with("state/3 is damaged: run 'twostep reset 3' and enroll again")
    );
    assert_eq!(lines.len(), 3);

    let results = |words| {
        let (lines, status) = json_lines(&machine, words);
        (lines.iter().map(|line| line["result"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), status)
    };
    assert_eq!(
        results("unrequire --json daemon lp"),
        (vec!["unrequired".to_owned(), "not-required".to_owned()], 0)
    );
    assert_eq!(results("unlock --json daemon lp"), (vec!["unlocked".to_owned(), "no-record".to_owned()], 0));
    assert_eq!(results("unlock --json sys"), (vec!["failed".to_owned()], 3));
    assert_eq!(json_lines(&machine, "unlock --json daemon").0[0]["failures"], 0);
}

#[test]
fn prints_ticket_and_its_end_as_json() {
    let machine = Machine::new("json-ticket");
    let (lines, status) = json_lines(&machine, "ticket --json daemon bin --valid 1h");
    assert_eq!((lines.len(), status), (2, 0));
    for (line, user) in lines.iter().zip(["daemon", "bin"]) {
        assert_eq!((&line["user"], &line["result"]), (&user.into(), &"issued".into()));
        assert_eq!(line["ticket"].as_str().unwrap().len(), "XXXX-XXXX-XXXX-XXXX".len());
        let status: Value =
            serde_json::from_str(machine.run(&format!("status --json {user}")).trim_end_matches("[0]"))
                .unwrap();
        assert_eq!(status["ticket_until"], line["expires_seconds"]);
        assert_eq!(status["ticket_until_utc"], line["expires"]);
        let expires = line["expires"].as_str().unwrap();
        assert!(expires.starts_with('2') && expires.ends_with('Z') && expires.len() == 20, "{expires}");
    }
    assert_ne!(lines[0]["ticket"], lines[1]["ticket"]);
}

/// A ticket that was not printed is not stored, for no user of several.
#[test]
fn stores_no_ticket_that_was_not_printed() {
    let machine = Machine::new("full");
    for words in ["ticket daemon bin", "ticket daemon bin --json", "ticket daemon bin --sheet"] {
        let mut command = machine.command(words);
        let output = command.stdout(File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
        assert!(transcript(&output).contains("standard output cannot be written"), "{}", transcript(&output));
        assert_eq!(output.status.code(), Some(3));
    }
    assert_eq!(machine.run("status --all"), "No user is enrolled.\n[0]");
}

/// As before head(1): the reader of the pipe has ended.
#[test]
fn ends_quietly_if_nobody_reads_the_rest() {
    let machine = Machine::new("pipe");
    for words in
        ["status --all", "status daemon bin", "policy check", "doctor", "services", "report", "report --csv"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = machine.command(words).stdout(writer).output().unwrap();
        assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(3)), "{words}");
    }
}

#[test]
fn prints_slip_of_html_for_each_user() {
    let machine = Machine::new("sheet");
    machine.policy("[enrollment]\nrequire-ticket = true\n");
    assert!(machine.run("enroll --json bin").ends_with("[0]"));
    let output = machine.command("ticket daemon bin sys --sheet --valid 1h").output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>\n") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""), "{page}");
    for outside in ["http:", "https:", "<script", "<link", "<img", "src=", "url("] {
        assert!(!page.contains(outside), "{outside}: {page}");
    }
    assert_eq!(page.matches("<section>").count(), 2, "{page}");
    assert!(
        page.contains("<h1>daemon at ") && page.contains("<h1>sys at ") && !page.contains("<h1>bin "),
        "{page}"
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: bin is already enrolled and needs no ticket\n"), "{said}");
    assert!(said.contains("error: failed for 1 of 3 users\n") && output.status.code() == Some(1), "{said}");
    for user in ["daemon", "sys"] {
        assert!(
            machine.run(&format!("status {user}")).contains("  ticket for one enrollment, valid until 2")
        );
    }
    assert!(machine.run("ticket daemon --sheet --json").ends_with("[2]"));
}

#[test]
fn shows_status_of_several_users() {
    let machine = Machine::new("statuses");
    assert!(machine.run("enroll --json daemon").ends_with("[0]"));
    let said = machine.run("status bin daemon 2");
    assert!(said.starts_with("bin (uid 2): not enrolled\ndaemon (uid 1): enrolled\n"), "{said}");
    assert_eq!(said.matches("(uid 2)").count(), 1);
    for (words, is_array) in
        [("daemon", false), ("daemon bin", true), ("--group daemon", true), ("--all", true)]
    {
        let json = machine.run(&format!("status --json {words}"));
        let json: Value = serde_json::from_str(json.trim_end_matches("[0]")).unwrap();
        assert_eq!(json.is_array(), is_array, "{words}");
        let all = json.as_array().cloned().unwrap_or_else(|| vec![json]);
        let daemon = all.iter().find(|one| one["user"] == "daemon").unwrap();
        assert!(daemon["enrolled_since"].is_u64(), "{daemon}");
        let since = daemon["enrolled_since_utc"].as_str().unwrap();
        assert_eq!(&daemon["authenticators"][0]["enrolled_utc"], since);
        assert!(since.ends_with('Z') && since.as_bytes()[10] == b'T', "{since}");
    }
}
