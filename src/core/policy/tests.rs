use super::*;
use crate::test_support::phone;
use crate::time::{Day, UnixTime};

const NOW: UnixTime = UnixTime::new(1_800_000_000); // 2027-01-15 08:00:00 UTC

const POLICY: &str = r#"
        version = 1
        mode = "opt-in"
        [[rule]]
        name = "office"
        groups = ["staff"]
        services = ["sshd"]
        from = ["192.0.2.0/24", "2001:db8::/32"]
        mode = "exempt"
        reason = "jump hosts"
        [[rule]]
        name = "console"
        origin = "local"
        users = ["ada"]
        mode = "exempt"
        [[rule]]
        name = "admins"
        groups = ["sudo", "wheel"]
        mode = "mandatory"
    "#;

fn subject<'a>(user: &'a str, service: &'a str, rhost: &str, groups: &[&str]) -> LoginFacts<'a> {
    let origin = if rhost.is_empty() { Origin::Local } else { Origin::Remote };
    let groups = Groups::Known(groups.iter().map(|&name| name.to_owned()).collect());
    let methods = Methods::Known(Vec::new());
    let spellings = Spellings::default();
    LoginFacts { user, spellings, service, origin, address: Address::of(rhost), groups, methods }
}

#[test]
fn decides_by_first_rule_whose_conditions_all_match() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    let table = [
        // user, service, from, groups                        rule        mode
        ("bob", "sshd", "192.0.2.7", &["staff"][..], "office", Mode::Exempt),
        ("bob", "sshd", "2001:db8::1", &["staff"], "office", Mode::Exempt),
        ("bob", "sshd", "::ffff:192.0.2.7", &["staff"], "office", Mode::Exempt),
        ("bob", "sshd", "192.0.3.7", &["staff"], "default", Mode::OptIn),
        ("bob", "sshd", "office.example.org", &["staff"], "default", Mode::OptIn),
        ("bob", "sshd", "", &["staff"], "default", Mode::OptIn),
        ("bob", "sudo", "192.0.2.7", &["staff"], "default", Mode::OptIn),
        ("bob", "sshd", "192.0.2.7", &["staff", "sudo"], "office", Mode::Exempt),
        ("bob", "sudo", "", &["wheel"], "admins", Mode::Mandatory),
        ("ada", "login", "", &["wheel"], "console", Mode::Exempt),
        ("ada", "sshd", "192.0.2.7", &["wheel"], "admins", Mode::Mandatory),
        ("ada", "sshd", "198.51.100.1", &[], "default", Mode::OptIn),
    ];
    for (user, service, from, groups, rule, mode) in table {
        let decision = policy.decide(&subject(user, service, from, groups), NOW);
        assert_eq!((decision.mode, decision.rule), (mode, rule), "{user} {service} {from} {groups:?}");
    }
}

#[test]
fn takes_unknown_groups_for_mandatory_even_in_exemption() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    let lost = LoginFacts { groups: Groups::Unknown, ..subject("bob", "sshd", "192.0.2.7", &[]) };
    let decision = policy.decide(&lost, NOW);
    assert_eq!((decision.mode, decision.rule, decision.line), (Mode::Mandatory, "office", 5));
    assert!(decision.is_assumed);
    assert!(!policy.decide(&subject("bob", "sshd", "192.0.2.7", &["staff"]), NOW).is_assumed);
    let ada = LoginFacts { groups: Groups::Unknown, ..subject("ada", "login", "", &[]) };
    assert_eq!(policy.decide(&ada, NOW).rule, "console");
}

#[test]
fn remote_name_reaches_no_exemption_and_evades_no_rule() {
    let policy = |default, mode| {
        let text = format!(
            "version = 1\nmode = \"{default}\"\n[[rule]]\nname = \"net\"\nfrom = [\"0.0.0.0/0\", \"::/0\"]\nmode = \"{mode}\""
        );
        Policy::parse(text.as_bytes()).unwrap()
    };
    for rhost in ["host.example.org", "UNKNOWN", "010.0.0.1"] {
        let ada = subject("ada", "sshd", rhost, &[]);
        assert_eq!(policy("exempt", "mandatory").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
        assert_eq!(policy("mandatory", "exempt").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
        assert_eq!(policy("mandatory", "opt-in").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
        assert_eq!(policy("exempt", "opt-in").decide(&ada, NOW).mode, Mode::OptIn, "{rhost}");
        assert_eq!(policy("opt-in", "exempt").decide(&ada, NOW).rule, "default", "{rhost}");
    }
    for rhost in ["192.0.2.1", "fe80::1%eth0", "2001:db8::1"] {
        let ada = subject("ada", "sshd", rhost, &[]);
        assert_eq!(policy("exempt", "mandatory").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
        assert_eq!(policy("mandatory", "exempt").decide(&ada, NOW).mode, Mode::Exempt, "{rhost}");
    }
    let console = subject("ada", "login", "", &[]);
    assert_eq!(policy("exempt", "mandatory").decide(&console, NOW).mode, Mode::Exempt);
}

#[test]
fn takes_strictest_of_rules_that_perhaps_apply() {
    let rule = |mode| format!("[[rule]]\nname = \"{mode}\"\nfrom = [\"192.0.2.0/24\"]\nmode = \"{mode}\"\n");
    for [first, second] in [["opt-in", "mandatory"], ["mandatory", "opt-in"], ["mandatory", "exempt"]] {
        let text = format!("version = 1\nmode = \"exempt\"\n{}{}", rule(first), rule(second));
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let decision = policy.decide(&subject("ada", "sshd", "host.example.org", &[]), NOW);
        assert_eq!((decision.mode, decision.rule), (Mode::Mandatory, "mandatory"), "{first} {second}");
    }
}

#[test]
fn matches_network_only_if_all_its_addresses_match() {
    let from = |list: &str| format!("from = [{list}]");
    let table = [
        ("\"10.0.0.0/8\"", Mode::Exempt, Mode::Mandatory),
        ("\"10.20.0.0/16\"", Mode::Exempt, Mode::Mandatory),
        ("\"10.20.30.0/24\", \"2001:db8::/32\"", Mode::Mandatory, Mode::Mandatory),
        ("\"10.20.0.0/17\", \"10.20.128.0/17\"", Mode::Mandatory, Mode::Mandatory),
        ("\"10.21.0.0/16\"", Mode::Mandatory, Mode::Exempt),
    ];
    let network = Network::parse("10.20.0.0/16").unwrap();
    let ada = LoginFacts { address: Address::Within(network), ..subject("ada", "sshd", "", &[]) };
    for (list, if_exempt, if_mandatory) in table {
        let exempt = one_rule("mandatory", "exempt", &from(list));
        assert_eq!(exempt.decide(&ada, NOW).mode, if_exempt, "{list}");
        let mandatory = one_rule("exempt", "mandatory", &from(list));
        assert_eq!(mandatory.decide(&ada, NOW).mode, if_mandatory, "{list}");
    }
}

/// A policy of one rule, `some`, with these conditions.
fn one_rule(default: &str, mode: &str, conditions: &str) -> Policy {
    let text = format!(
        "version = 1\nmode = \"{default}\"\n[[rule]]\nname = \"some\"\nmode = \"{mode}\"\n{conditions}\n"
    );
    Policy::parse(text.as_bytes()).unwrap()
}

#[test]
fn matches_only_first_factor_that_was_proved() {
    let exempt = one_rule("mandatory", "exempt", "first-factor = [\"publickey\", \"hostbased\"]");
    let table = [
        (&[][..], Mode::Mandatory),
        (&["password"], Mode::Mandatory),
        (&["publickey"], Mode::Exempt),
        (&["password", "hostbased"], Mode::Exempt),
    ];
    for (proved, mode) in table {
        let methods = Methods::Known(proved.to_vec());
        let ada = LoginFacts { methods, ..subject("ada", "sshd", "192.0.2.7", &[]) };
        assert_eq!(exempt.decide(&ada, NOW).mode, mode, "{proved:?}");
    }
}

#[test]
fn unknown_first_factor_matches_mandatory_rules_only() {
    let ada = LoginFacts { methods: Methods::UNKNOWN, ..subject("ada", "sshd", "192.0.2.7", &[]) };
    for (default, mode, verdict) in [
        ("exempt", "mandatory", Mode::Mandatory),
        ("mandatory", "exempt", Mode::Mandatory),
        ("opt-in", "exempt", Mode::OptIn),
        ("exempt", "opt-in", Mode::OptIn),
    ] {
        let policy = one_rule(default, mode, "first-factor = [\"publickey\"]");
        assert_eq!(policy.decide(&ada, NOW).mode, verdict, "{default} {mode}");
    }
}

#[test]
fn ends_exemption_with_its_last_day() {
    let ada = subject("ada", "sshd", "192.0.2.7", &[]);
    let policy = one_rule("mandatory", "exempt", "until = 2027-01-15");
    for (now, mode) in [
        (0, Mode::Exempt),
        (1_799_971_199, Mode::Exempt),
        (1_800_057_599, Mode::Exempt),
        (1_800_057_600, Mode::Mandatory),
        (u64::MAX, Mode::Mandatory),
    ] {
        assert_eq!(policy.decide(&ada, UnixTime::new(now)).mode, mode, "{now}");
    }
}

#[test]
fn is_opt_in_until_start_and_names_the_day() {
    let ada = subject("ada", "sshd", "192.0.2.7", &[]);
    let policy = one_rule("exempt", "mandatory", "starts = 2027-01-15");
    let day = Some(Day::new(2027, 1, 15));
    for (now, mode, starts) in [
        (0, Mode::OptIn, day),
        (1_799_971_199, Mode::OptIn, day),
        (1_799_971_200, Mode::Mandatory, None),
        (u64::MAX, Mode::Mandatory, None),
    ] {
        let decision = policy.decide(&ada, UnixTime::new(now));
        assert_eq!((decision.mode, decision.starts, decision.rule), (mode, starts, "some"), "{now}");
    }
    assert_eq!(policy.rules().first().unwrap().starts(), day, "also after that day");
}

#[test]
fn makes_later_start_mandatory_now_if_groups_are_unknown() {
    let lost = LoginFacts { groups: Groups::Unknown, ..subject("ada", "sshd", "192.0.2.7", &[]) };
    let policy = one_rule("exempt", "mandatory", "groups = [\"staff\"]\nstarts = 2027-02-01");
    let decision = policy.decide(&lost, NOW);
    assert_eq!((decision.mode, decision.starts, decision.is_assumed), (Mode::Mandatory, None, true));
}

#[test]
fn names_the_certain_one_of_two_equal_decisions() {
    let policy = one_rule("mandatory", "mandatory", "from = [\"192.0.2.0/24\"]");
    let decision = policy.decide(&subject("ada", "sshd", "host.example.org", &[]), NOW);
    assert_eq!((decision.mode, decision.rule), (Mode::Mandatory, "default"));
}

#[test]
fn ends_window_with_last_step_accepted() {
    let end = Verification::default().window_end(&[phone("phone")], UnixTime::new(100));
    assert_eq!(end, UnixTime::new(120));
}

#[test]
fn lists_rules_in_order_with_all_names() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    let named: Vec<(&str, Vec<String>)> = policy
        .rules()
        .iter()
        .map(|rule| {
            let names = rule.names().map(|(condition, name)| format!("{condition} {name}"));
            (rule.name.as_str(), names.collect())
        })
        .collect();
    let expected = [
        ("office", &["groups staff", "services sshd"][..]),
        ("console", &["users ada"]),
        ("admins", &["groups sudo", "groups wheel"]),
    ];
    assert_eq!(
        named,
        expected.map(|(rule, names)| (rule, names.iter().map(|&name| name.to_owned()).collect()))
    );
}

#[test]
fn reports_why_each_rule_did_not_match() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    let who = subject("bob", "sshd", "host.example.org", &["staff", "sudo"]);
    let considered: Vec<_> = policy
        .considered(&who, NOW)
        .map(|(rule, applies)| (rule.name.as_str(), rule.line, applies))
        .collect();
    let expected = [
        ("office", 5, Applies::Perhaps(Condition::From)),
        ("console", 12, Applies::No(Condition::Users)),
        ("admins", 17, Applies::Yes),
    ];
    assert_eq!(considered, expected);
}

#[test]
fn keeps_second_step_that_is_mandatory_somewhere() {
    let known = |names: &[&str]| Groups::Known(names.iter().map(|&name| name.to_owned()).collect());
    let somewhere = "[[rule]]\nname = \"web\"\nservices = [\"sshd\"]\nmode = \"mandatory\"\n";
    let staff = "[[rule]]\nname = \"staff\"\ngroups = [\"staff\"]\nmode = \"exempt\"\n";
    let later = "[[rule]]\nname = \"later\"\nmode = \"mandatory\"\nstarts = 2027-02-01\n";
    let over = "[[rule]]\nname = \"over\"\nmode = \"exempt\"\nuntil = 2027-01-01\n";
    let exempt = |condition| format!("[[rule]]\nname = \"some\"\nmode = \"exempt\"\n{condition}\n");
    let table = [
        // default, rules, groups, required by an administrator, obliged by
        ("opt-in", String::new(), known(&[]), false, None),
        ("opt-in", String::new(), known(&[]), true, Some("default")),
        ("exempt", String::new(), known(&[]), true, None),
        ("mandatory", String::new(), known(&[]), false, Some("default")),
        ("opt-in", somewhere.to_owned(), known(&[]), false, Some("web")),
        ("opt-in", format!("{staff}{somewhere}"), known(&["staff"]), false, None),
        ("opt-in", format!("{staff}{somewhere}"), known(&["staff"]), true, None),
        ("opt-in", format!("{staff}{somewhere}"), known(&[]), false, Some("web")),
        ("opt-in", staff.to_owned(), Groups::Unknown, false, Some("staff")),
        ("opt-in", later.to_owned(), known(&[]), false, None),
        ("mandatory", later.to_owned(), known(&[]), false, None),
        ("mandatory", over.to_owned(), known(&[]), false, Some("default")),
        ("mandatory", exempt("users = [\"ada\"]"), known(&[]), false, None),
        ("mandatory", exempt("users = [\"bob\"]"), known(&[]), false, Some("default")),
        ("mandatory", exempt("services = [\"sshd\"]"), known(&[]), false, Some("default")),
        ("mandatory", exempt("origin = \"local\""), known(&[]), false, Some("default")),
        ("mandatory", exempt("from = [\"192.0.2.0/24\"]"), known(&[]), false, Some("default")),
        ("mandatory", exempt("first-factor = [\"publickey\"]"), known(&[]), false, Some("default")),
        ("mandatory", exempt("users = [\"ada\"]"), Groups::Unknown, false, None),
    ];
    for (default, rules, groups, required, expected) in table {
        let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let obligation = policy.obligation("ada", &Spellings::default(), &groups, required, NOW);
        assert_eq!(obligation.map(|verdict| verdict.rule), expected, "{text} {groups:?} {required}");
    }
}

#[test]
fn names_what_exempts_user_in_some_login() {
    let rule = |name: &str, mode: &str, conditions: &str| {
        format!("[[rule]]\nname = \"{name}\"\nmode = \"{mode}\"\n{conditions}\n")
    };
    let ours = "users = [\"ada\"]";
    let at_console = "origin = \"local\"";
    let table = [
        // default, rules, exempt by
        ("opt-in", rule("a", "exempt", ours), vec![("a", None)]),
        ("opt-in", rule("a", "exempt", "users = [\"bob\"]"), vec![]),
        (
            "opt-in",
            rule("a", "exempt", "groups = [\"staff\"]\nuntil = 2027-02-01"),
            vec![("a", Some(Day::new(2027, 2, 1)))],
        ),
        ("opt-in", rule("a", "exempt", "groups = [\"wheel\"]"), vec![]),
        ("opt-in", rule("a", "exempt", "until = 2027-01-01"), vec![]),
        ("opt-in", rule("a", "mandatory", ours) + &rule("b", "exempt", ours), vec![]),
        ("opt-in", rule("a", "mandatory", at_console) + &rule("b", "exempt", ours), vec![("b", None)]),
        ("exempt", rule("a", "exempt", at_console), vec![("a", None), ("default", None)]),
        ("exempt", rule("a", "mandatory", ours), vec![]),
    ];
    let groups = Groups::Known(["staff".to_owned()].into());
    for (default, rules, expected) in table {
        let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let exemptions = policy.exemptions("ada", &Spellings::default(), &groups, NOW);
        let found: Vec<_> = exemptions.iter().map(|one| (one.rule, one.until)).collect();
        assert_eq!(found, expected, "{text}");
    }
    let policy =
        Policy::parse((POLICY.to_owned() + &rule("a", "exempt", "groups = [\"staff\"]")).as_bytes()).unwrap();
    assert_eq!(
        policy.exemptions("eve", &Spellings::default(), &Groups::Unknown, NOW),
        [],
        "not known to be in it"
    );
}

#[test]
fn counts_mandatory_rule_only_at_its_services() {
    let may_require = |default: &str, rules: &str, service: &str| {
        let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
        Policy::parse(text.as_bytes()).unwrap().may_require(service, NOW)
    };
    let rule = "[[rule]]\nname = \"a\"\nservices = [\"sshd\"]\nmode = \"mandatory\"\n";
    assert!(may_require("mandatory", "", "login"));
    assert!(may_require("opt-in", rule, "sshd"));
    assert!(!may_require("opt-in", rule, "login"));
    assert!(!may_require("exempt", "", "sshd"));
}

#[test]
fn rule_for_everybody_at_service_ends_search_for_strictest() {
    let rule = |conditions: &str, mode: &str| {
        format!("[[rule]]\nname = \"r\"\nservices = [\"su\"]\n{conditions}mode = \"{mode}\"\n")
    };
    let exempt = |conditions: &str| rule(conditions, "exempt");
    let admins = "[[rule]]\nname = \"admins\"\ngroups = [\"sudo\"]\nmode = \"mandatory\"\n".to_owned();
    let table = [
        ("mandatory", exempt(""), Mode::Exempt),
        ("opt-in", exempt("") + &admins, Mode::Exempt),
        ("opt-in", admins.clone() + &exempt(""), Mode::Mandatory),
        ("mandatory", exempt("users = [\"ada\"]\n"), Mode::Mandatory),
        ("mandatory", exempt("groups = [\"staff\"]\n"), Mode::Mandatory),
        ("mandatory", exempt("origin = \"local\"\n"), Mode::Mandatory),
        ("mandatory", exempt("from = [\"192.0.2.0/24\"]\n"), Mode::Mandatory),
        ("mandatory", exempt("first-factor = [\"publickey\"]\n"), Mode::Mandatory),
        ("mandatory", exempt("until = 2020-01-01\n"), Mode::Mandatory),
        ("mandatory", exempt("until = 2099-01-01\n"), Mode::Exempt),
        ("mandatory", exempt("").replace("\"su\"", "\"sudo\""), Mode::Mandatory),
        ("opt-in", exempt("users = [\"ada\"]\n"), Mode::OptIn),
        ("exempt", rule("starts = 2099-01-01\n", "mandatory"), Mode::Mandatory),
        ("mandatory", rule("", "opt-in"), Mode::OptIn),
    ];
    for (default, rules, expected) in table {
        let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!(policy.strictest("su", NOW), expected, "{text}");
    }
}

#[test]
fn lists_rules_that_may_decide_at_service() {
    let text = "version = 1\nmode = \"opt-in\"\n\
        [[rule]]\nname = \"over\"\nmode = \"exempt\"\nuntil = 2020-01-01\n\
        [[rule]]\nname = \"admins\"\ngroups = [\"sudo\"]\nmode = \"mandatory\"\n\
        [[rule]]\nname = \"jobs\"\nservices = [\"sshd\"]\nmode = \"exempt\"\n\
        [[rule]]\nname = \"rest\"\nmode = \"mandatory\"\n\
        [[rule]]\nname = \"never\"\nusers = [\"ada\"]\nmode = \"exempt\"\n";
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let rules_at = |service| policy.rules_at(service, NOW).map(|rule| rule.name.as_str()).collect::<Vec<_>>();
    assert_eq!(rules_at("sshd"), ["admins", "jobs"]);
    assert_eq!(rules_at("su"), ["admins", "rest"]);
}

#[test]
fn looks_up_only_groups_that_rules_name() {
    let policy = Policy::parse(POLICY.as_bytes()).unwrap();
    assert_eq!(policy.groups().into_iter().collect::<Vec<_>>(), ["staff", "sudo", "wheel"]);
}
