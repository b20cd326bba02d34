//! `twostep completions`: a completion script for a shell.

use clap::Command;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal::say;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

pub(crate) fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failure> {
    let shell = match arguments.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "twostep", &mut script);
    say(String::from_utf8_lossy(&script).trim_end())
}
