//! Runs: what a list shows of a trace.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
    ops::Range,
    time::{Duration, SystemTime},
};

use raaf_processors::HumanDuration;
use raaf_trace_model::{
    id::{SpanId, TraceId},
    prices::Cost,
    span::{FinishedSpan, Record, SpanTree, Status},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    index,
    input::{End, Facts, Faults, Input, Scan, Tokens},
    score,
    state::{Resumed, State},
};

/// Summary of a trace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) trace: TraceId,
    pub(crate) name: String,
    pub(crate) group: Option<String>,
    pub(crate) start: Timestamp,
    /// Latest known time.
    end: Timestamp,
    /// The earliest root, with its start and id.
    root: Option<Root>,
    /// Resumed part that ended last.
    resumed: Option<Resumed>,
    /// Origin of `name`.
    named_by: NamedBy,
    pub(crate) spans: u64,
    starts: u64,
    /// Spans that only score others.
    scores: u64,
    pub(crate) errors: u64,
    pub(crate) tokens: Tokens,
    pub(crate) cost: Cost,
}

/// Origin of the name of a run; the last of these that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum NamedBy {
    Span(Reverse<Timestamp>),
    /// A root of kind `runner`, which has the same name in all runs.
    Runner,
    /// The first agent.
    Agent(Reverse<Timestamp>),
    Root,
    Workflow,
}

impl Run {
    fn begin(trace: TraceId, start: Timestamp) -> Self {
        Self {
            trace,
            name: String::new(),
            group: None,
            start,
            end: start,
            root: None,
            resumed: None,
            named_by: NamedBy::Span(Reverse(start)),
            spans: 0,
            starts: 0,
            scores: 0,
            errors: 0,
            tokens: Tokens::default(),
            cost: Cost::default(),
        }
    }

    /// Summarizes the spans of a trace; `None` if there are none.
    pub(crate) fn of(tree: &SpanTree<Record>) -> Option<Self> {
        let mut run = None;
        for record in tree.spans() {
            let (start, facts) = (record.start_time().into(), Facts::of(record));
            let begin = || Self::begin(record.trace_id(), start);
            let run = run.get_or_insert_with(begin);
            run.add(&facts, start);
            run.cost += record.ended().map(FinishedSpan::cost).unwrap_or_default();
        }
        run
    }

    fn add(&mut self, facts: &Facts<'_>, start: Timestamp) {
        let is_root = facts.parent.is_none();
        let workflow = facts.workflow.as_ref().filter(|name| !name.is_empty());
        let named_by = match &*facts.kind {
            _ if workflow.is_some() => NamedBy::Workflow,
            "runner" if is_root => NamedBy::Runner,
            _ if is_root => NamedBy::Root,
            "agent" => NamedBy::Agent(Reverse(start)),
            _ => NamedBy::Span(Reverse(start)),
        };
        let name = workflow.unwrap_or(&facts.component);
        self.take_name(named_by, name);
        self.take_group(facts.group.as_deref());
        self.start = self.start.min(start);
        let Some(end) = facts.end else {
            self.starts += 1;
            return;
        };
        self.spans += 1;
        self.errors += u64::from(end.status == Status::Error);
        self.tokens.add(facts.usage());
        let ended = start.after(end.duration);
        self.end = self.end.max(ended);
        self.resumed = Resumed::later(self.resumed, Resumed::of(facts));
        if is_root {
            let id = facts.span.map_or(0, SpanId::to_u64);
            self.root = earliest(self.root, Some((start, id, end)));
        }
    }

    /// Keeps the better of two names, whichever is seen first.
    fn take_name(&mut self, by: NamedBy, name: &str) {
        let is_better = || (by, name) > (self.named_by, self.name.as_str());
        if !name.is_empty() && (self.name.is_empty() || is_better()) {
            (self.named_by, self.name) = (by, name.to_owned());
        }
    }

    fn take_group(&mut self, group: Option<&str>) {
        if group > self.group.as_deref() {
            self.group = group.map(str::to_owned);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.take_name(other.named_by, &other.name);
        self.take_group(other.group.as_deref());
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.root = earliest(self.root, other.root);
        self.resumed = Resumed::later(self.resumed, other.resumed);
        self.spans += other.spans;
        self.starts += other.starts;
        self.scores += other.scores;
        self.errors += other.errors;
        self.tokens.add(other.tokens);
        self.cost += other.cost;
    }

    /// Returns the number of its lines: ends and starts of spans.
    pub(crate) fn lines(&self) -> u64 {
        self.spans + self.starts
    }

    /// Returns whether it is only the score of another run.
    pub(crate) fn is_score(&self) -> bool {
        self.scores > 0 && self.scores == self.spans
    }

    /// Returns the duration of the root. If there is none, or the run went on after it, returns the time from
    /// the first start to the last end.
    pub(crate) fn duration(&self) -> Duration {
        match self.root {
            Some((_, _, root)) if self.continued().is_none() => root.duration,
            _ => self.end.since(self.start),
        }
    }

    /// Returns the end of the part that went on after the root, if there is one.
    fn continued(&self) -> Option<End> {
        let (start, _, root) = self.root?;
        self.resumed?.end_after(start.after(root.duration))
    }

    /// Returns the end of the run, if its root has ended.
    pub(crate) fn end(&self) -> Option<End> {
        let (_, _, root) = self.root?;
        Some(End { duration: self.duration(), ..self.continued().unwrap_or(root) })
    }

    /// Returns a line about the end of a run that went on after its root, such as `ok, after 2 min with
    /// pauses`.
    pub(crate) fn continuation(&self) -> Option<String> {
        let state = State::of(Some(self.continued()?)).as_str();
        Some(format!("{state}, after {} with pauses", HumanDuration(self.duration())))
    }

    pub(crate) fn state(&self) -> State {
        let is_open = self.starts > self.spans;
        match self.end().map(|end| State::of(Some(end))) {
            Some(State::Paused) | None if is_open => State::Running,
            Some(state) => state,
            None => State::Partial,
        }
    }

    pub(crate) fn start_time(&self) -> SystemTime {
        self.start.into()
    }
}

type Root = (Timestamp, u64, End);

fn earliest(one: Option<Root>, other: Option<Root>) -> Option<Root> {
    // If a root ended more than once, the longest counts.
    let key = |root: &Root| (root.0, root.1, Reverse(root.2.duration));
    one.into_iter().chain(other).min_by_key(key)
}

/// Traces by their ids.
type Runs = HashMap<TraceId, Run>;

/// Summarizes all traces of an input, newest first.
///
/// # Errors
///
/// If the input cannot be read.
pub(crate) fn runs(input: &Input) -> anyhow::Result<(Vec<Run>, Faults)> {
    let (mut all, mut faults) = (Runs::new(), Faults::default());
    for input in input.each() {
        let scan = |range| runs_in(&input, range);
        let (runs, more) = match input.single() {
            Some(path) => index::or_scan((path, input.prices().fingerprint()), scan, merge)?,
            None => scan(0..u64::MAX)?,
        };
        merge(&mut all, runs);
        faults.merge(more);
    }
    let mut runs: Vec<_> = all.into_values().collect();
    runs.sort_unstable_by_key(|run| (Reverse(run.start), run.trace));
    Ok((runs, faults))
}

/// Summarizes the traces between two positions.
fn runs_in(input: &Input, range: Range<u64>) -> anyhow::Result<(Runs, Faults)> {
    let (parts, faults) = Scan::of(input).range(range).lines(Runs::new, |runs, line| {
        if let Some(facts) = Facts::read(line)?
            && let (Some(trace), Some(start)) = (facts.trace, facts.start)
        {
            let run = runs.entry(trace).or_insert_with(|| Run::begin(trace, start));
            run.add(&facts, start);
            run.scores += u64::from(score::is_of_another(&facts, line));
            run.cost += facts.cost(input.prices());
        }
        Ok(())
    })?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    parts.for_each(|part| merge(&mut all, part));
    Ok((all, faults))
}

fn merge(all: &mut Runs, more: Runs) {
    for (trace, run) in more {
        match all.entry(trace) {
            Entry::Occupied(mut known) => known.get_mut().merge(&run),
            Entry::Vacant(free) => {
                free.insert(run);
            }
        }
    }
}
