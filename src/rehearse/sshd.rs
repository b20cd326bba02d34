//! Asks each sshd about its settings.

use std::net::IpAddr;

use nix::unistd::Group;
use twostep_core::os::root::Root;
use twostep_hostconf::sshd::config::{Block, Config};
use twostep_hostconf::sshd::effective::{self, SshdRefusal};
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::launches::Launches;
use twostep_rehearse::SshdRun;

/// A user whom every machine has, for a `Match` block that names none.
const ANYBODY: &str = "root";

/// Asks each sshd whether it accepts its settings, and then what they are: for all users, and for each `Match` block for which a
/// connection can be named.
pub(crate) fn runs() -> Vec<SshdRun> {
    let launches = Launches::of(&Root::SYSTEM).known;
    launches.iter().filter(|launch| launch.program.is_some()).flat_map(of_launch).collect()
}

fn of_launch(launch: &Launch) -> Vec<SshdRun> {
    let Some(checked) = run(launch, &["-t"], effective::check(launch)) else { return Vec::new() };
    // Otherwise each further question has the same error.
    if checked.error.is_some() {
        return vec![checked];
    }
    let settings = run(launch, &["-T"], effective::settings(launch));
    let mut connections: Vec<_> = Config::read(&Root::SYSTEM, launch).map_or_else(Vec::new, |config| {
        (0..config.blocks.len()).filter_map(|index| connection(&config.blocks, index)).collect()
    });
    connections.sort();
    connections.dedup();
    let of_blocks = connections.into_iter().filter_map(|(user, from)| {
        let named = effective::connection(&user, &from)?;
        run(launch, &["-T", "-C", &named], effective::settings_for(launch, &user, &from))
    });
    [Some(checked), settings].into_iter().flatten().chain(of_blocks).collect()
}

/// None if sshd cannot answer, because it was not started since the boot.
fn run<T>(launch: &Launch, words: &[&str], answer: Option<Result<T, SshdRefusal>>) -> Option<SshdRun> {
    let program = launch.program.as_deref()?;
    let command = [program].into_iter().chain(words.iter().copied()).chain(launch.arguments());
    let command: Vec<_> = command.map(quoted).collect();
    Some(SshdRun { command: command.join(" "), error: answer?.err().map(text_of) })
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn text_of(refusal: SshdRefusal) -> String {
    match refusal {
        SshdRefusal::Settings { message: Some(message), .. } => message,
        SshdRefusal::Settings { message: None, .. } => "it failed without a message".to_owned(),
        SshdRefusal::Program { program, failure } => format!("{program} {failure}"),
    }
}

/// A user and an address for which block `index` holds, with the blocks around it; none if there is no such pair, or the block asks
/// for more.
fn connection(blocks: &[Block], index: usize) -> Option<(String, String)> {
    let (mut user, mut from, mut at) = (None, String::new(), Some(index));
    while let Some(block) = at.and_then(|at| blocks.get(at)) {
        for (key, list) in &block.criteria {
            match key.as_str() {
                "all" => {}
                "user" => user = Some(one_of(list)?),
                "group" => user = Some(member_of(&one_of(list)?)?),
                "host" => from = one_of(list)?,
                "address" => from = address_of(list)?,
                _ => return None,
            }
        }
        at = block.parent;
    }
    Some((user.unwrap_or_else(|| ANYBODY.to_owned()), from))
}

/// A name that matches the first pattern of a list that is not negated (ssh_config(5), PATTERNS).
fn one_of(list: &str) -> Option<String> {
    let pattern = list.split(',').find(|pattern| !pattern.is_empty() && !pattern.starts_with('!'))?;
    Some(pattern.replace(['*', '?'], "x"))
}

/// The first address of a list, without its prefix.
fn address_of(list: &str) -> Option<String> {
    let addresses = list.split(',').filter(|pattern| !pattern.starts_with('!'));
    let mut addresses = addresses.map(|pattern| pattern.split('/').next().unwrap_or(pattern));
    addresses.find(|address| address.parse::<IpAddr>().is_ok()).map(str::to_owned)
}

fn member_of(group: &str) -> Option<String> {
    Group::from_name(group).ok().flatten()?.mem.into_iter().next()
}

#[cfg(test)]
mod tests {
    use twostep_hostconf::location::Location;

    use super::*;

    fn block(parent: Option<usize>, criteria: &[(&str, &str)]) -> Block {
        let criteria = criteria.iter().map(|(key, list)| ((*key).to_owned(), (*list).to_owned())).collect();
        Block { text: String::new(), criteria, location: Location::line("/etc/ssh/sshd_config", 1), parent }
    }

    type Criteria<'a> = &'a [(&'a str, &'a str)];

    #[test]
    fn names_connection_for_match_block() {
        let table: [(Criteria<'_>, Option<(&str, &str)>); 9] = [
            (&[("user", "ada,bob")], Some(("ada", ""))),
            (&[("user", "!eve,b*")], Some(("bx", ""))),
            (&[("user", "ada"), ("address", "192.0.2.0/24")], Some(("ada", "192.0.2.0"))),
            (&[("address", "!192.0.2.1,2001:db8::/32")], Some(("root", "2001:db8::"))),
            (&[("address", "192.0.2.*")], None),
            (&[("host", "*.example")], Some(("root", "x.example"))),
            (&[("all", "")], Some(("root", ""))),
            (&[("localport", "2222")], None),
            (&[("group", "no-such-group-here")], None),
        ];
        for (criteria, expected) in table {
            let found = connection(&[block(None, criteria)], 0);
            let expected = expected.map(|(user, from)| (user.to_owned(), from.to_owned()));
            assert_eq!(found, expected, "{criteria:?}");
        }
    }

    #[test]
    fn names_connection_for_block_within_block() {
        let blocks = [block(None, &[("address", "192.0.2.7")]), block(Some(0), &[("user", "ada")])];
        assert_eq!(connection(&blocks, 1), Some(("ada".to_owned(), "192.0.2.7".to_owned())));
    }

    #[test]
    fn quotes_words_for_shell() {
        assert_eq!(["-T", "a b", "it's", ""].map(quoted), ["-T", "'a b'", r"'it'\''s'", "''"]);
    }
}
