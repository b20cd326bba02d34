//! What `cvtsudoers -e -f json` (cvtsudoers(1)) makes of a text: its entries, with aliases expanded.
//!
//! Its JSON does not have the line of an entry, nor whether `Defaults` are bound to the caller (`:`) or to the target
//! (`>`). So each line is given to it with a mark before it, which comes back before the line's entry.
//!
//! cvtsudoers 1.9.13 prints two things that are not JSON; `repaired` corrects them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::text::{Line, Text};
use crate::location::Location;
use crate::program::{self, ProgramFailure};

/// Where sudo's packages put it.
const PROGRAMS: [&str; 2] = ["/usr/bin/cvtsudoers", "/usr/local/bin/cvtsudoers"];
/// No settings of its own, JSON, aliases expanded, from standard input.
const ARGUMENTS: [&str; 6] = ["-c", "/dev/null", "-e", "-f", "json", "-"];
/// Marks the line whose number follows: as the text of an option that decides nothing here, and as the name of a user.
const MARK: &str = "twostep-line-";
const MARKED_OPTION: &str = "badpass_message";

/// The entries of sudoers, in their order.
#[derive(Debug, Default)]
pub(super) struct Export {
    pub settings: Vec<Setting>,
    pub entries: Vec<Entry>,
}

/// One option of a `Defaults` line.
#[derive(Debug)]
pub(super) struct Setting {
    pub location: Location,
    pub scope: Scope,
    /// The users, hosts or commands to which it applies.
    pub members: Vec<Member>,
    pub option: String,
    pub value: Value,
}

/// What a `Defaults` line is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Everything,
    Hosts,
    Callers,
    Targets,
    Commands,
}

/// Who may run what, and where.
#[derive(Debug)]
pub(super) struct Entry {
    pub location: Location,
    pub users: Vec<Member>,
    pub hosts: Vec<Member>,
    pub commands: Vec<CommandList>,
}

/// Commands with the same targets and tags.
#[derive(Deserialize, Debug)]
pub(super) struct CommandList {
    #[serde(default)]
    pub runasusers: Vec<Member>,
    #[serde(default)]
    pub runasgroups: Vec<Member>,
    #[serde(rename = "Options", default)]
    options: Vec<BTreeMap<String, Value>>,
    #[serde(rename = "Commands")]
    pub commands: Vec<Member>,
}

impl CommandList {
    /// NOPASSWD is `false`, PASSWD `true`.
    pub(super) fn authenticates(&self) -> Option<bool> {
        self.options.iter().find_map(|option| option.get("authenticate")?.as_bool())
    }

    /// Whether it holds at some time only.
    pub(super) fn is_timed(&self) -> bool {
        self.options.iter().any(|option| option.contains_key("notbefore") || option.contains_key("notafter"))
    }
}

/// One member of a list.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    #[serde(default)]
    pub negated: bool,
    #[serde(flatten)]
    pub named: Named,
    /// Other conditions, such as a checksum of the command's file.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// What a member names.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(super) enum Named {
    Username(String),
    Userid(u32),
    Usergroup(String),
    Usergid(u32),
    Netgroup(String),
    NonUnixGroup(String),
    NonUnixGid(u32),
    Hostname(String),
    NetworkAddr(String),
    Command(String),
}

impl Named {
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::Username(name) | Self::Usergroup(name) | Self::Hostname(name) | Self::Command(name) if name == "ALL")
    }
}

/// Why cvtsudoers does not print the entries of the text.
#[derive(Debug)]
pub enum ExportFault {
    Missing,
    /// It could not be run to its end.
    Failed(ProgramFailure),
    /// It refuses the text.
    Refused {
        /// The line that it names, else the main file.
        location: Location,
        /// Its message; empty if it prints none.
        message: String,
    },
    Unknown(UnexpectedOutput),
}

/// Output of cvtsudoers that is not understood.
#[derive(Debug)]
pub enum UnexpectedOutput {
    /// It is not the expected JSON.
    Json(serde_json::Error),
    /// An entry does not follow the mark of a line.
    NoMark,
}

impl Display for UnexpectedOutput {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::NoMark => f.write_str("an entry without its line"),
        }
    }
}

/// The entries of `text`.
pub(super) fn export(text: &Text) -> Result<Export, ExportFault> {
    if text.lines.is_empty() {
        return Ok(Export::default());
    }
    let program = PROGRAMS.iter().find(|program| Path::new(program).exists()).ok_or(ExportFault::Missing)?;
    let (marked, origins) = marked(&text.lines);
    let output = program::run_as_nobody(program, &ARGUMENTS, marked).map_err(ExportFault::Failed)?;
    if !output.is_success {
        return Err(refused(text, &origins, &output.stderr));
    }
    parsed(&output.stdout, &text.lines)
}

/// The text with a mark before each line, and for each of its physical lines the logical one.
fn marked(lines: &[Line]) -> (String, Vec<usize>) {
    let (mut text, mut origins) = (String::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        for part in mark(index, &line.text).iter().map(String::as_str).chain(line.text.lines()) {
            text.push_str(part);
            text.push('\n');
            origins.push(index);
        }
    }
    (text, origins)
}

fn mark(index: usize, line: &str) -> Option<String> {
    let first = line.trim_start();
    if first.starts_with("Defaults") {
        return Some(format!("Defaults {MARKED_OPTION}=\"{MARK}{index}\""));
    }
    let aliases = ["User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias"];
    let is_alias = aliases.iter().any(|alias| first.starts_with(alias));
    (!is_alias).then(|| format!("{MARK}{index} ALL = ALL"))
}

/// `stdin:LINE:COLUMN: MESSAGE`, as cvtsudoers writes it.
fn refused(text: &Text, origins: &[usize], stderr: &str) -> ExportFault {
    let line = stderr.lines().next().unwrap_or_default();
    let located = line.strip_prefix("stdin:").and_then(|rest| {
        let (number, rest) = rest.split_once(':')?;
        let index = origins.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        let message = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim();
        Some((text.lines.get(*index)?.location.clone(), message))
    });
    let (location, message) = located.unwrap_or_else(|| (Location::file(&text.main), line));
    ExportFault::Refused { location, message: message.to_owned() }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Printed {
    #[serde(rename = "Defaults")]
    defaults: Vec<PrintedDefaults>,
    #[serde(rename = "User_Specs")]
    entries: Vec<PrintedEntry>,
}

#[derive(Deserialize)]
struct PrintedDefaults {
    #[serde(rename = "Binding", default)]
    members: Vec<Member>,
    #[serde(rename = "Options")]
    options: Vec<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct PrintedEntry {
    #[serde(rename = "User_List")]
    users: Vec<Member>,
    #[serde(rename = "Host_List")]
    hosts: Vec<Member>,
    #[serde(rename = "Cmnd_Specs")]
    commands: Vec<CommandList>,
}

/// The entries that `json` has of the marked `lines`. Of a text without entries cvtsudoers prints nothing.
fn parsed(json: &str, lines: &[Line]) -> Result<Export, ExportFault> {
    if json.trim().is_empty() {
        return Ok(Export::default());
    }
    let unexpected = |error| ExportFault::Unknown(UnexpectedOutput::Json(error));
    let printed: Printed = serde_json::from_str(&repaired(json)).map_err(unexpected)?;
    let unmarked = || ExportFault::Unknown(UnexpectedOutput::NoMark);
    let mut export = Export::default();
    let mut line: Option<&Line> = None;
    for PrintedDefaults { members, options } in printed.defaults {
        for (option, value) in options.into_iter().flatten() {
            if option == MARKED_OPTION
                && let Some(index) = value.as_str().and_then(marked_line)
            {
                line = lines.get(index);
                continue;
            }
            let Line { location, text } = line.ok_or_else(unmarked)?;
            let (location, members) = (location.clone(), members.clone());
            export.settings.push(Setting { location, scope: scope(text), members, option, value });
        }
    }
    line = None;
    for PrintedEntry { users, hosts, commands } in printed.entries {
        if let [Member { named: Named::Username(name), .. }] = users.as_slice()
            && let Some(index) = marked_line(name)
        {
            line = lines.get(index);
            continue;
        }
        let location = line.ok_or_else(unmarked)?.location.clone();
        export.entries.push(Entry { location, users, hosts, commands });
    }
    Ok(export)
}

fn marked_line(text: &str) -> Option<usize> {
    text.strip_prefix(MARK)?.parse().ok()
}

/// The character after the word `Defaults`.
fn scope(line: &str) -> Scope {
    match line.trim_start().trim_start_matches("Defaults").chars().next() {
        Some(':') => Scope::Callers,
        Some('@') => Scope::Hosts,
        Some('>') => Scope::Targets,
        Some('!') => Scope::Commands,
        _ => Scope::Everything,
    }
}

/// After an empty list cvtsudoers 1.9.13 forgets the comma, and pairs in a list lack their braces.
fn repaired(json: &str) -> String {
    let mut open = Vec::new();
    let mut lines = json.lines().peekable();
    let mut repaired = String::new();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.starts_with([']', '}']) {
            open.pop();
        }
        let next = lines.peek().map_or("", |next| next.trim_start());
        repaired.push_str(&match trimmed {
            "]" if next.starts_with('"') => "],".to_owned(),
            pair if open.last() == Some(&'[') && is_pair(pair) => match pair.strip_suffix(',') {
                Some(pair) => format!("{{ {pair} }},"),
                None => format!("{{ {pair} }}"),
            },
            other => other.to_owned(),
        });
        repaired.push('\n');
        open.extend(trimmed.chars().last().filter(|last| ['[', '{'].contains(last)));
    }
    repaired
}

fn is_pair(line: &str) -> bool {
    line.starts_with('"') && line.contains("\": ") && !line.ends_with(['[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { location: Location::line("/etc/sudoers", 1), text: text.to_owned() }
    }

    #[test]
    fn tells_what_defaults_are_bound_to_by_their_line() {
        let json = r#"{"Defaults": [{"Options": [{"badpass_message": "twostep-line-0"}]},
            {"Binding": [{"username": "bob"}], "Options": [{"badpass_message": "x"}, {"rootpw": true}]}]}"#;
        let table = [
            ("Defaults rootpw", Scope::Everything),
            (" Defaults:bob rootpw", Scope::Callers),
            ("Defaults>bob rootpw", Scope::Targets),
            ("Defaults@bob rootpw", Scope::Hosts),
            ("Defaults!bob rootpw", Scope::Commands),
        ];
        for (text, expected) in table {
            let export = parsed(json, &[line(text)]).unwrap();
            let scopes = export.settings.iter().map(|setting| (setting.option.as_str(), setting.scope));
            assert_eq!(scopes.collect::<Vec<_>>(), [("badpass_message", expected), ("rootpw", expected)]);
        }
    }

    #[test]
    fn corrects_what_cvtsudoers_prints_wrong() {
        let printed = "{\n\"User_List\": [\n]\n\"Options\": [\n\"runcwd\": \"/\",\n{ \"x\": 1 }\n],\n\"S\": [\n\"role\": \"r\"\n],\n\"env\": [\n\"A\",\n\"B\"\n]\n}";
        let value: Value = serde_json::from_str(&repaired(printed)).unwrap();
        let expected = serde_json::json!({
            "User_List": [], "Options": [{"runcwd": "/"}, {"x": 1}], "S": [{"role": "r"}], "env": ["A", "B"]
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn refuses_entries_that_it_does_not_know() {
        for json in [
            "{",
            r#"{"Defaults": [{"Options": [{"rootpw": true}]}]}"#,
            r#"{"User_Specs": [{"User_List": [{"username": "twostep-line-0"}], "Host_List": [], "Cmnd_Specs": []},
                {"User_List": [{"stranger": "x"}], "Host_List": [], "Cmnd_Specs": []}]}"#,
        ] {
            assert!(matches!(parsed(json, &[line("x")]), Err(ExportFault::Unknown(_))), "{json}");
        }
    }
}
