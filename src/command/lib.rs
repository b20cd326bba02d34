//! `twostep`: enrolls users, and lets root manage their second step.

mod act_error;
mod administrator;
mod caller;
mod completions;
mod doctor;
mod enroll;
mod export;
mod failure;
mod guide;
pub mod import;
mod log;
mod policy;
pub mod printable;
mod rebind;
mod recovery;
mod remove;
mod replace;
mod require;
mod reset;
mod status;
mod terminal;
mod ticket;
mod unlock;
mod verify;
mod words;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

use administrator::Administrator;
use caller::Caller;
use failure::{Failure, show};

/// The help fits a screen of 24 lines with a prompt below it. clap's own template has two more empty lines.
const HELP: &str = "{about}\n{usage-heading} {usage}\n\
                    \x1b[1;4mCommands:\x1b[0m\n{subcommands}\n\x1b[1;4mOptions:\x1b[0m\n{options}\n";

/// The second step of a Linux login: a time-based code from an authenticator app.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, disable_help_subcommand = true, help_template = HELP)]
struct Arguments {
    /// Use DIR as root directory (for images and tests)
    #[arg(long, value_name = "DIR", global = true)]
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
    #[command(flatten)]
    OfRoot(VerbOfRoot),
    /// Import from google-authenticator or pam_oath
    #[command(subcommand)]
    Import(import::ImportSource),
    /// Check PAM, sshd, policy and files, and suggest fixes
    Doctor(doctor::Arguments),
    /// Print a shell completion script
    Completions(completions::Arguments),
    /// Check the policy, or explain what it decides
    #[command(subcommand)]
    Policy(policy::Verb),
}

#[derive(Subcommand)]
enum VerbOfRoot {
    /// Print a ticket that lets a user enroll once
    Ticket(ticket::Arguments),
    /// Make the second step mandatory for one user
    Require(require::Arguments),
    /// Undo 'require': the policy alone decides again
    Unrequire(require::Unarguments),
    /// End a lockout
    Unlock(unlock::Arguments),
    /// Remove a user's authenticators, recovery codes and ticket
    Reset(reset::Arguments),
    /// Let a renamed account keep its second step
    Rebind(rebind::Arguments),
    /// Print secrets as otpauth URIs, for another program
    Export(export::Arguments),
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
    let Arguments { root, verb } = Arguments::parse();
    let done = match verb {
        Verb::Completions(arguments) => completions::run::<Arguments>(&arguments),
        Verb::Guide => guide::run(),
        Verb::Doctor(arguments) => doctor::run(root, &arguments),
        Verb::Policy(verb) => policy::run(root, &verb),
        Verb::Import(source) => import::run(root, &source),
        Verb::Enroll(arguments) => Caller::new(root).and_then(|caller| enroll::run(&caller, arguments)),
        Verb::Status(arguments) => Caller::new(root).and_then(|caller| status::run(&caller, &arguments)),
        Verb::Verify(arguments) => Caller::new(root).and_then(|caller| verify::run(&caller, &arguments)),
        Verb::Replace(arguments) => Caller::new(root).and_then(|caller| replace::run(&caller, arguments)),
        Verb::Recovery(arguments) => Caller::new(root).and_then(|caller| recovery::run(&caller, &arguments)),
        Verb::Remove(arguments) => Caller::new(root).and_then(|caller| remove::run(&caller, arguments)),
        Verb::OfRoot(verb) => {
            Administrator::new(root).and_then(|administrator| run_of_root(&administrator, verb))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => show(&failure),
    }
}

fn run_of_root(administrator: &Administrator, verb: VerbOfRoot) -> Result<(), Failure> {
    match verb {
        VerbOfRoot::Ticket(arguments) => ticket::run(administrator, &arguments),
        VerbOfRoot::Require(arguments) => require::run(administrator, &arguments),
        VerbOfRoot::Unrequire(arguments) => require::unrequire(administrator, &arguments),
        VerbOfRoot::Unlock(arguments) => unlock::run(administrator, &arguments),
        VerbOfRoot::Reset(arguments) => reset::run(administrator, &arguments),
        VerbOfRoot::Rebind(arguments) => rebind::run(administrator, &arguments),
        VerbOfRoot::Export(arguments) => export::run(administrator, &arguments),
    }
}

/// A secret that is shown must not get into a core file, and no debugger of the caller may read it.
fn disable_core_dumps() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)
}
