//! How an sshd is started: what of its command line its settings depend on (sshd(8)).

use std::path::Path;

use twostep_core::os::root::Root;

use crate::location::Location;
use crate::tree;

use super::process::Process;

/// The options without an argument.
const FLAGS: &str = "46DGQRTVdeiqrt";
/// The options that take a value.
const WITH_VALUE: &str = "CEbcfghkopu";

/// Where distributions put sshd.
const PROGRAMS: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];

/// One way in which sshd is started on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// The program to ask for the settings; none if nothing names one and none is installed.
    pub program: Option<String>,
    /// The name by which it is called. Before OpenSSH 9.8 it is the PAM service, too.
    pub name: String,
    /// The file that `-f` names; none: where sshd looks by itself.
    pub file: Option<String>,
    /// What `-o` and `-g` set, each as a line of sshd_config(5). They count before the file.
    pub settings: Vec<String>,
    /// The options without which `sshd -T` may refuse: host keys, and what else changes its settings.
    pub others: Vec<String>,
    /// The line that starts it, or the command line of a process.
    pub origin: Location,
    /// The listening processes that were started so.
    pub processes: Vec<Process>,
}

/// How the words of a command line are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spelling {
    /// Separated, as in /proc/PID/cmdline.
    Words,
    /// From a title, with blanks between them: a value may have blanks of its own.
    Title,
}

impl Launch {
    /// The installed sshd, started without any options.
    pub fn plain(root: &Root, origin: Location) -> Self {
        Self { program: installed(root), ..Self::nameless(origin) }
    }

    fn nameless(origin: Location) -> Self {
        Self {
            program: None,
            name: "sshd".to_owned(),
            file: None,
            settings: Vec::new(),
            others: Vec::new(),
            origin,
            processes: Vec::new(),
        }
    }

    /// Reads a command line, which begins with the program; none if sshd would refuse it, or if it cannot be told which file
    /// it means.
    pub fn parse(words: &[String], spelling: Spelling, origin: Location) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        let name = Path::new(program).file_name()?.to_string_lossy().into_owned();
        let mut launch = Self { program: Some(program.clone()), name, ..Self::nameless(origin) };
        let mut arguments = arguments.iter();
        let mut last = None;
        while let Some(word) = arguments.next() {
            match word.strip_prefix('-').filter(|options| !options.is_empty()) {
                Some(options) => last = Some(launch.options(options, &mut arguments)?),
                // The rest of a value with blanks.
                None if spelling == Spelling::Title && last == Some('o') => launch.continue_setting(word)?,
                None => return None,
            }
        }
        let is_plain = |file: &String| file == "none" || (file.starts_with('/') && !file.contains('%'));
        launch.file.iter().all(is_plain).then_some(launch)
    }

    /// Reads the options in one word, without its `-`; the last one may have its value in the next word. Returns that option.
    fn options<'w>(
        &mut self,
        mut options: &str,
        rest: &mut impl Iterator<Item = &'w String>,
    ) -> Option<char> {
        loop {
            let option = options.chars().next()?;
            options = options.get(option.len_utf8()..)?;
            if WITH_VALUE.contains(option) {
                let value = if options.is_empty() { rest.next()? } else { options };
                self.set(option, value);
                return Some(option);
            }
            if !FLAGS.contains(option) {
                return None;
            }
            if ['4', '6'].contains(&option) {
                self.others.push(format!("-{option}"));
            }
            if options.is_empty() {
                return Some(option);
            }
        }
    }

    fn set(&mut self, option: char, value: &str) {
        match option {
            'f' => self.file = Some(value.to_owned()),
            'o' => self.settings.push(value.to_owned()),
            // It counts before any -o.
            'g' => self.settings.insert(0, format!("LoginGraceTime {value}")),
            'c' | 'h' | 'p' | 'u' => self.others.extend([format!("-{option}"), value.to_owned()]),
            _ => {}
        }
    }

    fn continue_setting(&mut self, word: &str) -> Option<()> {
        let setting = self.settings.last_mut()?;
        setting.push(' ');
        setting.push_str(word);
        Some(())
    }

    /// Whether both are the same program, by the same name, with the same settings.
    pub fn is_like(&self, other: &Self, root: &Root) -> bool {
        let real = |launch: &Self| tree::real(root, launch.program.as_ref()?);
        (&self.name, &self.file, &self.settings) == (&other.name, &other.file, &other.settings)
            && real(self) == real(other)
    }

    /// Whether a file shows how it is started, and not only a process.
    pub fn is_written(&self) -> bool {
        !self.origin.file.starts_with("/proc/")
    }

    /// The arguments with which sshd has the same settings.
    pub fn arguments(&self) -> Vec<&str> {
        let file = self.file.iter().flat_map(|file| ["-f", file]);
        let settings = self.settings.iter().flat_map(|setting| ["-o", setting]);
        file.chain(settings).chain(self.others.iter().map(String::as_str)).collect()
    }
}

/// The sshd that is installed below `root`.
pub fn installed(root: &Root) -> Option<String> {
    PROGRAMS.iter().find(|program| root.path(program).exists()).map(|&program| program.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, spelling: Spelling) -> Option<Launch> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        Launch::parse(&words, spelling, Location::file("/x"))
    }

    #[test]
    fn reads_what_settings_depend_on_as_getopt_does() {
        let launch =
            parsed("/usr/sbin/sshd -De -f/etc/a -oUsePAM=no -o A=b -6p 22 -g 9", Spelling::Words).unwrap();
        assert_eq!((launch.name.as_str(), launch.file.as_deref()), ("sshd", Some("/etc/a")));
        assert_eq!(launch.settings, ["LoginGraceTime 9", "UsePAM=no", "A=b"]);
        assert_eq!(launch.others, ["-6", "-p", "22"]);
        assert_eq!(parsed("/run/sshd-key", Spelling::Words).unwrap().name, "sshd-key");
    }

    #[test]
    fn refuses_what_sshd_refuses_or_nobody_can_follow() {
        for text in ["sshd x", "sshd -o", "sshd -Z", "sshd -", "sshd -f a", "sshd -f /a/%i", "sshd -o A b"] {
            assert_eq!(parsed(text, Spelling::Words), None, "{text}");
        }
    }

    #[test]
    fn joins_values_with_blanks_in_a_title() {
        let launch = parsed("/usr/sbin/sshd -oA=b c -o D e f -p 22", Spelling::Title).unwrap();
        assert_eq!(launch.settings, ["A=b c", "D e f"]);
        for text in ["sshd -p 22 x", "sshd -D x", "sshd x"] {
            assert_eq!(parsed(text, Spelling::Title), None, "{text}");
        }
    }
}
