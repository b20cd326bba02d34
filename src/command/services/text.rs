//! The services for a reader at a terminal.

use twostep_core::policy::Mode;
use twostep_doctor::context::Visibility;
use twostep_doctor::services::clause::Clause;
use twostep_doctor::services::code::Code;
use twostep_doctor::services::{Missing, ServiceAccess, Services};

use crate::columns;
use crate::printable::printable_line;
use crate::terminal::{Line, Tone};
use crate::words::services as words;

/// The program that may use a service of another name.
const SSHD: &str = "sshd";
/// A cell with nothing to say.
const NONE: &str = "-";
/// A cell lists at most this many names. JSON has all.
const MOST_NAMES: usize = 4;

/// A row for each service below a head, and what concerns all of them.
pub(super) fn lines(services: &Services) -> Vec<Line> {
    let others = findings(services.other_problems, services.other_warnings);
    let needs_root = services.visibility == Visibility::Public;
    let notes = [others.map(words::not_of_one_service), needs_root.then(|| words::NEEDS_ROOT.to_owned())];
    let notes: Vec<_> = notes.into_iter().flatten().map(|note| vec![(Tone::Plain, note)]).collect();
    let blank = (!notes.is_empty()).then(Vec::new);
    table(&services.services).into_iter().chain(blank).chain(notes).collect()
}

fn table(services: &[ServiceAccess]) -> Vec<Line> {
    if services.is_empty() {
        return vec![vec![(Tone::Plain, words::NONE.to_owned())]];
    }
    let head = [words::COLUMN_SERVICE, words::COLUMN_CODE, words::COLUMN_WHOM, words::COLUMN_MISSING];
    let head = head.map(str::to_uppercase).to_vec();
    let rows: Vec<Vec<String>> = services.iter().map(cells).collect();
    let widths = columns::widths([head.clone()].into_iter().chain(rows.iter().cloned()));
    let head = vec![(Tone::Heading, columns::line(&head, &widths))];
    let rows = services.iter().zip(&rows).map(|(service, row)| toned(row, &widths, tone(service)));
    [head].into_iter().chain(rows).collect()
}

/// The row with its second cell in this tone.
fn toned(row: &[String], widths: &[usize], tone: Tone) -> Line {
    let plain = columns::line(row, widths);
    let start = widths.first().map_or(0, |width| width.saturating_add(columns::GAP.len()));
    let (before, rest) = split(&plain, start);
    let (code, after) = split(&rest, row.get(1).map_or(0, |cell| cell.chars().count()));
    vec![(Tone::Plain, before), (tone, code), (Tone::Plain, after)]
}

/// The first `characters` of the text, and the rest.
fn split(text: &str, characters: usize) -> (String, String) {
    (text.chars().take(characters).collect(), text.chars().skip(characters).collect())
}

fn tone(service: &ServiceAccess) -> Tone {
    match service.code {
        Code::Asks if service.problems == 0 => Tone::Good,
        Code::AsksForNone if service.required == Some(true) => Tone::Bad,
        Code::Asks | Code::AsksForNone | Code::Unknown => Tone::Doubtful,
        Code::CanBeBypassed | Code::RefusesEverybody => Tone::Bad,
        Code::Exempt => Tone::Plain,
    }
}

/// The cells of a row. Names of files and of the policy may hold anything, and must not begin a row of their own.
fn cells(service: &ServiceAccess) -> Vec<String> {
    let is_other = service.sshd && service.service != SSHD;
    let name = if is_other { words::used_by_sshd(&service.service) } else { service.service.clone() };
    let cells = [name, code(service.code).to_owned(), whom(service), missing(service)];
    let cells = cells.map(|cell| if cell.is_empty() { NONE.to_owned() } else { cell });
    cells.map(|cell| printable_line(&cell)).to_vec()
}

fn code(code: Code) -> &'static str {
    match code {
        Code::Asks => words::ASKS,
        Code::CanBeBypassed => words::CAN_BE_BYPASSED,
        Code::AsksForNone => words::ASKS_FOR_NONE,
        Code::Exempt => words::EXEMPT,
        Code::RefusesEverybody => words::REFUSES_EVERYBODY,
        Code::Unknown => words::UNKNOWN,
    }
}

/// Whom the policy asks there.
fn whom(service: &ServiceAccess) -> String {
    let Some(rules) = &service.rules else { return words::UNKNOWN.to_owned() };
    let clauses: Vec<_> = rules.iter().map(|rule| clause(rule, rules.len() > 1)).collect();
    clauses.join("; ")
}

/// One rule. `is_one_of_many` tells whether other rules come before the policy's own mode.
fn clause(clause: &Clause, is_one_of_many: bool) -> String {
    let mode = clause.mode.word();
    if clause.is_default() {
        return if is_one_of_many { words::otherwise(mode) } else { mode.to_owned() };
    }
    let mode = clause.starts.map_or_else(|| mode.to_owned(), |day| words::starting(mode, day));
    let whom = conditions(clause);
    let until = clause.until.map(words::until);
    let rest = match whom.as_slice() {
        // An exemption is looked up by its name, which tells why it is there.
        _ if clause.mode == Mode::Exempt => vec![words::by_rule(&clause.rule)],
        [] => vec![words::by_rule(&clause.rule)],
        _ => whom,
    };
    [mode].into_iter().chain(rest).chain(until).collect::<Vec<_>>().join(" ")
}

fn conditions(clause: &Clause) -> Vec<String> {
    let one = |names: &[String], text: fn(String) -> String| (!names.is_empty()).then(|| text(list(names)));
    let conditions = [
        one(&clause.users, words::for_users),
        one(&clause.groups, words::for_groups),
        clause.origin.map(words::with_origin),
        one(&clause.from, words::from_networks),
        one(&clause.first_factor, words::with_first_factor),
    ];
    conditions.into_iter().flatten().collect()
}

fn list(names: &[String]) -> String {
    let (named, more) = names.split_at_checked(MOST_NAMES).unwrap_or((names, &[]));
    let named = named.join(", ");
    if more.is_empty() { named } else { words::and_more(named, more.len()) }
}

fn missing(service: &ServiceAccess) -> String {
    // By this name 'enable' finds every service of sshd.
    let enabled = if service.sshd { SSHD } else { &service.service };
    let missing = service.missing.iter().map(|missing| match missing {
        Missing::ServiceFile => words::NO_FILE.to_owned(),
        Missing::AuthLine if service.account_line == Some(true) => {
            words::run_enable(words::NO_AUTH_LINE, enabled)
        }
        Missing::AuthLine => words::run_enable(words::NO_LINE, enabled),
        Missing::AccountLine => words::NO_ACCOUNT_LINE.to_owned(),
        Missing::Module => words::NO_MODULE.to_owned(),
        Missing::Pam => words::WITHOUT_PAM.to_owned(),
        Missing::CodeAfterKey => words::KEY_ALONE.to_owned(),
    });
    let found = findings(service.problems, service.warnings).map(words::see_doctor);
    missing.chain(found).collect::<Vec<_>>().join("; ")
}

/// So many problems and warnings; none if there are neither.
fn findings(problems: usize, warnings: usize) -> Option<String> {
    let problems = match problems {
        0 => None,
        1 => Some(words::ONE_PROBLEM.to_owned()),
        many => Some(words::problems(many)),
    };
    let warnings = match warnings {
        0 => None,
        1 => Some(words::ONE_WARNING.to_owned()),
        many => Some(words::warnings(many)),
    };
    let all: Vec<_> = problems.into_iter().chain(warnings).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests;
