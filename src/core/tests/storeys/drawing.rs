//! The picture of the crates and of the storeys of the core.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::names;
use crate::sources::Sources;

type Edges = BTreeSet<(usize, usize)>;

const WIDTH: usize = 1000;
/// The distance from one box to the next below it, and the height of a box.
const ROW: usize = 50;
const BOX: usize = 32;
const LEFT: usize = 40;
/// The width of a crate, and the right edge of a storey.
const CRATE: usize = 190;
const EDGE: usize = 760;

/// Draws the crates above the core, and the storeys of the core with the lowest at the bottom. An arrow leads to what
/// is used. It is left out if a longer way leads there too.
pub(crate) fn draw(sources: &Sources, crates: &[Vec<String>], storeys: &[Vec<String>]) -> String {
    let mut body = String::new();
    let top = draw_crates(&mut body, sources, crates);
    let height = draw_storeys(&mut body, sources, storeys, top);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<!-- Drawn from the code by src/core/tests/storeys. -->\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#567\"/></marker></defs>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws the crates except the core. Returns the top of the core.
fn draw_crates(svg: &mut String, sources: &Sources, rows: &[Vec<String>]) -> usize {
    let all: Vec<_> = rows.iter().map(|row| names(&row[0])[0].clone()).collect();
    let number = |name: &String| all.iter().position(|one| one == name).unwrap();
    let edges =
        all.iter().flat_map(|from| sources.crates_used_by(from).into_iter().map(|to| (from.clone(), to)));
    let edges = reduced(&edges.map(|(from, to)| (number(&from), number(&to))).collect());
    let core = number(&"core".to_owned());
    let storey: BTreeMap<_, _> = (0..all.len()).map(|one| (one, longest_way(&edges, one))).collect();
    let most = *storey.values().max().unwrap();
    let place = |one: usize| {
        let beside = (0..one).filter(|other| storey[other] == storey[&one]).count();
        (LEFT + beside * (CRATE + 30), 20 + (most - storey[&one]) * ROW)
    };
    for one in (0..all.len()).filter(|&one| one != core) {
        let (x, y) = place(one);
        labelled_box(svg, (x, y, CRATE), &format!("src/{}", all[one]), "");
    }
    for &(from, to) in &edges {
        let (x, y) = place(from);
        let (to_x, to_y) = if to == core { (x, place(core).1) } else { place(to) };
        let (start, end) = (x + CRATE / 2, to_x + CRATE / 2);
        let _ = writeln!(svg, "{}", arrow(&format!("M{start} {} L{end} {to_y}", y + BOX)));
    }
    place(core).1
}

/// Draws the storeys below `top`. Returns the bottom of the picture.
fn draw_storeys(svg: &mut String, sources: &Sources, rows: &[Vec<String>], top: usize) -> usize {
    let row_of =
        |name: &str| rows.iter().position(|row| names(&row[0]).iter().any(|one| one == name)).unwrap();
    let arrows = sources.between_storeys();
    let edges = arrows.iter().map(|(from, to, _)| (row_of(from), row_of(to)));
    // Another test rejects an arrow up; here it would lead around in circles.
    let edges = reduced(&edges.filter(|(from, to)| from > to).collect());
    let y = |row: usize| top + 34 + (rows.len() - 1 - row) * ROW;
    let bottom = y(0) + BOX + 20;
    let _ = writeln!(
        svg,
        "<rect x=\"20\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#567\"/>\n\
         <text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">src/core</text>",
        WIDTH - 40,
        bottom - top,
        top + 22
    );
    for (row, cells) in rows.iter().enumerate() {
        let text: String = cells[1].chars().filter(|letter| *letter != '`').collect();
        labelled_box(svg, (LEFT, y(row), EDGE - LEFT), &names(&cells[0]).join(", "), &text);
    }
    for &(from, to) in &edges {
        let (start, end) = (y(from) + BOX / 2 + 5, y(to) + BOX / 2 - 5);
        let out = EDGE + 24 + 18 * (from - to);
        let _ =
            writeln!(svg, "{}", arrow(&format!("M{EDGE} {start} C{out} {start} {out} {end} {EDGE} {end}")));
    }
    bottom + 20
}

fn labelled_box(svg: &mut String, (x, y, width): (usize, usize, usize), name: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"4\" fill=\"#eef3f8\" stroke=\"#567\"/>\n\
         <text x=\"{}\" y=\"{}\"><tspan font-weight=\"bold\">{name}</tspan> {text}</text>",
        x + 10,
        y + 21
    );
}

fn arrow(path: &str) -> String {
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"#567\" marker-end=\"url(#tip)\"/>")
}

/// The edges, except those beside which a longer way leads to the same end.
fn reduced(edges: &Edges) -> Edges {
    let is_longer = |&(from, to): &(usize, usize)| {
        edges.iter().any(|&(start, middle)| start == from && middle != to && leads(edges, middle, to))
    };
    edges.iter().filter(|edge| !is_longer(edge)).copied().collect()
}

fn leads(edges: &Edges, from: usize, to: usize) -> bool {
    edges.contains(&(from, to)) || edges.iter().any(|&(start, next)| start == from && leads(edges, next, to))
}

fn longest_way(edges: &Edges, from: usize) -> usize {
    let next = edges.iter().filter(|(start, _)| *start == from);
    next.map(|&(_, to)| 1 + longest_way(edges, to)).max().unwrap_or(0)
}
