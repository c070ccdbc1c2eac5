//! An exporter that is right but for one fault.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use raaf_trace_core::{FinishedSpan, SpanExporter, Status, sink::ExportError};

use super::{
    Rule,
    broken_processor::{altered, fail},
};

pub(super) struct BrokenExporter {
    fault: Option<Rule>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    delivered: Vec<FinishedSpan>,
    batches: usize,
    shut_down: bool,
    unflushed: bool,
    thread: Option<ThreadId>,
}

impl BrokenExporter {
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

    fn refuses(&self, fault: Rule, holds: bool, text: &str) -> Result<(), ExportError> {
        if self.has(fault) && holds { Err(ExportError::permanent(text)) } else { Ok(()) }
    }
}

/// Returns whether the caller is a worker rather than the suite.
fn behind_a_queue() -> bool {
    thread::current().name() != Some("conformance")
}

impl SpanExporter for BrokenExporter {
    fn name(&self) -> &str {
        if self.has(Rule::Name) { "" } else { "broken" }
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let any = |holds: &dyn Fn(&FinishedSpan) -> bool| batch.iter().any(holds);
        self.refuses(Rule::NothingReceived, batch.is_empty(), "empty")?;
        self.refuses(Rule::LargeBatch, batch.len() > 1_000, "too large")?;
        let nul = any(&|span| span.component_name().contains('\0'));
        self.refuses(Rule::HostileText, nul, "cannot be written")?;
        self.refuses(Rule::EveryShape, any(&|span| span.kind() == "speech_group"), "unknown")?;
        self.refuses(Rule::BehindAProvider, any(&|span| span.kind() == "trace"), "unknown")?;
        let mut state = self.lock();
        if self.has(Rule::AfterShutdown) && state.shut_down {
            fail("shut down already");
        }
        let this = thread::current().id();
        let other = *state.thread.get_or_insert(this) != this;
        self.refuses(Rule::ManyThreads, other, "another thread")?;
        // Lost between two batches: what a batch of its own would show.
        self.refuses(Rule::NothingLost, behind_a_queue() && state.batches == 3, "lost")?;
        state.batches += 1;
        state.unflushed = true;
        for span in batch {
            let span = if self.has(Rule::SaysTheSame) && span.status() != Status::Ok {
                altered(span)
            } else {
                span.clone()
            };
            if self.has(Rule::EachOnce) && state.delivered.len() == 50 {
                state.delivered.push(span.clone());
            }
            let hidden = self.has(Rule::FlushDelivers) && state.delivered.len() == 7;
            if self.has(Rule::InOrder) {
                state.delivered.insert(0, span);
            } else if !hidden {
                state.delivered.push(span);
            }
        }
        Ok(())
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        let mut state = self.lock();
        state.unflushed = false;
        self.refuses(Rule::FlushReturns, behind_a_queue(), "flushed by a worker")
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        let mut state = self.lock();
        if self.has(Rule::ShutdownTwice) && state.shut_down && state.delivered.len() == 20 {
            fail("shut down already");
        }
        state.shut_down = true;
        Ok(())
    }
}

impl Drop for BrokenExporter {
    fn drop(&mut self) {
        let state = self.lock();
        let fails = self.has(Rule::Drop) && state.unflushed && !state.shut_down;
        drop(state);
        if fails && !thread::panicking() {
            fail("spans are left");
        }
    }
}
