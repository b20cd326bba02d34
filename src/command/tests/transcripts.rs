//! What each command prints, word for word.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::disallowed_methods)]

mod machine;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use machine::{Machine, transcript};

impl Machine {
    /// Enrolls with two codes of oathtool, of which the first is `late` steps old, and confirms the recovery codes. Returns the
    /// output after the first prompt.
    fn enroll(&self, words: &str, late: i64) -> String {
        let mut dialogue = Dialogue::start(self.command(words));
        let key = key_of(&dialogue.read_to("First code: "));
        // The last second of a step would put the next code out of the window.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - late * 30;
        dialogue.answer(&oathtool(&key, now));
        dialogue.answer(&oathtool(&key, now + 30));
        dialogue.answer_recovery_question();
        dialogue.finish()
    }
}

/// A command that asks questions.
struct Dialogue {
    child: Child,
    said: String,
}

impl Dialogue {
    fn start(mut command: Command) -> Self {
        Self { child: command.spawn().unwrap(), said: String::new() }
    }

    /// Reads until the command has written `end`, or has ended. Returns all of it.
    fn read_to(&mut self, end: &str) -> String {
        let output = self.child.stdout.as_mut().unwrap();
        let (mut text, mut byte) = (Vec::new(), [0]);
        while !text.ends_with(end.as_bytes()) && output.read(&mut byte).unwrap() == 1 {
            text.push(byte[0]);
        }
        String::from_utf8(text).unwrap()
    }

    fn answer(&mut self, line: &str) {
        // A command that has refused before does not read this.
        let _ = writeln!(self.child.stdin.as_ref().unwrap(), "{line}");
    }

    /// Types the last group of the recovery code that is asked for, if one is.
    fn answer_recovery_question(&mut self) {
        let shown = self.read_to("type the last 4 characters of\nrecovery code ");
        self.said += &shown;
        let number = self.read_to(": ");
        if let Some(number) = number.strip_suffix(": ") {
            let code = recovery_codes(&self.said)[number.parse::<usize>().unwrap() - 1].clone();
            self.answer(code.rsplit('-').next().unwrap());
            self.said += number;
            self.said += ": ";
        }
    }

    /// Closes standard input, and returns the output since.
    fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let rest = self.read_to("nothing ends with this");
        self.said += &rest;
        let output = Output { stdout: self.said.into_bytes(), ..self.child.wait_with_output().unwrap() };
        transcript(&output)
    }
}

/// The recovery codes on the screen, by their numbers.
fn recovery_codes(screen: &str) -> Vec<String> {
    let words: Vec<&str> = screen.split_whitespace().collect();
    let numbered = words
        .windows(2)
        .filter_map(|pair| Some((pair[0].strip_suffix('.')?.parse::<usize>().ok()?, pair[1])));
    let mut codes: Vec<_> = numbered.collect();
    codes.sort_unstable();
    codes.into_iter().map(|(_, code)| code.to_owned()).collect()
}

/// The key, in groups of four on one line.
fn key_of(screen: &str) -> String {
    let key = screen.lines().find_map(|line| line.strip_prefix("Key: "));
    key.expect("a key on the screen").replace(' ', "")
}

/// An independent generator (oath-toolkit).
fn oathtool(key: &str, time: i64) -> String {
    let mut command = Command::new("oathtool");
    command.args(["--totp", "--base32", "--now", &format!("@{time}"), key]);
    let output = command.output().expect("oathtool, of the package of that name");
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn enrolls_shows_and_resets_user() {
    let machine = Machine::new("life");
    let said = machine.enroll("enroll --user daemon", 0);
    let (head, codes) = said.split_once("in place of a code from the app.\n\n").unwrap();
    assert_eq!(
        head,
        "Next code (wait until it changes): Write down these recovery codes. They are not shown again.\n\
         Each works once, "
    );
    assert_eq!(recovery_codes(codes).len(), 8);
    assert!(codes.ends_with(": daemon is enrolled (authenticator 'phone').\n[0]"), "{codes}");
    assert_eq!(
        machine.run("enroll --user daemon"),
        "error: daemon is already enrolled (authenticator 'phone')\n\
         For a new or lost phone, run 'twostep replace --user daemon'.\n\
         To add another one, run 'twostep enroll --user daemon --label tablet'.\n[1]"
    );
    assert_eq!(
        machine.enroll("enroll --user daemon --label tablet", 0),
        "Next code (wait until it changes): daemon is enrolled (authenticator 'tablet').\n[0]",
        "who has another phone has recovery codes already"
    );
    let status = machine.run("status --user daemon");
    assert!(
        status.starts_with("daemon (uid 1): enrolled\n  phone: SHA1, 6 digits, 30 s, since 2"),
        "{status}"
    );
    let end = "\n  codes are accepted; failed codes in a row: 0\n  recovery codes left: 8\n[0]";
    assert!(status.ends_with(end), "{status}");
    assert_eq!(machine.run("remove --user daemon tablet"), "Removed 'tablet'. Still set up: 'phone'.\n[0]");
    assert_eq!(
        machine.run("remove --user daemon tablet"),
        "error: daemon has no authenticator 'tablet'\nAuthenticators: 'phone'.\n[1]"
    );
    assert_eq!(
        machine.run("remove --user daemon phone"),
        "error: 'phone' is the only authenticator of daemon\n\
         To turn the second step off, run 'twostep remove --user daemon' without a label.\n[1]"
    );
    assert_eq!(
        machine.run("reset daemon"),
        "daemon is no longer enrolled. To enroll again, run\n'twostep enroll --user daemon'.\n[0]"
    );
    assert_eq!(machine.run("status --user 1"), "daemon (uid 1): not enrolled\n[0]");
    assert_eq!(machine.run("reset daemon"), "daemon was not enrolled. The failed codes are cleared.\n[0]");
    assert_eq!(machine.run("unlock daemon"), "Unlocked daemon (0 failed codes cleared).\n[0]");
}

#[test]
fn replaces_recovery_codes_after_new_ones_were_read() {
    let machine = Machine::new("recovery");
    assert_eq!(
        machine.run("recovery --user daemon"),
        "error: daemon is not enrolled\n\
         To enroll, run 'twostep enroll --user daemon'.\n[1]"
    );
    let old = machine.enroll("enroll --user daemon", 0);
    let state = machine.0.join("var/lib/twostep/state/1");
    let before = fs::read(&state).unwrap();
    assert!(machine.run("recovery --user daemon").ends_with(
        ": \nerror: cancelled (end of input)\nNothing was changed. The old recovery codes still work.\n[1]"
    ));
    assert_eq!(fs::read(&state).unwrap(), before);
    let mut dialogue = Dialogue::start(machine.command("recovery --user daemon"));
    dialogue.answer_recovery_question();
    let new = dialogue.finish();
    assert!(new.ends_with("daemon has new recovery codes (8). The old ones no longer work.\n[0]"), "{new}");
    assert!(recovery_codes(&new).iter().all(|code| !recovery_codes(&old).contains(code)));
    assert_ne!(fs::read(&state).unwrap(), before);
    machine.policy("[enrollment]\nrecovery-codes = 0\n");
    assert_eq!(
        machine.run("recovery --user daemon"),
        "daemon no longer has recovery codes, because the policy allows none.\n[0]"
    );
    assert!(!machine.run("status --user daemon").contains("recovery codes"));
}

/// They would not be accepted: recovery codes belong to the credential for which they were made.
#[test]
fn stores_no_recovery_codes_for_a_replaced_credential() {
    let machine = Machine::new("meanwhile");
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    let mut dialogue = Dialogue::start(machine.command("recovery --user daemon"));
    dialogue.said = dialogue.read_to("type the last 4 characters of\nrecovery code ");
    machine.run("reset daemon");
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    let state = machine.0.join("var/lib/twostep/state/1");
    let before = fs::read(&state).unwrap();
    let number: usize = dialogue.read_to(": ").trim_end_matches(": ").parse().unwrap();
    let code = recovery_codes(&dialogue.said)[number - 1].clone();
    dialogue.answer(code.rsplit('-').next().unwrap());
    let end = dialogue.finish();
    assert!(end.ends_with(
        "error: the second step of daemon has changed in the meantime\n\
         Nothing was changed.\n[1]"
    ));
    assert_eq!(fs::read(&state).unwrap(), before);
}

#[test]
fn shows_ticket_once() {
    let machine = Machine::new("ticket");
    machine.policy("[enrollment]\nrequire-ticket = true\n");
    let said = machine.run("ticket daemon --valid 90min");
    let ticket = said.strip_prefix("Ticket for daemon: ").unwrap().lines().next().unwrap();
    assert_eq!(ticket.len(), "XXXX-XXXX-XXXX-XXXX".len());
    assert!(said.contains("\nValid for one enrollment until 2") && said.ends_with(" UTC.\n[0]"), "{said}");
    let status = machine.run("status --user daemon");
    assert!(
        status.contains("daemon (uid 1): not enrolled\n  ticket for one enrollment, valid until 2"),
        "{status}"
    );
    assert_ne!(machine.run("ticket daemon"), said, "a new one replaces it");
    machine.policy("");
    assert!(machine.run("ticket daemon").contains("note: The policy does not ask for tickets."));
    for wrong in ["30s", "31d", "tomorrow", ""] {
        assert!(machine.run(&format!("ticket daemon --valid={wrong}")).ends_with("[2]"), "{wrong}");
    }
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    assert_eq!(
        machine.run("ticket daemon"),
        "error: daemon is already enrolled and needs no ticket\n\
         To start over, run 'twostep reset daemon' first.\n[1]"
    );
    assert!(!machine.run("status --user daemon").contains("ticket"));
}

#[test]
fn requires_second_step_until_unrequire() {
    let machine = Machine::new("require");
    assert_eq!(
        machine.run("require daemon"),
        "daemon now needs a second step, except where the policy exempts them.\n\
         note: daemon is not enrolled yet. They enroll at their next login by sshd or login.\n[0]"
    );
    assert_eq!(machine.run("require daemon"), "daemon already needs a second step. Nothing changed.\n[0]");
    let status = machine.run("status --user daemon");
    let line = "  an administrator requires a second step ('twostep require')";
    assert_eq!(status, format!("daemon (uid 1): not enrolled\n{line}\n[0]"));
    let json = machine.run("status --all --json");
    for field in
        ["\"rule\": \"default\"", "\"line\": 2", "\"administrator\": true", "\"enrolled_since\": null"]
    {
        assert!(json.contains(field), "{json}");
    }
    assert_eq!(
        machine.run("unrequire daemon"),
        "From now on only the policy decides whether daemon needs a second step.\n[0]"
    );
    assert_eq!(machine.run("unrequire daemon"), "daemon has no extra requirement. Nothing changed.\n[0]");
    assert_eq!(machine.run("status --user daemon"), "daemon (uid 1): not enrolled\n[0]");
    machine.policy("[enrollment]\nservices = []\n");
    let note =
        "note: bin is not enrolled, and no login enrolls users.\nRun 'twostep enroll --user bin'.\n[0]";
    assert!(machine.run("require bin").ends_with(note));
    machine.policy("[[rule]]\nname = \"all\"\nservices = [\"sshd\"]\nmode = \"mandatory\"\n");
    let line = "  rule 'all' (line 4 of the policy) requires a second step";
    assert_eq!(machine.run("status --user daemon"), format!("daemon (uid 1): not enrolled\n{line}\n[0]"));
}

/// The mark of the state of daemon.
fn mark(machine: &Machine) -> u64 {
    let json = machine.run("status --user daemon --json");
    let last = json.lines().find_map(|line| line.trim().strip_prefix("\"last_use\": ")).unwrap();
    last.trim_end_matches(',').parse().unwrap()
}

#[test]
fn uses_up_codes_that_confirm_further_phone() {
    let machine = Machine::new("further");
    machine.policy("[verification]\nskew-steps = 3\n"); // so that the older code is accepted to its last second
    assert!(machine.enroll("enroll --user daemon", 1).ends_with("[0]"));
    let before = mark(&machine);
    assert!(machine.enroll("enroll --user daemon --label tablet", 0).ends_with("[0]"));
    assert!(mark(&machine) >= before + 30);
}

/// Another administrator is faster, between the questions of the first.
#[test]
fn rejects_second_enrollment_and_codes_of_a_gone_credential() {
    let machine = Machine::new("second");
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    let mut slower = Dialogue::start(machine.command("enroll --user daemon --label tablet"));
    let key = key_of(&slower.read_to("First code: "));
    assert!(machine.enroll("enroll --user daemon --label tablet", 0).ends_with("[0]"));
    let secret = machine.0.join("var/lib/twostep/users/1.toml");
    let before = fs::read(&secret).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    slower.answer(&oathtool(&key, now));
    slower.answer(&oathtool(&key, now + 30));
    let said = slower.finish();
    assert!(
        said.ends_with(
            "error: the second step of daemon has changed in the meantime\n\
             Nothing was saved. Delete the new entry in your app.\n[1]"
        ),
        "{said}"
    );
    assert_eq!(fs::read(&secret).unwrap(), before);

    let mut slower = Dialogue::start(machine.command("recovery --user daemon"));
    slower.said = slower.read_to("Write down");
    assert!(machine.run("reset daemon").ends_with("[0]"));
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    let state = machine.0.join("var/lib/twostep/state/1");
    let before = fs::read(&state).unwrap();
    slower.answer_recovery_question();
    let said = slower.finish();
    assert!(
        said.ends_with(
            "error: the second step of daemon has changed in the meantime\n\
             Nothing was changed.\n[1]"
        ),
        "{said}"
    );
    assert_eq!(fs::read(&state).unwrap(), before);
}

#[test]
fn gives_two_users_two_secrets() {
    let machine = Machine::new("two");
    for user in ["daemon", "bin"] {
        assert!(machine.enroll(&format!("enroll --user {user}"), 0).ends_with("[0]"));
    }
    let stored = |uid, key: &str| {
        let text = fs::read_to_string(machine.0.join(format!("var/lib/twostep/users/{uid}.toml"))).unwrap();
        text.lines().find_map(|line| line.strip_prefix(key).map(str::to_owned)).unwrap()
    };
    for (key, length) in [("secret = ", 34), ("id = ", 18)] {
        assert_eq!(stored(1, key).len(), length, "160 and 80 bits in base32, quoted");
        assert_ne!(stored(1, key), stored(2, key));
    }
}

#[test]
fn disables_core_dumps_while_secret_is_shown() {
    let machine = Machine::new("core");
    let mut child = machine.command("enroll --user daemon").spawn().unwrap();
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core[..2], ["0", "0"]);
    drop(child.stdin.take());
    child.wait_with_output().unwrap();
}

#[test]
fn says_that_phone_clock_is_wrong_and_asks_on() {
    let machine = Machine::new("clock");
    let hint = "The code is right. Your phone's clock is 2 minutes slow:\n\
                set it to network time, then type the code that it shows.\nFirst code: ";
    let mut dialogue = Dialogue::start(machine.command("enroll --user daemon"));
    let key = key_of(&dialogue.read_to("First code: "));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    dialogue.answer(&oathtool(&key, now - 120));
    assert_eq!(dialogue.read_to("First code: "), hint);
    assert!(dialogue.finish().starts_with("\nerror: cancelled (end of input)\n"));
    assert_eq!(machine.run("status --all"), "No user is enrolled.\n[0]");
}

#[test]
fn enrolls_no_user_without_code() {
    let machine = Machine::new("eof");
    let transcript = machine.run("enroll --user daemon");
    assert!(
        transcript.ends_with(
            "First code: \nerror: cancelled (end of input)\n\
             Nothing was saved. Delete the new entry in your app.\n\
             Then run the command again.\n[1]"
        ),
        "{transcript}"
    );
    assert_eq!(machine.run("status --all --json"), "[]\n[0]");
}

#[test]
fn prints_completions_that_shell_accepts() {
    let machine = Machine::new("completions");
    for (shell, sign) in [("bash", "complete -o"), ("zsh", "#compdef twostep"), ("fish", "--command twostep")]
    {
        let script = machine.run(&format!("completions {shell}"));
        assert!(script.contains(sign) && script.ends_with("\n[0]"), "{shell}");
        let file = machine.0.join(shell);
        fs::write(&file, script.trim_end_matches("[0]")).unwrap();
        // Only what is installed can be asked.
        if let Ok(checked) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    assert!(machine.run("completions tcsh").ends_with("[2]"));
}

#[test]
fn says_what_is_wrong_and_what_to_do() {
    let machine = Machine::new("mistakes");
    assert_eq!(
        machine.run("enroll --user nosuch"),
        "error: there is no user 'nosuch'\nCheck the spelling.\n[1]"
    );
    assert_eq!(machine.run("unlock daemon"), "daemon has no record. Nothing changed.\n[0]");
    assert_eq!(machine.run("reset daemon"), "daemon has no record. Nothing changed.\n[0]");
    let policy = machine.0.join("etc/twostep/policy.toml");
    fs::write(&policy, "version = 1\nmode = \"opt in\"\n").unwrap();
    let transcript = machine.run("enroll --user daemon");
    let expected = format!("error: {}:2:8: unknown value 'opt in', expected 'exempt'", policy.display());
    assert!(transcript.starts_with(&expected), "{transcript}");
    assert!(transcript.ends_with("\nFix this, then run the command again.\n[3]"), "{transcript}");
}

#[test]
fn policy_check_quotes_no_file_of_keys() {
    let machine = Machine::new("no-policy");
    let file = machine.0.join("users.oath");
    fs::write(&file, "HOTP/T30/6 alice - 3132333435363738393031323334353637383930\n").unwrap();
    assert_eq!(
        machine.run(&format!("policy check {}", file.display())),
        "error: the file is not a policy: it has secrets of users in it\nName a policy file.\n[1]"
    );
}

/// What clap adds to each.
const MORE: &str = "\n\nFor more information, try '--help'.\n[2]";

#[test]
fn gives_hint_and_status_2_for_unknown_words() {
    let machine = Machine::new("words");
    let table = [
        ("frobnicate", "unrecognized subcommand 'frobnicate'\n\nUsage: twostep [OPTIONS] <COMMAND>"),
        (
            "enrol",
            "unrecognized subcommand 'enrol'\n\n  tip: some similar subcommands exist: 'enable', 'enroll'\n\n\
             Usage: twostep [OPTIONS] <COMMAND>",
        ),
        (
            "policy chek",
            "unrecognized subcommand 'chek'\n\n  tip: a similar subcommand exists: 'check'\n\n\
             Usage: twostep policy [OPTIONS] <COMMAND>",
        ),
        (
            "enroll --lable tablet",
            "unexpected argument '--lable' found\n\n  tip: a similar argument exists: '--label'\n\n\
             Usage: twostep enroll --label <LABEL> [NAME]",
        ),
        (
            "status --jsn",
            "unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n\
             Usage: twostep status --json [NAME]...",
        ),
        (
            "status --user daemon --all",
            "the argument '--all' cannot be used with:\n  [NAME]...\n  --user <NAME>\n  --group <GROUP>\n  \
             --file <FILE>\n\nUsage: twostep status --all [NAME]...",
        ),
        ("reset alice bob", "unexpected argument 'bob' found\n\nUsage: twostep reset [OPTIONS] [NAME]"),
        (
            "ticket daemon --valid 5",
            "invalid value '5' for '--valid <TIME>': write it as in 90min, 24h or 7d",
        ),
        (
            "ticket daemon --valid 5s",
            "invalid value '5s' for '--valid <TIME>': a ticket is valid for one minute to 30 days",
        ),
        (
            "completions tcsh",
            "invalid value 'tcsh' for '<SHELL>'\n  [possible values: bash, zsh, fish]\n\n  \
             tip: a similar value exists: 'zsh'",
        ),
    ];
    for (words, expected) in table {
        assert_eq!(machine.run(words), format!("error: {expected}{MORE}"), "twostep {words}");
    }
}

/// On standard error, because no help was asked for.
#[test]
fn shows_all_subcommands_if_none_is_named() {
    for words in [&[] as &[&str], &["policy"]] {
        let run = |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
            command.args(words).args(more).output().unwrap()
        };
        let (bare, asked) = (run(&[]), run(&["--help"]));
        assert_eq!((bare.status.code(), asked.status.code()), (Some(2), Some(0)));
        assert_eq!((&bare.stdout, &bare.stderr), (&asked.stderr, &asked.stdout));
        assert!(String::from_utf8(bare.stderr).unwrap().contains("\nCommands:\n  "));
    }
}

#[test]
fn help_of_verb_is_its_help_option() {
    let machine = Machine::new("help");
    for words in ["", "remove", "policy", "policy check", "ticket"] {
        let asked = machine.run(format!("{words} --help").trim());
        assert_eq!(machine.run(format!("help {words}").trim()), asked, "{words}");
    }
    assert!(machine.run("help nosuch").ends_with("[2]"));
}

#[test]
fn help_lists_verbs_of_root_apart() {
    let machine = Machine::new("headings");
    let help = machine.run("--help");
    let (all, root) = help.split_once("\nFor root:\n").unwrap();
    for verb in ["enroll", "status", "verify", "recovery", "remove", "policy", "doctor", "services"] {
        assert!(all.contains(&format!("\n  {verb} ")), "{verb}: {help}");
    }
    for verb in ["ticket", "require", "unlock", "reset", "import", "report", "enable", "disable"] {
        assert!(format!("\n{root}").contains(&format!("\n  {verb} ")), "{verb}: {help}");
    }
    let options = machine.run("ticket --help");
    assert!(options.trim_end_matches("\n[0]").lines().last().unwrap().contains("--root <DIR>"), "{options}");
}

#[test]
fn shows_damaged_state_and_reset_replaces_it() {
    let machine = Machine::new("damage");
    assert!(machine.enroll("enroll --user daemon", 0).ends_with("[0]"));
    let state = machine.0.join("var/lib/twostep/state/1");
    fs::write(&state, vec![0; 8192]).unwrap();
    let problem = format!("{} is damaged: run 'twostep reset 1' and enroll again", state.display());
    assert!(machine.run("status --user daemon").contains(&format!("  logins are denied: {problem}\n")));
    assert!(machine.run("status --all").ends_with("Logins are denied until this is fixed.\n[3]"));
    assert_eq!(
        machine.run("reset daemon"),
        "daemon is no longer enrolled. To enroll again, run\n'twostep enroll --user daemon'.\n\
         note: daemon's state was damaged and has been replaced.\n\
         If a second step was required of them, run 'twostep require daemon' again.\n[0]"
    );
    // The codes of this moment count as used: the mark was lost.
    let json = machine.run("status --user daemon --json");
    assert!(json.contains("\"codes\": \"accepted\""), "{json}");
}

#[test]
fn tries_code_without_using_it_up_and_removes_all() {
    let machine = Machine::new("verify");
    assert!(machine.enroll("enroll --user daemon", 1).ends_with("[0]"));
    let state = machine.0.join("var/lib/twostep/state/1");
    let key = secret_of(&machine);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    for _ in 0..2 {
        let mut dialogue = Dialogue::start(machine.command("verify --user daemon"));
        dialogue.answer(&oathtool(&key, now + 30));
        let said = dialogue.finish();
        assert!(said.contains("That code works (authenticator 'phone'"), "{said}");
        assert!(said.contains("It has not been used up.\n"), "{said}");
    }
    let before = fs::read(&state).unwrap();
    let mut dialogue = Dialogue::start(machine.command("verify --user daemon"));
    ["123", "x", ""].iter().for_each(|answer| dialogue.answer(answer));
    let refused =
        "That is too short for a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.";
    let empty = "You typed nothing. Type the code that your app shows, or a recovery code.";
    assert_eq!(
        dialogue.finish(),
        format!(
            "Verification code: {refused}\nVerification code: {refused}\nVerification code: \
             error: no code was accepted\n{empty}\nNothing was changed.\n[1]"
        )
    );
    assert_eq!(fs::read(&state).unwrap(), before, "what is no code is not charged");
    assert_eq!(
        machine.run("remove --user daemon"),
        "daemon is no longer enrolled. To enroll again, run 'twostep enroll --user daemon'.\n[0]"
    );
    assert_eq!(machine.run("status --user daemon"), "daemon (uid 1): not enrolled\n[0]");
    let not_enrolled = "error: daemon is not enrolled\nTo enroll, run 'twostep enroll --user daemon'.\n[1]";
    for verb in ["verify", "remove"] {
        assert_eq!(machine.run(&format!("{verb} --user daemon")), not_enrolled);
    }
}

#[test]
fn enrolls_user_for_script_without_codes() {
    let machine = Machine::new("unattended");
    let enrolled = machine.run("enroll --user daemon --json");
    let key = secret_of(&machine);
    assert!(enrolled.ends_with("\n}\n[0]"), "{enrolled}");
    for line in [
        "  \"user\": \"daemon\",",
        "  \"authenticator\": \"phone\",",
        &format!("  \"key\": \"{key}\","),
        "  \"qr\": null,",
    ] {
        assert!(enrolled.lines().any(|found| found == line), "{enrolled}");
    }
    assert!(enrolled.contains(&format!(":daemon?secret={key}&issuer=")), "{enrolled}");
    assert_eq!(enrolled.lines().filter(|line| line.trim().len() == 21 || line.trim().len() == 22).count(), 8);
    assert!(machine.run("status --user daemon --json").contains("\"last_use\": null"));
    let mut dialogue = Dialogue::start(machine.command("verify --user daemon"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    dialogue.answer(&oathtool(&key, now));
    assert!(dialogue.finish().contains("That code works"), "no code was used up");
    assert_eq!(
        machine.run("enroll --user daemon --json"),
        "error: daemon is already enrolled (authenticator 'phone')\n\
         For a new or lost phone, run 'twostep replace --user daemon'.\n\
         To add another one, run 'twostep enroll --user daemon --label tablet'.\n[1]"
    );
    assert!(machine.run("enroll --user daemon --qr x").ends_with("[2]"), "a picture alone says too little");
}

#[test]
fn writes_picture_for_root_alone_and_removes_it_on_failure() {
    let machine = Machine::new("picture");
    let file = machine.0.join("daemon.svg");
    let command = format!("enroll --user daemon --json --qr {}", file.display());
    let enrolled = machine.run(&command);
    assert!(enrolled.contains("\"key\": null") && !enrolled.contains(&secret_of(&machine)), "{enrolled}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().starts_with("<?xml"));
    machine.run("reset daemon");
    let again = machine.run(&command);
    assert!(again.contains("File exists"), "{again}");
    assert!(again.ends_with("No user was enrolled. Name a file that does not exist yet.\n[1]"), "{again}");
    assert!(file.exists(), "it is not ours to remove");
    assert!(machine.run("status --user daemon").contains("not enrolled"));

    fs::remove_file(&file).unwrap();
    // A login holds the lock for too long.
    let state = machine.0.join("var/lib/twostep/state/1");
    let mut holder = Command::new("flock");
    holder.arg(state).args(["-c", "echo locked; exec cat"]);
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    holder.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
    let late = machine.run(&command);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert!(late.contains("\"qr\": ") && late.ends_with("[3]"), "{late}");
    assert!(!file.exists());
}

/// The key of the only authenticator.
fn secret_of(machine: &Machine) -> String {
    let file = fs::read_to_string(machine.0.join("var/lib/twostep/users/1.toml")).unwrap();
    let line = file.lines().find(|line| line.starts_with("secret = ")).unwrap();
    line.trim_start_matches("secret = ").trim_matches('"').to_owned()
}
