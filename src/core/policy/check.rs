//! Everything that is wrong with a policy file, where a login is content with the first error.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{
    self, EnrollmentTable, GateTable, Names, PolicyError, PolicyFile, RuleTable, VerificationTable,
};
use super::rules::Policy;

/// Nobody reads more errors than this, of one kind.
const MOST: usize = 100;

impl Policy {
    /// Everything that is wrong with the text of a policy file: every syntax error, or else one error of each table, in the order
    /// of the file. Empty if and only if [`Self::parse`] reads it.
    pub fn errors(bytes: &[u8]) -> Vec<PolicyError> {
        let text = match reader::text_of(bytes) {
            Ok(text) => text,
            Err(error) => return vec![error],
        };
        let (table, syntax) = DeTable::parse_recoverable(text);
        let mut errors: Vec<PolicyError> =
            syntax.iter().take(MOST).map(|error| reader::located(error, text)).collect();
        if !errors.is_empty() {
            errors.sort_by_key(in_order);
            // What else is wrong on a line mostly follows from the first.
            errors.dedup_by_key(|error| error.position.line);
            return errors;
        }
        errors = of_tables(table, text);
        if errors.is_empty() {
            // Whatever a login refuses is an error here, too.
            errors.extend(Self::parse(bytes).err());
        }
        errors.sort_by_key(in_order);
        errors
    }
}

fn in_order(error: &PolicyError) -> (usize, usize) {
    (error.position.line, error.position.column)
}

fn of_tables(mut table: Spanned<DeTable<'_>>, text: &str) -> Vec<PolicyError> {
    let mut take = |key: &str| table.as_mut().remove(key);
    let found = [
        take("verification").and_then(|value| error::<VerificationTable>(value, text)),
        take("enrollment").and_then(|value| error::<EnrollmentTable>(value, text)),
        take("gate").and_then(|value| error::<GateTable>(value, text)),
    ];
    let rules = take("rule").map_or_else(Vec::new, |value| of_rules(value, text));
    // What is left are the keys before the first table, and what has no business in a policy.
    let head = PolicyFile::deserialize(table.into_deserializer()).err();
    let head = head.map(|error| reader::located(&error, text));
    head.into_iter().chain(found.into_iter().flatten()).chain(rules).collect()
}

fn of_rules(value: Spanned<DeValue<'_>>, text: &str) -> Vec<PolicyError> {
    let span = value.span();
    let value = value.into_inner();
    let DeValue::Array(rules) = value else {
        return error::<Vec<RuleTable>>(Spanned::new(span, value), text).into_iter().collect();
    };
    let mut names = Names::default();
    let check = |rule: Spanned<DeValue<'_>>| {
        let rule = RuleTable::deserialize(rule.into_deserializer());
        rule.map_err(|error| reader::located(&error, text))
            .and_then(|rule| rule.check(&mut names, text))
            .err()
    };
    rules.into_iter().filter_map(check).take(MOST).collect()
}

fn error<'de, T: Deserialize<'de>>(value: Spanned<DeValue<'de>>, text: &str) -> Option<PolicyError> {
    T::deserialize(value.into_deserializer()).err().map(|error| reader::located(&error, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        let errors = Policy::errors(text.as_bytes());
        assert_eq!(errors.is_empty(), Policy::parse(text.as_bytes()).is_ok(), "{text}");
        errors.iter().map(|error| error.to_string().chars().take(40).collect()).collect()
    }

    #[test]
    fn every_table_shows_one_error() {
        let text = "version = 2\nmode = \"opt-in\"\nstart = 1\n[verification]\ntries = 0\nskew = 1\n[enrollment]\ndigits = 9\n\
                    [gate]\nservice = []\n[[rule]]\nname = \"a\"\nmode = \"off\"\n[[rule]]\nname = \"a\"\nmode = \"exempt\"\n\
                    [[rule]]\nname = \"a\"\nmode = \"opt-in\"\nuntil = 2027-01-01\n[[rule]]\nname = \"c\"\nmode = \"opt-in\"\n\
                    until = 2027-01-01\n[[rule]]\nmode = \"exempt\"\n";
        let expected = [
            "3:1: unknown field `start`, expected one",
            "6:1: unknown field `skew`, expected one ",
            "8:10: 9 is out of range: 6 to 8",
            "10:1: unknown field `service`, expected ",
            "13:8: unknown variant `off`, expected on",
            "18:8: another rule is called 'a' already",
            "24:9: 'until' is the last day of an exem",
            "25:1: missing field `name`",
        ];
        assert_eq!(places(text), expected);
    }

    #[test]
    fn errors_stand_in_the_order_of_the_file() {
        let text = "version = 1\nmode = \"opt-in\"\n[gate]\nservice = []\n[[rule]]\nname = \"a\"\nmode = \"off\"\n\
                    [enrollment]\ndigits = 9\n[verification]\ntries = 0\n";
        let found = places(text);
        let lines: Vec<&str> = found.iter().filter_map(|error| error.split(':').next()).collect();
        assert_eq!(lines, ["4", "7", "9", "11"], "{found:?}");
    }

    #[test]
    fn every_syntax_error_is_shown() {
        let found = places("version = \nmode = opt-in\n[[rule]]\nname = \"a\nmode = \"exempt\"\n");
        let lines: Vec<&str> = found.iter().filter_map(|error| error.split(':').next()).collect();
        assert_eq!(lines, ["1", "2", "4"], "{found:?}");
    }

    #[test]
    fn what_is_no_table_or_list_of_tables_is_an_error_of_its_own() {
        let head = "version = 1\nmode = \"opt-in\"\n";
        for (tail, place) in [
            ("verification = 3\n", "3:16:"),
            ("rule = 3\n", "3:8:"),
            ("rule = [3]\n", "3:9:"),
            ("[rule]\n", "3:1:"),
            ("[other]\nx = 1\n", "3:2:"),
        ] {
            let found = places(&format!("{head}{tail}"));
            assert!(found.len() == 1 && found[0].starts_with(place), "{tail} {found:?}");
        }
        assert!(places(head).is_empty());
    }

    #[test]
    fn what_is_not_text_is_one_error() {
        assert_eq!(Policy::errors(b"version = 1\n\xff\n\xff")[0].to_string(), "2:1: this is not UTF-8");
        let utf16: Vec<u8> = "version = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(!Policy::errors(&utf16).is_empty());
    }

    #[test]
    fn nesting_and_length_take_no_time_and_no_stack() {
        for (text, many) in [("a = ", "["), ("a = ", "{a="), ("", "a."), ("", "[[rule]]\n"), ("#", "x")] {
            let text = format!("{text}{}", many.repeat(1_000_000));
            assert!(!Policy::errors(text.as_bytes()).is_empty(), "{many}");
        }
    }
}
