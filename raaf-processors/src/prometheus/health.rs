//! Metrics of the other sinks, from the provider's statistics.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Label, SharedString};
use raaf_trace_model::sink::stats::{ProcessorStats, StatsReader};

use super::{
    label::{self, OTHER},
    names,
    output::Recording,
};

/// Largest number of sinks with labels of their own, in each provider.
const MOST_SINKS: usize = 50;

/// Providers that the sink was added to, normally one.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Vec<Watched>>);

#[derive(Debug)]
struct Watched {
    stats: StatsReader,
    /// Counts already reported for each sink, by label.
    reported: HashMap<Arc<str>, Counts>,
}

/// Counters, in the order of [`COUNTERS`].
type Counts = [u64; 5];

const COUNTERS: [&str; 5] = [
    names::SINK_DELIVERED,
    names::SINK_DROPPED,
    names::SINK_RETRIED,
    names::SINK_PANICS,
    names::SINK_SLOW_CALLS,
];

fn counts(sink: &ProcessorStats) -> Counts {
    [sink.delivered, sink.dropped, sink.retried, sink.panics, sink.slow_calls]
}

impl Health {
    pub(super) fn watch(&self, stats: &StatsReader) {
        let watched = Watched { stats: stats.clone(), reported: HashMap::new() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
    }

    /// Adds the increments since the last update.
    pub(super) fn report(&self, recording: &Recording) {
        let mut queued = HashMap::<Arc<str>, u64>::new();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain_mut(|watched| {
            // Sinks that are gone have no queue.
            for name in watched.reported.keys() {
                queued.entry(Arc::clone(name)).or_default();
            }
            let Some(stats) = watched.stats.read() else { return false };
            let mut now = HashMap::<Arc<str>, Counts>::new();
            for sink in &stats.processors {
                let mut name = label::value(&label::head(&sink.name));
                if now.len() >= MOST_SINKS && !now.contains_key(&name) {
                    name = OTHER.into();
                }
                *queued.entry(Arc::clone(&name)).or_default() += sink.queued;
                let sums = now.entry(name).or_default();
                sums.iter_mut().zip(counts(sink)).for_each(|(sum, count)| *sum += count);
            }
            for (name, counts) in &now {
                let before = watched.reported.get(name).copied().unwrap_or_default();
                report_growth(name, &before, counts, recording);
            }
            watched.reported = now;
            true
        });
        for (name, queued) in queued {
            recording.gauge(names::SINK_QUEUED, labels(&name)).set(queued as f64);
        }
    }
}

fn report_growth(name: &Arc<str>, before: &Counts, now: &Counts, recording: &Recording) {
    for ((metric, before), now) in COUNTERS.into_iter().zip(before).zip(now) {
        // Less than before: another sink with the same name has started to count.
        let growth = now.checked_sub(*before).unwrap_or(*now);
        recording.counter(metric, labels(name)).increment(growth);
    }
}

fn labels(name: &Arc<str>) -> Vec<Label> {
    vec![Label::new("sink", SharedString::from_shared(Arc::clone(name)))]
}
