//! Services that ask nobody for a code, and should.

use twostep_core::paths::{PAM_CONF, PAM_DIR, POLICY};
use twostep_core::policy::{Mode, Policy, Rule};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::{asks_first_factor, behind_password};
use super::pairs::other_lets_in;
use super::pam_conf::in_pam_conf;
use super::{pairs, remote, shared};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::obligation;

/// Services that check a password, and let nobody become somebody: they run jobs, change an account of the person's own, or
/// unlock a session whose login has asked for the code.
const LETS_NOBODY_IN: [&str; 40] = [
    "atd",
    "budgie-screensaver",
    "chage",
    "chfn",
    "chpasswd",
    "chsh",
    "cinnamon-screensaver",
    "config-util",
    "cron",
    "crond",
    "gnome-screensaver",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "gtklock",
    "hyprlock",
    "i3lock",
    "kde",
    "kde-fingerprint",
    "kde-smartcard",
    "kscreensaver",
    "light-locker",
    "mate-screensaver",
    "newusers",
    "passwd",
    "physlock",
    "screen",
    "slock",
    "sssd-shadowutils",
    "swaylock",
    "systemd-user",
    "useradd",
    "userdel",
    "usermod",
    "vlock",
    "waylock",
    "xfce4-screensaver",
    "xlock",
    "xscreensaver",
];

/// Services whose files others include, and that programs ask for as well.
const INCLUDED_AND_ASKED_FOR: [&str; 11] = [
    "cockpit",
    "doas",
    "gdm-password",
    "kdm",
    "lightdm",
    "lxdm",
    "polkit-1",
    "remote",
    "sddm",
    "vsftpd",
    "xdm",
];

/// Programs that most machines have, with the service for which each asks.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("login", &["/usr/bin/login", "/bin/login"]),
    ("sshd", &["/usr/sbin/sshd"]),
    ("su", &["/usr/bin/su", "/bin/su"]),
    ("sudo", &["/usr/bin/sudo"]),
];

/// What is wrong with the services that have no auth line of ours, as far as the policy counts on them.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, services: &[Service]) -> Vec<Finding> {
    let Some(policy) = &context.policy else { return Vec::new() };
    let view = View { context, policy, files, services };
    let silent = services.iter().filter(|service| !service.lost && !pairs::asks(service));
    let judged = silent.filter(|service| view.is_judged(service));
    let found = judged.filter_map(|service| Some(in_pam_conf(service, view.judge(service)?)));
    let missing = [named_without_file(&view), programs_without_file(&view)].concat();
    found.chain(missing).chain(remote::check(context, files, services)).collect()
}

struct View<'a> {
    context: &'a Context<'a>,
    policy: &'a Policy,
    files: &'a Files<'a>,
    services: &'a [Service],
}

impl View<'_> {
    fn judge(&self, service: &Service) -> Option<Finding> {
        let name = service.name.as_str();
        if self.policy.strictest(name, self.context.now) == Mode::Exempt {
            return None;
        }
        let lets_in = !LETS_NOBODY_IN.contains(&name);
        if service.account.iter().any(is_own) && lets_in {
            return Some(self.keeps_only(service));
        }
        if !obligation::exists(self.context, name) {
            return None;
        }
        if let Some(rule) = self.naming(name) {
            return Some(self.named(service, rule));
        }
        let [gate, enrollment] = [&self.policy.gate.services, &self.policy.enrollment.services];
        if [gate, enrollment].iter().any(|list| list.iter().any(|one| one == name)) {
            return (!service.names_us()).then(|| says_nothing(&service.file, name));
        }
        let is_told = name == remote::SERVICE && remote::is_judged_by_login(self.files, self.services)
            || pairs::partner_asks(name, self.services)
            || self.includes(service);
        let checks_password = service.auth.iter().any(asks_first_factor);
        (lets_in && checks_password && !is_told).then(|| self.lets_in(service))
    }

    /// The mandatory rule that names `service`, and can decide there.
    fn naming(&self, service: &str) -> Option<&Rule> {
        naming(self.policy, service)
    }

    /// Whether a program may ask for this service. A file that others include may be no more than a part of theirs.
    fn is_judged(&self, service: &Service) -> bool {
        let name = service.name.as_str();
        !shared::is_part(service, self.services) || INCLUDED_AND_ASKED_FOR.contains(&name)
    }

    /// Whether the lines that check the password come by the file of another service, where they are judged.
    fn includes(&self, service: &Service) -> bool {
        let is_another = |file: &str| {
            let is_there = |other: &Service| other.file != service.file && other.file == file;
            self.services.iter().any(|other| is_there(other) && self.is_judged(other))
        };
        let by_another = |line: &PamLine| {
            let steps = line.trail.iter().map(|step| &step.location).chain([&line.location]);
            steps.into_iter().any(|location| is_another(&location.file))
        };
        service.auth.iter().filter(|line| asks_first_factor(line)).all(by_another)
    }

    fn keeps_only(&self, service: &Service) -> Finding {
        Finding::problem(
            Location::file(&service.file),
            "the account line of twostep is there, and the auth line is missing",
            "People who are enrolled get in without a code.",
            self.ask(service),
        )
    }

    fn named(&self, service: &Service, rule: &Rule) -> Finding {
        Finding::problem(
            Location::file(&service.file),
            format!("rule '{}' names {}, and this file asks nobody for a code", rule.name, service.name),
            format!(
                "People for whom the second step is mandatory there ({POLICY}:{}) get in without it.",
                rule.line
            ),
            self.ask(service),
        )
    }

    fn lets_in(&self, service: &Service) -> Finding {
        let name = &service.name;
        let file = if is_administrators(service) { "this file" } else { "a copy of this file in /etc/pam.d" };
        Finding::warning(
            Location::file(&service.file),
            format!("{name} asks for no code, though the second step is mandatory for some"),
            format!("They get in by {name} with the password alone."),
            Remedy::Advice {
                text: format!(
                    "Add the line of twostep to {file}, as pam.d/README.md says; or write a rule in {POLICY}, before the \
                     mandatory ones: name = \"{name}\", services = [\"{name}\"], mode = \"exempt\"."
                ),
            },
        )
    }

    /// A file of a vendor's is copied first, since the next version of its package would undo the change.
    fn ask(&self, service: &Service) -> Remedy {
        if !is_administrators(service) {
            return Remedy::Run { command: format!("cp {} {PAM_DIR}/", service.file) };
        }
        behind_password(self.files, service).unwrap_or_else(|| Remedy::Advice {
            text: format!(
                "Put 'auth required pam_twostep.so' into {}, behind what checks the password.",
                service.file
            ),
        })
    }
}

/// Whether the file is for administrators to change.
fn is_administrators(service: &Service) -> bool {
    service.file == PAM_CONF || service.file.starts_with(&format!("{PAM_DIR}/"))
}

fn is_own(line: &PamLine) -> bool {
    line.is_ours() && line.kind == ModuleType::Account && !shared::stands_shared(line)
}

/// The mandatory rule that names `service`.
fn naming<'a>(policy: &'a Policy, service: &str) -> Option<&'a Rule> {
    policy
        .rules()
        .iter()
        .find(|rule| rule.mode() == Mode::Mandatory && rule.services().any(|one| one == service))
}

/// Services that a mandatory rule names, and that have no file.
fn named_without_file(view: &View<'_>) -> Vec<Finding> {
    let rules = view.policy.rules().iter().filter(|rule| rule.mode() == Mode::Mandatory);
    let named = rules.flat_map(|rule| rule.services().map(move |service| (rule, service)));
    let missing = named.filter(|(_, service)| view.files.open(service).is_none());
    let counts = missing.filter(|(_, service)| obligation::exists(view.context, service));
    counts.map(|(rule, service)| no_file(view.files, rule, service)).collect()
}

fn no_file(files: &Files<'_>, rule: &Rule, service: &str) -> Finding {
    let file = path_of(files, service);
    let why = if other_lets_in(files) {
        "Without it libpam takes the file 'other', which asks nobody for a code."
    } else {
        "If a program asks for this service, libpam takes the file 'other', which lets nobody in."
    };
    Finding::problem(
        Location::line(POLICY, rule.line),
        format!("rule '{}' names {service}, and there is no {file}", rule.name),
        why,
        Remedy::Advice { text: format!("Correct the name, take it out of the rule, or write {file}.") },
    )
}

/// Programs that are there, and whose service has no file and is not named by a rule.
fn programs_without_file(view: &View<'_>) -> Vec<Finding> {
    let is_there = |path: &&str| view.files.resolve(path).is_some_and(|real| real.is_file());
    let runs = PROGRAMS.iter().filter(|(_, paths)| paths.iter().any(&is_there));
    let services = runs.map(|(service, _)| *service).filter(|service| view.files.open(service).is_none());
    let counts = services.filter(|service| {
        obligation::exists(view.context, service) && naming(view.policy, service).is_none()
    });
    if other_lets_in(view.files) {
        counts.map(|service| falls_back(view.files, service)).collect()
    } else {
        Vec::new()
    }
}

fn falls_back(files: &Files<'_>, service: &str) -> Finding {
    let file = path_of(files, service);
    Finding::warning(
        Location::file(&file),
        format!("this file is missing, so {service} asks for no code"),
        format!(
            "libpam takes the file 'other' instead: people for whom the second step is mandatory get in by {service} without it."
        ),
        Remedy::Advice {
            text: format!(
                "Install the file of the program's package again, or the one in twostep's pam.d folder, as {file}."
            ),
        },
    )
}

fn path_of(files: &Files<'_>, service: &str) -> String {
    format!("{}/{service}", files.directories().first().copied().unwrap_or_default())
}

/// At the gate's services, and where people enroll, the policy counts on being asked.
fn says_nothing(file: &str, service: &str) -> Finding {
    let why = "The policy makes the second step mandatory there for some, and nobody is asked. Perhaps a package has \
               replaced the file.";
    let advice = format!(
        "pam.d/README.md of twostep says which lines go into it. If nobody shall be asked there, say so in the policy: take '{service}' out of [gate] and [enrollment]."
    );
    Finding::warning(
        Location::file(file),
        "this file does not name pam_twostep.so, as others do",
        why,
        Remedy::Advice { text: advice },
    )
}
