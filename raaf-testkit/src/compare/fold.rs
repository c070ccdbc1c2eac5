//! Folds large trees: lines that match and are far from any difference are counted instead of
//! shown.

use crate::tree::{Mark, Row};

/// Trees of up to this many lines are shown in full.
const SHORT: usize = 40;

/// Largest number of marked lines shown.
const MARKED: usize = 30;

/// Folds a tree. Marked lines stay, with their surroundings and their ancestors.
pub(crate) fn fold(rows: &[Row]) -> Vec<Row> {
    if rows.len() <= SHORT {
        return rows.to_vec();
    }
    let shown = shown(rows);
    let mut folded: Vec<Row> = Vec::new();
    let mut hidden: Vec<&Row> = Vec::new();
    for (row, &shown) in rows.iter().zip(&shown) {
        // A run of siblings, with what is below them, becomes one line.
        if shown || hidden.first().is_some_and(|first| row.depth < first.depth) {
            close(&mut folded, &mut hidden);
        }
        if shown {
            folded.push(row.clone());
        } else {
            hidden.push(row);
        }
    }
    close(&mut folded, &mut hidden);
    folded
}

/// The first lines, and how many follow.
pub(super) fn head(rows: &[Row]) -> Vec<Row> {
    let (head, rest) = rows.split_at(rows.len().min(SHORT));
    let mut head = head.to_vec();
    if !rest.is_empty() {
        let row = Row::new(0, format!("… {} more {}", rest.len(), plural(rest.len())));
        head.push(row);
    }
    head
}

fn close(folded: &mut Vec<Row>, hidden: &mut Vec<&Row>) {
    match &hidden[..] {
        [] => {}
        // Its own line is as short.
        [one] => folded.push((*one).clone()),
        [first, ..] => {
            let spans = hidden.iter().filter(|row| row.is_span).count();
            let mut text = format!("… {spans} {} as expected", plural(spans));
            let marked: Vec<_> = Mark::ALL
                .into_iter()
                .map(|mark| (mark, hidden.iter().filter(|row| row.mark == mark).count()))
                .filter(|(_, count)| *count > 0)
                .collect();
            if !marked.is_empty() {
                let counts: Vec<_> =
                    marked.iter().map(|(mark, count)| format!("{count} {}", mark.word())).collect();
                text = format!("… {spans} {}, {}", plural(spans), counts.join(", "));
            }
            let mark = if let [(mark, _)] = marked[..] { mark } else { Mark::None };
            let row = Row::new(first.depth, text);
            folded.push(Row { mark, is_span: false, ..row });
        }
    }
    hidden.clear();
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "span" } else { "spans" }
}

fn shown(rows: &[Row]) -> Vec<bool> {
    let mut shown = vec![false; rows.len()];
    let mut marked = 0;
    // The line of each depth on the way to this one, and the last one before it at its depth.
    let mut path: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let mut just_marked: Option<usize> = None;
    for (at, row) in rows.iter().enumerate() {
        path.truncate(row.depth);
        before.truncate(row.depth + 1);
        before.resize(row.depth + 1, None);
        let previous = before[row.depth].replace(at);
        if row.mark != Mark::None && marked < MARKED {
            marked += 1;
            shown[at] = true;
            for &above in &path {
                shown[above] = true;
            }
            if let Some(previous) = previous {
                shown[previous] = true;
            }
            just_marked = Some(row.depth);
        } else if row.mark == Mark::None && just_marked == Some(row.depth) {
            // The one that follows.
            shown[at] = true;
            just_marked = None;
        } else if just_marked.is_some_and(|depth| row.depth < depth) {
            just_marked = None;
        }
        path.push(at);
    }
    shown
}
