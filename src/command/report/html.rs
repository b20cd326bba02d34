//! The report as a web page: one file that loads nothing.

use maud::{Markup, PreEscaped, html};
use twostep_core::time::UnixTime;

use crate::failure::Failure;
use crate::words::moment;
use crate::words::report as words;

use super::cells::COLUMNS;
use super::destination::Destination;
use super::gather::Report;
use super::person::Person;
use super::totals::{Count, Point, Totals};

/// The page's own style and script.
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The policy of the page (Content Security Policy Level 3) allows these two alone, by the SHA-256 of each: a name with markup in it
/// could run nothing, even if it were not escaped.
const POLICY: &str = "default-src 'none'; style-src 'sha256-GZYDXbaUSmblSeyuX9HLL/vtlgHHL6zdYQC46pK2iEs='; \
    script-src 'sha256-GLv1Iy1wS2XfssPMPALWEoryx3SCRAvocaLycutWpQ4='; base-uri 'none'; form-action 'none'";

/// The curve, in its own units.
const WIDTH: u64 = 480;
const HEIGHT: u64 = 120;

pub(super) fn write(report: &Report, mut to: Destination) -> Result<(), Failure> {
    let title = words::title(&report.host);
    to.print("<!DOCTYPE html>\n<html lang=\"en\">\n")?;
    to.print(&head(&title).into_string())?;
    to.print("<body>\n")?;
    to.print(&before_table(report, &title).into_string())?;
    if let Some(people) = &report.people {
        table(people, &mut to)?;
    }
    to.print(&html! { script { (PreEscaped(SCRIPT)) } }.into_string())?;
    to.print("\n</body>\n</html>\n")?;
    to.end()
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            meta name="referrer" content="no-referrer";
            meta name="robots" content="noindex";
            meta name="viewport" content="width=device-width";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
        "\n"
    }
}

fn before_table(report: &Report, title: &str) -> Markup {
    let Report { host: _, made, totals, people, unseen, services_lost: _ } = report;
    html! {
        @if people.is_some() {
            p class="confidential" { (words::CONFIDENTIAL) }
        }
        h1 { (title) }
        p { (moment::text(*made)) }
        h2 { (words::TOTALS) }
        (of_all(totals))
        @if !totals.groups.is_empty() {
            h2 { (words::BY_GROUP) }
            table {
                @for group in &totals.groups {
                    (row_of(&group.name, group.count))
                }
            }
        }
        @if !totals.enrolled_by.is_empty() {
            h2 { (words::CURVE) }
            (curve(&totals.enrolled_by, *made))
        }
        @if !unseen.is_empty() {
            h2 { (words::NOT_SEEN) }
            ul {
                @for what in unseen {
                    li { (what) }
                }
            }
        }
        "\n"
    }
}

fn of_all(totals: &Totals) -> Markup {
    let all = totals.all;
    html! {
        table {
            (row_of(words::REQUIRED_AND_ENROLLED, all))
            tr {
                th scope="row" { (words::ENROLLED) }
                td { (meter(all.enrolled, all.people)) }
                td { (words::of_all(all.enrolled, all.people)) }
            }
            @for (what, count) in totals.others() {
                tr { th scope="row" { (what) } td {} td { (count) } }
            }
        }
    }
}

fn row_of(what: &str, count: Count) -> Markup {
    let Count { required, required_enrolled, .. } = count;
    html! {
        tr {
            th scope="row" { (what) }
            td { (meter(required_enrolled, required)) }
            td { (words::of_all(required_enrolled, required)) }
        }
    }
}

fn meter(some: usize, all: usize) -> Markup {
    html! { meter min="0" max=(all.max(1)) value=(some) { (words::of_all(some, all)) } }
}

/// How many are enrolled, from the first day to `today`: a step at each day on which somebody enrolled.
fn curve(points: &[Point], today: UnixTime) -> Markup {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let start = first.day.0.begins().seconds();
    let end = today.seconds().max(last.day.0.begins().seconds());
    let x = |at: u64| scaled(at.saturating_sub(start), end.saturating_sub(start), WIDTH);
    let y = |count: usize| HEIGHT.saturating_sub(scaled(count as u64, last.enrolled as u64, HEIGHT));
    let mut line = String::new();
    let mut before = 0;
    for Point { day, enrolled } in points {
        let x = x(day.0.begins().seconds());
        line.push_str(&format!("{x},{} {x},{} ", y(before), y(*enrolled)));
        before = *enrolled;
    }
    line.push_str(&format!("{WIDTH},{}", y(before)));
    let area = format!("{line} {WIDTH},{HEIGHT}");
    html! {
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words::CURVE) {
                polygon class="area" points=(area) {}
                polyline class="line" points=(line) {}
            }
            figcaption {
                span { (first.day) ": " (first.enrolled) }
                span { (last.day) ": " (last.enrolled) }
            }
        }
    }
}

fn scaled(part: u64, all: u64, length: u64) -> u64 {
    part.saturating_mul(length).checked_div(all).unwrap_or(0)
}

/// A row for each person. The page is written piece by piece: there may be more rows than fit into memory as text.
fn table(people: &[Person], to: &mut Destination) -> Result<(), Failure> {
    let head = html! {
        h2 { (words::PEOPLE) }
        input type="search" placeholder=(words::SEARCH) aria-label=(words::SEARCH) {}
    };
    let columns = html! {
        tr {
            @for column in HEAD {
                th scope="col" { (column) }
            }
        }
    };
    to.print(&head.into_string())?;
    to.print("\n<div class=\"scroll\"><table id=\"people\"><thead>")?;
    to.print(&columns.into_string())?;
    to.print("</thead>\n<tbody>\n")?;
    for person in people {
        let row = html! {
            tr class=[person.is_missing().then_some("missing")] {
                @for cell in person.row() {
                    td { (cell) }
                }
            }
            "\n"
        };
        to.print(&row.into_string())?;
    }
    to.print("</tbody></table></div>\n")
}

const HEAD: [&str; COLUMNS] = [
    words::COLUMN_USER,
    words::COLUMN_UID,
    words::COLUMN_REQUIRED,
    words::COLUMN_SINCE,
    words::COLUMN_ENROLLED,
    words::COLUMN_USED,
    words::COLUMN_PLACE,
    words::COLUMN_CODES,
    words::COLUMN_RECOVERY,
    words::COLUMN_EXEMPT,
    words::COLUMN_GROUPS,
    words::COLUMN_PROBLEM,
];
