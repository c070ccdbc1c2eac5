//! Running agents, by the spans below them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use raaf_trace_model::{
    id::SpanId,
    kind::Kind,
    span::{FinishedSpan, StartedSpan},
};

const SHARDS: usize = 16;

/// Largest number of spans that are held, against spans that never end.
const MOST: usize = 1 << 16;

/// Names of the agents that running spans belong to: a span's own, if it is an agent's, otherwise
/// that of its parent.
#[derive(Default)]
pub(super) struct Agents {
    shards: [Mutex<HashMap<SpanId, Arc<str>>>; SHARDS],
    /// Number of entries; without any, spans take no lock.
    held: AtomicUsize,
}

impl Agents {
    pub(super) fn started(&self, span: &StartedSpan) {
        let agent = match span.kind() {
            Kind::Agent => Some(span.component_name().into()),
            _ => self.of(span.parent_id()),
        };
        let Some(agent) = agent else { return };
        if self.held.load(Relaxed) < MOST
            && self.with(span.span_id(), |all, id| all.insert(id, agent)).is_none()
        {
            self.held.fetch_add(1, Relaxed);
        }
    }

    /// Forgets a span, and returns the agent that it belongs to.
    pub(super) fn ended(&self, span: &FinishedSpan) -> Option<Arc<str>> {
        if self.held.load(Relaxed) == 0 {
            return None;
        }
        let agent = self.with(span.span_id(), |all, id| all.remove(&id))?;
        self.held.fetch_sub(1, Relaxed);
        Some(agent)
    }

    fn of(&self, span: Option<SpanId>) -> Option<Arc<str>> {
        let span = span.filter(|_| self.held.load(Relaxed) > 0)?;
        self.with(span, |all, id| all.get(&id).cloned())
    }

    fn with<R>(
        &self,
        id: SpanId,
        act: impl FnOnce(&mut HashMap<SpanId, Arc<str>>, SpanId) -> R,
    ) -> R {
        let shard = &self.shards[id.to_u64() as usize % SHARDS];
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner), id)
    }
}
