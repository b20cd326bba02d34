//! Account lines that refuse after the module's own line. With the line that doctor prints for them, nothing is stored.
//! The lines come from doctor's expected output for the machines in tests/doctor.

use std::fs;

use twostep_tests::pam::PAM_SUCCESS;
use twostep_tests::paper::dialogue;
use twostep_tests::{NOW, Outcome, World, workspace};

const AUTH: &str = "auth required MODULE root=ROOT first_factor=any\n";
const OURS: &str = "account required MODULE root=ROOT\n";
const REST: &str = "account required pam_permit.so\n";

/// A machine in tests/doctor, and the replacements of its line that refuse `games` and let them in.
struct Case {
    machine: &'static str,
    replaced: &'static str,
    refuses: &'static str,
    lets_in: &'static str,
}

/// pam_debug replaces modules that ask a directory service.
const CASES: [Case; 6] = [
    Case {
        machine: "access",
        replaced: "nodefgroup",
        refuses: "nodefgroup accessfile=ROOT/etc/refuses",
        lets_in: "nodefgroup accessfile=ROOT/etc/lets-in",
    },
    Case {
        machine: "listfile",
        replaced: "file=/etc/ssh/users",
        refuses: "file=ROOT/etc/nobody",
        lets_in: "file=ROOT/etc/games",
    },
    Case {
        machine: "succeed-if",
        replaced: "ingroup ssh",
        refuses: "ingroup root",
        lets_in: "ingroup games",
    },
    Case {
        machine: "time",
        replaced: "pam_time.so",
        refuses: "pam_time.so conffile=ROOT/etc/never",
        lets_in: "pam_time.so conffile=ROOT/etc/always",
    },
    Case {
        machine: "sss",
        replaced: "pam_sss.so",
        refuses: "pam_debug.so acct=perm_denied",
        lets_in: "pam_debug.so acct=success",
    },
    Case {
        machine: "ldap",
        replaced: "pam_ldap.so",
        refuses: "pam_debug.so acct=acct_expired",
        lets_in: "pam_debug.so acct=ignore",
    },
];

/// The PAM line that doctor prints for this machine.
fn printed(machine: &str) -> String {
    let said = workspace().join(format!("tests/doctor/stack-late-refusal-{machine}/expected"));
    let said = fs::read_to_string(said).unwrap();
    let mut lines = said.lines().filter_map(|line| line.strip_prefix("        account "));
    format!("account {}\n", lines.next().unwrap())
}

/// Enrolls `games` with the lines `before` before the module's account line, and `after` after it.
fn enroll(before: &str, after: &str) -> (World, Outcome) {
    let world = World::newcomers("");
    for (name, text) in [
        ("refuses", "- : games : ALL\n"),
        ("lets-in", "+ : games : ALL\n"),
        ("nobody", "nobody\n"),
        ("games", "games\n"),
        ("never", "*;*;games;!Al0000-2400\n"),
        ("always", "*;*;games;Al0000-2400\n"),
    ] {
        fs::write(world.root().join("etc").join(name), text).unwrap();
    }
    world.service("login", &format!("{AUTH}{before}{OURS}{after}{REST}"));
    let outcome = world.newcomer("games").tty("/dev/tty1").answers(dialogue(NOW)).run();
    (world, outcome)
}

#[test]
fn stores_nothing_when_line_of_doctor_refuses_first() {
    for Case { machine, replaced, refuses, .. } in CASES {
        let line = printed(machine);
        assert!(line.contains(replaced), "{machine}: {line}");
        let requisite = line.replace(replaced, refuses);
        let required = requisite.replace("requisite", "required");
        let (late, outcome) = enroll("", &required);
        assert_ne!(outcome.code, PAM_SUCCESS, "{machine}");
        assert!(late.secret_path("games").exists(), "{machine}: after the account line it refuses too late");
        let (fixed, outcome) = enroll(&requisite, &required);
        assert_ne!(outcome.code, PAM_SUCCESS, "{machine}");
        assert!(!fixed.secret_path("games").exists(), "{machine}: {outcome:#?}");
    }
}

#[test]
fn stores_nothing_when_required_line_becomes_requisite() {
    let refuses = "pam_succeed_if.so user ingroup root quiet\n";
    let (world, outcome) = enroll(&format!("account requisite {refuses}"), "");
    assert_ne!(outcome.code, PAM_SUCCESS);
    assert!(!world.secret_path("games").exists(), "{outcome:#?}");
}

#[test]
fn enrolls_where_line_of_doctor_lets_in() {
    for Case { machine, replaced, lets_in, .. } in CASES {
        let requisite = printed(machine).replace(replaced, lets_in);
        let (world, outcome) = enroll(&requisite, &requisite.replace("requisite", "required"));
        assert_eq!(outcome.code, PAM_SUCCESS, "{machine}: {outcome:#?}");
        assert!(world.secret_path("games").exists(), "{machine}");
    }
}
