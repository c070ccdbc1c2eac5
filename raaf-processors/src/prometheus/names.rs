//! Names, descriptions and buckets of the metrics.

use metrics::{Recorder, Unit};

pub(super) const SPANS: &str = "raaf_spans_total";
pub(super) const SPAN_DURATION: &str = "raaf_span_duration_seconds";
pub(super) const SPANS_ACTIVE: &str = "raaf_spans_active";
pub(super) const RETRIES: &str = "raaf_retries_total";
pub(super) const TOKENS: &str = "raaf_tokens_total";
pub(super) const TOKENS_OF_A_KIND: &str = "raaf_token_details_total";
pub(super) const FIRST_CHUNK: &str = "raaf_time_to_first_chunk_seconds";
pub(super) const SINK_DELIVERED: &str = "raaf_sink_spans_delivered_total";
pub(super) const SINK_DROPPED: &str = "raaf_sink_spans_dropped_total";
pub(super) const SINK_RETRIED: &str = "raaf_sink_batches_retried_total";
pub(super) const SINK_PANICS: &str = "raaf_sink_panics_total";
pub(super) const SINK_SLOW_CALLS: &str = "raaf_sink_slow_calls_total";
pub(super) const SINK_QUEUED: &str = "raaf_sink_spans_queued";
pub(super) const FAILURES: &str = "raaf_failures_total";
pub(super) const AGENT_TOKENS: &str = "raaf_agent_tokens_total";
pub(super) const COST: &str = "raaf_cost_usd_total";
pub(super) const INFERENCE_DURATION: &str = "gen_ai_client_inference_duration_seconds";
pub(super) const INFERENCE_FIRST_CHUNK: &str =
    "gen_ai_client_inference_time_to_first_chunk_seconds";
pub(super) const USAGE_INPUT: &str = "gen_ai_client_inference_usage_input_tokens_total";
pub(super) const USAGE_OUTPUT: &str = "gen_ai_client_inference_usage_output_tokens_total";
pub(super) const AGENT_DURATION: &str = "gen_ai_invoke_agent_duration_seconds";
pub(super) const TOOL_DURATION: &str = "gen_ai_execute_tool_duration_seconds";

/// Labels of the metrics by OpenTelemetry's conventions.
pub(super) const OPERATION: &str = "gen_ai_operation_name";
pub(super) const PROVIDER: &str = "gen_ai_provider_name";
pub(super) const REQUEST_MODEL: &str = "gen_ai_request_model";
pub(super) const AGENT_NAME: &str = "gen_ai_agent_name";
pub(super) const TOOL_NAME: &str = "gen_ai_tool_name";
pub(super) const ERROR_TYPE: &str = "error_type";

/// Upper bounds in seconds, from 1 µs to 10 min; closest where agents, tools and models spend their
/// time.
pub(super) const BUCKETS: [f64; 21] = [
    1e-6, 1e-5, 1e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0, 120.0, 300.0, 600.0,
];

enum Type {
    Counter,
    /// Counter with fractions, which recorders have as a gauge.
    Sum,
    Gauge,
    Histogram,
}

use Type::{Counter, Gauge, Histogram, Sum};

const ALL: [(Type, &str, &str); 22] = [
    (Counter, SPANS, "Spans that ended, by kind, component and status."),
    (Histogram, SPAN_DURATION, "Durations of spans in seconds, by kind and component."),
    (Gauge, SPANS_ACTIVE, "Running spans, by kind."),
    (Counter, RETRIES, "Failed attempts that were retried, by kind and component."),
    (Counter, TOKENS, "Tokens of model calls: input (type input) and output (type output)."),
    (
        Counter,
        TOKENS_OF_A_KIND,
        "Subsets of raaf_tokens_total: input served from a cache (type cached) or written to it \
         (type cache_write), output spent on reasoning (type reasoning).",
    ),
    (
        Histogram,
        FIRST_CHUNK,
        "Time until the first chunk of a streamed answer in seconds, by model.",
    ),
    (Counter, SINK_DELIVERED, "Spans that a sink delivered."),
    (Counter, SINK_DROPPED, "Spans that a sink dropped: its queue was full, or delivery failed."),
    (Counter, SINK_RETRIED, "Batches that a sink failed to deliver and retried."),
    (Counter, SINK_PANICS, "Calls to a sink that panicked."),
    (Counter, SINK_SLOW_CALLS, "Calls to a sink that delayed the traced program."),
    (Gauge, SINK_QUEUED, "Spans that wait for delivery by a sink or are being delivered."),
    (
        Counter,
        FAILURES,
        "Spans that failed, were cancelled or became stale, by kind, component and type of error.",
    ),
    (
        Counter,
        AGENT_TOKENS,
        "Tokens of model calls, by agent: input (type input) and output (type output).",
    ),
    (Sum, COST, "Cost of model calls in US dollars, as spans report it, by model."),
    (Histogram, INFERENCE_DURATION, "Durations of model calls in seconds."),
    (
        Histogram,
        INFERENCE_FIRST_CHUNK,
        "Time until the first chunk of a streamed answer in seconds.",
    ),
    (Counter, USAGE_INPUT, "Input tokens of model calls."),
    (Counter, USAGE_OUTPUT, "Output tokens of model calls."),
    (Histogram, AGENT_DURATION, "Durations of agent runs in seconds, by agent."),
    (Histogram, TOOL_DURATION, "Durations of tool calls in seconds, by tool."),
];

/// Returns the description of a metric.
pub(super) fn help(name: &str) -> &'static str {
    ALL.iter().find(|(_, known, _)| *known == name).map_or("", |(.., help)| help)
}

/// Describes each metric to a recorder.
pub(super) fn describe(recorder: &dyn Recorder) {
    for (kind, name, help) in ALL {
        let name = metrics::KeyName::from_const_str(name);
        let help = metrics::SharedString::const_str(help);
        match kind {
            Counter => recorder.describe_counter(name, Some(Unit::Count), help),
            Gauge | Sum => recorder.describe_gauge(name, Some(Unit::Count), help),
            Histogram => recorder.describe_histogram(name, Some(Unit::Seconds), help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_the_conventions() {
        for (kind, name, help) in ALL {
            assert!(name.starts_with("raaf_") || name.starts_with("gen_ai_"), "{name}");
            assert_eq!(matches!(kind, Counter | Sum), name.ends_with("_total"), "{name}");
            assert_eq!(matches!(kind, Histogram), name.contains("_seconds"), "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
        }
    }

    #[test]
    fn buckets_rise_from_a_microsecond_to_ten_minutes() {
        assert!(BUCKETS.is_sorted_by(|one, next| one < next));
        assert_eq!((BUCKETS[0], BUCKETS[BUCKETS.len() - 1]), (1e-6, 600.0));
    }
}
