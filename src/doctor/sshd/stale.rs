//! Settings that were changed after the sshd that runs has read them.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::Config;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::process::{Process, last_change};
use twostep_hostconf::sshd::view::View;

use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};

/// For each process, the first file that was changed since. An sshd without a file for its process number does not show that it
/// was told to read its settings again.
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
    let started = process.last_start(context.root, &view.value("pidfile").text)?;
    let is_new = |file: &&String| last_change(context.root, file).is_some_and(|changed| changed > started);
    let file = config.read.iter().find(is_new)?;
    Some(Finding::warning(
        Location::file(file),
        format!("it was changed after the sshd that runs was started (process {})", process.pid),
        "Unless it was told to reload since, that sshd still uses the old settings, which may let people in without a code.",
        reload(context, launch, process.pid),
    ))
}

/// A signal, since the unit has another name elsewhere. An sshd that is told to reload settings with a mistake ends.
fn reload(context: &Context<'_>, launch: &Launch, pid: u32) -> Remedy {
    let signal = format!("kill -HUP {pid}");
    if let Some(program) = launch.program.as_ref().filter(|_| launch.arguments().is_empty()) {
        return on_machine(context.root, format!("{program} -t && {signal}"));
    }
    Remedy::Advice {
        text: format!(
            "Check its settings by 'sshd -t' with its options. If that says nothing, run: {signal}"
        ),
    }
}
