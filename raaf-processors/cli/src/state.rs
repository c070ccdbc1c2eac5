//! States of spans and of runs.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
};

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use raaf_trace_model::{
    id::TraceId,
    span::{Record, SpanTree, Status},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::input::{End, Facts};

/// State of a span or a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Error,
    Cancelled,
    Stale,
    Unset,
    /// Waits, for instance for an approval, and may go on. A paused span stays paused.
    Paused,
    /// Has started and not ended.
    Running,
    /// The root is not in the file.
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

    /// Returns the state of a span with this end.
    pub(crate) fn of(end: Option<End>) -> Self {
        match end {
            None => Self::Running,
            Some(end) if end.paused => Self::Paused,
            Some(end) => end.status.into(),
        }
    }

    /// Returns the state of the span of a record.
    pub(crate) fn of_record(record: &Record) -> Self {
        Self::of(End::of(record))
    }

    /// Returns a parser of the states that a span can have.
    pub(crate) fn span_parser() -> impl TypedValueParser<Value = Self> {
        let of_spans = Self::value_variants().iter().filter(|state| **state != Self::Partial);
        PossibleValuesParser::new(of_spans.filter_map(Self::to_possible_value))
            .try_map(|word| Self::from_str(&word, false))
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

/// Resumed part of a run that ended last; the outermost one if such parts are nested.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Resumed {
    ended: Timestamp,
    start: Timestamp,
    end: End,
}

impl Resumed {
    /// Returns the span as a resumed part, if it goes on with work that had paused.
    pub(crate) fn of(facts: &Facts<'_>) -> Option<Self> {
        let (start, end) = (facts.start?, facts.end.filter(|end| end.resumed)?);
        Some(Self { ended: start.after(end.duration), start, end })
    }

    /// Returns the part that ended last.
    pub(crate) fn later(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).max_by_key(|part| (part.ended, Reverse(part.start)))
    }

    /// Returns the end of the run, if it went on after `root`, the end of its root. All commands follow this
    /// rule: a run ends as its last resumed part does.
    pub(crate) fn end_after(self, root: Timestamp) -> Option<End> {
        (self.ended > root).then_some(self.end)
    }
}

/// Resumed parts of runs.
#[derive(Debug, Default)]
pub(crate) struct ResumedRuns(HashMap<TraceId, Resumed>);

impl ResumedRuns {
    /// Returns the resumed parts in a tree.
    pub(crate) fn of(tree: &SpanTree<Record>) -> Self {
        let mut all = Self::default();
        tree.spans().iter().for_each(|record| all.add(&Facts::of(record)));
        all
    }

    pub(crate) fn add(&mut self, facts: &Facts<'_>) {
        if let (Some(trace), Some(part)) = (facts.trace, Resumed::of(facts)) {
            self.keep(trace, part);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(trace, part)| self.keep(trace, part));
    }

    fn keep(&mut self, trace: TraceId, part: Resumed) {
        match self.0.entry(trace) {
            Entry::Vacant(free) => _ = free.insert(part),
            Entry::Occupied(mut known) => {
                let later = Resumed::later(Some(*known.get()), Some(part));
                known.insert(later.unwrap_or(part));
            }
        }
    }

    /// Returns the final state of the run, if the record is its root and the run went on after it.
    pub(crate) fn state_of_run(&self, record: &Record) -> Option<State> {
        let root = record.ended().filter(|span| span.parent_id().is_none())?;
        self.state_after(root.trace_id(), root.end_time().into())
    }

    /// Returns the final state of a run, if it went on after `root`, the end of its root.
    pub(crate) fn state_after(&self, trace: TraceId, root: Timestamp) -> Option<State> {
        Some(State::of(Some(self.0.get(&trace)?.end_after(root)?)))
    }
}
