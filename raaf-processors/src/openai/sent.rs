//! Remembers which traces the server has received.

use std::collections::{HashSet, VecDeque};

use raaf_trace_model::id::TraceId;

/// Number of traces remembered. A trace that was forgotten is sent again with its next span.
const MAX_TRACES: usize = 10_000;

/// The most recent traces whose objects were sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    known: HashSet<TraceId>,
    in_order: VecDeque<TraceId>,
}

impl Sent {
    pub(super) fn contains(&self, id: TraceId) -> bool {
        self.known.contains(&id)
    }

    pub(super) fn add(&mut self, ids: impl IntoIterator<Item = TraceId>) {
        for id in ids {
            if self.known.insert(id) {
                self.in_order.push_back(id);
            }
            if self.in_order.len() > MAX_TRACES
                && let Some(oldest) = self.in_order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_traces_are_remembered() {
        let mut sent = Sent::default();
        let ids: Vec<_> = (1..=MAX_TRACES as u128 + 1).filter_map(TraceId::from_u128).collect();
        for _ in 0..2 {
            sent.add(ids[..MAX_TRACES].iter().copied());
        }
        assert!(ids[..MAX_TRACES].iter().all(|id| sent.contains(*id)));
        sent.add([ids[MAX_TRACES]]);
        assert!(!sent.contains(ids[0]) && sent.contains(ids[1]) && sent.contains(ids[MAX_TRACES]));
        assert_eq!((sent.known.len(), sent.in_order.len()), (MAX_TRACES, MAX_TRACES));
    }
}
