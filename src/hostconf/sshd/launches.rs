//! Every sshd of a machine: how it is started by units and scripts, and how the listeners were that run.

use twostep_core::os::root::Root;

use super::environment;
use super::launch::{Launch, Spelling, installed};
use super::words::words;
use super::{listeners, units};
use crate::location::Location;
use crate::tree::is_hidden;

/// Where scripts that start sshd find its options: those of Debian, Fedora, SUSE, Alpine and Gentoo.
const DEFAULTS: [(&str, &str); 4] = [
    ("/etc/default/ssh", "SSHD_OPTS"),
    ("/etc/sysconfig/sshd", "OPTIONS"),
    ("/etc/sysconfig/ssh", "SSHD_OPTS"),
    ("/etc/conf.d/sshd", "SSHD_OPTS"),
];

/// The sshds of a machine.
#[derive(Default)]
pub struct Launches {
    /// How they are started, no two alike.
    pub known: Vec<Launch>,
    /// Lines and processes that start an sshd with options that are not known, or that this process may not read.
    pub unclear: Vec<Location>,
}

impl Launches {
    /// All sshds of the machine below `root`. If nothing shows how sshd is started, this is one without options.
    pub fn of(root: &Root) -> Self {
        let mut launches = Self::default();
        let written = units::launches(root).into_iter().chain(defaults(root));
        written.for_each(|launch| launches.add(launch, root));
        if launches.known.is_empty() && launches.unclear.is_empty() {
            launches.known.push(Launch::plain(root, Location::file("/usr/sbin/sshd")));
        }
        listeners::launches(root).into_iter().for_each(|launch| launches.add(launch, root));
        launches
    }

    /// Of two that are alike one is kept, with the listeners of both.
    fn add(&mut self, launch: Result<Launch, Location>, root: &Root) {
        match launch {
            Ok(launch) => match self.known.iter_mut().find(|known| known.is_like(&launch, root)) {
                Some(known) => known.processes.extend(launch.processes),
                None => self.known.push(launch),
            },
            Err(location) if self.unclear.contains(&location) => {}
            Err(location) => self.unclear.push(location),
        }
    }
}

/// What scripts start, by the files with their options.
fn defaults(root: &Root) -> Vec<Result<Launch, Location>> {
    DEFAULTS.iter().filter_map(|(file, name)| default(root, file, name)).collect()
}

fn default(root: &Root, file: &str, name: &str) -> Option<Result<Launch, Location>> {
    let Some(variables) = environment::read(root, file) else {
        return is_hidden(&root.path(file)).then(|| Err(Location::file(file)));
    };
    let variable = variables.into_iter().rev().find(|variable| variable.name == name)?;
    let words: Vec<_> = ["sshd".to_owned()].into_iter().chain(words(&variable.value)).collect();
    let launch = Launch::parse(&words, Spelling::Words, variable.location.clone());
    Some(launch.map(|launch| Launch { program: installed(root), ..launch }).ok_or(variable.location))
}
