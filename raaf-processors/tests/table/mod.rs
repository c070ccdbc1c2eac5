//! The table of keys in a sink's documentation.

use raaf_trace_core::keys;

/// The rows of the table in this source: in each cell, the words in backquotes.
pub(crate) fn rows(source: &str) -> Vec<Vec<Vec<String>>> {
    let rows = source.lines().filter_map(|line| line.strip_prefix("/// | `"));
    let rows = rows.map(|row| format!("`{row}").split(" | ").map(quoted).collect::<Vec<_>>());
    let rows: Vec<_> = rows.filter(|row| keys::ALL.contains(&&*row[0][0])).collect();
    assert!(rows.len() > 10, "the table was not found: {} rows", rows.len());
    rows
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
