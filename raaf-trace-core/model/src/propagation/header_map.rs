//! Carrier: the headers of the crate `http`.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Extractor, Injector};

/// Stands for a value that is not text, so that it is malformed rather than absent.
const NOT_TEXT: &str = "\u{fffd}";

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or(NOT_TEXT)
}

impl Extractor for HeaderMap {
    fn get(&self, key: &str) -> Option<&str> {
        Self::get(self, key).map(text)
    }

    fn get_all(&self, key: &str) -> Vec<&str> {
        Self::get_all(self, key).iter().map(text).collect()
    }
}

impl Injector for HeaderMap {
    /// A key or a value that HTTP does not allow is not set, and nothing is in a map that is full. Those
    /// of trace context are allowed.
    fn set(&mut self, key: &str, value: &str) {
        if let (Ok(key), Ok(value)) = (key.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            // The program does without context rather than with a panic.
            let _ = self.try_insert(key, value);
        }
    }

    fn remove(&mut self, key: &str) {
        Self::remove(self, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{self, TraceParent, TraceParentError, TraceState};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn p3_context_survives_a_header_map() {
        let (parent, state) = (TraceParent::parse(PARENT).unwrap(), TraceState::parse("a=1,b=2"));
        let mut headers = HeaderMap::new();
        headers.insert("TraceParent", HeaderValue::from_static("old"));
        propagation::inject(&mut headers, &parent, &state);
        assert_eq!(headers.len(), 2);
        assert_eq!(propagation::extract(&headers), Ok(Some((parent, state))));
        propagation::inject(&mut headers, &parent, &TraceState::default());
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn a_header_map_that_is_full_is_left_as_it_is() {
        let mut headers = HeaderMap::new();
        for number in 0..100_000 {
            let name: HeaderName = format!("x-{number}").parse().unwrap();
            if headers.try_insert(name, HeaderValue::from_static("1")).is_err() {
                break;
            }
        }
        let full = headers.len();
        let state = TraceState::parse("a=1");
        propagation::inject(&mut headers, &TraceParent::parse(PARENT).unwrap(), &state);
        assert_eq!(headers.len(), full);
    }

    #[test]
    fn p3_lines_of_a_header_map_are_all_read() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        for state in ["a=1", "b=2"] {
            headers.append("tracestate", HeaderValue::from_static(state));
        }
        let (_, state) = propagation::extract(&headers).unwrap().unwrap();
        assert_eq!(state.to_string(), "a=1,b=2");
        headers.append("tracestate", HeaderValue::from_bytes(b"c=\xff").unwrap());
        let (_, state) = propagation::extract(&headers).unwrap().unwrap();
        assert!(state.is_empty(), "a malformed member discards the list: {state}");
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        let repeated = TraceParentError::Repeated { found: 2 };
        assert_eq!(propagation::extract(&headers), Err(repeated));
    }
}
