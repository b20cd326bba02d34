//! `twostep completions`: a completion script for a shell. At each TAB, the script runs this command for the words to offer.

use std::process::ExitCode;

use clap::Command;
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Shells, Zsh};

use crate::failure::Failure;
use crate::terminal::say;

/// The variable by which the script asks.
const ASKED: &str = "TWOSTEP_COMPLETE";
const NAME: &str = "twostep";
/// zsh runs the file itself at the first TAB.
const ZSH_AT_FIRST: &str = "[[ $funcstack[1] == _twostep ]] && _clap_dynamic_completer_twostep";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (shell, more): (&dyn EnvCompleter, &str) = match arguments.shell.as_str() {
        "zsh" => (&Zsh, ZSH_AT_FIRST),
        "fish" => (&Fish, ""),
        _ => (&Bash, ""),
    };
    let mut script = Vec::new();
    let written = shell.write_registration(ASKED, NAME, NAME, NAME, &mut script);
    written.map_err(|error| Failure::unavailable(error.to_string(), ""))?;
    let script = String::from_utf8_lossy(&script);
    say(format!("{}\n{more}", script.trim_end()).trim_end())
}

/// Prints the words to offer, if a completion script asks for them: the first argument is `--`, and a variable names the shell. The
/// variable alone changes nothing, because under sudo the environment is the caller's.
pub(crate) fn offer(command: impl Fn() -> Command) -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != "--" {
        return None;
    }
    let folder = std::env::current_dir().ok();
    let environment = CompleteEnv::with_factory(command).var(ASKED).shells(Shells(&[&Bash, &Zsh, &Fish]));
    match environment.try_complete(std::env::args_os(), folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(_) => Some(ExitCode::FAILURE),
    }
}
