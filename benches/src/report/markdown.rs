//! A table that reads well both as Markdown and as plain text.

use std::fmt;

/// A table: its head, then its lines. The first column is text, the others are numbers.
#[derive(Debug)]
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(head: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { lines: vec![head.into_iter().map(Into::into).collect()] }
    }

    /// Adds a line.
    pub fn line(&mut self, cells: impl IntoIterator<Item: Into<String>>) {
        self.lines.push(cells.into_iter().map(Into::into).collect());
    }

    /// Leaves out columns in which no line says anything.
    #[must_use]
    pub fn without_empty_columns(mut self) -> Self {
        let columns = self.lines.first().map_or(0, Vec::len);
        for column in (1..columns).rev() {
            let empty = self
                .lines
                .iter()
                .skip(1)
                .all(|line| line.get(column).is_none_or(|cell| cell == super::NOTHING));
            if empty {
                self.lines.iter_mut().filter(|line| column < line.len()).for_each(|line| {
                    line.remove(column);
                });
            }
        }
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.lines.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
            })
            .collect();
        for (number, line) in self.lines.iter().enumerate() {
            f.write_str("|")?;
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, " {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            f.write_str("\n")?;
            if number == 0 {
                f.write_str("|")?;
                for (column, width) in widths.iter().enumerate() {
                    let rule = "-".repeat(*width);
                    let end = if column == 0 { ' ' } else { ':' };
                    write!(f, " {rule}{end}|")?;
                }
                f.write_str("\n")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let mut table = Table::new(["tool", "time", "spare"]);
        table.line(["raaf", "12", "-"]);
        table.line(["another", "1234", "-"]);
        let expected = "\
| tool    | time |
| ------- | ----:|
| raaf    |   12 |
| another | 1234 |
";
        assert_eq!(table.without_empty_columns().to_string(), expected);
    }
}
