//! How a remedy changes the logins of the services.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// A text names at most this many services; JSON has them all.
const MOST_NAMES: usize = 12;

/// The services at which some login has another result once a remedy is applied. A login that fails before and succeeds after
/// the remedy with a right code is not counted.
#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Effect {
    /// A login that needs no code before the remedy needs one after it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub closes: BTreeSet<String>,
    /// A login that is refused before the remedy, without a right code or by the account line, succeeds after it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opens: BTreeSet<String>,
    /// A login that succeeds before the remedy is refused after it, whatever code is typed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub locks: BTreeSet<String>,
}

impl Effect {
    /// `service` needs a code after the remedy.
    pub fn closes(service: &str) -> Self {
        Self { closes: BTreeSet::from([service.to_owned()]), ..Self::default() }
    }

    /// `service` needs no code after the remedy.
    pub fn opens(service: &str) -> Self {
        Self { opens: BTreeSet::from([service.to_owned()]), ..Self::default() }
    }

    /// `service` refuses some users after the remedy.
    pub fn locks(service: &str) -> Self {
        Self { locks: BTreeSet::from([service.to_owned()]), ..Self::default() }
    }

    /// The union of both effects.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.closes.extend(other.closes);
        self.opens.extend(other.opens);
        self.locks.extend(other.locks);
        self
    }

    /// Whether no login changes.
    pub fn is_none(&self) -> bool {
        self.closes.is_empty() && self.opens.is_empty() && self.locks.is_empty()
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        sentence(f, &self.closes, "a code is needed at")?;
        sentence(f, &self.opens, "no code is needed at")?;
        sentence(f, &self.locks, "some users who can log in now are refused at")
    }
}

fn sentence(f: &mut Formatter<'_>, services: &BTreeSet<String>, what: &str) -> fmt::Result {
    if services.is_empty() { Ok(()) } else { writeln!(f, "    After this, {what} {}.", named(services)) }
}

fn named(services: &BTreeSet<String>) -> String {
    let names: Vec<&str> = services.iter().take(MOST_NAMES).map(String::as_str).collect();
    match (services.len().saturating_sub(names.len()), names.split_last()) {
        (0, Some((last, []))) => (*last).to_owned(),
        (0, Some((last, before))) => format!("{} and {last}", before.join(", ")),
        (more, _) => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_changes_at_one_service_or_many() {
        let two = Effect::opens("su").and(Effect::opens("sudo")).and(Effect::closes("sshd"));
        assert_eq!(
            two.to_string(),
            "    After this, a code is needed at sshd.\n    After this, no code is needed at su and sudo.\n"
        );
        let many =
            (10..24).map(|number| Effect::locks(&number.to_string())).fold(Effect::default(), Effect::and);
        assert!(
            many.to_string()
                .ends_with("refused at 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 and 2 more.\n")
        );
        assert!(Effect::default().is_none());
    }
}
