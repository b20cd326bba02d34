//! `twostep enable`: makes services ask for a code. The change is rehearsed before, and taken back unless somebody proves that it
//! works.
//!
//! Each file uses only those before it:
//!
//! ```text
//! show, rehearsal, way_back, services -> mod -> disable, fix;  services -> keep;  way_back -> revert
//! ```

pub(crate) mod disable;
pub(crate) mod fix;
pub(crate) mod keep;
mod rehearsal;
pub(crate) mod revert;
mod services;
pub(crate) mod show;
mod way_back;

use twostep_change::journal::{Journal, Pending, pending};
use twostep_change::plan::{NoPlan, Plan};
use twostep_change::reload::reload_sshd;
use twostep_core::store::files::slot::Format;
use twostep_doctor::context::Context;
use twostep_doctor::draft::FirstFactor;

use crate::administrator::Administrator;
use crate::candidates::services;
use crate::failure::Failure;
use crate::terminal::note;
use crate::words::enable as words;
use crate::words::moment::text;

/// How long a change waits, in seconds: a login with a code takes a minute, and an enrollment some.
const WAITS: u64 = 600;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// PAM services, such as sshd, login, sudo
    #[arg(value_name = "SERVICE", required = true, add = services())]
    services: Vec<String>,
    /// At sshd, what comes first: password, key, key-or-password
    #[arg(long = "for", value_name = "FACTOR", hide_possible_values = true)]
    first: Option<First>,
    #[command(flatten)]
    show: show::Options,
    #[command(flatten)]
    trust: Trust,
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum First {
    Password,
    Key,
    KeyOrPassword,
}

impl From<First> for FirstFactor {
    fn from(first: First) -> Self {
        match first {
            First::Password => Self::Password,
            First::Key => Self::Key,
            First::KeyOrPassword => Self::KeyOrPassword,
        }
    }
}

/// How far an administrator trusts a change.
#[derive(clap::Args)]
pub(crate) struct Trust {
    /// Change the files for good: nothing takes that back
    #[arg(long)]
    pub no_revert: bool,
    /// Go on where not every login can be tried before
    #[arg(long)]
    pub unrehearsed: bool,
}

/// Changes the files of these services, and starts what takes the change back.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let root = administrator.root();
    let names = services::checked(&arguments.services)?;
    let context = Context::of(root)?;
    if context.policy.is_none() {
        return Err(Failure::refused(words::POLICY_FIRST, words::POLICY_FIRST_THEN));
    }
    check_nothing_waits(administrator)?;
    let first = services::first_factor(root, &names, arguments.first.map(FirstFactor::from))?;
    let waits = !arguments.trust.no_revert;
    let plan = Plan::enable(&context, &names, first, waits).map_err(no_plan)?;
    let change =
        Change { administrator, context: &context, act: "enable", names: &names, plan: &plan, first };
    let shown = show::Shown::new(change.act, &plan);
    if plan.is_empty() {
        return shown.unchanged(&arguments.show, &words::already(names.join(", ")));
    }
    shown.plan(&arguments.show)?;
    if arguments.show.is_dry_run() {
        return Ok(());
    }
    let keepers = change.rehearse(&arguments.show, &arguments.trust)?;
    arguments.show.confirm()?;
    let done = change.make(&keepers, waits)?;
    shown.done(&arguments.show, done.as_ref(), &change.outcome(done.as_ref()))
}

/// A change that is planned.
struct Change<'a> {
    administrator: &'a Administrator,
    context: &'a Context<'a>,
    /// The act, for the log.
    act: &'static str,
    /// The services by which somebody must log in to keep it.
    names: &'a [String],
    plan: &'a Plan,
    /// What comes before the code at sshd.
    first: FirstFactor,
}

impl Change<'_> {
    /// Tries it. Returns who could keep it, if it will wait for that.
    fn rehearse(&self, options: &show::Options, trust: &Trust) -> Result<Vec<u32>, Failure> {
        let waits = !trust.no_revert;
        let is_machine = self.administrator.root().is_machine();
        if !is_machine && waits {
            return Err(Failure::refused(words::OTHER_ROOT, ""));
        }
        let keepers = if waits { keepers(self.administrator)? } else { Vec::new() };
        if is_machine {
            rehearsal::rehearse(self.context, self.plan, self.first, options, trust.unrehearsed)?;
        }
        Ok(keepers)
    }

    /// Changes the files. Returns the change, if it waits.
    fn make(&self, keepers: &[u32], waits: bool) -> Result<Option<Pending>, Failure> {
        let root = self.administrator.root();
        if waits {
            prepare(self.administrator, keepers)?;
            way_back::start()?;
        }
        let journal = journal(self.administrator)?;
        let now = self.administrator.now()?;
        let pending =
            journal.begin(self.names, &self.plan.services, &self.plan.files, now, now.plus(WAITS))?;
        if let Err(refusal) = reload_sshd(root, pending.paths()) {
            revert::put_back(root, &journal, &pending)?;
            return Err(Failure::refused(words::sshd_not_reloaded(refusal), ""));
        }
        if !waits {
            journal.keep(&pending)?;
        }
        let more = if waits { "" } else { " waits=no" };
        self.administrator.log().log_change(self.act, &self.names.join(","), more);
        Ok(waits.then_some(pending))
    }

    fn outcome(&self, pending: Option<&Pending>) -> String {
        let services = self.names.join(", ");
        match pending {
            Some(pending) => show::waits(&services, pending, WAITS.div_euclid(60)),
            None => words::changed(&services),
        }
    }
}

/// Users who may become root and have a second step. Without one the change could not be kept.
fn keepers(administrator: &Administrator) -> Result<Vec<u32>, Failure> {
    let keepers = services::who_may_become_root(administrator)?;
    if keepers.is_empty() {
        return Err(Failure::refused(words::NOBODY_ENROLLED, words::NOBODY_ENROLLED_THEN));
    }
    Ok(keepers)
}

/// A record of format 1 cannot say by which service a code was accepted.
fn prepare(administrator: &Administrator, keepers: &[u32]) -> Result<(), Failure> {
    let mut converted = Vec::new();
    for &uid in keepers {
        let target = twostep_core::manage::act::Target::of(uid, administrator.names())?;
        if administrator.carry_out(&target, |acts| acts.convert(&target, Format::Two))? {
            converted.push(target.name());
        }
    }
    if !converted.is_empty() {
        note(&words::converted(converted.join(", ")));
    }
    Ok(())
}

/// The journal, with nothing in it that waits. Another administrator may have been faster until here, and is not from here on.
fn journal(administrator: &Administrator) -> Result<Journal<'_>, Failure> {
    let journal = Journal::open(administrator.root())?;
    check_nothing_waits(administrator)?;
    Ok(journal)
}

fn check_nothing_waits(administrator: &Administrator) -> Result<(), Failure> {
    match pending(administrator.root())? {
        Some(waiting) => {
            let what = words::waiting(waiting.services.join(", "), text(waiting.until()));
            Err(Failure::refused(what, words::WAITING_THEN))
        }
        None => Ok(()),
    }
}

fn no_plan(reason: NoPlan) -> Failure {
    Failure::refused(reason.to_string(), "")
}
