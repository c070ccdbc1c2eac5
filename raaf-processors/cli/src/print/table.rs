//! Tables that fit a terminal.

use std::iter;

use comfy_table::{CellAlignment, Table, presets};
use textwrap::core::display_width;

/// Spaces between two columns.
const GAP: usize = 2;

/// Minimum width of a narrowed column, in characters.
const LEAST: usize = 20;

/// Returns the lines of a table, each with the number of its row, or `None` for the head. With a width, the
/// widest columns are narrowed, and long cells are wrapped; without one, a row is one line.
pub(super) fn lines<const N: usize>(
    head: [&str; N],
    right: &[usize],
    mut rows: Vec<[String; N]>,
    width: Option<usize>,
) -> Vec<(Option<usize>, String)> {
    if let Some(width) = width {
        let widths = fitted(widths(head, &rows), width.saturating_sub(GAP * N.saturating_sub(1)));
        for (cell, width) in rows.iter_mut().flat_map(|row| row.iter_mut().zip(widths)) {
            if display_width(cell) > width {
                *cell = textwrap::wrap(cell, width).join("\n");
            }
        }
    }
    let heights = rows.iter().map(|row| row.iter().map(|cell| cell.split('\n').count()).max());
    let heights = heights.map(|height| height.unwrap_or(1)).enumerate();
    let numbers = heights.flat_map(|(row, height)| iter::repeat_n(Some(row), height));
    let numbers: Vec<_> = iter::once(None).chain(numbers).collect();

    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(head).add_rows(rows);
    for column in table.column_iter_mut() {
        let is_right = right.contains(&column.index);
        let alignment = if is_right { CellAlignment::Right } else { CellAlignment::Left };
        column.set_cell_alignment(alignment);
        column.set_padding((0, GAP as u16));
    }
    let texts = table.lines().map(|line| line.trim_end().to_owned());
    numbers.into_iter().zip(texts.collect::<Vec<_>>()).collect()
}

fn widths<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> [usize; N] {
    rows.iter().fold(head.map(display_width), |mut widths, row| {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = display_width(cell).max(*width);
        }
        widths
    })
}

/// Narrows the widest columns to the same width, until all fit or none is wider than [`LEAST`].
fn fitted<const N: usize>(mut widths: [usize; N], most: usize) -> [usize; N] {
    loop {
        let excess = widths.iter().sum::<usize>().saturating_sub(most);
        let widest = widths.iter().copied().max().unwrap_or(0);
        if excess == 0 || widest <= LEAST {
            return widths;
        }
        let second = widths.iter().copied().filter(|width| *width < widest).max().unwrap_or(0);
        let count = widths.iter().filter(|width| **width == widest).count();
        let narrower = widest.saturating_sub(excess.div_ceil(count)).max(second).max(LEAST);
        for width in widths.iter_mut().filter(|width| **width == widest) {
            *width = narrower;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_are_narrowed_until_all_fit() {
        assert_eq!(fitted([5, 10, 30], 45), [5, 10, 30]);
        assert_eq!(fitted([5, 90, 30], 65), [5, 30, 30]);
        assert_eq!(fitted([5, 90, 30], 55), [5, 25, 25]);
        assert_eq!(fitted([5, 90, 30], 20), [5, LEAST, LEAST]);
        assert_eq!(fitted([5, usize::MAX / 2], 40), [5, 35]);
    }

    #[test]
    fn a_long_cell_has_several_lines_on_a_terminal_and_one_elsewhere() {
        let rows = || {
            let message = "no answer from a server with a-name-that-is-too-long-for-a-line";
            vec![
                ["1".to_owned(), message.to_owned(), "東京".to_owned()],
                ["2", "x", "y"].map(str::to_owned),
            ]
        };
        let shown = |width| lines(["N", "MESSAGE", "AT"], &[0], rows(), width);
        let whole = shown(None);
        assert_eq!(whole.len(), 3);
        assert!(whole[1].1.ends_with("too-long-for-a-line  東京"), "{whole:?}");
        let narrow = shown(Some(33));
        let expected = [
            (None, "N  MESSAGE                   AT"),
            (Some(0), "1  no answer from a server   東京"),
            (Some(0), "   with a-name-that-is-too-"),
            (Some(0), "   long-for-a-line"),
            (Some(1), "2  x                         y"),
        ];
        let narrow: Vec<_> = narrow.iter().map(|(row, line)| (*row, line.as_str())).collect();
        assert_eq!(narrow, expected);
    }
}
