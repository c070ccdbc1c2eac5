//! Changes between two runs.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use raaf_trace_model::{
    keys,
    span::{Record, SpanTree},
};
use similar::{Algorithm, DiffOp, TextDiff, capture_diff_slices_deadline};

use super::{Change, Difference, Paths, change_of};
use crate::{
    format::{content::contents, status, title},
    print,
};

/// Time after which alignments may be approximate. Those of long and very different lists or contents take
/// time that grows with the square of their length.
const EXACT: Duration = Duration::from_secs(5);

/// Compares two runs, and their contents if `content` is set. Returns the differences, and whether they are
/// minimal.
pub(super) fn compare(
    before: &SpanTree<Record>,
    after: &SpanTree<Record>,
    slower: f64,
    content: bool,
) -> (Vec<Difference>, bool) {
    compare_until(before, after, slower, content, Instant::now().checked_add(EXACT))
}

/// Compares like [`compare`], with alignments that may be approximate after `deadline`.
fn compare_until(
    before: &SpanTree<Record>,
    after: &SpanTree<Record>,
    slower: f64,
    content: bool,
    deadline: Option<Instant>,
) -> (Vec<Difference>, bool) {
    let compare = Compare { before, after, slower, content, deadline };
    let (mut found, mut paths) = (Vec::new(), Paths::default());
    let mut open = Vec::new();
    compare.level((before.top_indices(), after.top_indices()), None, &mut paths, &mut open);
    while let Some((path, step)) = open.pop() {
        match step {
            Step::Both(old, new) => {
                if let Some(difference) = compare.both(old, new) {
                    found.push(Difference { path: paths.get(Some(path)), ..difference });
                }
                let below = (before.child_indices(old), after.child_indices(new));
                compare.level(below, Some(path), &mut paths, &mut open);
            }
            Step::One(change) => {
                found.push(Difference { path: paths.get(Some(path)), ..Difference::new(change) });
            }
        }
    }
    (found, deadline.is_none_or(|deadline| Instant::now() < deadline))
}

/// A span of both runs, or of one.
enum Step {
    Both(usize, usize),
    One(Change),
}

/// Two runs to compare.
struct Compare<'a> {
    before: &'a SpanTree<Record>,
    after: &'a SpanTree<Record>,
    slower: f64,
    content: bool,
    /// Time after which alignments may be approximate.
    deadline: Option<Instant>,
}

impl Compare<'_> {
    /// Aligns the spans below a path, those of the same title in their order, as the next steps.
    fn level(
        &self,
        (before, after): (&[usize], &[usize]),
        path: Option<usize>,
        paths: &mut Paths,
        open: &mut Vec<(usize, Step)>,
    ) {
        let titles = |tree: &SpanTree<Record>, indices: &[usize]| -> Vec<_> {
            indices.iter().map(|index| title(&tree.spans()[*index])).collect()
        };
        let (old, new) = (titles(self.before, before), titles(self.after, after));
        let begin = open.len();
        let (mut old_at, mut new_at) = (0, 0);
        let end = [(old.len(), new.len())];
        for (old_next, new_next) in self.aligned(&old, &new).into_iter().chain(end) {
            let mut only = |change, titles: &[String]| {
                let one = |title: &String| (paths.add(path, title), Step::One(change));
                open.extend(titles.iter().map(one));
            };
            only(Change::Gone, &old[old_at..old_next]);
            only(Change::Added, &new[new_at..new_next]);
            if let (Some(before), Some(after)) = (before.get(old_next), after.get(new_next)) {
                open.push((paths.add(path, &old[old_next]), Step::Both(*before, *after)));
            }
            (old_at, new_at) = (old_next + 1, new_next + 1);
        }
        open[begin..].reverse();
    }

    /// Returns the positions of aligned titles in both lists. Titles of only one list are left out of the
    /// search, whose time may grow with the square of the rest.
    fn aligned(&self, old: &[String], new: &[String]) -> Vec<(usize, usize)> {
        fn common<'a>(own: &'a [String], other: &[String]) -> (Vec<usize>, Vec<&'a str>) {
            let other: HashSet<_> = other.iter().collect();
            let kept = own.iter().enumerate().filter(|(_, title)| other.contains(title));
            kept.map(|(at, title)| (at, title.as_str())).unzip()
        }
        let ((old_at, old), (new_at, new)) = (common(old, new), common(new, old));
        let steps = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, self.deadline);
        let equal = steps.iter().filter_map(|step| match *step {
            DiffOp::Equal { old_index, new_index, len } => Some((old_index, new_index, len)),
            _ => None,
        });
        let pairs = equal.flat_map(|(old_index, new_index, len)| {
            (0..len).map(move |at| (old_index + at, new_index + at))
        });
        pairs.map(|(old_index, new_index)| (old_at[old_index], new_at[new_index])).collect()
    }

    fn both(&self, before: usize, after: usize) -> Option<Difference> {
        let (before, after) = (&self.before.spans()[before], &self.after.spans()[after]);
        let mut what = Vec::new();
        if status(before) != status(after) {
            what.push(format!("{} → {}", status(before), status(after)));
        }
        let error =
            |record: &Record| record.ended().and_then(|span| Some(span.error()?.kind().to_owned()));
        if error(before) != error(after) {
            let shown = |error: Option<String>| error.unwrap_or_else(|| "no error".to_owned());
            what.push(format!("{} → {}", shown(error(before)), shown(error(after))));
        }
        if let (Some(old), Some(new)) = (before.duration(), after.duration()) {
            what.extend(change_of(old, new, self.slower, print::duration));
        }
        for key in [
            keys::GEN_AI_REQUEST_MODEL,
            keys::GEN_AI_USAGE_INPUT_TOKENS,
            keys::GEN_AI_USAGE_OUTPUT_TOKENS,
            keys::GEN_AI_USAGE_COST,
        ] {
            let value = |record: &Record| {
                let attributes = record.ended()?.attributes();
                let value = attributes.get(key).or_else(|| {
                    // Agents have their model under another key.
                    (key == keys::GEN_AI_REQUEST_MODEL)
                        .then(|| attributes.get(keys::AGENT_MODEL))?
                });
                value.map(|value| value.to_string())
            };
            let (old, new) = (value(before), value(after));
            if old != new {
                let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
                what.push(format!("{key} {} → {}", shown(old), shown(new)));
            }
        }
        let mut content = Vec::new();
        if self.content {
            let (old, new) = (contents(before), contents(after));
            let of = |all: &[(&'static str, String)], key: &str| {
                all.iter()
                    .find(|(known, _)| *known == key)
                    .map_or(String::new(), |(_, text)| format!("{text}\n"))
            };
            let keys: Vec<_> = old.iter().chain(&new).map(|(key, _)| *key).collect();
            for (at, key) in keys.iter().enumerate() {
                let (one, other) = (of(&old, key), of(&new, key));
                if one != other && !keys[..at].contains(key) {
                    let mut configured = TextDiff::configure();
                    if let Some(deadline) = self.deadline {
                        configured.deadline(deadline);
                    }
                    let text = configured.diff_lines(&one, &other);
                    content.push(text.unified_diff().header(key, key).to_string());
                }
            }
        }
        let differs = !what.is_empty() || !content.is_empty();
        differs.then(|| Difference { what, content, ..Difference::new(Change::Changed) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};
    use raaf_testkit::strategy;
    use raaf_trace_model::span::FinishedSpan;
    use serde_json::{Value as Json, json};

    use super::*;

    /// Returns the tree as a file has it.
    fn tree(spans: &[FinishedSpan]) -> SpanTree<Record> {
        let read = |span| Record::parse(&serde_json::to_vec(span).unwrap()).unwrap().unwrap();
        SpanTree::new(spans.iter().map(read))
    }

    fn differences(before: &[FinishedSpan], after: &[FinishedSpan]) -> Vec<Difference> {
        let (before, after) = (tree(before), tree(after));
        // Without a deadline, a slow machine finds the same.
        compare_until(&before, &after, 1.5, true, None).0
    }

    /// Returns the span with one field of its line changed.
    fn with(span: &FinishedSpan, key: &str, value: Json) -> FinishedSpan {
        let mut line = serde_json::to_value(span).unwrap();
        line[key] = value;
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn a_long_chain_is_compared_and_shown_by_its_end() {
        let mut spans = vec![FinishedSpan::builder("tool", "t").build()];
        for at in 0..20_000 {
            spans.push(FinishedSpan::builder("tool", "t").child_of(&spans[at]).build());
        }
        let mut changed = spans.clone();
        changed[20_000] = with(&spans[20_000], "status", json!("cancelled"));
        let found = differences(&spans, &changed);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path.len(), 65);
        assert_eq!(found[0].path[..2], ["…", "tool t"]);
    }

    #[test]
    fn a_span_that_both_runs_have_is_found_among_many_others() {
        let run = |of: &'static str| {
            let root = FinishedSpan::builder("pipeline", "P").build();
            let child = |number| {
                let span = FinishedSpan::builder("tool", format!("{of} {number}"));
                span.child_of(&root).start(root.start_time()).build()
            };
            let mut spans: Vec<_> = (0..500).map(child).collect();
            let both = FinishedSpan::builder("tool", "both").child_of(&root);
            spans.push(both.start(root.start_time()).build());
            spans.push(root);
            spans
        };
        let found = differences(&run("old"), &run("new"));
        assert_eq!(found.len(), 1_000);
        assert!(found.iter().all(|one| one.change != Change::Changed));
    }

    fn path(spans: &[FinishedSpan], of: &FinishedSpan) -> Vec<String> {
        let mut path = vec![title(&Record::Span(of.clone()))];
        let mut parent = of.parent_id();
        while let Some(span) = spans.iter().find(|span| Some(span.span_id()) == parent) {
            path.insert(0, title(&Record::Span(span.clone())));
            parent = span.parent_id();
        }
        path
    }

    proptest! {
        #[test]
        fn a_run_is_like_itself(tree in strategy::tree()) {
            let spans = tree.build();
            prop_assert!(differences(&spans, &spans).is_empty());
        }

        #[test]
        fn one_change_is_one_difference(tree in strategy::tree(), at in any::<Index>()) {
            let spans = tree.build();
            let one = at.index(spans.len());
            let status = if spans[one].status().as_str() == "ok" { "cancelled" } else { "ok" };
            let mut changed = spans.clone();
            changed[one] = with(&spans[one], "status", json!(status));
            let found = differences(&spans, &changed);
            prop_assert_eq!(found.len(), 1, "{:?}", found);
            prop_assert_eq!(found[0].change, Change::Changed);
            prop_assert_eq!(&found[0].path, &path(&spans, &spans[one]));
            let ends = format!("→ {status}");
            prop_assert!(found[0].what[0].ends_with(&ends));
        }

        #[test]
        fn a_leaf_that_is_left_out_is_gone(tree in strategy::tree(), at in any::<Index>()) {
            let spans = tree.build();
            let is_leaf = |span: &&FinishedSpan| {
                spans.iter().all(|other| other.parent_id() != Some(span.span_id()))
            };
            let leaves: Vec<_> = spans.iter().filter(is_leaf).collect();
            let leaf = leaves[at.index(leaves.len())];
            let rest: Vec<_> =
                spans.iter().filter(|span| span.span_id() != leaf.span_id()).cloned().collect();
            // Siblings of the same title are aligned in their order, so that their contents may differ.
            let gone = |found: &[Difference], change| {
                let paths = found.iter().filter(|one| one.change == change).map(|one| one.path.clone());
                paths.collect::<Vec<_>>()
            };
            let expected = vec![path(&spans, leaf)];
            prop_assert_eq!(gone(&differences(&spans, &rest), Change::Gone), expected.clone());
            prop_assert_eq!(gone(&differences(&rest, &spans), Change::Added), expected);
        }
    }
}
