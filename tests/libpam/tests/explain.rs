//! `twostep policy explain` and the module decide alike: a thousand random logins under a hundred random policies.

use std::fs;

use twostep_tests::pam::*;
use twostep_tests::refusal::is_root;
use twostep_tests::{Login, Outcome, SECRET, State, World, processor_time, uid};

const USERS: [&str; 3] = ["games", "mail", "root"];
const GROUPS: [&str; 4] = ["games", "mail", "root", "nosuchgroup"];
const SERVICES: [&str; 3] = ["sshd", "login", "sudo"];
const NETWORKS: [&str; 4] = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "0.0.0.0/0"];
const REMOTE: [&str; 7] = [
    "",
    "192.0.2.7",
    "::ffff:192.0.2.7",
    "2001:db8::1%eth0",
    "office.example.org",
    "010.0.0.1",
    "198.51.100.7",
];
const METHODS: [&str; 3] = ["publickey", "hostbased", "gssapi-with-mic"];
const MODES: [&str; 3] = ["exempt", "opt-in", "mandatory"];
/// Times around the dates in the policies, as `date -u` prints them.
const MOMENTS: [(&str, i64); 4] = [
    ("2027-01-14 23:59:59", 1_799_971_199),
    ("2027-01-15 00:00:00", 1_799_971_200),
    ("2027-01-15 23:59:59", 1_800_057_599),
    ("2027-01-16", 1_800_057_600),
];
const STACK: &str = "auth required MODULE root=ROOT first_factor=any\n";

/// A Xorshift generator (Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn some(&mut self, from: &[&'static str]) -> Vec<&'static str> {
        let mut some: Vec<_> = from.iter().copied().filter(|_| self.one_in(2)).collect();
        if some.is_empty() {
            some.push(self.pick(from));
        }
        some
    }

    fn policy(&mut self) -> String {
        let rules: String = (0..self.below(6)).map(|number| self.rule(number)).collect();
        format!(
            "version = 1\nmode = \"{}\"\n[verification]\ntries = 1\n[enrollment]\nservices = []\n{rules}",
            self.pick(&MODES)
        )
    }

    fn rule(&mut self, number: usize) -> String {
        let mode = self.pick(&MODES);
        let mut rule = format!("[[rule]]\nname = \"r{number}\"\nmode = \"{mode}\"\n");
        let lists = [
            ("users", &USERS[..]),
            ("groups", &GROUPS),
            ("services", &SERVICES),
            ("from", &NETWORKS),
            ("first-factor", &METHODS),
        ];
        for (key, values) in lists {
            if self.one_in(4) {
                rule += &format!("{key} = {:?}\n", self.some(values));
            }
        }
        if self.one_in(4) {
            rule += &format!("origin = \"{}\"\n", self.pick(&["local", "remote"]));
        }
        let day = match mode {
            "exempt" => "until = 2027-01-15\n",
            "mandatory" => "starts = 2027-01-15\n",
            _ => "",
        };
        if self.one_in(3) { rule + day } else { rule }
    }
}

/// One login, and the same login as arguments of the command.
struct Case {
    login: Login,
    words: Vec<String>,
}

fn case(world: &World, chance: &mut Chance) -> Case {
    let (user, service, rhost) = (chance.pick(&USERS), chance.pick(&SERVICES), chance.pick(&REMOTE));
    let (moment, seconds) = chance.pick(&MOMENTS);
    let tty = chance.pick(&["tty1", "pts/0"]);
    let method = if service == "sshd" && chance.one_in(2) { Some(chance.pick(&METHODS)) } else { None };
    let mut login = world.login(user).service(service).rhost(rhost).tty(tty).at(seconds).answer("123456");
    if let Some(method) = method {
        login = login.env(&format!("SSH_AUTH_INFO_0={method} ssh-ed25519 AAAA"));
    }
    let is_local = tty == "tty1" && rhost.is_empty() && service != "sshd" && is_root();
    let origin = if is_local { "local" } else { "remote" };
    let words = [
        "policy",
        "explain",
        "--json",
        "--user",
        user,
        "--service",
        service,
        "--from",
        rhost,
        "--origin",
        origin,
        "--at",
        moment,
        "--first-factor",
        method.unwrap_or("none"),
    ];
    Case { login, words: words.map(str::to_owned).to_vec() }
}

/// The value of a top-level key of the explanation.
fn value(json: &str, key: &str) -> String {
    let start = format!("\n  \"{key}\": \"");
    let (_, rest) = json.split_once(&start).unwrap_or_else(|| panic!("no {key} in {json}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The outcome in the module's log, in the words of the command.
fn happened(outcome: &Outcome) -> &'static str {
    match (outcome.field("result"), outcome.field("reason")) {
        ("exempt", "exempt") => "nothing is asked",
        ("exempt", "not-enrolled") => "not enrolled: nothing is asked",
        ("deny", "wrong-code") => "enrolled: a code is asked for",
        ("deny", "not-enrolled") => "not enrolled, and cannot enroll here: the login is refused",
        other => panic!("{other:?} {outcome:#?}"),
    }
}

/// Sets for each user whether they are enrolled and whether an administrator requires a second step. No user has a failure.
fn prepare(world: &World, people: &[(&str, bool, bool)]) {
    for &(user, enrolled, required) in people {
        if enrolled {
            world.enroll(user, SECRET);
        }
        world.state(user, &State { requirement: required.into(), ..State::new(uid(user), user) });
    }
}

/// The command reads files below the root alone, and knows the module by the name with which it is installed.
fn show_files(world: &World) {
    let folder = world.root().join("etc/pam.d");
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    for service in SERVICES {
        fs::write(folder.join(service), "auth required pam_twostep.so first_factor=any\n").unwrap();
    }
}

#[test]
fn decides_thousand_logins_as_explained() {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..100 {
        let world = World::new();
        let policy = chance.policy();
        world.policy(&policy);
        for service in SERVICES {
            world.service(service, STACK);
        }
        show_files(&world);
        let people = USERS.map(|user| (user, chance.one_in(2), chance.one_in(2)));
        for _ in 0..10 {
            prepare(&world, &people);
            let Case { login, words } = case(&world, &mut chance);
            let outcome = login.run();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = world.command(&words);
            let json = String::from_utf8(output.stdout).unwrap();
            assert!(
                output.status.success(),
                "{policy}\n{words:?}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let explained = (value(&json, "rule"), value(&json, "what_happens"));
            let real = (outcome.field("rule").to_owned(), happened(&outcome).to_owned());
            assert_eq!(explained, real, "{policy}\n{words:?}\n{json}\n{outcome:#?}");
            *seen.entry(real.1).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 4, "each of the four ways happens: {seen:?}");
    assert!(seen.values().all(|count| *count > 20), "{seen:?}");
}

/// An oversized or hostile policy file causes a refusal at once.
#[test]
fn refuses_hostile_policy_at_once() {
    let hostile: [(&str, Vec<u8>); 6] = [
        ("ten megabytes", b"# ten letters\n".repeat(750_000)),
        ("a million brackets", [b"a = ".to_vec(), b"[".repeat(1_000_000)].concat()),
        ("sixty thousand brackets", [b"a = ".to_vec(), b"[".repeat(60_000)].concat()),
        ("six thousand rules", b"[[rule]]\n".repeat(6000)),
        ("zeros", vec![0; 60_000]),
        ("UTF-16", "version = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (what, bytes) in hostile {
        let world = World::default();
        std::fs::write(world.policy_path(), bytes).unwrap();
        let took = processor_time(|| {
            world.login("games").answer("123456").run().assert_denied(PAM_SERVICE_ERR, "misconfigured");
        });
        assert!(took.as_millis() < 100, "{what}: {took:?}");
    }
}
