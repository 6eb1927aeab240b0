//! Tables for a terminal that are Markdown as well.

use std::fmt::Write as _;

/// A table in Markdown that also lines up on a terminal.
pub fn table(heading: &[String], rows: &[impl AsRef<str>]) -> String {
    let split = |row: &str| -> Vec<String> {
        row.trim()
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let mut all = vec![heading.to_vec()];
    all.extend(rows.iter().map(|row| split(row.as_ref())));
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for (index, row) in all.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(text, "| {cell:<0$} ", width(column));
        }
        text.push_str("|\n");
        if index == 0 {
            for column in 0..row.len() {
                let _ = write!(text, "|{}", "-".repeat(width(column) + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}
