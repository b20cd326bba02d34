//! The report as CSV (RFC 4180), for a spreadsheet.

use std::io::Write;

use csv::{Terminator, WriterBuilder};

use crate::failure::Failure;
use crate::printable::printable_line;
use crate::words::report as words;

use super::cells::COLUMNS;
use super::destination::{Destination, not_written};
use super::gather::Report;
use super::totals::{Count, Totals};

/// A row for each person, or without names a row for each total.
pub(super) fn write(report: &Report, mut to: Destination) -> Result<(), Failure> {
    if report.people.is_some() {
        write!(to, "# {}\r\n", words::CONFIDENTIAL).map_err(not_written)?;
    }
    let mut rows = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(&mut to);
    match &report.people {
        Some(people) => {
            rows.write_record(HEAD).map_err(not_written)?;
            for person in people {
                rows.write_record(person.row().map(|cell| harmless(&cell))).map_err(not_written)?;
            }
        }
        None => {
            rows.write_record(["group", "count", "number"]).map_err(not_written)?;
            for (group, count, number) in totals(&report.totals) {
                rows.write_record([harmless(group), count.to_owned(), number.to_string()])
                    .map_err(not_written)?;
            }
        }
    }
    rows.flush().map_err(not_written)?;
    drop(rows);
    to.end()
}

const HEAD: [&str; COLUMNS] = [
    "user",
    "uid",
    "required",
    "required_since",
    "enrolled",
    "last_used",
    "last_used_where",
    "codes",
    "recovery_codes",
    "exempt",
    "groups",
    "problem",
];

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let cell = printable_line(cell);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

/// Each group, or an empty name for all people; what is counted; how many.
fn totals(totals: &Totals) -> Vec<(&str, &'static str, usize)> {
    let of = |group, count: Count| {
        let Count { people, enrolled, required, required_enrolled } = count;
        [
            ("people", people),
            ("enrolled", enrolled),
            ("required", required),
            ("required_enrolled", required_enrolled),
        ]
        .map(|(what, number)| (group, what, number))
    };
    let all = of("", totals.all).into_iter();
    let others = [
        ("required_later", totals.required_later),
        ("exempt", totals.exempt),
        ("locked", totals.locked),
        ("unusable", totals.unusable),
        ("recovery_codes_none", totals.recovery_codes.none),
        ("recovery_codes_few", totals.recovery_codes.few),
        ("recovery_codes_enough", totals.recovery_codes.enough),
        ("orphans", totals.orphans),
    ];
    let groups = totals.groups.iter().flat_map(|group| of(&group.name, group.count));
    all.chain(others.map(|(what, number)| ("", what, number))).chain(groups).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_no_cell_a_formula() {
        let table =
            [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "?x"), ("a=b", "a=b")];
        for (cell, expected) in table {
            assert_eq!(harmless(cell), expected);
        }
    }
}
