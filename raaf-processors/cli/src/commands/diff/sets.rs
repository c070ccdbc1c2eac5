//! Changes between two sets of runs.

use std::collections::HashMap;

use raaf_trace_model::{prices::Cost, span::FinishedSpan};
use serde::Serialize;

use super::{super::group::Group, Change, Difference, Paths, change_of};
use crate::{
    format::title,
    input::{End, Facts, Input, Tokens},
    print,
    run::Run,
    state::State,
    trace::{Trace, each},
};

/// States that are shown if their share differs: what is not in them is `ok`.
const STATES: [State; 7] = [
    State::Error,
    State::Cancelled,
    State::Stale,
    State::Unset,
    State::Paused,
    State::Running,
    State::Partial,
];

/// Runs as one tree: at the top the names of runs, below them the titles of spans. Spans of the same path
/// are one place.
#[derive(Debug, Default)]
pub(super) struct Set {
    places: Vec<Place>,
    top: Vec<usize>,
    index: HashMap<(Option<usize>, String), usize>,
}

/// The runs of a name, or the spans of a path.
#[derive(Debug, Default)]
struct Place {
    title: String,
    below: Vec<usize>,
    count: u64,
    states: [u64; STATES.len()],
    /// Runs that have ended.
    ended: Group,
}

/// A run or a span.
struct Seen {
    /// Its parent among those of the same trace; `None` for the run.
    parent: Option<usize>,
    title: String,
    state: State,
    end: Option<End>,
    tokens: Tokens,
    cost: Cost,
}

impl Set {
    /// Reads these runs.
    ///
    /// # Errors
    ///
    /// If the input cannot be read.
    pub(super) fn read(input: &Input, runs: &[Run]) -> anyhow::Result<Self> {
        let mut set = Self::default();
        each(
            input,
            runs,
            |_, trace, run| seen(&trace, run),
            |seen| {
                set.add(seen);
                Ok(())
            },
        )?;
        set.places.iter_mut().for_each(|place| place.ended.sort());
        Ok(set)
    }

    /// Adds a run and its spans, parents first.
    fn add(&mut self, trace: Vec<Seen>) {
        let mut places = Vec::with_capacity(trace.len());
        for seen in trace {
            let place = self.place(seen.parent.map(|parent| places[parent]), seen.title);
            places.push(place);
            let place = &mut self.places[place];
            place.count += 1;
            if let Some(state) = STATES.iter().position(|state| *state == seen.state) {
                place.states[state] += 1;
            }
            if let Some(end) = seen.end {
                place.ended.add(end, seen.tokens, seen.cost);
            }
        }
    }

    fn place(&mut self, parent: Option<usize>, title: String) -> usize {
        let Self { places, top, index } = self;
        let place = index.entry((parent, title)).or_insert_with_key(|(_, title)| {
            let number = places.len();
            places.push(Place { title: title.clone(), ..Place::default() });
            parent.map_or(top, |parent| &mut places[parent].below).push(number);
            number
        });
        *place
    }
}

/// Returns a run and its spans, parents first.
fn seen(trace: &Trace, run: &Run) -> Vec<Seen> {
    let state = run.state();
    let mut all = vec![Seen {
        parent: None,
        title: run.name.clone(),
        state,
        end: run.end(),
        tokens: run.tokens,
        cost: run.cost,
    }];
    let tree = &trace.tree;
    let mut numbers = vec![0; tree.spans().len()];
    for (_, index) in tree.walk_from(tree.top_indices()) {
        let record = &tree.spans()[index];
        let facts = Facts::of(record);
        numbers[index] = all.len();
        all.push(Seen {
            // The run is the parent of what has none.
            parent: Some(tree.parent_index(index).map_or(0, |parent| numbers[parent])),
            title: title(record),
            state: State::of(facts.end),
            end: facts.end,
            tokens: facts.usage(),
            cost: record.ended().map(FinishedSpan::cost).unwrap_or_default(),
        });
    }
    all
}

/// Sums of the runs of a name, or of the spans of a path.
#[derive(Debug, Serialize)]
pub(super) struct Sums {
    count: u64,
    errors: u64,
    p50_ms: f64,
    p95_ms: f64,
    input_tokens: u64,
    output_tokens: u64,
    /// In US dollars; null if that of no call is known.
    cost: Option<f64>,
    /// Model calls whose cost is unknown.
    unpriced: u64,
}

impl Place {
    fn sums(&self) -> Sums {
        let millis = |percent| self.ended.quantile(percent).as_secs_f64() * 1e3;
        Sums {
            count: self.count,
            errors: self.ended.errors,
            p50_ms: millis(50),
            p95_ms: millis(95),
            input_tokens: self.ended.tokens.input,
            output_tokens: self.ended.tokens.output,
            cost: self.ended.cost.usd(),
            unpriced: self.ended.cost.unknown_calls(),
        }
    }

    /// Returns the share of a state, in percent.
    fn percent(&self, state: usize) -> u64 {
        (100 * self.states[state] + self.count / 2) / self.count.max(1)
    }
}

/// Compares sets of runs.
pub(super) struct Compare {
    /// Smallest ratio of durations to show.
    pub(super) slower: f64,
    /// Smallest ratio of spans, tokens and cost of a run to show.
    pub(super) more: f64,
}

impl Compare {
    /// Returns the differences, name by name, and parents before what is below them.
    pub(super) fn sets(&self, before: &Set, after: &Set) -> Vec<Difference> {
        let mut found = Vec::new();
        for (old, new) in pairs((before, &before.top), (after, &after.top)) {
            let (old_run, new_run) =
                (old.map(|old| &before.places[old]), new.map(|new| &after.places[new]));
            let runs = [old_run, new_run].map(|run| run.map_or(0, |run| run.count));
            let name = old_run.or(new_run).map(|run| run.title.clone());
            let mut paths = Paths::default();
            let mut open = vec![(old, new, None)];
            while let Some((old, new, path)) = open.pop() {
                let place = (old.map(|old| &before.places[old]), new.map(|new| &after.places[new]));
                if let Some(difference) = self.place(place, runs, path.is_none()) {
                    let (run, path) = (name.clone(), paths.get(path));
                    found.push(Difference { run, runs: Some(runs), path, ..difference });
                }
                let (Some(old), Some(new)) = place else { continue };
                let below = pairs((before, &old.below), (after, &new.below));
                for (old, new) in below.into_iter().rev() {
                    let title = old.map(|old| &before.places[old].title);
                    let title = title.or_else(|| Some(&after.places[new?].title));
                    let path = title.map(|title| paths.add(path, title)).or(path);
                    open.push((old, new, path));
                }
            }
        }
        found
    }

    fn place(
        &self,
        (old, new): (Option<&Place>, Option<&Place>),
        runs: [u64; 2],
        is_run: bool,
    ) -> Option<Difference> {
        let (change, what) = match (old, new) {
            (Some(old), Some(new)) => (Change::Changed, self.both(old, new, runs, is_run)),
            (Some(old), None) => (Change::Gone, alone(old, runs[0], is_run)),
            (None, Some(new)) => (Change::Added, alone(new, runs[1], is_run)),
            (None, None) => return None,
        };
        let (before, after) = (old.map(Place::sums), new.map(Place::sums));
        (!what.is_empty()).then(|| Difference { what, before, after, ..Difference::new(change) })
    }

    fn both(&self, old: &Place, new: &Place, runs: [u64; 2], is_run: bool) -> Vec<String> {
        let mut what = Vec::new();
        for (at, state) in STATES.iter().enumerate() {
            let (one, other) = (old.percent(at), new.percent(at));
            if one != other {
                what.push(format!("{} {one}% → {other}%", state.as_str()));
            }
        }
        if old.ended.count() > 0 && new.ended.count() > 0 {
            for (name, percent) in [("p50", 50), ("p95", 95)] {
                let (one, other) = (old.ended.quantile(percent), new.ended.quantile(percent));
                let change = change_of(one, other, self.slower, print::duration);
                what.extend(change.map(|change| format!("{name} {change}")));
            }
        }
        let a_run = |place: &Place, value: f64, runs: u64| match place.count {
            0 => 0.0,
            _ => value / runs as f64,
        };
        let mut compare = |name: &str, one: f64, other: f64, shown: &dyn Fn(f64) -> String| {
            let (one, other) = (a_run(old, one, runs[0]), a_run(new, other, runs[1]));
            let (least, most) = (one.min(other), one.max(other));
            if most > least && most >= least * self.more {
                what.push(format!("{name} {} → {} a run", shown(one), shown(other)));
            }
        };
        if !is_run {
            compare("spans", old.count as f64, new.count as f64, &print::number);
        }
        let (one, other) = (old.ended.tokens, new.ended.tokens);
        compare("input tokens", one.input as f64, other.input as f64, &print::number);
        compare("output tokens", one.output as f64, other.output as f64, &print::number);
        match (old.ended.cost.usd(), new.ended.cost.usd()) {
            (Some(one), Some(other)) => {
                compare("cost", one, other, &|usd| Cost::of_call(Some(usd)).to_string());
            }
            (None, None) => {}
            (one, other) => {
                let shown = |usd: Option<f64>, runs: u64| match usd {
                    Some(usd) => Cost::of_call(Some(usd / runs as f64)).to_string(),
                    None => "none".to_owned(),
                };
                what.push(format!(
                    "cost {} → {} a run",
                    shown(one, runs[0]),
                    shown(other, runs[1])
                ));
            }
        }
        what
    }
}

/// Returns what one of the sets alone has.
fn alone(place: &Place, runs: u64, is_run: bool) -> Vec<String> {
    let count = print::number(place.count as f64 / runs as f64);
    let count =
        if is_run { format!("runs {}", place.count) } else { format!("spans {count} a run") };
    let median = place.ended.quantile(50);
    vec![count, format!("p50 {}", print::duration(median))]
}

/// Aligns places of two sets by their titles, in the order of the first set, then of the second.
fn pairs(
    (before, old): (&Set, &[usize]),
    (after, new): (&Set, &[usize]),
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut rest: HashMap<_, _> =
        new.iter().map(|place| (after.places[*place].title.as_str(), *place)).collect();
    let both = old.iter().map(|old| (Some(*old), rest.remove(before.places[*old].title.as_str())));
    let mut pairs: Vec<_> = both.collect();
    let only = new.iter().filter(|new| rest.contains_key(after.places[**new].title.as_str()));
    pairs.extend(only.map(|new| (None, Some(*new))));
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};
    use raaf_testkit::strategy;
    use raaf_trace_model::span::{Record, SpanTree};

    use super::*;

    /// A run of these spans, so many times.
    fn set(spans: &[FinishedSpan], times: usize) -> Set {
        let tree = SpanTree::new(spans.iter().cloned().map(Record::Span));
        let mut run = Run::of(&tree).unwrap();
        run.name = "report".to_owned();
        let trace = Trace { id: run.trace, lines: Vec::new(), tree, scoring: Vec::new() };
        let mut set = Set::default();
        for _ in 0..times {
            set.add(seen(&trace, &run));
        }
        set.places.iter_mut().for_each(|place| place.ended.sort());
        set
    }

    const COMPARE: Compare = Compare { slower: 1.5, more: 1.1 };

    proptest! {
        #[test]
        fn a_set_is_like_itself_and_like_more_of_the_same(tree in strategy::tree(), times in 1..4_usize) {
            let spans = tree.build();
            let (one, other) = (set(&spans, 1), set(&spans, times));
            prop_assert!(COMPARE.sets(&one, &one).is_empty());
            // The sums of the largest numbers of tokens have a limit.
            let compare = Compare { more: f64::INFINITY, ..COMPARE };
            let found = compare.sets(&one, &other);
            prop_assert!(found.is_empty(), "{:?}", found);
        }

        #[test]
        fn a_span_more_is_one_difference(tree in strategy::tree(), at in any::<Index>()) {
            let spans = tree.build();
            let parent = &spans[at.index(spans.len())];
            let new = FinishedSpan::builder("tool", "of nobody else").child_of(parent).build();
            let mut more = spans.clone();
            more.push(new);
            let (one, other) = (set(&spans, 2), set(&more, 2));
            let found = COMPARE.sets(&one, &other);
            let added: Vec<_> = found.iter().map(|found| found.change).collect();
            prop_assert_eq!(added, [Change::Added], "{:?}", found);
            prop_assert_eq!(found[0].path.last().map(String::as_str), Some("tool of nobody else"));
            let gone = COMPARE.sets(&other, &one);
            prop_assert_eq!(gone.iter().map(|found| found.change).collect::<Vec<_>>(), [Change::Gone]);
            prop_assert_eq!(&gone[0].path, &found[0].path);
        }
    }
}
