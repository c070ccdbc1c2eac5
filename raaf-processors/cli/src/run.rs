//! Runs: what a list shows of a trace.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
    ops::Range,
    time::{Duration, SystemTime},
};

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
    /// The span that ended last, with its end and start.
    last: Option<Last>,
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

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Error,
    Cancelled,
    Stale,
    Unset,
    /// It waits, such as for an approval, and may go on.
    Paused,
    /// Spans have started and not ended.
    Running,
    /// Its root is not in the file.
    Partial,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Stale => "stale",
            Self::Unset => "unset",
            Self::Paused => "paused",
            Self::Running => "running",
            Self::Partial => "partial",
        }
    }
}

impl From<Status> for State {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => Self::Ok,
            Status::Error => Self::Error,
            Status::Cancelled => Self::Cancelled,
            Status::Stale => Self::Stale,
            _ => Self::Unset,
        }
    }
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
            last: None,
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
        let named_by = match &*facts.kind {
            _ if facts.workflow.is_some() => NamedBy::Workflow,
            "runner" if is_root => NamedBy::Runner,
            _ if is_root => NamedBy::Root,
            "agent" => NamedBy::Agent(Reverse(start)),
            _ => NamedBy::Span(Reverse(start)),
        };
        let name = facts.workflow.as_ref().unwrap_or(&facts.component);
        self.take_name(named_by, name);
        self.take_group(facts.group.as_deref());
        self.start = self.start.min(start);
        let Some(end) = facts.end else {
            self.starts += 1;
            return;
        };
        self.spans += 1;
        self.errors += u64::from(end.status == Status::Error);
        self.tokens.add(facts.tokens);
        let ended = start.after(end.duration);
        self.end = self.end.max(ended);
        self.last = latest(self.last, Some((ended, Reverse(start), end)));
        if is_root {
            let id = facts.span.map_or(0, SpanId::to_u64);
            self.root = earliest(self.root, Some((start, id, end)));
        }
    }

    /// Keeps the better of two names, whichever is seen first.
    fn take_name(&mut self, by: NamedBy, name: &str) {
        if self.name.is_empty() || (by, name) > (self.named_by, self.name.as_str()) {
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
        self.last = latest(self.last, other.last);
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

    /// Returns the duration of the root; without one, and if the run went on after a pause, the time from
    /// the first start to the last end.
    pub(crate) fn duration(&self) -> Duration {
        match self.root {
            Some((start, _, root)) if !(root.paused && self.end > start.after(root.duration)) => {
                root.duration
            }
            _ => self.end.since(self.start),
        }
    }

    /// Returns the end of the root.
    pub(crate) fn end(&self) -> Option<End> {
        self.root.map(|(_, _, end)| end)
    }

    pub(crate) fn state(&self) -> State {
        match self.root {
            Some((start, _, root)) if root.paused => match self.last {
                // The part that went on last tells how the run ended.
                Some((end, _, last))
                    if end > start.after(root.duration) && last.status != Status::Unset =>
                {
                    last.status.into()
                }
                _ => State::Paused,
            },
            Some((_, _, root)) => root.status.into(),
            None if self.starts > self.spans => State::Running,
            None => State::Partial,
        }
    }

    pub(crate) fn start_time(&self) -> SystemTime {
        self.start.into()
    }
}

type Root = (Timestamp, u64, End);

fn earliest(one: Option<Root>, other: Option<Root>) -> Option<Root> {
    let key = |root: &Root| (root.0, root.1);
    one.into_iter().chain(other).min_by_key(key)
}

type Last = (Timestamp, Reverse<Timestamp>, End);

fn latest(one: Option<Last>, other: Option<Last>) -> Option<Last> {
    one.into_iter().chain(other).max_by_key(|last| (last.0, last.1))
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
