//! Propagation of context between processes: W3C `traceparent` and `tracestate`, in HTTP headers
//! and in the environment of child processes; W3C `baggage` on request.
//!
//! ```
//! use std::collections::HashMap;
//! use raaf_trace_core::propagation::{self, TraceFlags, TraceParent, TraceState};
//! # use raaf_trace_core::{SpanId, TraceId};
//!
//! let here = TraceParent {
//!     trace_id: TraceId::random(),
//!     span_id: SpanId::random(),
//!     flags: TraceFlags::SAMPLED,
//! };
//! let mut headers = HashMap::new();
//! propagation::inject(&mut headers, &here, &TraceState::default());
//!
//! let there = propagation::extract(&headers)?;
//! assert_eq!(there, Some((here, TraceState::default())));
//! # Ok::<(), propagation::TraceParentError>(())
//! ```

mod baggage;
mod carrier;
#[cfg(feature = "http")]
mod header_map;
mod process;
mod span_context;
mod traceparent;
mod tracestate;

pub use baggage::{Baggage, BaggageError};
pub use carrier::{Extractor, Injector};
pub use process::ProcessCarrier;
pub use span_context::SpanContext;
pub use traceparent::{TraceFlags, TraceParent, TraceParentError};
pub use tracestate::{TraceState, TraceStateError};

/// Key of the parent span's context.
pub const TRACEPARENT: &str = "traceparent";
/// Key of vendor data about the trace.
pub const TRACESTATE: &str = "tracestate";

/// Key of the application's baggage.
pub const BAGGAGE: &str = "baggage";

/// Writes a span's context into a carrier and replaces its context.
pub fn inject(carrier: &mut (impl Injector + ?Sized), parent: &TraceParent, state: &TraceState) {
    carrier.set(TRACEPARENT, &parent.to_string());
    if state.is_empty() {
        carrier.remove(TRACESTATE);
    } else {
        carrier.set(TRACESTATE, &state.to_string());
    }
}

/// Reads the span context from a carrier; `None` when there is none.
///
/// # Errors
///
/// Returns an error if the `traceparent` is invalid, or there are several. The caller should
/// continue as if there were none, with a debug line. A malformed `tracestate` is never an error:
/// it is ignored. Several header lines of `tracestate` are joined into one list.
pub fn extract(
    carrier: &(impl Extractor + ?Sized),
) -> Result<Option<(TraceParent, TraceState)>, TraceParentError> {
    let parent = match carrier.get_all(TRACEPARENT)[..] {
        [] => return Ok(None),
        [line] => TraceParent::parse(line)?,
        ref lines => return Err(TraceParentError::Repeated { found: lines.len() }),
    };
    let state = TraceState::parse(&carrier.get_all(TRACESTATE).join(","));
    Ok(Some((parent, state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn p3_context_survives_a_carrier() {
        let parent = TraceParent::parse(PARENT).unwrap();
        let state = TraceState::parse("a=1,b=2");
        let mut headers = Vec::new();
        inject(&mut headers, &parent, &state);
        assert_eq!(extract(&headers), Ok(Some((parent, state))));
    }

    #[test]
    fn p3_an_old_tracestate_does_not_go_with_a_new_parent() {
        let mut headers = vec![("TraceState".to_owned(), "old=1".to_owned())];
        inject(&mut headers, &TraceParent::parse(PARENT).unwrap(), &TraceState::default());
        assert_eq!(headers, [("traceparent".to_owned(), PARENT.to_owned())]);
    }

    #[test]
    fn p3_nothing_is_not_an_error_and_something_malformed_is() {
        let mut headers = vec![(TRACESTATE.to_owned(), "a=1".to_owned())];
        assert_eq!(extract(&headers), Ok(None));
        headers.push((TRACEPARENT.to_owned(), "00".to_owned()));
        assert_eq!(extract(&headers), Err(TraceParentError::Length { found: 2 }));
    }

    #[test]
    fn p3_a_malformed_tracestate_does_not_lose_the_parent() {
        let headers = vec![
            (TRACEPARENT.to_owned(), PARENT.to_owned()),
            (TRACESTATE.to_owned(), "ok=1,NOT OK".to_owned()),
        ];
        let (_, state) = extract(&headers).unwrap().unwrap();
        assert!(state.is_empty());
    }

    #[test]
    fn p3_lines_of_tracestate_are_one_list_and_lines_of_traceparent_are_none() {
        let mut headers: Vec<_> = [
            (TRACEPARENT, PARENT),
            (TRACESTATE, "a=1"),
            ("TraceState", ""),
            (TRACESTATE, "b=2, c=3"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let (parent, state) = extract(&headers).unwrap().unwrap();
        assert_eq!(
            (parent.to_string().as_str(), state.to_string().as_str()),
            (PARENT, "a=1,b=2,c=3")
        );
        headers.push((TRACEPARENT.to_owned(), PARENT.to_owned()));
        assert_eq!(extract(&headers), Err(TraceParentError::Repeated { found: 2 }));
    }
}
