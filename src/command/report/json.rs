//! The report as JSON.

use serde::Serialize;

use crate::failure::Failure;
use crate::words::moment::rfc_3339;
use crate::words::report as words;

use super::destination::{Destination, not_written};
use super::gather::Report;
use super::totals::Totals;

/// All but the people. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    confidential: Option<&'static str>,
    host: &'a str,
    made: u64,
    made_utc: Option<String>,
    totals: &'a Totals,
    unseen: &'a [String],
}

/// Each person is written on a line: there may be more than fit into memory as text.
pub(super) fn write(report: &Report, mut to: Destination) -> Result<(), Failure> {
    let Report { host, made, totals, people, unseen, services_lost: _ } = report;
    let head = Head {
        confidential: people.as_ref().map(|_| words::CONFIDENTIAL),
        host,
        made: made.seconds(),
        made_utc: rfc_3339(made.seconds()),
        totals,
        unseen,
    };
    let head = serde_json::to_string_pretty(&head).map_err(not_written)?;
    let Some(people) = people else {
        to.print(&(head + "\n"))?;
        return to.end();
    };
    to.print(head.trim_end_matches("\n}"))?;
    to.print(",\n  \"people\": [")?;
    for (place, person) in people.iter().enumerate() {
        let before = if place == 0 { "\n    " } else { ",\n    " };
        to.print(before)?;
        to.print(&serde_json::to_string(person).map_err(not_written)?)?;
    }
    to.print(if people.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" })?;
    to.end()
}
