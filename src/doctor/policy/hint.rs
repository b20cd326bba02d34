//! What to do about an error of a policy file.

use twostep_core::document::{DocumentError, Type};
use twostep_core::policy::{NetworkError, PolicyErrorKind};

/// Two keys that are more alike than this are probably the same, misspelt; 1 is equal.
const ALIKE: f64 = 0.7;

/// What to do about an error, as a sentence.
pub fn what_to_do(error: &PolicyErrorKind) -> String {
    if let Some(word) = meant(error) {
        return format!("Did you mean '{word}'?");
    }
    match error {
        PolicyErrorKind::Document(error) => of_document(error),
        PolicyErrorKind::UnknownVersion(_) => "Write 'version = 1'.",
        PolicyErrorKind::Period(_) => "Write 30, which all apps support, or 60.",
        PolicyErrorKind::Issuer => "Write a short name, such as that of your organisation.",
        PolicyErrorKind::EmptyList => "Remove the key to match everything, or name something.",
        PolicyErrorKind::EmptyName => "Remove it from the list.",
        PolicyErrorKind::ServiceInCapitals(_) => "Write it in lower case, as libpam does.",
        PolicyErrorKind::Network(error) => of_network(error),
        PolicyErrorKind::UnknownMethod(_) => "Write one of these.",
        PolicyErrorKind::UnnamedRule => "Give the rule a name: log lines name the rule.",
        PolicyErrorKind::ReservedName | PolicyErrorKind::NameTaken(_) => {
            "Choose another name: log lines name the rule."
        }
        PolicyErrorKind::NeedsMode { .. } => "Remove the day, or change the mode.",
    }
    .to_owned()
}

fn of_document(error: &DocumentError) -> &'static str {
    match error {
        DocumentError::NotUtf8 => "Save the file as UTF-8.",
        DocumentError::Syntax(_) => {
            "Write one 'key = value' a line and each key once: strings in \"quotes\", lists in [brackets], dates and numbers plain."
        }
        DocumentError::UnknownKey { .. } | DocumentError::UnknownWord { .. } => {
            "Write one of these, or remove it."
        }
        DocumentError::MissingKey("version") => "Write 'version = 1' as the first line.",
        DocumentError::MissingKey("name") => "Give the rule a name: log lines name the rule.",
        DocumentError::MissingKey(_) => "Write mode = \"opt-in\", \"mandatory\" or \"exempt\".",
        DocumentError::WrongType { expected, found } => of_type(*expected, *found),
        DocumentError::OutOfRange { .. } => "Write an integer from that range.",
    }
}

const fn of_type(expected: Type, found: Type) -> &'static str {
    match (expected, found) {
        (Type::List, Type::Table) => "Write a list in brackets; the header of a rule has two: [[rule]].",
        (Type::Table, _) => "Write a header, [name] or [[rule]], and the keys below it, one a line.",
        (Type::List, _) => "Write a list in brackets: [\"one\", \"two\"].",
        (Type::Boolean, _) => "Write true or false, without quotes.",
        (Type::Integer | Type::Float, _) => "Write an integer, without quotes.",
        (Type::String, _) => "Write it in \"quotes\".",
        (Type::Date | Type::Time, Type::Time) => "Write the date without the time: 2027-06-30.",
        (Type::Date | Type::Time, _) => "Write a date without quotes: 2027-06-30.",
    }
}

const fn of_network(error: &NetworkError) -> &'static str {
    match error {
        NetworkError::NotLiteral(_) => {
            "Write an address: what a name means depends on its owner's name server."
        }
        NetworkError::Mapped(_) => "Write it as an IPv4 network, such as 192.0.2.0/24.",
        NetworkError::Prefix { .. } => "Write fewer bits, such as /24.",
        NetworkError::BitsBehindPrefix { .. } => "Write that network, or one address without a prefix.",
    }
}

/// The known key or word that was probably meant by an unknown one.
pub fn meant(error: &PolicyErrorKind) -> Option<&'static str> {
    let PolicyErrorKind::Document(
        DocumentError::UnknownKey { key: written, known }
        | DocumentError::UnknownWord { word: written, known },
    ) = error
    else {
        return None;
    };
    let alike = |word: &&str| strsim::jaro_winkler(written, word);
    known.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|word| alike(word) > ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_misspelling() {
        let known = vec!["skew-steps", "tries"];
        let unknown = |key: &str| {
            let (key, known) = (key.to_owned(), known.clone());
            what_to_do(&DocumentError::UnknownKey { key, known }.into())
        };
        assert_eq!(unknown("skew-step"), "Did you mean 'skew-steps'?");
        assert_eq!(unknown("zzz"), "Write one of these, or remove it.");
    }
}
