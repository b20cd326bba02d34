//! Units of systemd that start an sshd (systemd.unit(5), systemd.service(5)).

use std::fs;
use std::path::Path;

use twostep_core::os::root::Root;

use super::environment::{self, Variable};
use super::launch::{Launch, Spelling};
use super::unit_files::{UnitFiles, units};
use super::words::words;
use crate::location::Location;
use crate::tree::{self, is_hidden};

/// How units start sshd. An error is a line that starts one with options that are not known.
pub(crate) fn launches(root: &Root) -> Vec<Result<Launch, Location>> {
    units(root).iter().flat_map(|unit| of_unit(root, unit)).collect()
}

fn of_unit(root: &Root, unit: &UnitFiles) -> Vec<Result<Launch, Location>> {
    let mut commands = Commands::default();
    for file in [&unit.main].into_iter().chain(&unit.drop_ins) {
        let Some(text) = tree::text(root, file) else {
            if is_hidden(&root.path(file)) {
                return vec![Err(Location::file(file))];
            }
            continue;
        };
        for (key, value, location) in assignments(&text, file) {
            commands.assign(&key, value, location);
        }
    }
    commands.launches(root)
}

/// What a unit runs, and with which variables.
#[derive(Default)]
struct Commands {
    starts: Vec<(String, Location)>,
    variables: Vec<Variable>,
    files: Vec<String>,
}

impl Commands {
    /// An empty value forgets what came before.
    fn assign(&mut self, key: &str, value: String, location: Location) {
        match (key, value.is_empty()) {
            ("ExecStart", true) => self.starts.clear(),
            ("ExecStart", false) => self.starts.push((value, location)),
            ("Environment", true) => self.variables.clear(),
            ("Environment", false) => {
                let words = words(&value);
                let set = words.iter().filter_map(|word| word.split_once('='));
                self.variables.extend(set.map(|(name, value)| Variable {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    location: location.clone(),
                }));
            }
            ("EnvironmentFile", true) => self.files.clear(),
            ("EnvironmentFile", false) => self.files.push(value.trim_start_matches('-').to_owned()),
            _ => {}
        }
    }

    fn launches(mut self, root: &Root) -> Vec<Result<Launch, Location>> {
        let runs_sshd = |text: &String| words(text).iter().any(|word| is_sshd(root, word));
        self.starts.retain(|(text, _)| runs_sshd(text));
        if self.starts.is_empty() {
            return Vec::new();
        }
        for file in &self.files {
            match environment::read(root, file) {
                // What a file sets counts more than what the unit does.
                Some(variables) => self.variables.extend(variables),
                None if is_hidden(&root.path(file)) => return vec![Err(Location::file(file))],
                None => {}
            }
        }
        self.starts.iter().map(|(text, location)| self.launch(root, text, location)).collect()
    }

    /// The program may follow another one, such as `ip netns exec NAME`.
    fn launch(&self, root: &Root, text: &str, location: &Location) -> Result<Launch, Location> {
        let mut origin = location.clone();
        let words: Vec<_> = words(text).iter().flat_map(|word| self.expanded(word, &mut origin)).collect();
        let mut words: Vec<_> = words.into_iter().skip_while(|word| !is_sshd(root, word)).collect();
        if let Some(program) = words.first_mut() {
            *program = plain(program).to_owned();
        }
        Launch::parse(&words, Spelling::Words, origin).ok_or_else(|| location.clone())
    }

    /// `$NAME` is as many words as its value has; `${NAME}` is a part of its word. What sets the variable is the origin then.
    fn expanded(&self, word: &str, origin: &mut Location) -> Vec<String> {
        let variable = |name: &str| self.variables.iter().rev().find(|variable| variable.name == name);
        if let Some(name) = word.strip_prefix('$').filter(|name| !name.starts_with(['{', '$'])) {
            let Some(variable) = variable(name) else { return Vec::new() };
            *origin = variable.location.clone();
            return words(&variable.value);
        }
        let mut word = word.to_owned();
        for variable in self.variables.iter().rev() {
            let reference = format!("${{{}}}", variable.name);
            if word.contains(&reference) {
                *origin = variable.location.clone();
                word = word.replace(&reference, &variable.value);
            }
        }
        vec![word]
    }
}

/// A program without what systemd.service(5) allows before it.
fn plain(word: &str) -> &str {
    word.trim_start_matches(['-', '@', ':', '+', '!', '|'])
}

/// Whether the word is sshd, or a link to it.
fn is_sshd(root: &Root, word: &str) -> bool {
    let program = Path::new(plain(word));
    let target = || fs::read_link(root.path(plain(word))).ok()?.file_name().map(ToOwned::to_owned);
    let is_sshd = || program.file_name().is_some_and(|name| name == "sshd");
    program.is_absolute() && (is_sshd() || target().is_some_and(|name| name == "sshd"))
}

/// The assignments in the section `[Service]`. A backslash at its end continues a line.
fn assignments(text: &str, file: &str) -> Vec<(String, String, Location)> {
    let mut assignments = Vec::new();
    let mut section = String::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((first, line)) = lines.next() {
        let (mut line, mut last) = (line.trim().to_owned(), first);
        if line.starts_with(['#', ';']) {
            continue;
        }
        while let Some(begun) = line.strip_suffix('\\') {
            let Some((number, next)) = lines.next() else { break };
            (line, last) = (format!("{begun} {}", next.trim()), number);
        }
        if line.starts_with('[') {
            section = line;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| section == "[Service]") {
            let location = Location::lines(file, first, last);
            assignments.push((key.trim().to_owned(), value.trim().to_owned(), location));
        }
    }
    assignments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(unit: &str) -> Option<Launch> {
        let mut commands = Commands::default();
        for (key, value, location) in assignments(unit, "/u") {
            commands.assign(&key, value, location);
        }
        let here = Root::at(Path::new("/nowhere")).unwrap();
        commands.launches(&here).pop()?.ok()
    }

    #[test]
    fn reads_options_as_systemd_passes_them() {
        let table = [
            ("[Service]\nExecStart=/usr/sbin/sshd -D\n", "2:"),
            ("[Service]\nExecStart=-/usr/sbin/sshd -i -o 'A b'\n", "2: A b"),
            ("[Service]\nEnvironment=\"X=-o A=b -oC=d\"\nExecStart=/usr/sbin/sshd $X $NONE\n", "2: A=b, C=d"),
            ("[Service]\nEnvironment=X=b Y=z\nExecStart=/usr/sbin/sshd -oA=${X}\n", "2: A=b"),
            ("[Service]\nExecStart=/bin/ip netns exec x /usr/sbin/sshd -oA=b\n", "2: A=b"),
            (
                "[Service]\nExecStart=/usr/sbin/sshd -oA=b\nExecStart=\nExecStart=/usr/sbin/sshd -oA=c\n",
                "4: A=c",
            ),
            ("[Unit]\nExecStart=/usr/sbin/sshd\n[Service]\n#ExecStart=/usr/sbin/sshd\n", ""),
            ("[Service]\nExecStart=/usr/sbin/sshd-keygen\nExecStartPre=/usr/sbin/sshd -t\n", ""),
        ];
        for (unit, expected) in table {
            let said = |launch: Launch| {
                format!("{}: {}", launch.origin.line.unwrap(), launch.settings.join(", ")).trim().to_owned()
            };
            assert_eq!(launch(unit).map(said).unwrap_or_default(), expected, "{unit}");
        }
    }

    #[test]
    fn keeps_all_lines_of_one_that_is_continued() {
        let found = assignments("[Service]\nExecStart=/a \\\n  b \\\n  c\nUser=x\n", "/u");
        let lines: Vec<_> = found
            .iter()
            .map(|(key, value, location)| (key.as_str(), value.as_str(), location.clone()))
            .collect();
        let expected =
            [("ExecStart", "/a  b  c", Location::lines("/u", 2, 4)), ("User", "x", Location::line("/u", 5))];
        assert_eq!(lines, expected);
    }
}
