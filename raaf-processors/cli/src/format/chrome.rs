//! Traces as trace events of Chrome, which Perfetto reads.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use raaf_trace_model::span::{Record, SpanTree};
use serde_json::{Map, Value as Json, json};

use super::{status, title};

/// Returns the events of a trace as the process of that number.
///
/// A track shows spans that enclose each other. A span is on the track of its parent unless a sibling
/// runs there at the same time.
pub(crate) fn events(tree: &SpanTree<Record>, process: usize, name: &str) -> Vec<Json> {
    let mut events = vec![json!({
        "ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": { "name": name },
    })];
    let mut tracks = Tracks { of: vec![0; tree.spans().len()], all: Vec::new() };
    for (_, index) in tree.walk_from(tree.top_indices()) {
        let record = &tree.spans()[index];
        let track = tracks.place(index, tree.parent_index(index), record);
        let mut arguments = Map::new();
        arguments.insert("trace_id".to_owned(), json!(record.trace_id()));
        arguments.insert("span_id".to_owned(), json!(record.span_id()));
        arguments.insert("status".to_owned(), json!(status(record)));
        if let Some(span) = record.ended() {
            for (key, value) in span.attributes().stored().iter() {
                arguments.insert(key.to_owned(), json!(value));
            }
        }
        let mut event = json!({
            "name": title(record),
            "cat": record.kind().as_str(),
            "ph": if record.ended().is_some() { "X" } else { "B" },
            "pid": process,
            "tid": track,
            "ts": micros(record.start_time()),
            "args": arguments,
        });
        if let Some(duration) = record.duration() {
            event["dur"] = json!(duration.as_secs_f64() * 1e6);
        }
        events.push(event);
    }
    events
}

struct Tracks {
    /// Track of each span.
    of: Vec<usize>,
    all: Vec<Track>,
}

struct Track {
    /// Latest end of its spans.
    until: SystemTime,
    /// End of the last span on it of each parent, since it was free.
    levels: HashMap<Option<usize>, SystemTime>,
}

impl Tracks {
    fn place(&mut self, index: usize, parent: Option<usize>, record: &Record) -> usize {
        let start = record.start_time();
        let end = start + record.duration().unwrap_or(Duration::ZERO);
        // Within its parent, only a sibling is in the way.
        let has_room = |own: &usize| {
            self.all[*own].levels.get(&parent).is_none_or(|sibling| *sibling <= start)
        };
        let own = parent.map(|parent| self.of[parent]).filter(has_room);
        let track = own.unwrap_or_else(|| {
            let free = self.all.iter().position(|track| track.until <= start);
            free.unwrap_or_else(|| {
                self.all.push(Track { until: start, levels: HashMap::new() });
                self.all.len() - 1
            })
        });
        let Track { until, levels } = &mut self.all[track];
        if own.is_none() {
            levels.clear();
        }
        levels.insert(parent, end);
        *until = end.max(*until);
        self.of[index] = track;
        track
    }
}

fn micros(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e6
}
