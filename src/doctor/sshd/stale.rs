//! Settings that were changed after the sshd that runs has read them.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::Config;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::process::{Change, LastRead, Process, change};
use twostep_hostconf::sshd::view::View;

use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// For each process, the first file that was changed since.
pub(crate) fn check(
    context: &Context<'_>,
    launch: &Launch,
    config: &Config,
    view: &View<'_>,
) -> Vec<Finding> {
    let stale = |process: &Process| of_process(context, launch, config, view, *process);
    launch.processes.iter().filter_map(stale).collect()
}

fn of_process(
    context: &Context<'_>,
    launch: &Launch,
    config: &Config,
    view: &View<'_>,
    process: Process,
) -> Option<Finding> {
    let pid = process.pid;
    let last_read = process.last_read(context.root, &view.value("pidfile").text)?;
    let (LastRead::At(moment) | LastRead::NotBefore(moment)) = last_read;
    let since = |file: &String| Some((file.clone(), change(context.root, file, moment)?));
    let (file, change) = config.read.iter().find_map(since)?;
    let event = match change {
        Change::Text => "this file was changed",
        Change::Other => "this file or its attributes were changed",
        Change::Entries => "files in this folder were added, replaced or removed",
    };
    let (what, why) = match last_read {
        LastRead::At(_) => (
            format!("sshd (process {pid}) has not read its settings since {event}"),
            "It still uses what it read before, which may let people in without a code.",
        ),
        LastRead::NotBefore(_) => (
            format!("sshd (process {pid}) was started before {event}"),
            "If it was not reloaded since, it still uses what it read before, which may let people in without a code. No PID \
             file names this sshd, so a reload does not show: set a PidFile of its own.",
        ),
    };
    Some(Finding::warning(Id::SshdNotReloaded, Location::file(file), what, why, reload(context, launch, pid)))
}

/// A signal, since the unit has another name elsewhere. An sshd that is told to reload settings with a mistake ends.
fn reload(context: &Context<'_>, launch: &Launch, pid: u32) -> Remedy {
    let signal = format!("kill -HUP {pid}");
    if let Some(program) = launch.program.as_ref().filter(|_| launch.arguments().is_empty()) {
        return on_machine(context.root, format!("{program} -t && {signal}"));
    }
    Remedy::Advice {
        text: format!("Run 'sshd -t' with the options of that sshd. If it prints nothing, run: {signal}"),
    }
}
