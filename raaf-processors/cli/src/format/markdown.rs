//! Traces as Markdown.

use std::fmt::Write as _;

use raaf_trace_model::escape::Escaped;

use super::{content::contents, status, title};
use crate::{print, run::Run, trace::Trace};

/// Depth beyond which items are not indented further: the text of a long chain would otherwise grow with
/// the square of its length.
const DEEPEST: usize = 40;

/// Returns the tree as a nested list, with contents as blocks of code if wanted.
pub(crate) fn markdown(trace: &Trace, with_content: bool) -> String {
    let mut out = format!("## Trace `{}`\n\n", trace.id.hex().as_str());
    let tree = &trace.tree;
    for (depth, index) in tree.walk_from(tree.top_indices()) {
        let record = &tree.spans()[index];
        let indent = "  ".repeat(depth.min(DEEPEST));
        let duration = record.duration().map(print::duration).unwrap_or_default();
        let (title, status) = (escaped(&title(record)), status(record));
        let _ = write!(out, "{indent}- **{title}** {status} {duration}");
        let error = record.ended().and_then(|span| span.error());
        if let Some(error) = error {
            let _ = write!(out, ": {}", escaped(error.kind()));
            if let Some(message) = error.with_causes() {
                let _ = write!(out, ": {}", escaped(&message));
            }
        }
        out.push('\n');
        if with_content {
            for (key, text) in contents(record) {
                block(&mut out, &indent, key, &text);
            }
        }
    }
    if let Some(run) = Run::of(tree).and_then(|run| run.continuation()) {
        let _ = writeln!(out, "\n> run: {run}");
    }
    for (record, scored) in trace.scores() {
        let _ = writeln!(out, "\n> {}: {}", escaped(&title(record)), escaped(&scored.to_string()));
    }
    for problem in tree.problems() {
        let _ = writeln!(out, "\n> {}", escaped(&problem.to_string()));
    }
    out
}

/// Appends a block of code, fenced by more backticks than the text has in a row.
fn block(out: &mut String, indent: &str, key: &str, text: &str) {
    let longest = text.split(|other| other != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = write!(out, "\n{indent}  `{key}`\n\n{indent}  {fence}\n");
    for line in text.split('\n') {
        let _ = writeln!(out, "{indent}  {line}");
    }
    let _ = write!(out, "{indent}  {fence}\n\n");
}

/// Returns a text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let text = Escaped(text).to_string();
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text() {
        assert_eq!(escaped("![x](javascript:y)<b>"), r"\!\[x\]\(javascript:y\)&lt;b&gt;");
    }

    #[test]
    fn a_block_cannot_be_left() {
        let mut out = String::new();
        block(&mut out, "", "output", "```\nrm -rf\n````");
        assert!(
            out.starts_with("\n  `output`\n\n  `````\n") && out.ends_with("\n  `````\n\n"),
            "{out}"
        );
    }
}
