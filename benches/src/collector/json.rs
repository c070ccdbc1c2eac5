//! A finished span as a line of JSON: the same fields for every tool.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct as _},
};

use super::{Delivered, Scalar};

/// The lines of these spans, and how many there are.
pub(super) fn lines<D: Delivered>(spans: impl IntoIterator<Item = D>) -> (Vec<u8>, usize) {
    let (mut lines, mut count) = (Vec::new(), 0);
    for span in spans {
        // Writing into memory fails only if serialising does, which these fields cannot.
        if serde_json::to_writer(&mut lines, &Line(&span)).is_ok() {
            lines.push(b'\n');
            count += 1;
        }
    }
    (lines, count)
}

struct Line<'a, D>(&'a D);

impl<D: Delivered> Serialize for Line<'_, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.0;
        let mut line = serializer.serialize_struct("Span", 7)?;
        line.serialize_field("trace", &span.trace_id())?;
        line.serialize_field("span", &span.span_id())?;
        line.serialize_field("parent", &span.parent_id())?;
        span.with_name(|name| line.serialize_field("name", name))?;
        line.serialize_field("start_ns", &nanoseconds(span.start()))?;
        line.serialize_field("duration_ns", &(span.duration().as_nanos() as u64))?;
        line.serialize_field("attributes", &Attributes(span))?;
        line.end()
    }
}

struct Attributes<'a, D>(&'a D);

impl<D: Delivered> Serialize for Attributes<'_, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut failed = None;
        self.0.each_attribute(|key, value| {
            let written = match value {
                Scalar::Str(value) => map.serialize_entry(key, value),
                Scalar::Int(value) => map.serialize_entry(key, &value),
                Scalar::Float(value) => map.serialize_entry(key, &value),
                Scalar::Bool(value) => map.serialize_entry(key, &value),
            };
            failed = failed.take().or(written.err());
        });
        match failed {
            Some(error) => Err(error),
            None => map.end(),
        }
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
