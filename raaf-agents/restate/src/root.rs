//! Span of an invocation, which may start in one process and end in another.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use raaf_trace_core::{
    Context, Kind, SpanId, Status, TraceId, call::ErrorReport, propagation::SpanContext,
    provider::global_provider, tracer,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::failure::Failure;

/// Longest wait for sinks before the work goes on without them.
const FLUSH: Duration = Duration::from_secs(1);

/// Position of an invocation in its trace. The first attempt chooses it, the others read it from the journal,
/// and the last one records the span.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Root {
    /// Headers that a request within the span has.
    place: BTreeMap<String, String>,
    /// Start of the first attempt, since the Unix epoch.
    started: Duration,
}

impl Root {
    /// Chooses the position of an invocation: below its caller, or in a trace of its own.
    pub(crate) fn new(caller: &BTreeMap<String, String>) -> Self {
        let caller = Context::extract(caller).span_context();
        let mut place = BTreeMap::new();
        let span = match caller {
            Some(caller) => SpanContext::new(caller.trace_id(), SpanId::random())
                .with_flags(caller.flags())
                .with_trace_state(caller.trace_state().clone()),
            None => SpanContext::new(TraceId::random(), SpanId::random()),
        };
        Context::remote(span).inject(&mut place);
        Self { place, started: now() }
    }

    /// Returns the context in which all attempts run.
    pub(crate) fn context(&self) -> Context {
        Context::extract(&self.place)
    }

    /// Returns the headers of a request within the invocation. They are the same in each attempt, as the
    /// engine requires.
    pub(crate) fn headers(&self) -> &BTreeMap<String, String> {
        &self.place
    }

    /// Records the span. An attempt that repeats this records an equal one.
    pub(crate) fn record(
        &self,
        name: &str,
        id: &str,
        caller: &BTreeMap<String, String>,
        ended: Duration,
        failure: Option<&Failure>,
    ) {
        let Some(place) = self.context().span_context() else { return };
        let Some(span_id) = place.span_id() else { return };
        let mut span = tracer()
            .span(name.to_owned())
            .kind(Kind::Trace)
            .component_name(name.to_owned())
            .with("restate.invocation_id", id.to_owned())
            .start_time(SystemTime::UNIX_EPOCH + self.started)
            .span_id(span_id);
        span = match Context::extract(caller).span_context() {
            Some(caller) => span.remote_parent(caller),
            None => span.trace_id(place.trace_id()),
        };
        let span = span.start();
        match failure {
            None => span.set_status(Status::Ok),
            Some(failure) => {
                span.set_error(&ErrorReport::from_message("failure", failure.to_string()))
            }
        };
        span.finish_at(SystemTime::UNIX_EPOCH + ended);
    }
}

/// Delivers spans to the sinks, so that they are not lost if the process is killed later.
pub(crate) async fn flush() {
    let provider = global_provider();
    if provider.processor_count() > 0 {
        // A sink that cannot deliver reports that itself.
        let _ = provider.force_flush_async(FLUSH).await;
    }
}

/// Returns the time since the Unix epoch.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

pub(crate) fn to_json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}
