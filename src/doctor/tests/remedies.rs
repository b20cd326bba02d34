//! No remedy opens or locks a service without saying so. On each machine of `tests/doctor`, each remedy that changes a
//! file is applied as it is printed, and every service is walked as libpam walks it, before and after.
//!
//! Then the first remedy stays applied, and the next report is checked in the same way.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use twostep_core::os::root::Root;
use twostep_core::pam::control::ReturnValue;
use twostep_core::pam::walk::{Handler, Walk};
use twostep_core::paths::POLICY;
use twostep_core::policy::Gate;
use twostep_doctor::context::Context;
use twostep_doctor::examine;
use twostep_doctor::finding::{Finding, Remedy};
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::asked::Whose;
use twostep_hostconf::sudoers::matching::{Caller, CallerAccount, CallerGroups};

/// More remedies than any machine needs, one after the other.
const MOST_ROUNDS: usize = 20;

#[test]
fn names_each_service_that_remedy_opens_or_locks() {
    none(|seen| seen.harm.clone());
}

#[test]
fn names_each_sudo_service_that_remedy_changes() {
    none(|Seen { finding, sudo: Turned { closes, opens }, .. }| {
        let is_told = !is_of_sudo(&finding.remedy)
            || (closes, opens) == (&finding.effect.closes, &finding.effect.opens);
        (!is_told).then(|| format!("closes {closes:?}, opens {opens:?} by {finding:?}")).into_iter().collect()
    });
    let closed: BTreeSet<_> = SEEN.iter().flat_map(|seen| &seen.sudo.closes).collect();
    assert_eq!(closed, BTreeSet::from([&"sudo".to_owned(), &"sudo-i".to_owned()]));
}

#[test]
fn no_remedy_of_report_undoes_another() {
    let undone: Vec<String> = cases().iter().flat_map(|case| undone(case)).collect();
    assert!(undone.is_empty(), "{} times:\n{}", undone.len(), undone.join("\n"));
}

/// The findings that a replacement fixes alone, but not when all replacements are applied in the order of the report.
/// Each must keep the number of lines, since a report numbers the lines as they are.
fn undone(case: &Path) -> Vec<String> {
    let replaced: Vec<Finding> = {
        let machine = Machine::lay_out(case);
        let report = examine(&machine.root, || ()).unwrap();
        report.findings().iter().filter(|one| machine.keeps_lines(&one.remedy)).cloned().collect()
    };
    let fixes = |all: &[Finding], finding: &Finding| {
        let machine = Machine::lay_out(case);
        all.iter().for_each(|one| machine.apply(&one.remedy));
        let left = examine(&machine.root, || ()).unwrap();
        !left.findings().iter().any(|one| (&one.what, &one.location) == (&finding.what, &finding.location))
    };
    let others = replaced.iter().filter(|_| replaced.len() > 1);
    let undone = others.filter(|one| fixes(std::slice::from_ref(*one), one) && !fixes(&replaced, one));
    undone.map(|finding| format!("{}: {}", case.display(), finding.what)).collect()
}

/// A remedy may open a service only by deleting a PAM line from a file that many services include.
#[test]
fn opens_service_only_by_shared_file() {
    none(|Seen { finding, .. }| {
        let file = finding.remedy.file().filter(|file| file.contains("/pam.d/"));
        let is_one_service =
            file.and_then(|file| file.rsplit('/').next()).is_some_and(|name| !is_for_many(name));
        let opens = finding.effect.opens.iter().filter(|_| is_one_service);
        opens.map(|name| format!("opens {name} by {:?}", finding.remedy)).collect()
    });
}

/// A pam_twostep line that a remedy writes needs no other remedy for itself: a control that takes each answer as it is
/// meant, known arguments, each once, and no leading '-'.
#[test]
fn writes_right_line_of_twostep_in_remedy() {
    none(|Seen { finding, .. }| {
        let texts = finding.remedy.steps().iter().filter_map(|step| {
            let (Remedy::Replace { text, .. } | Remedy::Insert { text, .. }) = step else { return None };
            Some(text)
        });
        let ours = texts.flat_map(|text| text.lines()).filter(|line| line.contains("pam_twostep"));
        ours.filter(|line| !is_right(line)).map(str::to_owned).collect()
    });
}

/// Lines of which services are made up, one to three a service.
const LINES: [&str; 6] = [
    "auth required pam_twostep.so",
    "auth required pam_twostep.so forward_pass",
    "auth include login",
    "@include common-auth",
    "auth sufficient pam_unix.so",
    "auth requisite pam_sss.so",
];

#[test]
fn no_remedy_for_made_up_service_opens_another() {
    let machine = Machine::lay_out(&tests().join("doctor/stack-debian-clean"));
    let mut opened = BTreeSet::new();
    for text in made_up() {
        for name in ["i3lock", "kiosk"] {
            fs::write(machine.root.path(&format!("/etc/pam.d/{name}")), &text).unwrap();
        }
        for finding in examine(&machine.root, || ()).unwrap().findings() {
            let opens =
                finding.effect.opens.iter().map(|name| format!("opens {name} by {:?}", finding.remedy));
            let said = machine.harm(finding).into_iter().chain(opens);
            opened.extend(said.map(|line| format!("{text:?}: {line}")));
        }
    }
    assert!(
        opened.is_empty(),
        "{} times:\n{}",
        opened.len(),
        opened.into_iter().collect::<Vec<_>>().join("\n")
    );
}

fn made_up() -> Vec<String> {
    let one: Vec<String> = LINES.map(|line| format!("{line}\n")).to_vec();
    let longer = |shorter: &[String]| -> Vec<String> {
        shorter.iter().flat_map(|text| one.iter().map(move |line| format!("{text}{line}"))).collect()
    };
    let two = longer(&one);
    [longer(&two), two, one.clone()].concat()
}

/// Whether `look` finds nothing to say of what was seen.
fn none(look: impl Fn(&Seen) -> Vec<String>) {
    let said: BTreeSet<String> = SEEN
        .iter()
        .flat_map(|seen| look(seen).into_iter().map(|line| format!("{}: {line}", seen.machine)))
        .collect();
    assert!(said.is_empty(), "{} times:\n{}", said.len(), said.into_iter().collect::<Vec<_>>().join("\n"));
}

/// A finding on one of the machines, or on what is left of it after some remedies.
struct Seen {
    machine: String,
    finding: Finding,
    /// The services that its remedy opens or locks, and that its effect does not name.
    harm: Vec<String>,
    sudo: Turned,
}

/// Whether it changes what sudo reads besides PAM's files.
fn is_of_sudo(remedy: &Remedy) -> bool {
    remedy.file().is_some_and(|file| file.contains("/sudoers"))
}

/// The services of sudo that always ask some user for a code only after a remedy, and those that do so only before it.
#[derive(Default)]
struct Turned {
    closes: BTreeSet<String>,
    opens: BTreeSet<String>,
}

static SEEN: LazyLock<Vec<Seen>> = LazyLock::new(|| cases().iter().flat_map(|case| seen(case)).collect());

fn seen(case: &Path) -> Vec<Seen> {
    let machine = Machine::lay_out(case);
    let mut seen = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let report = examine(&machine.root, || ()).unwrap();
        seen.extend(report.findings().iter().map(|finding| Seen {
            machine: case.file_name().unwrap().to_string_lossy().into_owned(),
            finding: finding.clone(),
            harm: machine.harm(finding),
            sudo: machine.turned(&finding.remedy),
        }));
        let first = report.findings().iter().find(|finding| machine.changed(&finding.remedy).is_some());
        let Some(first) = first else { break };
        machine.apply(&first.remedy);
    }
    seen
}

fn is_right(line: &str) -> bool {
    let known = [
        "forward_pass",
        "awaiting_keep",
        "first_factor=any",
        "first_factor=password",
        "first_factor=publickey",
    ];
    let words: Vec<&str> =
        line.split_whitespace().skip_while(|word| !["auth", "account"].contains(word)).collect();
    let [_, "required" | "requisite", module, arguments @ ..] = words.as_slice() else { return false };
    let once = |argument: &&str| arguments.iter().filter(|other| other == &argument).count() == 1;
    *module == "pam_twostep.so" && arguments.iter().all(|argument| known.contains(argument) && once(argument))
}

/// A login by a service: the answers of the modules.
#[derive(Clone, Copy)]
struct Person {
    called: &'static str,
    password: ReturnValue,
    /// What twostep answers in the auth lines.
    code: ReturnValue,
    /// What twostep answers in the account lines; the auth lines are not walked if it refuses.
    gate: ReturnValue,
    /// What modules answer that look at user, time or place.
    elsewhere: ReturnValue,
}

const RIGHT: Person = Person {
    called: "right password, right code",
    password: ReturnValue::SUCCESS,
    code: ReturnValue::SUCCESS,
    gate: ReturnValue::IGNORE,
    elsewhere: ReturnValue::SUCCESS,
};
const NOBODY_ASKS: Person = Person { called: "exempt", code: ReturnValue::IGNORE, ..RIGHT };
const MAY_COME_IN: [Person; 2] = [RIGHT, NOBODY_ASKS];
const MUST_STAY_OUT: [Person; 4] = [
    Person { called: "right password, wrong code", code: ReturnValue::AUTH_ERR, ..RIGHT },
    Person { called: "right password, no code", code: ReturnValue::CONV_ERR, ..RIGHT },
    Person { called: "wrong password, right code", password: ReturnValue::AUTH_ERR, ..RIGHT },
    Person { called: "a key alone", gate: ReturnValue::PERM_DENIED, ..RIGHT },
];

impl Person {
    fn gets_in(self, service: &Service) -> bool {
        let auth = self.gate == ReturnValue::PERM_DENIED || self.passes(&service.auth);
        auth && self.passes(&service.account) && !service.lost
    }

    fn passes(self, stack: &[PamLine]) -> bool {
        let mut walk = Walk::start();
        while let Some(line) = stack.get(walk.next()) {
            walk = walk.step(stack, self.answer(line));
        }
        walk.outcome() == ReturnValue::SUCCESS
    }

    fn answer(self, line: &PamLine) -> ReturnValue {
        use twostep_hostconf::pam::module_type::ModuleType::Account;
        if line.handler != Handler::Module {
            return ReturnValue::PERM_DENIED;
        }
        match line.role() {
            Role::Ours if line.kind == Account => self.gate,
            Role::Ours => self.code,
            Role::SshdAccepted => ReturnValue::AUTHINFO_UNAVAIL,
            Role::Factor if line.kind == Account => ReturnValue::SUCCESS,
            Role::Factor => self.password,
            Role::Deny | Role::Root => ReturnValue::AUTH_ERR,
            Role::Permit => ReturnValue::SUCCESS,
            Role::Counter if line.arguments().any(|argument| argument == "authfail") => ReturnValue::AUTH_ERR,
            Role::Counter => ReturnValue::SUCCESS,
            Role::Condition => self.elsewhere,
            Role::Quiet => ReturnValue::IGNORE,
        }
    }
}

/// A machine of `tests/doctor`, laid out as `tests/doctor/test_doctor.py` does it, as far as PAM sees it.
struct Machine {
    folder: PathBuf,
    root: Root,
    /// The services at which the account line refuses a key alone.
    gates: Vec<String>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Machine {
    fn lay_out(case: &Path) -> Self {
        let name = format!("twostep-remedies-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("etc/pam.d")).unwrap();
        for base in fs::read_to_string(case.join("base")).unwrap_or_default().split_whitespace() {
            let shipped = if base == "debian" { "debian-12" } else { base };
            copy(&tests().join("../pam.d").join(shipped), &folder.join("etc/pam.d"));
            for other in ["sshd-key", "remote", "i3lock", "swaylock"] {
                let _ = fs::remove_file(folder.join("etc/pam.d").join(other));
            }
            copy(&tests().join("doctor/machines").join(base), &folder);
        }
        copy(&case.join("root"), &folder);
        for private in ["users", "state"] {
            fs::create_dir_all(folder.join("var/lib/twostep").join(private)).unwrap();
        }
        // What only root may do changes no file of PAM's.
        let mut shell = Command::new("sh");
        shell.arg(case.join("setup")).current_dir(&folder).stderr(Stdio::null());
        shell.status().unwrap();
        let root = Root::at(&folder).unwrap();
        let policy = Context::of(&root).unwrap().policy;
        let gates = policy.map_or_else(|| Gate::default().services, |policy| policy.gate.services);
        Self { folder, root, gates }
    }

    /// The files that the remedy changes, with their texts then.
    fn changed(&self, remedy: &Remedy) -> Option<BTreeMap<String, String>> {
        remedy.changes(|file| Some(Files::new(&self.root).text(file).unwrap_or_default()))
    }

    /// What the remedy changes at sudo, which reads sudoers as well as PAM's files.
    fn turned(&self, remedy: &Remedy) -> Turned {
        let changed = self.changed(remedy).filter(|_| is_of_sudo(remedy));
        let Some((file, text)) = changed.and_then(|changed| changed.into_iter().next()) else {
            return Turned::default();
        };
        let path = self.root.path(&file);
        let (usual, was) = (fs::read(&path), sudo_codes(&self.root));
        fs::write(&path, text).unwrap();
        let is = sudo_codes(&self.root);
        usual.map_or_else(|_| fs::remove_file(&path), |usual| fs::write(&path, usual)).unwrap();
        let services = |one: &BTreeSet<(String, &str)>, other| {
            one.difference(other).map(|(_, service)| (*service).to_owned()).collect()
        };
        Turned { closes: services(&is, &was), opens: services(&was, &is) }
    }

    fn apply(&self, remedy: &Remedy) {
        for (file, text) in self.changed(remedy).unwrap_or_default() {
            fs::write(self.root.path(&file), text).unwrap();
        }
    }

    /// Whether it puts as many lines in place of those that it takes away.
    fn keeps_lines(&self, remedy: &Remedy) -> bool {
        let Some(changed) = self.changed(remedy) else { return false };
        let lines = |file: &str| Files::new(&self.root).text(file).unwrap_or_default().lines().count();
        matches!(remedy, Remedy::Replace { .. })
            && changed.iter().all(|(file, text)| lines(file) == text.lines().count())
    }

    /// Each service that the remedy of `finding` opens or locks, and that its effect does not name.
    fn harm(&self, finding: &Finding) -> Vec<String> {
        let Some(changed) = self.changed(&finding.remedy) else { return Vec::new() };
        let before = services(&Files::new(&self.root));
        let unchanged = Files::new(&self.root);
        let after =
            services(&changed.iter().fold(unchanged, |files, (file, text)| files.with(file, text.clone())));
        let mut harm = Vec::new();
        for (name, was) in &before {
            let Some(is) = after.get(name) else { continue };
            let comes = |one: &&Person| one.gate != ReturnValue::PERM_DENIED || self.gates.contains(name);
            let turns = |people: &[Person], to: bool| {
                let turned = |one: &&Person| one.gets_in(was) != to && one.gets_in(is) == to;
                let mut people = people.iter().filter(comes);
                people.find(turned).map(|one| one.called)
            };
            let asked = RIGHT.gets_in(was);
            if let Some(who) =
                turns(&MUST_STAY_OUT, true).filter(|_| asked && !finding.effect.opens.contains(name))
            {
                harm.push(format!("opens {name} ({who}) by {:?}", finding.remedy));
            }
            if let Some(who) = turns(&MAY_COME_IN, false).filter(|_| !finding.effect.locks.contains(name)) {
                harm.push(format!("locks {name} ({who}) by {:?}", finding.remedy));
            }
        }
        harm
    }
}

/// The services of sudo that always ask each local user for a code below this root: for their own, or for root's where
/// the policy names root.
fn sudo_codes(root: &Root) -> BTreeSet<(String, &'static str)> {
    let Ok(Some(sudoers)) = Sudoers::read(root) else { return BTreeSet::new() };
    let text = |file| fs::read_to_string(root.path(file)).unwrap_or_default();
    let (passwd, group) = (text("/etc/passwd"), text("/etc/group"));
    let needs_code = match text(POLICY).contains("users = [\"root\"]") {
        true => |whose: &Whose| matches!(whose, Whose::Caller | Whose::Root),
        false => |whose: &Whose| *whose == Whose::Caller,
    };
    let has_code =
        |service: &str| Service::load(&Files::new(root), service).is_some_and(|one| one.names_us());
    let mut codes = BTreeSet::new();
    for fields in passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        let [name, _, uid, ..] = fields.as_slice() else { continue };
        let is_in =
            |line: &&str| line.rsplit(':').next().is_some_and(|all| all.split(',').any(|one| one == *name));
        let names = group.lines().filter(is_in).filter_map(|line| line.split(':').next());
        let groups = CallerGroups { names: names.map(str::to_owned).collect(), gids: BTreeSet::new() };
        let account = CallerAccount { name: (*name).to_owned(), uid: uid.parse().unwrap() };
        let asked = sudoers.asked(&Caller { account: Some(account), groups: Some(groups) });
        let is_right = asked.asks && asked.whose.iter().all(|(whose, _)| needs_code(whose));
        for usual in ["sudo", "sudo-i"].into_iter().filter(|_| is_right) {
            if asked.services.iter().filter(|one| one.usual == usual).all(|one| has_code(&one.name)) {
                codes.insert(((*name).to_owned(), usual));
            }
        }
    }
    codes
}

/// All services that programs use, without the files that many services include.
fn services(files: &Files<'_>) -> BTreeMap<String, Service> {
    let for_many = |name: &String| {
        name.starts_with("common-")
            || ["other", "postlogin", "system-auth", "password-auth"].contains(&name.as_str())
    };
    files
        .names()
        .into_iter()
        .filter(|name| !for_many(name))
        .filter_map(|name| Some((name.clone(), Service::load(files, &name)?)))
        .collect()
}

fn is_for_many(name: &str) -> bool {
    name.starts_with("common-") || ["other", "postlogin", "system-auth", "password-auth"].contains(&name)
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn cases() -> Vec<PathBuf> {
    let folders = fs::read_dir(tests().join("doctor")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = folders.filter(|folder| folder.join("expected").exists()).collect();
    cases.sort();
    assert!(cases.len() > 100, "{}", cases.len());
    cases
}

/// Copies what is in `from` into `to`, if there is such a folder.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}
