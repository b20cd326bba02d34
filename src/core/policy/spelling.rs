//! One account with several spellings: a directory service answers `remo`, `REMO`, `CORP\remo` and `remo@corp.example`
//! with the same entry. A rule that names one of them means that account, whichever of them the user logs in with.

use crate::fault::Fault;

/// The names in a policy that mean one account, in other spellings than the name service's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spellings<'a> {
    /// The names that the name service answers with the entry of the account.
    pub known: Vec<&'a str>,
    /// The names for which the look-up failed.
    pub unknown: Vec<&'a str>,
}

type Entry = Result<(u32, String), Fault>;

impl<'a> Spellings<'a> {
    /// The spellings of the account that the name service calls `name`. `looked_up` has the names that were looked up,
    /// each with the uid and name of the entry that was found. An entry with the same uid and another name is a second
    /// account, not a spelling of this one.
    pub fn of(name: &str, uid: u32, looked_up: &[(&'a str, Entry)]) -> Self {
        let mut spellings = Self::default();
        for (written, entry) in looked_up.iter().filter(|(written, _)| may_be_spelling(written, name)) {
            match entry {
                Ok((its_uid, its_name)) if *its_uid == uid && its_name == name => {
                    spellings.known.push(written);
                }
                Ok(_) => {}
                Err(_) => spellings.unknown.push(written),
            }
        }
        spellings
    }
}

/// Whether two names could be two spellings of one account. Such names are the same except for upper and lower case, a
/// domain before `\` or after `@`, a domain separated by a character that portable names do not contain (as in
/// `corp+remo`), and the replacement of a blank.
pub fn may_be_spelling(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || !(is_portable(one) && is_portable(other)) && is_alike(one, other)
}

/// The names in `listed` that could be other spellings of `name`. A policy may list thousands, so cheap tests exclude
/// most of them: a portable name has no domain, so no shorter name is a spelling of it.
pub(super) fn possible_among<'l>(
    listed: impl Iterator<Item = &'l str>,
    name: &str,
) -> impl Iterator<Item = &'l str> {
    let is_plain = is_portable(name);
    listed.filter(move |listed| {
        let may_be = match is_plain {
            true if listed.len() < name.len() => false,
            true if is_portable(listed) => listed.eq_ignore_ascii_case(name),
            _ => may_be_spelling(listed, name),
        };
        may_be && *listed != name
    })
}

fn is_alike(one: &str, other: &str) -> bool {
    let (one, other) = (folded(without_domain(one)), folded(without_domain(other)));
    is_part(&one, &other) || is_part(&other, &one)
}

/// Whether two names are the same, in two of the spellings between which a directory service can be switched: upper or
/// lower case, with or without a domain, `CORP\name` or `name@corp.example`, a blank or its replacement. Names of two
/// domains differ.
pub fn is_rewritten(one: &str, other: &str) -> bool {
    let (name, other_name) = (folded(without_domain(one)), folded(without_domain(other)));
    name.len() == other_name.len()
        && !name.is_empty()
        && is_same(&name, &other_name)
        && share_domain(one, other)
}

/// Whether two names may belong to one domain. A name may have no domain. The short name of a Windows domain is the
/// first label of the long one.
fn share_domain(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (domain(one), domain(other)) else { return true };
    let is_short_for = |short: &str, long: &str| {
        !short.contains('.') && long.split('.').next().is_some_and(|label| label.eq_ignore_ascii_case(short))
    };
    one.eq_ignore_ascii_case(other) || is_short_for(one, other) || is_short_for(other, one)
}

fn domain(name: &str) -> Option<&str> {
    let before = name.rsplit_once('\\').map(|(domain, _)| domain);
    before.or_else(|| name.split_once('@').map(|(_, domain)| domain))
}

/// The name without its domain.
fn without_domain(name: &str) -> &str {
    let name = name.rsplit('\\').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name)
}

/// Whether a name has only POSIX's portable characters (POSIX.1-2017, 3.437). None of them separates a domain or
/// replaces a blank.
fn is_portable(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `part` is `whole`, or is its beginning or end and separated from the rest.
fn is_part(part: &[char], whole: &[char]) -> bool {
    let sets_off =
        |c: Option<&char>| c.is_none_or(|c| c.is_ascii() && !is_portable(c.encode_utf8(&mut [0; 4])));
    let Some(rest) = whole.len().checked_sub(part.len()).filter(|_| !part.is_empty()) else { return false };
    let (beginning, behind) = whole.split_at(part.len());
    let (before, end) = whole.split_at(rest);
    (is_same(part, beginning) && sets_off(behind.first())) || (is_same(part, end) && sets_off(before.last()))
}

/// Whether two names of one length are the same. A character that is not a letter or digit may replace a blank.
fn is_same(one: &[char], other: &[char]) -> bool {
    let stands_for = |blank: char, c: char| blank == ' ' && !c.is_alphanumeric();
    one.iter().zip(other).all(|(&a, &b)| a == b || stands_for(a, b) || stands_for(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::NamesProblem;

    #[test]
    fn knows_every_way_to_write_a_name() {
        let remo =
            ["remo", "REMO", "CORP\\remo", "corp\\Remo", "remo@corp.example", "REMO@CORP", "corp+remo"];
        let blanks = ["gap user", "gap_user", "Gap User@corp", "CORP\\gap_user"];
        let letters = ["ÄNNE", "änne", "änne@corp"];
        for group in [&remo[..], &blanks, &letters] {
            for (one, other) in group.iter().flat_map(|one| group.iter().map(move |other| (one, other))) {
                assert!(may_be_spelling(one, other), "{one} {other}");
            }
        }
    }

    #[test]
    fn takes_posix_characters_for_portable() {
        for c in '\0'..='\u{ff}' {
            let is_one = c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
            assert_eq!(is_portable(&c.to_string()), is_one, "{c:?}");
        }
    }

    #[test]
    fn lists_every_possible_spelling() {
        let names = [
            "remo",
            "REMO",
            "CORP\\remo",
            "remo@corp",
            "corp+remo",
            "gap user",
            "gap_user",
            "rem",
            "x",
            "Äa",
            "äa",
            "",
        ];
        for name in names {
            let expected = names.iter().filter(|listed| may_be_spelling(listed, name) && **listed != name);
            assert!(possible_among(names.into_iter(), name).eq(expected.copied()), "{name}");
        }
    }

    #[test]
    fn takes_no_other_name_for_a_spelling() {
        let table = [
            ("remo", "remoo"),
            ("remo", "lena"),
            ("remo", "lena@remo"),
            ("remo", "remo\\lena"),
            ("remo@corp", "lena@corp"),
            ("CORP\\remo", "CORP\\lena"),
            ("remo", "remo-admin"),
            ("remo", "x.remo"),
            ("remo", "@remo"),
            ("remo", "remo\\"),
            ("", "@corp"),
            ("gap user", "gapxuser"),
            ("corp+remo", "corp+lena"),
        ];
        for (one, other) in table {
            assert!(!may_be_spelling(one, other) && !may_be_spelling(other, one), "{one} {other}");
        }
    }

    #[test]
    fn tells_rewritten_name_from_another() {
        let one = ["remo", "Remo", "CORP\\remo", "remo@corp", "REMO@corp.example"];
        let blanks = ["gap user", "gap_user@corp", "CORP\\Gap User"];
        for group in [&one[..], &blanks] {
            for (first, second) in
                group.iter().flat_map(|first| group.iter().map(move |second| (first, second)))
            {
                assert!(is_rewritten(first, second), "{first} {second}");
            }
        }
        for (first, second) in [
            ("remo@corp.example", "remo@other.example"),
            ("CORP\\remo", "OTHER\\remo"),
            ("CORP\\remo", "remo@other.example"),
            ("remo@corp.example", "remo@corp.other"),
            ("corp+remo", "remo@other"),
            ("remo", "lena"),
            ("remo", "remo2"),
            ("@corp", "\\"),
        ] {
            assert!(!is_rewritten(first, second) && !is_rewritten(second, first), "{first} {second}");
        }
    }

    #[test]
    fn takes_only_the_same_entry_for_a_spelling() {
        let found = |uid, name: &str| Ok((uid, name.to_owned()));
        let looked_up = [
            ("REMO", found(7, "remo")),
            ("remo@other", found(8, "remo")),
            ("CORP\\remo", found(7, "Remo")),
            ("Remo", Err(NamesProblem::NoUser("away".to_owned()).into())),
            ("LENA", Err(NamesProblem::NoUser("away".to_owned()).into())),
        ];
        let spellings = Spellings::of("remo", 7, &looked_up);
        assert_eq!(spellings, Spellings { known: vec!["REMO"], unknown: vec!["Remo"] });
    }
}
