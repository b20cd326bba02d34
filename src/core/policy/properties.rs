//! Properties of every policy, tested on many random ones.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::collections::BTreeSet;

use super::{
    Address, Groups, LoginFacts, METHODS, Methods, Mode, Origin, Policy, PolicyError, PolicyErrorKind,
    Spellings, may_be_spelling, serde_reader,
};
use crate::document::{DocumentError, Type};
use crate::test_support::Chance;
use crate::time::UnixTime;

const NOW: UnixTime = UnixTime::new(1_800_000_000);
const USERS: [&str; 4] = ["ada", "bob", "eve", "root"];
/// Other ways to write the first of [`USERS`].
const SPELLINGS: [&str; 4] = ["ADA", "CORP\\ada", "ada@corp.example", "Ada@CORP"];
const GROUPS: [&str; 3] = ["staff", "sudo", "wheel"];
const SERVICES: [&str; 3] = ["sshd", "login", "sudo"];
const NETWORKS: [&str; 4] = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "0.0.0.0/0"];
const REMOTE: [&str; 6] = ["", "192.0.2.7", "198.51.100.7", "2001:db8::1", "host.example.org", "010.0.0.1"];
const MODES: [&str; 3] = ["exempt", "opt-in", "mandatory"];

impl Chance {
    fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end + 1));
        }
    }

    /// Some of these, at least one, in any order.
    fn some<'a>(&mut self, from: &[&'a str]) -> Vec<&'a str> {
        let mut from = from.to_vec();
        self.shuffle(&mut from);
        from.truncate(1 + self.below(from.len()));
        from
    }

    fn rule(&mut self, name: usize, mode: &str, users: Option<&str>) -> Vec<String> {
        let mut keys = vec![format!("name = \"r{name}\""), format!("mode = \"{mode}\"")];
        keys.extend(users.map(|user| format!("users = [{user:?}]")));
        let lists = [
            ("groups", &GROUPS[..]),
            ("services", &SERVICES),
            ("from", &NETWORKS),
            ("first-factor", &METHODS),
        ];
        for (key, values) in lists {
            if self.one_in(3) {
                keys.push(format!("{key} = {:?}", self.some(values)));
            }
        }
        if self.one_in(4) {
            keys.push(format!("origin = \"{}\"", self.pick(&["local", "remote"])));
        }
        if mode == "exempt" && self.one_in(4) {
            keys.push(format!("until = {}", self.pick(&["2020-01-01", "2027-01-15", "2099-01-01"])));
        }
        keys
    }

    /// Any mode, and four rules that can concern any user.
    fn policy(&mut self) -> String {
        let rules: Vec<Vec<String>> = (0..4)
            .map(|number| {
                let mode = MODES[self.below(3)];
                self.rule(number, mode, None)
            })
            .collect();
        text(MODES[self.below(3)], &rules)
    }

    fn subject(&mut self) -> LoginFacts<'static> {
        let known = self.some(&GROUPS).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let address = Address::of(self.pick(&REMOTE));
        LoginFacts {
            user: self.pick(&USERS),
            spellings: Spellings::default(),
            service: self.pick(&SERVICES),
            origin: if self.one_in(2) { Origin::Local } else { Origin::Remote },
            address,
            groups: if self.one_in(6) { Groups::Unknown } else { Groups::Known(known) },
            methods: if self.one_in(4) { Methods::UNKNOWN } else { Methods::Known(self.some(&METHODS)) },
        }
    }
}

fn text(default: &str, rules: &[Vec<String>]) -> String {
    let rules: String = rules.iter().map(|keys| format!("\n[[rule]]\n{}\n", keys.join("\n"))).collect();
    format!("version = 1\nmode = \"{default}\"\n{rules}")
}

fn parsed(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Rules for different users, or rules of one mode: their order makes no difference.
#[test]
fn ignores_order_of_rules_that_agree() {
    let mut chance = Chance(0x2F6E_2B1D);
    for round in 0..500 {
        let same = MODES[chance.below(3)];
        let default = if round % 2 == 0 { MODES[chance.below(3)] } else { same };
        let mut rules: Vec<Vec<String>> = (0..USERS.len())
            .map(|number| match round % 2 {
                0 => {
                    let mode = MODES[chance.below(3)];
                    chance.rule(number, mode, Some(USERS[number]))
                }
                _ => chance.rule(number, same, None),
            })
            .collect();
        let before = text(default, &rules);
        chance.shuffle(&mut rules);
        let after = text(default, &rules);
        for _ in 0..20 {
            // If groups are unknown, the first rule with groups decides, so the order counts.
            let who = chance.subject();
            if who.groups == Groups::Unknown {
                continue;
            }
            let (before_, after_) = (parsed(&before), parsed(&after));
            let modes = (before_.decide(&who, NOW).mode, after_.decide(&who, NOW).mode);
            assert_eq!(modes.0, modes.1, "{who:?}\n{before}\nand\n{after}");
        }
    }
}

#[test]
fn ignores_order_of_keys_and_values() {
    let mut chance = Chance(0x51ED_270B);
    for _ in 0..300 {
        let rules: Vec<Vec<String>> = (0..3)
            .map(|number| {
                let mode = MODES[chance.below(3)];
                chance.rule(number, mode, None)
            })
            .collect();
        let mut shuffled = rules.clone();
        for keys in &mut shuffled {
            chance.shuffle(keys);
            keys.iter_mut().for_each(|key| *key = turned_round(key));
        }
        let (before, after) = (parsed(&text("opt-in", &rules)), parsed(&text("opt-in", &shuffled)));
        for _ in 0..20 {
            let who = chance.subject();
            let (one, other) = (before.decide(&who, NOW), after.decide(&who, NOW));
            assert_eq!((one.mode, one.rule), (other.mode, other.rule), "{who:?}\n{shuffled:?}");
        }
    }
}

/// A key with its list in reverse order.
fn turned_round(key: &str) -> String {
    let Some((name, list)) = key.split_once(" = [") else { return key.to_owned() };
    let mut values: Vec<&str> = list.trim_end_matches(']').split(", ").collect();
    values.reverse();
    format!("{name} = [{}]", values.join(", "))
}

/// An unknown fact never makes the decision milder.
#[test]
fn never_decides_milder_for_unknown_facts() {
    let mut chance = Chance(0x7F4A_7C15);
    for _ in 0..500 {
        let written = chance.policy();
        let policy = parsed(&written);
        let who = LoginFacts {
            groups: Groups::Known(BTreeSet::new()),
            methods: Methods::Known(vec![]),
            ..chance.subject()
        };
        let known = policy.decide(&who, NOW).mode;
        let unsure = LoginFacts { methods: Methods::UNKNOWN, ..who.clone() };
        let named = GROUPS.iter().map(|&name| name.to_owned()).collect();
        let with_all = LoginFacts { methods: Methods::Known(METHODS.to_vec()), ..who.clone() };
        let either = known.max(policy.decide(&with_all, NOW).mode);
        assert!(policy.decide(&unsure, NOW).mode >= known, "{who:?}\n{written}");
        let lost = LoginFacts { groups: Groups::Unknown, ..who.clone() };
        let member = LoginFacts { groups: Groups::Known(named), ..who };
        let mildest = known.min(policy.decide(&member, NOW).mode);
        assert!(policy.decide(&lost, NOW).mode >= mildest, "{lost:?}\n{written}");
        assert!(policy.decide(&unsure, NOW).mode >= known.min(either), "{unsure:?}\n{written}");
        assert!(
            policy.decide(&lost, NOW).mode != Mode::Exempt || mildest == Mode::Exempt,
            "{lost:?}\n{written}"
        );
    }
}

/// sshd enters the account phase before it lists the last method.
#[test]
fn judges_some_methods_no_milder_than_all_of_them() {
    let mut chance = Chance(0x3C6E_F372);
    let (mut stricter, mut exempt) = (0, 0);
    for _ in 0..10_000 {
        let written = chance.policy();
        let policy = parsed(&written);
        let methods = chance.some(&METHODS);
        let listed = methods[..chance.below(methods.len() + 1)].to_vec();
        let all = LoginFacts { methods: Methods::Known(methods), ..chance.subject() };
        let some = LoginFacts { methods: Methods::AtLeast(listed), ..all.clone() };
        let (with_some, with_all) = (policy.decide(&some, NOW).mode, policy.decide(&all, NOW).mode);
        assert!(with_some >= with_all, "{some:?} {all:?}\n{written}");
        stricter += usize::from(with_some > with_all);
        exempt += usize::from(with_some == Mode::Exempt);
    }
    assert!(stricter > 100 && exempt > 100, "{stricter} {exempt}");
}

/// If the look-up of another spelling fails, the decision is never milder than if it had succeeded: neither in a login
/// nor when the user wants to give up the second step.
#[test]
fn never_decides_milder_for_unknown_spelling() {
    let mut chance = Chance(0x3C6E_F372);
    let mut stricter = 0;
    for _ in 0..10_000 {
        let listed = ["ada", SPELLINGS[0], SPELLINGS[1], SPELLINGS[2], SPELLINGS[3], "eve"];
        let rules: Vec<Vec<String>> = (0..4)
            .map(|number| {
                let (mode, user) = (MODES[chance.below(3)], chance.pick(&listed));
                let user = Some(user).filter(|_| !chance.one_in(4));
                chance.rule(number, mode, user)
            })
            .collect();
        let written = text(MODES[chance.below(3)], &rules);
        let policy = parsed(&written);
        let (mut known, mut told) = (Spellings::default(), Spellings::default());
        for spelling in policy.possible_spellings("ada").collect::<BTreeSet<_>>() {
            let is_ada = chance.one_in(2);
            known.known.extend(is_ada.then_some(spelling));
            match chance.one_in(2) {
                true => told.unknown.push(spelling),
                false => told.known.extend(is_ada.then_some(spelling)),
            }
        }
        let who = LoginFacts { user: "ada", spellings: known, ..chance.subject() };
        let unsure = LoginFacts { spellings: told, ..who.clone() };
        let (least, verdict) = (policy.decide(&who, NOW).mode, policy.decide(&unsure, NOW).mode);
        assert!(verdict >= least, "{unsure:?}\n{written}");
        stricter += usize::from(verdict > least);
        let required = chance.one_in(2);
        let obliged = |who: &LoginFacts<'_>| {
            policy.obligation("ada", &who.spellings, &who.groups, required, NOW).is_some()
        };
        assert!(obliged(&unsure) || !obliged(&who), "{unsure:?}\n{written}");
    }
    assert!(stricter > 100, "{stricter}");
}

/// A rule decides the same for every spelling of a known account that it lists.
#[test]
fn decides_the_same_for_known_spelling() {
    let mut chance = Chance(0xA54F_F53A);
    for _ in 0..1000 {
        let rules: Vec<Vec<String>> = (0..3)
            .map(|number| {
                let mode = MODES[chance.below(3)];
                chance.rule(number, mode, Some("ada"))
            })
            .collect();
        let spelling = chance.pick(&SPELLINGS);
        let by_name = text("opt-in", &rules);
        let by_spelling = by_name.replace("[\"ada\"]", &format!("[{spelling:?}]"));
        let who = LoginFacts { user: "ada", ..chance.subject() };
        let spelt =
            LoginFacts { spellings: Spellings { known: vec![spelling], unknown: vec![] }, ..who.clone() };
        let (one, other) = (parsed(&by_name), parsed(&by_spelling));
        assert_eq!(one.decide(&who, NOW).mode, other.decide(&spelt, NOW).mode, "{who:?}\n{by_spelling}");
        assert!(other.possible_spellings("ada").all(|listed| listed == spelling));
        assert!(SPELLINGS.iter().all(|one| may_be_spelling(one, "ada") && may_be_spelling(one, spelling)));
    }
}

/// `policy check` shows exactly the errors for which a login refuses a file, however the file was damaged.
#[test]
fn shows_errors_exactly_if_a_login_would_refuse() {
    let good = "version = 1\nmode = \"opt-in\"\n[verification]\ntries = 3\n[enrollment]\nservices = [\"sshd\"]\n\
                [gate]\nservices = []\n[[rule]]\nname = \"a\"\nusers = [\"ada\"]\nuntil = 2027-01-01\nmode = \"exempt\"\n\
                [[rule]]\nname = \"b\"\nstarts = 2027-01-01\nmode = \"mandatory\"\nfrom = [\"192.0.2.0/24\"]\n";
    let mut chance = Chance(0x1234_5678);
    let (mut refused, mut read) = (0, 0);
    for _ in 0..3000 {
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..=chance.below(2) {
            let at = chance.below(bytes.len());
            match chance.below(4) {
                0 => bytes[at] ^= 1 << chance.below(8),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\"[]=,.\n#1a \0\xff"[chance.below(13)]),
                _ => bytes = without_or_twice(&bytes, &mut chance),
            }
        }
        let is_read = Policy::parse(&bytes).is_ok();
        assert_eq!(Policy::errors(&bytes).is_empty(), is_read, "{:?}", String::from_utf8_lossy(&bytes));
        *(if is_read { &mut read } else { &mut refused }) += 1;
    }
    assert!(refused > 1000 && read > 100, "{refused} {read}");
}

/// The text without one of its lines, or with one line twice.
fn without_or_twice(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let at = chance.below(lines.len());
    if chance.one_in(2) {
        lines.remove(at);
    } else {
        lines.insert(at, lines[at]);
    }
    if lines.is_empty() { bytes.to_vec() } else { lines.join(&b'\n') }
}

/// Keys with values that are valid for them. Now and then a test takes a value of another key.
const KEYS: [(&str, &[&str]); 22] = [
    ("version", &["1", "1", "+1", "0x1", "1_0"]),
    ("mode", &["\"exempt\"", "\"opt-in\"", "'mandatory'", "\"exem\\u0070t\"", "\"\"\"\nopt-in\"\"\""]),
    ("skew-steps", &["0", "3", "-0", "0b11", "4"]),
    ("tries", &["1", "10", "11", "18446744073709551615", "99999999999999999999"]),
    ("lockout-after", &["3", "100", "1_0", "-3"]),
    ("services", &["[]", "[\"sshd\"]", "[\"SSHD\"]", "[\"sshd\", \"\"]", "['su', 'su-l',]"]),
    ("require-ticket", &["true", "false"]),
    ("issuer", &["\"Example\"", "\"\"", "\"a\\u001bb\""]),
    ("algorithm", &["\"SHA1\"", "\"SHA256\"", "'SHA512'", "\"sha1\""]),
    ("digits", &["6", "8", "0o7", "5"]),
    ("period", &["30", "60", "90", "-30"]),
    ("codes", &["1", "2", "0", "3", "0x1", "true"]),
    ("recovery-codes", &["0", "16", "17", "1.0", "inf"]),
    ("name", &["\"a\"", "\"b\"", "\"c\"", "\"\"", "\"default\""]),
    ("users", &["[\"ada\"]", "[\"ada\", \"bob\"]", "[]", "[\"\"]", "[1]", "[[\"ada\"]]"]),
    ("groups", &["[\"staff\"]", "[\n# whom\n\"staff\",\n]"]),
    ("origin", &["\"local\"", "\"remote\"", "{ local = {} }", "\"lan\""]),
    ("from", &["[\"192.0.2.0/24\"]", "[\"192.0.2.7/24\"]", "[\"::ffff:192.0.2.0/120\"]", "[\"host\"]"]),
    ("first-factor", &["[\"publickey\"]", "[\"password\", \"publickey\"]", "[\"key\"]"]),
    ("until", &["2027-01-01", "2027-02-30", "2027-01-01T00:00:00Z", "\"2027-01-01\"", "00:00:00"]),
    ("starts", &["2027-01-01", "2027-01-01 00:00:00", "2027-01-01T00:00:00"]),
    ("reason", &["\"because\"", "{}", "{ a = 1 }", "nan", "[0, 3, 20]"]),
];

impl Chance {
    /// Some of these keys, most of them with a valid value.
    fn keys(&mut self, from: &[&str], always: &[&str]) -> Vec<String> {
        let mut lines = Vec::new();
        for key in from.iter().filter(|key| always.contains(key)) {
            if !self.one_in(40) {
                lines.push(self.line(key));
            }
        }
        for key in from.iter().filter(|key| !always.contains(key)) {
            if self.one_in(4) {
                lines.push(self.line(key));
            }
        }
        if self.one_in(40) {
            let (key, _) = KEYS[self.below(KEYS.len())];
            lines.push(self.line(key));
        }
        self.shuffle(&mut lines);
        lines
    }

    fn line(&mut self, key: &str) -> String {
        let own = KEYS.iter().find(|(other, _)| *other == key).map_or(&["1"][..], |(_, values)| values);
        let (_, others) = KEYS[self.below(KEYS.len())];
        let value = match self.below(30) {
            0 => self.pick(others),
            1..=6 => self.pick(own),
            _ => own[0],
        };
        if self.one_in(30) { format!("\"{key}\" = {value}") } else { format!("{key} = {value}") }
    }

    /// A table under its header, or in braces as the value of a key.
    fn table(&mut self, name: &str, keys: &[String]) -> String {
        let inline = keys.join(", ").replace('\n', " ").replace("# whom", "");
        match (name, self.below(12)) {
            ("rule", 0) => format!("rule = [{{ {inline} }}]\n"),
            ("rule", _) => format!("[[rule]]\n{}\n", keys.join("\n")),
            (_, 0) => format!("{name} = {{ {inline} }}\n"),
            (_, 1) => keys.iter().map(|line| format!("{name}.{line}\n")).collect(),
            (_, _) => format!("[{name}]\n{}\n", keys.join("\n")),
        }
    }

    fn file(&mut self) -> String {
        let mut text = self.keys(&["version", "mode"], &["version", "mode"]).join("\n") + "\n";
        let tables: [(&str, &[&str]); 3] = [
            ("verification", &["skew-steps", "tries", "lockout-after"]),
            (
                "enrollment",
                &[
                    "services",
                    "require-ticket",
                    "issuer",
                    "algorithm",
                    "digits",
                    "period",
                    "codes",
                    "recovery-codes",
                ],
            ),
            ("gate", &["services"]),
        ];
        for (name, keys) in tables {
            if self.one_in(3) {
                let keys = self.keys(keys, &[]);
                text.push_str(&self.table(name, &keys));
            }
        }
        for number in 0..self.below(4) {
            let keys = ["mode", "users", "groups", "services", "origin", "from", "first-factor", "reason"];
            let mut keys = self.keys(&keys, &["mode"]);
            keys.insert(0, if self.one_in(20) { self.line("name") } else { format!("name = \"{number}\"") });
            if self.one_in(4) {
                let key = self.pick(&["until", "starts"]);
                keys.push(self.line(key));
            }
            text.push_str(&self.table("rule", &keys));
        }
        text
    }
}

/// Two forms that the reader refuses and serde's accepted: `mode = { exempt = {} }` and `verification = [1, 3, 20]`. No
/// documentation ever had them.
fn is_accident_of_serde(error: &PolicyError) -> bool {
    use DocumentError::WrongType;
    use Type::{List, String, Table};
    let PolicyErrorKind::Document(WrongType { expected, found }) = &error.kind else { return false };
    matches!((expected, found), (String, Table) | (Table, List))
}

#[test]
fn reads_what_serde_reads_and_nothing_else() {
    let cases = 100_000;
    let mut chance = Chance(0x0dd_ba11);
    let (mut read, mut accidents) = (0, 0);
    for _ in 0..cases {
        let text = chance.file();
        let (ours, theirs) = (Policy::parse(text.as_bytes()), serde_reader::parse(text.as_bytes()));
        read += usize::from(ours.is_ok());
        match (&ours, &theirs) {
            (Err(error), Some(_)) if is_accident_of_serde(error) => accidents += 1,
            _ => assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "{ours:?}\n{text}"),
        }
    }
    assert!(read > cases / 5 && read < cases * 4 / 5 && accidents < cases / 50, "{read} {accidents}");
}

/// A login that a rule exempts is one of the user's exemptions.
#[test]
fn lists_exemption_of_every_exempt_login() {
    let mut chance = Chance(0x510E_527F);
    let mut exempt = 0;
    for _ in 0..2000 {
        let rules: Vec<Vec<String>> =
            (0..4).map(|number| chance.rule(number, MODES[number % 3], Some("ada"))).collect();
        let written = text(MODES[chance.below(3)], &rules);
        let policy = parsed(&written);
        let who = LoginFacts { user: "ada", ..chance.subject() };
        let decision = policy.decide(&who, NOW);
        if decision.mode == Mode::Exempt {
            let listed = policy.exemptions("ada", &who.spellings, &who.groups, NOW);
            assert!(listed.iter().any(|one| one.line == decision.line), "{who:?}\n{written}");
            exempt += 1;
        }
    }
    assert!(exempt > 100, "{exempt}");
}
