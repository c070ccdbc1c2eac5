//! A processor that is right but for one fault.

use std::{
    collections::HashSet,
    panic::resume_unwind,
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use raaf_trace_core::{
    FinishedSpan, SpanId, SpanProcessor, Status, sink::ProcessorError, span::StartedSpan,
    stats::ProcessorStats,
};

use super::Rule;

/// Fails without the panic hook, so that no test prints it.
pub(super) fn fail(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

pub(super) struct BrokenProcessor {
    fault: Option<Rule>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    delivered: Vec<FinishedSpan>,
    received: u64,
    dropped: u64,
    open: HashSet<SpanId>,
    shut_down: bool,
    unflushed: bool,
    thread_of_ends: Option<ThreadId>,
    thread_of_flushes: Option<ThreadId>,
}

impl BrokenProcessor {
    pub(super) fn new(fault: Option<Rule>) -> Self {
        Self { fault, state: Mutex::default() }
    }

    pub(super) fn delivered(&self) -> Vec<FinishedSpan> {
        self.lock().delivered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, fault: Rule) -> bool {
        self.fault == Some(fault)
    }

    fn fails_at(&self, fault: Rule, holds: bool) {
        if self.has(fault) && holds {
            fail("a fault");
        }
    }
}

/// Returns the span with another method, and without the rest.
pub(super) fn altered(span: &FinishedSpan) -> FinishedSpan {
    FinishedSpan::builder(span.kind().clone(), span.component_name())
        .trace_id(span.trace_id())
        .span_id(span.span_id())
        .method("altered")
        .build()
}

/// Returns whether this is a different thread from the first caller's.
fn is_other(first: &mut Option<ThreadId>) -> bool {
    let this = thread::current().id();
    *first.get_or_insert(this) != this
}

impl SpanProcessor for BrokenProcessor {
    fn name(&self) -> &str {
        if self.has(Rule::Name) { " " } else { "broken" }
    }

    fn on_start(&self, span: &mut StartedSpan) {
        self.fails_at(Rule::BehindAProvider, span.kind() == "trace");
        self.lock().open.insert(span.span_id());
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.fails_at(Rule::HostileText, span.component_name().contains('\0'));
        self.fails_at(Rule::EveryShape, span.status() == Status::Stale);
        let mut state = self.lock();
        let other = is_other(&mut state.thread_of_ends);
        self.fails_at(Rule::ManyThreads, other);
        state.open.remove(&span.span_id());
        state.unflushed = true;
        state.received += 1;
        let number = state.received;
        let lost = self.has(Rule::NothingLost) && number == 100;
        if lost || (state.shut_down && !self.has(Rule::AfterShutdown)) {
            state.dropped += 1;
            return;
        }
        let span = if self.has(Rule::SaysTheSame) { altered(span) } else { span.clone() };
        if self.has(Rule::EachOnce) && number == 50 {
            state.delivered.push(span.clone());
        }
        if self.has(Rule::FlushDelivers) && number.is_multiple_of(10) {
            return;
        }
        if self.has(Rule::InOrder) {
            state.delivered.insert(0, span);
        } else {
            state.delivered.push(span);
        }
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        if self.has(Rule::FlushReturns) && Instant::now().checked_add(timeout).is_none() {
            fail("the deadline is beyond what the clock can tell");
        }
        let mut state = self.lock();
        let other = is_other(&mut state.thread_of_flushes);
        self.fails_at(Rule::WhileSpansEnd, other);
        self.fails_at(Rule::HalfSeen, !state.open.is_empty());
        self.fails_at(Rule::NothingReceived, state.received == 0);
        state.unflushed = false;
        Ok(())
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.force_flush(timeout)?;
        let mut state = self.lock();
        if self.has(Rule::ShutdownTwice) && state.shut_down && state.received == 200 {
            fail("shut down already");
        }
        state.shut_down = true;
        Ok(())
    }

    fn stats(&self) -> ProcessorStats {
        let seen = self.lock();
        let miscounted = self.has(Rule::StatsAddUp) && seen.received > 1_000;
        ProcessorStats {
            received: seen.received + u64::from(miscounted),
            dropped: seen.dropped,
            delivered: seen.received - seen.dropped,
            ..ProcessorStats::default()
        }
    }
}

impl Drop for BrokenProcessor {
    fn drop(&mut self) {
        let state = self.lock();
        let fails = self.has(Rule::Drop) && state.unflushed && !state.shut_down;
        drop(state);
        if fails && !thread::panicking() {
            fail("spans are left");
        }
    }
}
