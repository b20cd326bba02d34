//! `twostep --help`: the verbs, those for root apart.

use std::fmt::Write;

use clap::Command;

use crate::words::help as words;

/// Gives `command` its help, in which the subcommands of `of_root` have a heading of their own. It fits a screen of 24 lines with a
/// prompt below it; clap's own template has a line for each option, and empty lines.
pub(crate) fn with_help(command: Command, of_root: &Command) -> Command {
    let is_of_root = |verb: &&Command| of_root.find_subcommand(verb.get_name()).is_some();
    let (root, all): (Vec<&Command>, Vec<_>) =
        command.get_subcommands().filter(|verb| !verb.is_hide_set()).partition(is_of_root);
    let template = format!(
        "{{about}}\n{{usage-heading}} {{usage}}\n{}{}{} {}\n",
        list(words::COMMANDS, &all),
        list(words::FOR_ROOT, &root),
        heading(words::OPTIONS),
        words::OPTIONS_AND_HELP
    );
    command.help_template(template)
}

/// A heading, as clap writes its own on a terminal.
fn heading(text: &str) -> String {
    format!("\x1b[1;4m{text}\x1b[0m")
}

fn list(title: &str, verbs: &[&Command]) -> String {
    let mut text = format!("{}\n", heading(title));
    for verb in verbs {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "  \x1b[1m{:11}\x1b[0m  {about}", verb.get_name());
    }
    text
}
