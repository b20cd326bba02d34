//! Files of variables, such as /etc/default/ssh: what scripts and units (systemd.exec(5)) read there.

use twostep_core::os::root::Root;

use super::words::words;
use crate::location::Location;
use crate::tree;

/// A variable and the line that sets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Variable {
    pub name: String,
    pub value: String,
    pub location: Location,
}

/// The variables that the file sets; none if it cannot be read.
pub(crate) fn read(root: &Root, file: &str) -> Option<Vec<Variable>> {
    let text = tree::text(root, file)?;
    let lines = (1..).zip(text.lines());
    Some(lines.filter_map(|(number, line)| variable(line, Location::line(file, number))).collect())
}

/// What `NAME=VALUE` sets; none if this is something else.
pub(crate) fn variable(line: &str, location: Location) -> Option<Variable> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_name && !name.is_empty()).then(|| Variable {
        name: name.to_owned(),
        value: words(value).join(" "),
        location,
    })
}
