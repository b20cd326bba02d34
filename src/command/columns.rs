//! Rows whose cells are below each other.

/// What is between two columns.
pub(crate) const GAP: &str = "  ";

/// The width of each column, in characters.
pub(crate) fn widths(rows: impl Iterator<Item = Vec<String>>) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        let wider = widths.iter_mut().zip(&row);
        wider.for_each(|(width, cell)| *width = (*width).max(cell.chars().count()));
    }
    widths
}

/// A row as a line, without blanks at its end.
pub(crate) fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_cells_by_characters() {
        let rows = [["a", "bb"], ["ärger", ""]].map(|row| row.map(str::to_owned).to_vec());
        let widths = widths(rows.iter().cloned());
        assert_eq!(rows.map(|row| line(&row, &widths)), ["a      bb", "ärger"]);
    }
}
