//! What several logins come to, as a table.

use std::collections::HashSet;

use super::explanation::Explanation;
use crate::columns;
use crate::words::policy_explain as words;

/// A row for each user, a column for each service, and the notes below. `all` has one user after the other, each with the same
/// services.
pub(super) fn table(all: &[Explanation], services: usize) -> String {
    let row = |of_user: &[Explanation]| {
        let user = of_user.first().map(|first| first.user.clone());
        let cells = of_user.iter().map(|login| login.asked().cell().to_owned());
        user.into_iter().chain(cells).collect::<Vec<_>>()
    };
    let head = all.iter().take(services).map(|login| login.service.clone());
    let head: Vec<String> = [words::USER.to_owned()].into_iter().chain(head).collect();
    let rows: Vec<Vec<String>> = [head].into_iter().chain(all.chunks(services.max(1)).map(row)).collect();
    let widths = columns::widths(rows.iter().cloned());
    let mut lines: Vec<String> = rows.iter().map(|row| columns::line(row, &widths)).collect();
    let mut seen = HashSet::new();
    for login in all {
        let notes = login.outcome.notes.iter().map(|note| words::note_at(&login.service, note));
        lines.extend(notes.filter(|note| seen.insert(note.clone())));
    }
    lines.join("\n")
}
