//! The sshds that listen, as /proc shows them (proc(5)).
//!
//! OpenSSH 8.2 and later write their title over their arguments and environment: `NAME: ARGUMENTS [listener] N of ...`. It ends
//! early where these had too little room.

use std::fs;
use std::os::unix::fs::MetadataExt;

use twostep_core::os::root::Root;

use super::launch::{Launch, Spelling};
use super::process::Process;
use crate::location::Location;
use crate::tree;

/// A command line is not longer, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// The end of a title, after the arguments.
const LISTENER: &str = " [listener] ";

/// The sshds that listen as root on the machine below `root`. An error is a listener whose options are not known.
pub(crate) fn launches(root: &Root) -> Vec<Result<Launch, Location>> {
    let entries = fs::read_dir(root.path("/proc")).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids: Vec<u32> = pids.collect();
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| listener(root, pid)).collect()
}

fn listener(root: &Root, pid: u32) -> Option<Result<Launch, Location>> {
    let folder = format!("/proc/{pid}");
    let program = fs::read_link(root.path(&format!("{folder}/exe"))).ok()?;
    // An upgrade replaces the file of a program that runs.
    let program = program.to_str()?.trim_end_matches(" (deleted)").to_owned();
    if !program.ends_with("/sshd") || !is_of_this_machine(root, &folder) {
        return None;
    }
    let origin = Location::file(format!("{folder}/cmdline"));
    let bytes = tree::bytes_of(&root.path(&origin.file), LONGEST)?;
    let launch = match command_line(&bytes)? {
        CommandLine::CutOff => None,
        CommandLine::Whole(words, spelling) => Launch::parse(&words, spelling, origin.clone()),
    };
    Some(
        launch
            .map(|launch| Launch {
                program: Some(program),
                processes: vec![Process::of(root, pid)],
                ..launch
            })
            .ok_or(origin),
    )
}

/// Whether root runs it, and with the files below `root`. A container has others.
fn is_of_this_machine(root: &Root, folder: &str) -> bool {
    let identity = |path: &str| fs::metadata(root.path(path)).ok().map(|file| (file.dev(), file.ino()));
    let owner = fs::metadata(root.path(folder)).map(|file| file.uid());
    let is_roots = root.system_owner().is_ok_and(|system| owner.is_ok_and(|uid| uid == system.as_raw()));
    is_roots && identity("/etc").is_some() && identity("/etc") == identity(&format!("{folder}/root/etc"))
}

#[derive(PartialEq, Eq, Debug)]
enum CommandLine {
    Whole(Vec<String>, Spelling),
    CutOff,
}

/// The command line of a listener; none if the process serves a login.
fn command_line(bytes: &[u8]) -> Option<CommandLine> {
    let text = String::from_utf8_lossy(bytes);
    let mut words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    words.truncate(words.iter().rposition(|word| !word.is_empty())?.saturating_add(1));
    let Some((_, title)) = words.first()?.split_once(": ") else {
        let login = words.iter().skip(1).any(|word| word == "-R");
        return (!login).then_some(CommandLine::Whole(words, Spelling::Words));
    };
    match title.rsplit_once(LISTENER) {
        Some((arguments, _)) => {
            let words = arguments.split(' ').map(str::to_owned).collect();
            Some(CommandLine::Whole(words, Spelling::Title))
        }
        // sshd starts its program again for each login, so the path of a listener is absolute. No user's name begins so.
        None => title.starts_with('/').then_some(CommandLine::CutOff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_listeners_from_logins_and_from_what_is_cut_off() {
        let whole = |words: &[&str], spelling| {
            Some(CommandLine::Whole(words.iter().map(|&word| word.to_owned()).collect(), spelling))
        };
        let table: [(&[u8], _); 9] = [
            (
                b"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\0",
                whole(&["/usr/sbin/sshd", "-D"], Spelling::Title),
            ),
            (b"/usr/sbin/sshd\0-D\0-oA b\0", whole(&["/usr/sbin/sshd", "-D", "-oA b"], Spelling::Words)),
            (b"/usr/sbin/sshd\0\0\0", whole(&["/usr/sbin/sshd"], Spelling::Words)),
            (b"sshd: /usr/sbin/sshd -D -o Us\0s\0", Some(CommandLine::CutOff)),
            (b"sshd: alice [priv]\0\0\0", None),
            (b"sshd: alice@pts/0\0", None),
            (b"sshd: [accepted]\0", None),
            (b"/usr/sbin/sshd\0-D\0-R\0", None),
            (b"", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(command_line(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
