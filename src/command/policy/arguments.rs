//! The login that `twostep policy explain` is asked about.

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use clap::ValueEnum;
use twostep_core::login::machine::Surroundings;
use twostep_core::login::spellings::names_with_spellings;
use twostep_core::machine::Roster;
use twostep_core::os::account::{Account, NssName};
use twostep_core::policy::{Address, Groups, LoginFacts, METHODS, Methods, Origin, Policy, Spellings};
use twostep_core::time::UnixTime;

use crate::candidates::{groups as group_names, services, users};
use crate::terminal::note;
use crate::words::policy_explain as words;

/// clap's own line is wider than a screen.
pub(super) const USAGE: &str = "twostep policy explain [OPTIONS] --service <SERVICE>...\n       <NAME | --user <NAME> | --group <GROUP>>";

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("whom").required(true))]
pub(crate) struct Arguments {
    /// The user who logs in
    #[arg(value_name = "NAME", group = "whom", add = users())]
    name: Option<String>,
    /// The same as NAME
    #[arg(long, value_name = "NAME", group = "whom", add = users())]
    user: Option<String>,
    /// A table with a row for each member
    #[arg(long, value_name = "GROUP", group = "whom", add = group_names())]
    pub group: Option<String>,
    /// The PAM service; if repeated, columns of a table
    #[arg(long, value_name = "SERVICE", required = true, add = services())]
    pub service: Vec<String>,
    /// Remote address or host name; none at a console
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub from: String,
    /// local (a console of this machine) or remote;
    /// by default local at login without --from
    #[arg(long, value_enum, hide_possible_values = true, verbatim_doc_comment)]
    origin: Option<Where>,
    /// What was proved before: a method of sshd, such as
    /// publickey; none; or unknown, as for the account
    /// line after a key
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "password",
        value_parser = parse_method,
        verbatim_doc_comment
    )]
    first_factor: Vec<String>,
    /// The moment, in UTC: 2027-01-15 or
    /// '2027-01-15 08:00:00'; by default now
    #[arg(long, value_name = "TIME", value_parser = parse_time, verbatim_doc_comment)]
    pub at: Option<UnixTime>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Where {
    Local,
    Remote,
}

fn parse_method(method: &str) -> Result<String, String> {
    if METHODS.contains(&method) || ["none", "unknown"].contains(&method) {
        return Ok(method.to_owned());
    }
    Err(words::unknown_method(METHODS.join(", ")))
}

fn parse_time(text: &str) -> Result<UnixTime, String> {
    let whole = if text.len() == "2027-01-15".len() { format!("{text} 00:00:00") } else { text.to_owned() };
    let moment = humantime::parse_rfc3339_weak(&whole).map_err(|error| error.to_string())?;
    let since = moment.duration_since(UNIX_EPOCH).map_err(|_| words::BEFORE_1970.to_owned())?;
    Ok(UnixTime::new(since.as_secs()))
}

impl Arguments {
    /// The login, once for each name of the account.
    pub(super) fn logins<'a>(
        &'a self,
        machine: &Roster<'_>,
        policy: &'a Policy,
        account: &'a Account,
        service: &'a str,
    ) -> Vec<LoginFacts<'a>> {
        let named = policy.groups();
        let names =
            names_with_spellings(machine, policy, account, |doubt| note(&words::names_unknown(doubt)));
        let login = |(name, spellings)| self.login(name, service, spellings, groups(machine, name, &named));
        names.into_iter().map(login).collect()
    }

    fn login<'a>(
        &'a self,
        name: &'a NssName,
        service: &'a str,
        spellings: Spellings<'a>,
        groups: Groups,
    ) -> LoginFacts<'a> {
        let origin = match self.origin {
            Some(Where::Local) => Origin::Local,
            Some(Where::Remote) => Origin::Remote,
            None if service == "login" && self.from.is_empty() => Origin::Local,
            None => Origin::Remote,
        };
        LoginFacts {
            user: &name.name,
            spellings,
            service,
            origin,
            address: Address::of(&self.from),
            groups,
            methods: self.methods(),
        }
    }

    /// The user, if no group is named.
    pub(super) fn user(&self) -> Option<&String> {
        self.name.as_ref().or(self.user.as_ref())
    }

    fn methods(&self) -> Methods<'_> {
        self.proved().map_or(Methods::UNKNOWN, |proved| Methods::Known(proved.into_iter().collect()))
    }

    /// What the user proves before the code; none if not known.
    pub(super) fn proved(&self) -> Option<BTreeSet<&str>> {
        let named = self.first_factor.iter().map(String::as_str);
        let is_known = self.first_factor.iter().all(|method| method != "unknown");
        is_known.then(|| named.filter(|method| *method != "none").collect())
    }
}

fn groups(machine: &Roster<'_>, name: &NssName, named: &BTreeSet<&str>) -> Groups {
    if named.is_empty() {
        return Groups::Known(Default::default());
    }
    machine.memberships(name, named).map_or_else(
        |fault| {
            note(&words::groups_unknown(fault));
            Groups::Unknown
        },
        Groups::Known,
    )
}
