//! `twostep`: enrolls users, and lets root manage their second step.

mod act_error;
mod administrator;
mod caller;
mod candidates;
mod columns;
mod completions;
mod doctor;
mod enable;
mod enroll;
mod export;
mod failure;
mod guide;
mod help;
pub mod import;
mod log;
mod naming;
mod policy;
pub mod printable;
mod progress;
mod rebind;
mod recovery;
mod remove;
mod replace;
mod report;
mod require;
mod reset;
mod services;
mod sheet;
mod status;
mod storage;
mod subject;
mod sudo_caller;
mod terminal;
mod ticket;
mod unlock;
mod verify;
mod words;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

use administrator::Administrator;
use caller::Caller;
use failure::{Failure, show};

/// After the options of a subcommand, and after `--help`, which clap has at 999.
const LAST: usize = 1000;

/// The second step of a Linux login: a time-based code from an authenticator app.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// Use DIR as root directory (for images and tests)
    #[arg(long, value_name = "DIR", global = true, display_order = LAST)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Set up a second step with an authenticator app
    Enroll(enroll::Arguments),
    /// Show whether you are enrolled, and whether codes are accepted
    Status(status::Arguments),
    /// Try a code without using it up
    Verify(verify::Arguments),
    /// Set up a new phone in place of a lost or old one
    Replace(replace::Arguments),
    /// Replace the recovery codes; the new ones are shown once
    Recovery(recovery::Arguments),
    /// Remove one authenticator, or the whole second step
    Remove(remove::Arguments),
    /// Show a page for users: set up, log in, lost phone
    Guide,
    /// Check the policy, or explain what it decides
    #[command(subcommand, disable_help_subcommand = true)]
    Policy(policy::Verb),
    /// Check PAM, sshd, policy and files, and suggest fixes
    Doctor(doctor::Arguments),
    /// Show which services ask for a code, and whom
    Services(services::Arguments),
    /// Print a shell completion script
    #[command(hide = true)] // packages install them, and the help has to fit the screen
    Completions(completions::Arguments),
    #[command(flatten)]
    OfRoot(VerbOfRoot),
}

#[derive(Subcommand)]
enum VerbOfRoot {
    /// Print tickets, each of which lets a user enroll once
    Ticket(ticket::Arguments),
    /// Make the second step mandatory for users
    Require(require::Arguments),
    /// Undo 'require': only the policy decides again
    #[command(hide = true)] // 'require' names it, and the help has to fit the screen
    Unrequire(require::Arguments),
    /// End a lockout
    Unlock(unlock::Arguments),
    /// Remove a user's authenticators, recovery codes and ticket
    Reset(reset::Arguments),
    /// Let a renamed account keep its second step
    #[command(hide = true)] // doctor names it
    Rebind(rebind::Arguments),
    /// Import from google-authenticator or pam_oath
    #[command(subcommand, disable_help_subcommand = true)]
    Import(import::ImportSource),
    /// Print secrets as otpauth URIs, for another program
    #[command(hide = true)] // the manual names it
    Export(export::Arguments),
    /// Show who must have a second step, and who has one
    Report(report::Arguments),
    /// Make services such as sshd ask for a code
    Enable(enable::Arguments),
    /// Make services ask for no code again
    Disable(enable::disable::Arguments),
    /// Keep what 'enable' changed, after a login with a code
    #[command(hide = true)] // 'enable' names it, and the help has to fit the screen
    Keep,
    /// Take back what 'enable' changed
    #[command(hide = true)]
    Revert(enable::revert::Arguments),
    /// Change the format in which records are stored
    #[command(subcommand, disable_help_subcommand = true)]
    #[command(hide = true)] // it is for upgrades, which name it, and the help has to fit the screen
    Storage(storage::Verb),
}

/// Runs the command with the arguments of this process.
pub fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // If standard error is closed, nothing can be said.
        let _ = writeln!(stderr(), "{}", failure::place_of(panic));
    }));
    if let Err(error) = disable_core_dumps() {
        return show(&Failure::unavailable(words::frame::core_dumps(error), ""));
    }
    if let Some(status) = completions::offer(command) {
        return status;
    }
    let Arguments { root, verb } = arguments();
    let done = match verb {
        Verb::Guide => guide::run(),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Doctor(arguments) => doctor::run(root, &arguments),
        Verb::Services(arguments) => services::run(root, &arguments),
        Verb::Policy(verb) => policy::run(root, &verb),
        Verb::Enroll(arguments) => Caller::new(root).and_then(|caller| enroll::run(&caller, &arguments)),
        Verb::Status(arguments) => Caller::new(root).and_then(|caller| status::run(&caller, &arguments)),
        Verb::Verify(arguments) => Caller::new(root).and_then(|caller| verify::run(&caller, &arguments)),
        Verb::Replace(arguments) => Caller::new(root).and_then(|caller| replace::run(&caller, &arguments)),
        Verb::Recovery(arguments) => Caller::new(root).and_then(|caller| recovery::run(&caller, &arguments)),
        Verb::Remove(arguments) => Caller::new(root).and_then(|caller| remove::run(&caller, &arguments)),
        Verb::OfRoot(verb) => {
            Administrator::new(root).and_then(|administrator| run_of_root(&administrator, verb))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => show(&failure),
    }
}

/// The arguments of this process. If they are wrong, or are `--help`, this shows that and ends the process.
fn arguments() -> Arguments {
    Arguments::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

fn command() -> Command {
    let of_root = VerbOfRoot::augment_subcommands(Command::new("root"));
    help::with_help(Arguments::command(), &of_root)
}

fn run_of_root(administrator: &Administrator, verb: VerbOfRoot) -> Result<(), Failure> {
    match verb {
        VerbOfRoot::Ticket(arguments) => ticket::run(administrator, &arguments),
        VerbOfRoot::Require(arguments) => require::run(administrator, &arguments),
        VerbOfRoot::Unrequire(arguments) => require::unrequire(administrator, &arguments),
        VerbOfRoot::Unlock(arguments) => unlock::run(administrator, &arguments),
        VerbOfRoot::Reset(arguments) => reset::run(administrator, &arguments),
        VerbOfRoot::Rebind(arguments) => rebind::run(administrator, &arguments),
        VerbOfRoot::Import(source) => import::run(administrator, &source),
        VerbOfRoot::Export(arguments) => export::run(administrator, &arguments),
        VerbOfRoot::Report(arguments) => report::run(administrator, &arguments),
        VerbOfRoot::Enable(arguments) => enable::run(administrator, &arguments),
        VerbOfRoot::Disable(arguments) => enable::disable::run(administrator, &arguments),
        VerbOfRoot::Keep => enable::keep::run(administrator),
        VerbOfRoot::Revert(arguments) => enable::revert::run(administrator, &arguments),
        VerbOfRoot::Storage(verb) => storage::run(administrator, &verb),
    }
}

/// A secret that is shown must not get into a core file, and no debugger of the caller may read it.
fn disable_core_dumps() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)
}
