//! Fits values into the size limits of the server.

use std::{borrow::Cow, io, sync::Arc};

use raaf_trace_model::attributes::{Attributes, SpanLimits, Value, ValueRef};
use serde::Serialize;
use serde_json::Value as Json;

/// Largest size of an `input` or `output`, in bytes of JSON. The server rejects the whole batch for
/// a larger one.
pub(super) const MAX_CONTENT: u32 = 100_000;

/// Largest size of a custom span's data, in bytes of JSON. The server documents no limit; this one
/// keeps a single span from causing a rejected request.
pub(super) const MAX_DATA: u32 = 1_000_000;

/// Cuts and marks text that has more than `limit` bytes as JSON.
pub(super) fn text(text: &str, limit: u32) -> Cow<'_, str> {
    if fits(text, limit) {
        return Cow::Borrowed(text);
    }
    match cut(Json::from(text), limit) {
        Json::String(text) => Cow::Owned(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Cuts and marks the long parts of a value that has more than `limit` bytes.
pub(super) fn json(value: Json, limit: u32) -> Json {
    if fits(&value, limit) { value } else { cut(value, limit) }
}

/// Cuts a value by the attribute limits of the core.
fn cut(value: Json, limit: u32) -> Json {
    let mut cutter = Attributes::with_limits(SpanLimits::default().with_max_value_bytes(limit));
    cutter.set("value", Value::Json(Arc::new(value)));
    cutter.get("value").and_then(ValueRef::as_json).cloned().unwrap_or_default()
}

fn fits<T: Serialize + ?Sized>(value: &T, limit: u32) -> bool {
    serde_json::to_writer(Room(limit as usize), value).is_ok()
}

/// Writer that fails after a number of bytes.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(rest) => self.0 = rest,
            None => return Err(io::ErrorKind::StorageFull.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MARK: &str = "... [truncated]";

    #[test]
    fn the_limit_counts_bytes_of_json() {
        let fitting = "x".repeat(98);
        assert_eq!(text(&fitting, 100), fitting);
        for long in ["x".repeat(99), "\u{0}".repeat(99), "\"".repeat(50), "é".repeat(50)] {
            let cut = text(&long, 100);
            let size = serde_json::to_string(&cut).unwrap().len();
            assert!(size <= 100 && size > 90, "{size}: {cut:?}");
            assert!(cut.ends_with(MARK), "{cut:?}");
        }
    }

    #[test]
    fn a_value_stays_the_value_that_it_was() {
        let message = |content: &str| json!([{"role": "user", "content": content}]);
        assert_eq!(json(message("short"), 100), message("short"));
        let cut = json(message(&"long ".repeat(100)), 100);
        assert!(cut.to_string().len() <= 100);
        assert_eq!(cut[0]["role"], "user");
        assert!(cut[0]["content"].as_str().unwrap().ends_with(MARK));
    }
}
