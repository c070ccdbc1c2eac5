//! Spans that wait for the end of their traces.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
};

use raaf_trace_model::{id::TraceId, span::FinishedSpan};

/// Number of decisions remembered for spans that end after their roots.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
pub(super) struct Held {
    traces: HashMap<TraceId, Trace>,
    /// Traces that hold spans, by the arrival of their first span.
    by_age: BTreeMap<u64, TraceId>,
    arrivals: u64,
    spans: usize,
    max_spans: usize,
    decided: Decided,
}

/// Unfinished trace.
#[derive(Debug, Default)]
struct Trace {
    /// Its running roots in this process.
    running: u32,
    spans: Vec<FinishedSpan>,
    /// Key in `by_age`, if it holds spans.
    since: Option<u64>,
    /// Set once one of its spans matched.
    wanted: bool,
}

/// Decision about spans.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Spans to pass on, in the order in which they ended.
    pub(super) kept: Vec<FinishedSpan>,
    pub(super) filtered: u64,
    pub(super) dropped: u64,
}

impl Outcome {
    pub(super) fn keep(span: FinishedSpan) -> Self {
        Self { kept: vec![span], ..Self::default() }
    }
}

impl Held {
    pub(super) fn new(max_spans: usize) -> Self {
        Self {
            traces: HashMap::new(),
            by_age: BTreeMap::new(),
            arrivals: 0,
            spans: 0,
            max_spans,
            decided: Decided::default(),
        }
    }

    pub(super) fn waiting(&self) -> u64 {
        self.spans as u64
    }

    pub(super) fn root_started(&mut self, trace: TraceId) {
        self.traces.entry(trace).or_default().running += 1;
    }

    pub(super) fn ended(&mut self, span: FinishedSpan, wanted: bool) -> Outcome {
        let (id, is_root) = (span.trace_id(), span.is_local_root());
        if !self.traces.contains_key(&id) {
            match self.decided.of(id) {
                // Late: the trace is decided.
                Some(kept) if kept || wanted => {
                    self.decided.remember(id, true);
                    return Outcome::keep(span);
                }
                Some(_) => return Outcome { filtered: 1, ..Outcome::default() },
                None => {}
            }
        }
        self.arrivals += 1;
        let trace = self.traces.entry(id).or_default();
        trace.wanted |= wanted;
        trace.spans.push(span);
        self.spans += 1;
        if trace.since.is_none() {
            trace.since = Some(self.arrivals);
            self.by_age.insert(self.arrivals, id);
        }
        if is_root {
            trace.running = trace.running.saturating_sub(1);
            if trace.running == 0 {
                return self.decide(id);
            }
        }
        if self.spans > self.max_spans { self.make_room() } else { Outcome::default() }
    }

    pub(super) fn decide_all(&mut self) -> Outcome {
        let mut all = Outcome::default();
        for id in mem::take(&mut self.by_age).into_values() {
            let outcome = self.decide(id);
            all.kept.extend(outcome.kept);
            all.filtered += outcome.filtered;
        }
        all
    }

    fn decide(&mut self, id: TraceId) -> Outcome {
        let Some(trace) = self.traces.remove(&id) else { return Outcome::default() };
        let kept = trace.wanted || self.decided.of(id) == Some(true);
        self.decided.remember(id, kept);
        let spans = self.let_go(trace.since, trace.spans);
        if kept {
            Outcome { kept: spans, ..Outcome::default() }
        } else {
            Outcome { filtered: spans.len() as u64, ..Outcome::default() }
        }
    }

    /// Decides the trace that has waited longest, by the spans received so far.
    fn make_room(&mut self) -> Outcome {
        let Some((_, &id)) = self.by_age.first_key_value() else { return Outcome::default() };
        let Some(trace) = self.traces.get_mut(&id) else { return Outcome::default() };
        let (wanted, over) = (trace.wanted, trace.running == 0);
        let (since, spans) = (trace.since.take(), mem::take(&mut trace.spans));
        let spans = self.let_go(since, spans);
        if over {
            self.traces.remove(&id);
            self.decided.remember(id, wanted);
        }
        if wanted {
            Outcome { kept: spans, ..Outcome::default() }
        } else {
            Outcome { dropped: spans.len() as u64, ..Outcome::default() }
        }
    }

    fn let_go(&mut self, since: Option<u64>, spans: Vec<FinishedSpan>) -> Vec<FinishedSpan> {
        if let Some(since) = since {
            self.by_age.remove(&since);
        }
        self.spans -= spans.len();
        spans
    }
}

/// Decisions about the most recent traces.
#[derive(Debug, Default)]
struct Decided {
    kept: HashMap<TraceId, bool>,
    order: VecDeque<TraceId>,
}

impl Decided {
    fn of(&self, id: TraceId) -> Option<bool> {
        self.kept.get(&id).copied()
    }

    fn remember(&mut self, id: TraceId, kept: bool) {
        if self.kept.insert(id, kept).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }
}
