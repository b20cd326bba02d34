//! The ways in that sshd has for one user and address, and whether a login with some methods comes to the pam_twostep line.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use twostep_core::policy::METHODS;
use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::Config;
use twostep_hostconf::sshd::effective;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::launches::Launches;
use twostep_hostconf::sshd::methods::{Way, name, ways};
use twostep_hostconf::sshd::view::View;

use crate::context::{Context, Visibility};
use crate::sshd::{PAM_SERVICE_KEYWORD, refusal_finding};

/// The settings on which the ways in depend.
const KEYWORDS: [&str; 9] = [
    "authenticationmethods",
    "gssapiauthentication",
    "hostbasedauthentication",
    "kbdinteractiveauthentication",
    PAM_SERVICE_KEYWORD,
    "passwordauthentication",
    "permitrootlogin",
    "pubkeyauthentication",
    "usepam",
];
/// Methods that ask PAM.
const BY_PAM: [&str; 2] = ["password", "keyboard-interactive"];

/// One login by sshd.
#[derive(Clone, Copy)]
pub struct SshLogin<'a> {
    pub user: &'a str,
    pub is_root: bool,
    /// An address or a host name; empty if not known.
    pub from: &'a str,
    /// What the user proves before the code; none if not known.
    pub methods: Option<&'a BTreeSet<&'a str>>,
}

/// How a login comes to the pam_twostep auth line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It does, and twostep can ask.
    Asks,
    /// sshd accepts these methods alone, and the auth lines are not run.
    Skips,
    /// Only by the method `password`, which cannot ask for a code.
    CannotAsk,
    /// sshd has no way in with these methods.
    NoWay,
    /// sshd does not use PAM.
    WithoutPam,
    /// What the user proves is not known.
    Unknown,
}

/// The ways in for one user and address.
pub struct SshWays {
    /// Those that sshd offers, as in `AuthenticationMethods`.
    pub ways: Vec<String>,
    pub reach: Reach,
}

/// Why the ways in are not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unread {
    /// Only root can ask sshd for its settings.
    NotRoot,
    /// The settings are not known: the place, and what is wrong there.
    Settings(Location, String),
    /// sshd could not be asked, and this `Match` line may change the ways in.
    Block(Location),
}

/// The sshd whose logins use one PAM service.
pub struct Sshd<'a> {
    context: &'a Context<'a>,
    launch: Launch,
    /// The settings of its files; none if they are not found.
    config: Option<Config>,
    /// The settings of its command line.
    options: Config,
    /// The settings for all users, if no `Match` block changes the ways in.
    shared: OnceCell<Result<BTreeMap<String, String>, Unread>>,
}

impl<'a> Sshd<'a> {
    /// None if no sshd uses the service.
    pub fn of(context: &'a Context<'a>, service: &str) -> Option<Self> {
        if !may_be_of_sshd(service) {
            return None;
        }
        let sshds = Launches::of(context.root).known.into_iter().map(|launch| {
            let config = Config::read(context.root, &launch);
            let options = Config::of_options(context.root, &launch);
            Self { context, launch, config, options, shared: OnceCell::new() }
        });
        let mut sshds: Vec<Self> = sshds.collect();
        sshds.sort_by_key(|sshd| sshd.launch.processes.is_empty()); // those that run come first
        let at = sshds.iter().position(|sshd| sshd.uses(service));
        // Without its settings, sshd is taken to use the service of its name.
        at.or_else(|| sshds.iter().position(|sshd| sshd.launch.name == service))
            .map(|at| sshds.swap_remove(at))
    }

    /// Whether a setting names the service.
    fn uses(&self, service: &str) -> bool {
        let settings = self.config.iter().flat_map(|config| &config.settings);
        let mut named = settings.filter(|setting| setting.keyword == PAM_SERVICE_KEYWORD);
        named.any(|setting| setting.value.eq_ignore_ascii_case(service))
    }

    /// The ways in for one login.
    pub fn ways(&self, login: &SshLogin<'_>) -> Result<SshWays, Unread> {
        let said = self.said(login)?;
        // What sshd says has its blocks in it.
        let config =
            if said.is_empty() { self.config.as_ref().unwrap_or(&self.options) } else { &self.options };
        Ok(judge(&View::of_everybody(config, &said), login))
    }

    /// What `sshd -T` prints for the login; empty where its files are read instead.
    fn said(&self, login: &SshLogin<'_>) -> Result<BTreeMap<String, String>, Unread> {
        let ask = || self.ask(login);
        if self.block().is_none() { self.shared.get_or_init(ask).clone() } else { ask() }
    }

    fn ask(&self, login: &SshLogin<'_>) -> Result<BTreeMap<String, String>, Unread> {
        if self.context.root.is_machine() {
            if self.context.visibility == Visibility::Public {
                return Err(Unread::NotRoot);
            }
            match effective::settings_for(&self.launch, login.user, login.from) {
                Some(Ok(said)) => return Ok(said),
                Some(Err(refusal)) => {
                    let finding = refusal_finding(&refusal, &self.launch);
                    return Err(Unread::Settings(finding.location, finding.what));
                }
                None => {}
            }
        }
        match (&self.config, self.block()) {
            (None, _) => {
                Err(Unread::Settings(self.launch.origin.clone(), "its settings were not found".to_owned()))
            }
            (Some(config), _) if config.hides => Err(Unread::NotRoot),
            (Some(_), Some(block)) => Err(Unread::Block(block.clone())),
            (Some(_), None) => Ok(BTreeMap::new()),
        }
    }

    /// The first `Match` line that may change the ways in.
    fn block(&self) -> Option<&Location> {
        let config = self.config.as_ref()?;
        let mut blocks = (0..).zip(&config.blocks);
        let found =
            blocks.find(|(index, _)| !config.is_for_everybody(*index) && config.sets(*index, &KEYWORDS));
        found.map(|(_, block)| &block.location)
    }
}

/// Programs that are not sshd, so that sshd's files need not be read for them.
fn may_be_of_sshd(service: &str) -> bool {
    !["login", "remote", "su", "su-l", "sudo", "sudo-i", "cron", "polkit-1"].contains(&service)
}

fn judge(view: &View<'_>, login: &SshLogin<'_>) -> SshWays {
    let root_by_password = !login.is_root || view.word("permitrootlogin") == "yes";
    let root_gets_in = !login.is_root || view.word("permitrootlogin") != "no";
    let is_taken = |method: &String| {
        let is_on = match name(method) {
            "publickey" => view.is_on("pubkeyauthentication"),
            "hostbased" => view.is_on("hostbasedauthentication"),
            "gssapi-with-mic" => view.is_on("gssapiauthentication"),
            "password" => view.is_on("passwordauthentication") && root_by_password,
            "keyboard-interactive" => view.is_on("kbdinteractiveauthentication") && root_by_password,
            _ => false,
        };
        is_on && root_gets_in
    };
    let each = || METHODS.iter().map(|method| Way::parse(method)).collect();
    let mut offered: Vec<Way> = ways(view).unwrap_or_else(each);
    offered.retain(|way| way.methods().iter().all(is_taken));
    let reach = if view.is_on("usepam") { reach(&offered, login.methods) } else { Reach::WithoutPam };
    SshWays { ways: offered.iter().map(Way::to_string).collect(), reach }
}

/// Whether a login that proves `methods` comes to the auth line, by the ways that ask for just these beside PAM.
fn reach(offered: &[Way], methods: Option<&BTreeSet<&str>>) -> Reach {
    let Some(methods) = methods else { return Reach::Unknown };
    let beside = |methods: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        methods.filter(|method| !BY_PAM.contains(method)).map(str::to_owned).collect()
    };
    let proved = beside(&mut methods.iter().copied());
    let fits = |way: &&Way| beside(&mut way.methods().iter().map(|method| name(method))) == proved;
    let fitting: Vec<&Way> = offered.iter().filter(fits).collect();
    let has = |way: &&&Way, method: &str| way.has(method);
    if fitting.iter().any(|way| !BY_PAM.iter().any(|method| has(&way, method))) {
        Reach::Skips
    } else if fitting.iter().any(|way| !has(&way, "password")) {
        Reach::Asks
    } else if fitting.is_empty() {
        Reach::NoWay
    } else {
        Reach::CannotAsk
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::os::root::Root;

    use super::*;

    fn reached(offered: &str, proved: &str) -> Reach {
        let offered: Vec<Way> = offered.split_whitespace().map(Way::parse).collect();
        let proved: BTreeSet<&str> = proved.split_whitespace().collect();
        reach(&offered, Some(&proved))
    }

    #[test]
    fn tells_whether_login_comes_to_auth_line() {
        let table = [
            // what sshd offers, what the user proves
            ("publickey keyboard-interactive", "publickey", Reach::Skips),
            ("publickey keyboard-interactive", "password", Reach::Asks),
            ("publickey keyboard-interactive", "", Reach::Asks),
            ("publickey,keyboard-interactive:pam", "publickey", Reach::Asks),
            ("publickey,keyboard-interactive:pam", "password", Reach::NoWay),
            ("publickey,keyboard-interactive publickey", "publickey", Reach::Skips),
            ("publickey,password", "publickey", Reach::CannotAsk),
            ("password", "password", Reach::CannotAsk),
            ("password keyboard-interactive", "password", Reach::Asks),
            ("password,keyboard-interactive", "password", Reach::CannotAsk),
            ("publickey,hostbased", "publickey", Reach::NoWay),
            ("publickey,hostbased", "publickey hostbased", Reach::Skips),
            ("", "publickey", Reach::NoWay),
        ];
        for (offered, proved, expected) in table {
            assert_eq!(reached(offered, proved), expected, "{offered} {proved}");
        }
        assert_eq!(reach(&[], None), Reach::Unknown);
    }

    #[test]
    fn judges_login_by_settings_of_sshd() {
        let launch = Launch::plain(&Root::SYSTEM, Location::file("/usr/sbin/sshd"));
        let config = Config::of_options(&Root::SYSTEM, &launch);
        let ways = |settings: &[(&str, &str)], is_root, proved: &str| {
            let pairs = settings.iter().map(|(keyword, value)| ((*keyword).to_owned(), (*value).to_owned()));
            let said: BTreeMap<_, _> =
                [("usepam".to_owned(), "yes".to_owned())].into_iter().chain(pairs).collect();
            let proved: BTreeSet<&str> = proved.split_whitespace().collect();
            let login = SshLogin { user: "ada", is_root, from: "", methods: Some(&proved) };
            let SshWays { ways, reach } = judge(&View::of_everybody(&config, &said), &login);
            (ways.join(" "), reach)
        };
        let any = "publickey password keyboard-interactive".to_owned();
        assert_eq!(ways(&[], false, "password"), (any.clone(), Reach::Asks));
        assert_eq!(ways(&[("usepam", "no")], false, "password"), (any, Reach::WithoutPam));
        assert_eq!(ways(&[], true, "password"), ("publickey".to_owned(), Reach::NoWay));
        assert_eq!(ways(&[], true, "publickey"), ("publickey".to_owned(), Reach::Skips));
        assert_eq!(ways(&[("permitrootlogin", "no")], true, "publickey"), (String::new(), Reach::NoWay));
        let code = [("authenticationmethods", "publickey,keyboard-interactive:pam")];
        assert_eq!(ways(&code, false, "publickey").1, Reach::Asks);
        let off = [code[0], ("pubkeyauthentication", "no")];
        assert_eq!(ways(&off, false, "publickey"), (String::new(), Reach::NoWay));
    }
}
