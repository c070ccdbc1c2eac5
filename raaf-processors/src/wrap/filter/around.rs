//! The spans around a span, some of which are left out.

use std::{
    collections::{HashMap, VecDeque},
    mem,
};

use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, StartedSpan},
};

/// Number of spans that may wait. Further ones are passed on under the parent that they have.
const MOST_WAITING: usize = 10_000;

/// Number of ended spans that are remembered as left out, for spans within them that end later.
const REMEMBERED: usize = 10_000;

/// Open spans, and finished ones that wait until it is known whether their parents are kept.
#[derive(Debug, Default)]
pub(super) struct Around {
    spans: HashMap<SpanId, Known>,
    /// Ended spans that were left out, the oldest first.
    left_out: VecDeque<SpanId>,
    waiting: usize,
}

#[derive(Debug)]
struct Known {
    parent: Option<SpanId>,
    local_root: bool,
    /// `None` as long as it depends on how the span ends.
    kept: Option<bool>,
    /// Finished spans that belong under it, if it is kept.
    waiting: Vec<FinishedSpan>,
}

impl Around {
    pub(super) fn waiting(&self) -> u64 {
        self.waiting as u64
    }

    /// Notes a span that has started, and whether it will be kept, if that is known.
    pub(super) fn started(&mut self, span: &StartedSpan, kept: Option<bool>) {
        let (parent, local_root) = (span.parent_id(), span.is_local_root());
        self.spans.insert(span.span_id(), Known { parent, local_root, kept, waiting: Vec::new() });
    }

    /// Decides about a span that has ended. Returns the spans to pass on, inner ones first, each under
    /// the nearest span around it that is kept.
    pub(super) fn ended(&mut self, span: FinishedSpan, kept: bool) -> Vec<FinishedSpan> {
        let mut ready = Vec::new();
        let id = span.span_id();
        if let Some(known) = self.spans.get_mut(&id) {
            known.kept = Some(kept);
            let inner = mem::take(&mut known.waiting);
            self.waiting -= inner.len();
            for inner in inner {
                self.place(inner, &mut ready);
            }
            if kept {
                self.spans.remove(&id);
            } else {
                self.left_out.push_back(id);
                if self.left_out.len() > REMEMBERED
                    && let Some(oldest) = self.left_out.pop_front()
                {
                    self.spans.remove(&oldest);
                }
            }
        }
        if kept {
            self.place(span, &mut ready);
        }
        ready
    }

    /// Adds the span to `ready`, or to those that wait for one around it.
    fn place(&mut self, mut span: FinishedSpan, ready: &mut Vec<FinishedSpan>) {
        let (mut parent, mut local_root) = (span.parent_id(), span.is_local_root());
        while let Some(around) = parent.and_then(|parent| self.spans.get_mut(&parent)) {
            match around.kept {
                Some(true) => break,
                Some(false) => {
                    (parent, local_root) = (around.parent, local_root || around.local_root);
                }
                None if self.waiting >= MOST_WAITING => break,
                None => {
                    span.set_parent(parent, local_root);
                    around.waiting.push(span);
                    self.waiting += 1;
                    return;
                }
            }
        }
        span.set_parent(parent, local_root);
        ready.push(span);
    }

    /// Returns all spans that wait, as if the open spans were left out.
    pub(super) fn rest(&mut self) -> Vec<FinishedSpan> {
        let mut waiting = Vec::new();
        for known in self.spans.values_mut() {
            known.kept.get_or_insert(false);
            waiting.append(&mut known.waiting);
        }
        self.waiting = 0;
        waiting.sort_by_key(FinishedSpan::end_time);
        let mut ready = Vec::new();
        for span in waiting {
            self.place(span, &mut ready);
        }
        ready
    }
}
