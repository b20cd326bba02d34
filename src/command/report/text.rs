//! The report for a reader at a terminal.

use twostep_core::dialogue::screen::Screen;

use crate::columns;
use crate::failure::Failure;
use crate::words::moment;
use crate::words::report as words;

use super::destination::Destination;
use super::gather::Report;
use super::person::Person;
use super::totals::{Count, Point, Totals};

/// Columns of a bar.
const BAR: usize = 20;
/// The most rows of the curve.
const ROWS: usize = 12;
/// Columns of the text before a bar or a number.
const LABEL: usize = 31;
/// A cell with nothing to say.
const NONE: &str = "-";

/// The characters of a bar: what is done, and the rest.
struct Ink {
    full: &'static str,
    empty: &'static str,
}

pub(super) fn write(report: &Report, screen: &Screen, mut to: Destination) -> Result<(), Failure> {
    let ink = if screen.picture { Ink { full: "█", empty: "░" } } else { Ink { full: "#", empty: "." } };
    let Report { host, made, totals, people, unseen, services_lost: _ } = report;
    let mut lines = Vec::new();
    if people.is_some() {
        lines.push(words::CONFIDENTIAL.to_owned());
    }
    lines.push(words::head(host, moment::text(*made)));
    lines.push(String::new());
    lines.extend(of_all(totals, &ink));
    if !totals.groups.is_empty() {
        lines.extend([String::new(), format!("{}:", words::BY_GROUP)]);
        let rows = totals.groups.iter().map(|group| of_group(&group.name, group.count, &ink));
        lines.extend(rows);
    }
    if !totals.enrolled_by.is_empty() {
        lines.extend([String::new(), format!("{}:", words::CURVE)]);
        lines.extend(curve(&totals.enrolled_by, &ink));
    }
    for line in lines.drain(..) {
        to.print(&(line + "\n"))?;
    }
    if let Some(people) = people.as_ref().filter(|people| !people.is_empty()) {
        to.print("\n")?;
        table(people, &mut to)?;
    }
    for (place, what) in unseen.iter().enumerate() {
        to.print(&format!("{}{}\n", if place == 0 { "\n" } else { "" }, words::unseen(what)))?;
    }
    to.end()
}

/// The totals of all people.
fn of_all(totals: &Totals, ink: &Ink) -> Vec<String> {
    let all = totals.all;
    let bars = [
        bar(words::REQUIRED_AND_ENROLLED, all.required_enrolled, all.required, ink),
        bar(words::ENROLLED, all.enrolled, all.people, ink),
    ];
    bars.into_iter().chain(totals.others().into_iter().map(|(what, count)| number(&what, count))).collect()
}

fn of_group(name: &str, count: Count, ink: &Ink) -> String {
    bar(name, count.required_enrolled, count.required, ink)
}

fn bar(what: &str, some: usize, all: usize, ink: &Ink) -> String {
    format!("  {what:<LABEL$}  {}  {}", drawn(some, all, ink), words::of_all(some, all))
}

fn number(what: &str, count: usize) -> String {
    format!("  {what:<LABEL$}  {count}")
}

/// A bar that is full only if `some` are all, and empty only if they are none.
fn drawn(some: usize, all: usize, ink: &Ink) -> String {
    let full = match some.saturating_mul(BAR).checked_div(all) {
        Some(0) if some > 0 => 1,
        Some(full) => full.min(BAR),
        None => 0,
    };
    ink.full.repeat(full) + &ink.empty.repeat(BAR.saturating_sub(full))
}

/// The curve: the first day, the last, and some between them.
fn curve(points: &[Point], ink: &Ink) -> Vec<String> {
    let all = points.last().map_or(0, |last| last.enrolled);
    let step = points.len().div_ceil(ROWS).max(1);
    let shown = points.iter().rev().step_by(step);
    let mut rows: Vec<String> = shown
        .map(|Point { day, enrolled }| format!("  {day}  {}  {enrolled}", drawn(*enrolled, all, ink)))
        .collect();
    rows.reverse();
    rows
}

/// A row for each person.
fn table(people: &[Person], to: &mut Destination) -> Result<(), Failure> {
    let head = || {
        [
            words::COLUMN_USER,
            words::COLUMN_REQUIRED,
            words::COLUMN_SINCE,
            words::COLUMN_ENROLLED,
            words::COLUMN_USED,
            words::COLUMN_CODES,
            words::COLUMN_RECOVERY,
            words::COLUMN_EXEMPT,
        ]
        .map(str::to_uppercase)
        .to_vec()
    };
    let rows = || [head()].into_iter().chain(people.iter().map(row));
    let widths = columns::widths(rows());
    rows().try_for_each(|row| to.print(&(columns::line(&row, &widths) + "\n")))
}

fn row(person: &Person) -> Vec<String> {
    let cells = [
        person.user.clone(),
        person.required_by(),
        person.required_since(),
        person.enrollment(),
        person.last_used(),
        person.code_state(),
        person.recovery().to_owned(),
        person.exemptions(),
    ];
    cells.map(|cell| if cell.is_empty() { NONE.to_owned() } else { cell }).to_vec()
}
