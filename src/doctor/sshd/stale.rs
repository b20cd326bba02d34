//! Settings that were changed after the running sshd read them.

use twostep_hostconf::sshd::config::Config;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::process::{LastRead, Process, change};
use twostep_hostconf::sshd::view::View;

use super::findings;
use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};

/// One finding for each process, on the first file that was changed since.
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
    let is_since_last_read = matches!(last_read, LastRead::At(_));
    Some(findings::not_reloaded(file, &change, pid, is_since_last_read, reload(context, launch, pid)))
}

/// A signal, since the name of the unit differs between distributions. An sshd exits if it reloads settings with an error.
fn reload(context: &Context<'_>, launch: &Launch, pid: u32) -> Remedy {
    let signal = format!("kill -HUP {pid}");
    if let Some(program) = launch.program.as_ref().filter(|_| launch.arguments().is_empty()) {
        return on_machine(context.root, format!("{program} -t && {signal}"));
    }
    findings::test_settings_and_reload(&signal)
}
