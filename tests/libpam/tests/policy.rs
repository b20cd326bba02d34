//! Which users are asked: rules by user, group, service, origin and address. The first matching rule decides. A mistake is
//! an error.

use twostep_tests::interpose::{UNREACHABLE, set_groups, virtual_user};
use twostep_tests::pam::*;
use twostep_tests::refusal::is_root;
use twostep_tests::strace::trace;
use twostep_tests::{Generator, Login, NOW, Outcome, SECRET, World, processor_time};

const HEAD: &str = "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n";

/// A world without enrolled users, in which only `rules` exempt a login.
fn with_rules(rules: &str) -> World {
    let world = World::new();
    world.policy(&format!("{HEAD}{rules}"));
    world
}

fn exempting(conditions: &str) -> String {
    rule("some", conditions, "exempt")
}

fn rule(name: &str, conditions: &str, mode: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\n{conditions}\nmode = \"{mode}\"\nreason = \"because\"\n")
}

/// The name of the rule that exempts this login, if any.
#[track_caller]
fn exempted_by(login: Login) -> Option<String> {
    let outcome = login.at(NOW).answer("123456").run();
    match outcome.field("result") {
        "exempt" => {
            assert_eq!((outcome.code, outcome.prompts().len()), (IGNORED_ALONE, 0), "{outcome:#?}");
            Some(outcome.field("rule").to_owned())
        }
        _ => {
            assert_eq!((outcome.code, outcome.prompts().len()), (PAM_AUTH_ERR, 1), "{outcome:#?}");
            None
        }
    }
}

#[track_caller]
fn is_exempt(login: Login) -> bool {
    exempted_by(login).is_some()
}

#[test]
fn matches_exact_user_names() {
    let world = with_rules(&exempting("users = [\"games\", \"mail\"]"));
    for (user, exempt) in [("games", true), ("mail", true), ("news", false), ("root", false)] {
        assert_eq!(is_exempt(world.login(user)), exempt, "{user}");
    }
    for similar in ["game", "gamess", "GAMES", "*", "ga*", "games ", "@root", ""] {
        let world = World::new();
        world.policy(&format!("{HEAD}{}", exempting(&format!("users = [\"{similar}\"]"))));
        let outcome = world.login("games").at(NOW).answer("123456").run();
        assert_ne!(outcome.field("result"), "exempt", "{similar}");
    }
}

#[test]
fn denies_unknown_user_exempted_by_name() {
    let world = with_rules(&exempting("users = [\"nosuchuser\"]"));
    world.login("nosuchuser").at(NOW).answer("123456").run().assert_denied(PAM_AUTH_ERR, "unknown-user");
}

#[test]
fn matches_primary_and_supplementary_groups() {
    let world = with_rules(&exempting("groups = [\"daemon\", \"root\"]"));
    assert!(is_exempt(world.login("root")), "primary");
    assert!(is_exempt(world.login(&virtual_user(1))), "primary");
    assert!(!is_exempt(world.login("games")));
    let world = with_rules(&exempting("groups = [\"daemon\"]"));
    assert!(!is_exempt(world.login(&virtual_user(1))));
    set_groups(&[gid_of_daemon()]);
    assert!(is_exempt(world.login(&virtual_user(1))), "supplementary");
    set_groups(&[]);
}

fn gid_of_daemon() -> libc::gid_t {
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.starts_with("daemon:")).expect("the group daemon is needed");
    line.split(':').nth(2).unwrap().parse().unwrap()
}

#[test]
fn treats_unknown_group_as_empty() {
    let world = with_rules(&exempting("groups = [\"nosuchgroup\"]"));
    assert!(!is_exempt(world.login("root")));
}

#[test]
fn exempts_nobody_when_group_lookup_fails() {
    for conditions in
        [format!("groups = [\"{UNREACHABLE}\"]"), format!("groups = [\"{UNREACHABLE}\", \"root\"]")]
    {
        let world = with_rules(&exempting(&conditions));
        let outcome = world.login("root").at(NOW).answer("123456").run();
        assert_eq!(outcome.field("result"), "deny", "{outcome:#?}");
    }
    let world = World::new();
    world.policy(&format!(
        "version = 1\nmode = \"exempt\"\n{}",
        rule("some", &format!("groups = [\"{UNREACHABLE}\"]"), "opt-in")
    ));
    let outcome = world.login("mail").at(NOW).answers(vec!["123456"; 3]).run();
    assert_eq!(outcome.field("result"), "deny", "{outcome:#?}");
}

/// The name service then reports "no such group", as for an unknown name.
#[test]
fn keeps_mandatory_rule_with_unreadable_group_file() {
    let world = World::new();
    let mandatory = rule("some", "groups = [\"games\"]", "mandatory");
    world.policy(&format!("version = 1\nmode = \"opt-in\"\n[verification]\ntries = 1\n{mandatory}"));
    for fault in ["openat:error=EIO", "openat:error=EMFILE", "openat:error=EACCES", "read:error=EIO"] {
        for when in ["1", "2", "3", "1+"] {
            let inject = format!("inject={fault}:when={when}");
            let login = world.login("games").at(NOW).answer("123456");
            let report = trace(&login, &["-P", "/etc/group", "-e", &inject]).report;
            assert_eq!(report.code, Some(PAM_AUTH_ERR), "{inject}: {report:#?}");
            assert_eq!(report.field("rule"), "some", "{inject}: {report:#?}");
        }
    }
}

#[test]
fn matches_name_of_service_file() {
    let world = with_rules(&exempting("services = [\"sudo\"]"));
    for service in ["sudo", "sudo-i", "su"] {
        world.service(service, "auth required MODULE root=ROOT\n");
        assert_eq!(is_exempt(world.login("games").service(service)), service == "sudo", "{service}");
    }
}

#[test]
fn matches_local_origin_only_at_consoles() {
    let world = with_rules(&exempting("origin = \"local\""));
    let login = || world.login("games");
    for tty in ["tty1", "/dev/tty1", "tty63", "ttyS0", "/dev/ttyS1", "hvc0"] {
        // A user who is not root could have given the program any terminal.
        assert_eq!(is_exempt(login().tty(tty)), is_root(), "{tty}");
        assert!(!is_exempt(login().tty(tty).rhost("192.0.2.1")), "{tty} with a remote host");
        assert!(!is_exempt(login().tty(tty).rhost("localhost")), "{tty} with a remote name");
        assert!(
            !is_exempt(login().tty(tty).env("SSH_CONNECTION=1 2 3 4").env("SSH_AUTH_INFO_0=publickey x")),
            "{tty}"
        );
    }
    for tty in [
        "",
        "ssh",
        ":0",
        "pts/0",
        "/dev/pts/3",
        "tty",
        "ttyX",
        "tty1x",
        "unknown",
        ":",
        "console1x",
        "cron",
        "../tty1",
    ] {
        assert!(!is_exempt(login().tty(tty).env("SSH_AUTH_INFO_0=publickey x")), "{tty}");
        if tty != "ssh" {
            assert!(!is_exempt(login().tty(tty)), "{tty}");
        }
    }
    assert!(!is_exempt(login()), "no terminal at all");
}

#[test]
fn matches_remote_origin_elsewhere() {
    let world = with_rules(&exempting("origin = \"remote\""));
    assert!(is_exempt(world.login("games")));
    assert!(is_exempt(world.login("games").tty("pts/0")));
    assert!(is_exempt(world.login("games").tty("tty1").rhost("192.0.2.1")));
    assert_eq!(is_exempt(world.login("games").tty("tty1")), !is_root());
}

#[test]
fn matches_only_literal_addresses_in_networks() {
    let world = with_rules(&exempting(
        "from = [\"192.0.2.0/24\", \"198.51.100.7\", \"2001:db8::/32\", \"10.0.0.0/8\"]",
    ));
    let table = [
        ("192.0.2.0", true),
        ("192.0.2.255", true),
        ("192.0.3.0", false),
        ("192.0.1.255", false),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("2001:db8::1", true),
        ("2001:DB8:ffff::", true),
        ("2001:db9::", false),
        ("::ffff:192.0.2.9", true),
        ("::ffff:c000:0209", true),
        ("::192.0.2.9", false),
        ("::ffff:10.0.0.1", true),
        ("010.0.0.1", false),
        ("10.1", false),
        ("0x0a000001", false),
        ("192.0.2.9 ", false),
        (" 192.0.2.9", false),
        ("192.0.2.9:22", false),
        ("192.0.2.9/32", false),
        ("[2001:db8::1]", false),
        ("2001:db8::1%eth0", true),
        ("office.example.org", false),
        ("192.0.2.9.example.org", false),
        ("localhost", false),
        ("tty1", false),
        ("", false),
        ("192.0.2.", false),
        ("*", false),
    ];
    for (rhost, exempt) in table {
        assert_eq!(is_exempt(world.login("games").rhost(rhost)), exempt, "{rhost:?}");
    }
    assert!(!is_exempt(world.login("games")), "no address at all");
}

#[test]
fn applies_mandatory_rule_to_remote_name() {
    let world = World::new();
    let strict = rule("strict", "from = [\"192.0.2.0/24\"]", "mandatory");
    world.policy(&format!("version = 1\nmode = \"exempt\"\n[verification]\ntries = 1\n{strict}"));
    for rhost in ["192.0.2.1", "::ffff:192.0.2.1", "office.example.org", "010.0.0.1", "UNKNOWN"] {
        assert!(!is_exempt(world.login("games").rhost(rhost)), "{rhost}");
    }
    for rhost in ["192.0.3.1", "2001:db8::1", ""] {
        assert!(is_exempt(world.login("games").rhost(rhost)), "{rhost}");
    }
}

#[test]
fn matches_every_address_with_network_of_all() {
    let four = with_rules(&exempting("from = [\"0.0.0.0/0\"]"));
    let six = with_rules(&exempting("from = [\"::/0\"]"));
    for (rhost, in_four, in_six) in
        [("203.0.113.1", true, false), ("::1", false, true), ("::ffff:1.2.3.4", true, false)]
    {
        assert_eq!(is_exempt(four.login("games").rhost(rhost)), in_four, "{rhost}");
        assert_eq!(is_exempt(six.login("games").rhost(rhost)), in_six, "{rhost}");
    }
}

#[test]
fn requires_all_conditions_of_rule() {
    let conditions =
        ["users = [\"games\"]", "services = [\"test\"]", "origin = \"remote\"", "from = [\"192.0.2.0/24\"]"];
    let all = conditions.join("\n");
    let login = |world: &World| world.login("games").rhost("192.0.2.1").tty("tty1");
    assert!(is_exempt(login(&with_rules(&exempting(&all)))));
    let others =
        ["users = [\"mail\"]", "services = [\"sudo\"]", "origin = \"local\"", "from = [\"192.0.3.0/24\"]"];
    for (condition, other) in conditions.iter().zip(others) {
        let world = with_rules(&exempting(&all.replace(condition, other)));
        assert!(!is_exempt(login(&world)), "{other}");
    }
}

#[test]
fn applies_first_matching_rule() {
    let exempt = rule("lenient", "users = [\"games\"]", "exempt");
    let strict = rule("strict", "users = [\"games\", \"mail\"]", "mandatory");
    let everybody = rule("everybody", "", "exempt");
    let world = with_rules(&[exempt.clone(), strict.clone(), everybody.clone()].concat());
    assert_eq!(exempted_by(world.login("games")).as_deref(), Some("lenient"));
    assert_eq!(exempted_by(world.login("mail")), None);
    assert_eq!(exempted_by(world.login("news")).as_deref(), Some("everybody"));
    let world = with_rules(&[strict, exempt, everybody].concat());
    assert_eq!(exempted_by(world.login("games")), None);
}

#[test]
fn applies_mandatory_rule_over_default() {
    let world = World::new();
    world.policy(&format!(
        "version = 1\nmode = \"exempt\"\n{}{}",
        rule("a", "users = [\"games\"]", "mandatory"),
        rule("b", "users = [\"mail\"]", "opt-in")
    ));
    let outcome = |user: &str| world.login(user).at(NOW).answers(vec!["123456"; 3]).run();
    outcome("games").assert_denied(PAM_AUTH_ERR, "not-enrolled");
    let mail = outcome("mail");
    assert_eq!(
        (mail.field("result"), mail.field("rule"), mail.field("reason")),
        ("exempt", "b", "not-enrolled")
    );
    let news = outcome("news");
    assert_eq!(
        (news.field("result"), news.field("rule"), news.field("reason")),
        ("exempt", "default", "exempt")
    );
    world.enroll("mail", SECRET);
    outcome("mail").assert_denied(PAM_AUTH_ERR, "wrong-code");
}

fn judged_by(policy: &str) -> Outcome {
    let world = World::default();
    world.policy(policy);
    world.login("games").at(NOW).answer(Generator::default().at(NOW)).run()
}

#[test]
fn reports_each_mistake_with_its_place() {
    let head = "version = 1\nmode = \"exempt\"\n";
    let table = [
        ("skew-step = 3\n", "3:1"),
        ("[verification]\nskew_steps = 1\n", "4:1"),
        ("[verification]\nskew-steps = 4\n", "4:14"),
        ("[verification]\nskew-steps = -1\n", "4:14"),
        ("[verification]\ntries = 0\n", "4:9"),
        ("[verification]\ntries = 11\n", "4:9"),
        ("[verification]\ntries = \"3\"\n", "4:9"),
        ("[verification]\ntries = 3.0\n", "4:9"),
        ("[verification]\nlockout-after = 2\n", "4:17"),
        ("[verification]\nlockout-after = 101\n", "4:17"),
        ("[verification]\nlockout-after = 99999999999999999999\n", "4:17"),
        ("[verificaton]\n", "3:2"),
        ("mode = \"exempt\"\n", "3:1"),
        ("[[rule]]\nname = \"a\"\nmode = \"off\"\n", "5:8"),
        ("[[rule]]\nname = \"default\"\nmode = \"exempt\"\n", "4:8"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\n[[rule]]\nname = \"a\"\nmode = \"exempt\"\n", "7:8"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuser = [\"games\"]\n", "6:1"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nusers = \"games\"\n", "6:9"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\norigin = \"lan\"\n", "6:10"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfrom = [\"office.example.org\"]\n", "6:9"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfrom = [\"192.0.2.0/33\"]\n", "6:9"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfrom = [\"010.0.0.1\"]\n", "6:9"),
        ("[rule]\nname = \"a\"\nmode = \"exempt\"\n", "3:1"),
        ("[[rule]]\nname = \"a\"\n", "3:1"),
        ("[[rule]]\nmode = \"exempt\"\n", "3:1"),
        ("x = \n", "3:5"),
    ];
    for (tail, place) in table {
        let outcome = judged_by(&format!("{head}{tail}"));
        outcome.assert_denied(PAM_SERVICE_ERR, "misconfigured");
        let cause = outcome.field("cause").to_owned();
        assert!(cause.contains(&format!("/etc/twostep/policy.toml:{place}: ")), "{tail:?}: {cause}");
        assert_eq!(outcome.prompts().len(), 0);
    }
}

#[test]
fn requires_known_version_and_mode() {
    for policy in [
        "",
        "version = 1\n",
        "mode = \"exempt\"\n",
        "version = 2\nmode = \"exempt\"\n",
        "version = 1\nmode = \"Exempt\"\n",
        "version = 1\nmode = true\n",
        "\u{feff}\u{feff}version = 1\nmode = \"exempt\"\n",
    ] {
        judged_by(policy).assert_denied(PAM_SERVICE_ERR, "misconfigured");
    }
}

#[test]
fn accepts_values_at_limits() {
    for policy in [
        "skew-steps = 0",
        "skew-steps = 3",
        "tries = 1",
        "tries = 10",
        "lockout-after = 3",
        "lockout-after = 100",
    ] {
        judged_by(&format!("version = 1\nmode = \"mandatory\"\n[verification]\n{policy}\n")).assert_granted();
    }
}

#[test]
fn exempts_nobody_with_truncated_policy() {
    // The required key is last, so no part of this text is a policy.
    let whole = concat!(
        "verification = { tries = 1, skew-steps = 0 }\n",
        "rule = [ { name = \"a\", users = [\"games\"], mode = \"exempt\" } ]\n",
        "version = 1\nmode = \"exempt\""
    );
    let world = World::default();
    world.service("followed", "auth required MODULE root=ROOT\nauth required pam_permit.so\n");
    let run = |policy: &str| world.policy(policy).login("games").service("followed").at(NOW).run();
    for length in 0..whole.len() {
        run(&whole[..length]).assert_denied(PAM_SERVICE_ERR, "misconfigured");
    }
    assert_eq!(run(whole).code, PAM_SUCCESS);
}

#[test]
fn exempts_only_by_whole_rules_of_truncated_policy() {
    let whole = format!(
        "# who is asked\n{HEAD}{}{}",
        rule("console", "users = [\"mail\"]\nfrom = [\"192.0.2.0/24\"]", "opt-in"),
        rule("office", "users = [\"games\"]\nservices = [\"followed\"]", "exempt")
    );
    let world = World::new();
    world.service("followed", "auth required MODULE root=ROOT\nauth required pam_permit.so\n");
    for length in 0..=whole.len() {
        let part = &whole[..length];
        let outcome =
            world.policy(part).login("games").service("followed").at(NOW).answers(["123456"; 3]).run();
        if part.contains("mode = \"exempt\"") && outcome.code == PAM_SUCCESS {
            assert_eq!(outcome.field("rule"), "office");
        } else {
            assert!([PAM_SERVICE_ERR, PAM_AUTH_ERR].contains(&outcome.code), "{part}: {outcome:#?}");
        }
    }
}

#[test]
fn reads_policy_at_each_login() {
    let world = World::new();
    let code = || world.login("games").at(NOW).answers(["123456"; 3]).run().code;
    world.policy("version = 1\nmode = \"exempt\"\n");
    assert_eq!(code(), IGNORED_ALONE);
    world.policy(HEAD);
    assert_eq!(code(), PAM_AUTH_ERR);
    world.policy("version = 1\nmode = \"exempt\"\n");
    assert_eq!(code(), IGNORED_ALONE);
    std::fs::remove_file(world.policy_path()).unwrap();
    assert_eq!(code(), PAM_SERVICE_ERR);
}

#[test]
fn reads_policy_of_64_kibibytes_quickly() {
    let rules: String =
        (0..).map(|n| rule(&format!("r{n}"), "users = [\"nobody\"]", "exempt")).take(600).collect();
    let policy = format!("{HEAD}{rules}");
    assert!(policy.len() < 65_536);
    let took = processor_time(|| judged_by(&policy).assert_granted());
    assert!(took.as_millis() < 500, "{took:?}");
}
