use std::fs;
use std::path::Path;

use super::*;

const SOON: Duration = Duration::from_millis(300);
/// How long a test waits for what is certain to come, and longer than what it starts would live.
const LONG: Duration = Duration::from_secs(20);

fn shell(script: &str, patience: Duration) -> Result<Output, ProgramFailure> {
    finish(Command::new("/bin/sh").args(["-c", script]), String::new(), patience)
}

#[test]
fn gives_input_longer_than_a_pipe_and_takes_output() {
    let long = "x".repeat(1024 * 1024);
    let output = run_as_nobody("/bin/cat", &[], long.clone()).unwrap();
    assert!(output.is_success && output.stdout == long && output.stderr.is_empty());
}

#[test]
fn runs_without_environment_and_rights() {
    let output = run_as_nobody("/usr/bin/env", &["sh", "-c", "id -u; id -G; env"], String::new()).unwrap();
    if geteuid().is_root() {
        assert!(output.stdout.starts_with("65534\n65534\n"), "{}", output.stdout);
    }
    assert!(!output.stdout.contains("HOME="), "{}", output.stdout);
}

#[test]
fn says_that_a_program_fails_or_is_not_there() {
    assert!(!run_as_nobody("/bin/false", &[], String::new()).unwrap().is_success);
    let missing = run_as_nobody("/nowhere/program", &[], String::new());
    assert!(matches!(missing, Err(ProgramFailure::CannotRun(_))));
}

#[test]
fn ends_though_a_grandchild_keeps_the_pipes_open() {
    for script in ["sleep 60 & echo x", "setsid sleep 60 & echo x", "exec >&- 2>&-; exec sleep 60"] {
        let start = Instant::now();
        assert!(matches!(shell(script, SOON), Err(ProgramFailure::TooSlow)), "{script}");
        assert!(start.elapsed() < LONG, "{script}");
    }
}

#[test]
fn kills_all_that_a_slow_program_has_started() {
    let note = std::env::temp_dir().join(format!("twostep-program-{}", std::process::id()));
    let script = format!("sleep 60 & echo $! >{}; wait", note.display());
    // On a busy machine the program takes longer to start another.
    let mut patience = SOON;
    let pid = loop {
        assert!(matches!(shell(&script, patience), Err(ProgramFailure::TooSlow)));
        match fs::read_to_string(&note).unwrap_or_default().trim() {
            "" => patience *= 2,
            pid => break pid.to_owned(),
        }
    };
    fs::remove_file(&note).unwrap();
    // It may stay a zombie where nobody waits for it.
    let stat = format!("/proc/{pid}/stat");
    let start = Instant::now();
    let lives = || fs::read_to_string(Path::new(&stat)).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() && start.elapsed() < LONG {
        sleep(PAUSE);
    }
    assert!(!lives());
}

#[test]
fn does_not_take_the_beginning_of_too_much_for_all_of_it() {
    for script in ["cat /dev/zero", "cat /dev/zero >&2"] {
        let command = &mut Command::new("/bin/sh");
        let output = finish(command.args(["-c", script]), String::new(), PATIENCE);
        assert!(matches!(output, Err(ProgramFailure::TooMuch)), "{script}");
    }
}

#[test]
fn runs_nothing_as_root_that_others_can_change() {
    assert!(run("/bin/true", &[]).unwrap().is_success);
    let folder = std::env::temp_dir().join(format!("twostep-weak-{}", std::process::id()));
    let link = folder.join("true");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/bin/true", &link).unwrap();
    let failure = run(link.to_str().unwrap(), &[]);
    fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(failure, Err(ProgramFailure::NotRoots(_))), "{failure:?}");
}
