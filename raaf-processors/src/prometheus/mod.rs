//! Prometheus sink: metrics.

mod active;
mod agents;
mod buckets;
mod builder;
mod component;
mod error;
mod family;
mod format;
mod gen_ai;
mod handle;
mod health;
mod label;
mod meters;
mod names;
mod output;
mod registry;
mod server;
mod shared;
mod table;
mod usage;
mod worker;

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use raaf_trace_core::sink::PerProcess;
use raaf_trace_model::{
    environment::{Environment, SettingsError},
    sink::{
        ProcessorError, SpanProcessor,
        registry::{Sink, SinkRegistration},
        stats::{ProcessorStats, StatsReader},
    },
    span::{FinishedSpan, StartedSpan},
};

pub use builder::PrometheusBuilder;
pub use error::PrometheusError;
pub use handle::PrometheusHandle;

use crate::resource;
use shared::Shared;
use worker::Worker;

raaf_trace_model::submit! {
    SinkRegistration::new("prometheus", |config| {
        let address = read_address(config.environment())?;
        let mut sink =
            PrometheusSink::builder().address(address.unwrap_or(builder::DEFAULT_ADDRESS));
        for (key, value) in resource::read_environment(config.environment()) {
            sink = sink.resource_attribute(key, value);
        }
        Ok(Sink::processor(sink.build_patiently()?))
    })
    .check_with(|environment| read_address(environment).map(drop))
    .variables(&["RAAF_TRACE_PROMETHEUS_ADDR"])
}

fn read_address(environment: &Environment) -> Result<Option<SocketAddr>, SettingsError> {
    environment.read(
        "RAAF_TRACE_PROMETHEUS_ADDR",
        "an IP address and a port, such as 127.0.0.1:9464",
        |text| text.parse().ok(),
    )
}

/// Counts spans, durations and tokens, for Prometheus to scrape.
///
/// Metrics are served at `http://127.0.0.1:9464/metrics`; [`PrometheusBuilder::address`] or
/// `RAAF_TRACE_PROMETHEUS_ADDR` set another address. An application with metrics of its own can
/// serve these beside them: as [text](PrometheusHandle::render), or in [its
/// recorder](PrometheusBuilder::recorder) of the `metrics` crate. Several sinks in one process are
/// independent, and nothing is installed globally.
///
/// | metric | type | labels | meaning |
/// | --- | --- | --- | --- |
/// | `raaf_spans_total` | counter | `kind`, `component`, `status` | spans that ended |
/// | `raaf_span_duration_seconds` | histogram | `kind`, `component` | span durations |
/// | `raaf_failures_total` | counter | `kind`, `component`, `error_type` | spans that failed, were cancelled or became stale |
/// | `raaf_spans_active` | gauge | `kind` | running spans |
/// | `raaf_retries_total` | counter | `kind`, `component` | failed attempts that were retried |
/// | `raaf_tokens_total` | counter | `model`, `type` = `input`, `output` | tokens, as each span reports them |
/// | `raaf_token_details_total` | counter | `model`, `type` = `cached`, `cache_write`, `reasoning` | input tokens served from a cache or written to it, output tokens spent on reasoning |
/// | `raaf_agent_tokens_total` | counter | `agent`, `model`, `type` = `input`, `output` | tokens of model calls below an agent |
/// | `raaf_cost_usd_total` | counter | `model` | cost in US dollars, where spans have `gen_ai.usage.cost` |
/// | `raaf_time_to_first_chunk_seconds` | histogram | `model` | delay before a streamed answer begins |
/// | `raaf_sink_spans_delivered_total`, `raaf_sink_spans_dropped_total`, `raaf_sink_batches_retried_total`, `raaf_sink_panics_total`, `raaf_sink_slow_calls_total` | counter | `sink` | delivery by each sink of the provider |
/// | `raaf_sink_spans_queued` | gauge | `sink` | spans waiting for the sink |
/// | `gen_ai_client_inference_duration_seconds`, `gen_ai_client_inference_time_to_first_chunk_seconds` | histogram | `gen_ai_operation_name`, `gen_ai_provider_name`, `gen_ai_request_model`; the first `error_type` | model calls, by OpenTelemetry's names |
/// | `gen_ai_client_inference_usage_input_tokens_total`, `gen_ai_client_inference_usage_output_tokens_total` | counter | the same | their tokens |
/// | `gen_ai_invoke_agent_duration_seconds`, `gen_ai_execute_tool_duration_seconds` | histogram | `gen_ai_agent_name` or `gen_ai_tool_name`, `error_type` | agent runs and tool calls, by OpenTelemetry's names |
/// | `target_info` | gauge | attributes of the resource | the program; not in an application's recorder |
///
/// [`by_method`](PrometheusBuilder::by_method) and [`by_workflow`](PrometheusBuilder::by_workflow)
/// add labels to the metrics of components. The endpoint serves the text format and, to a scraper
/// that asks for it, `OpenMetrics`, whose buckets have the last span of each as an exemplar; either
/// compressed with gzip if the scraper accepts it.
///
/// # Guarantees
///
/// Every ended span is counted before its thread continues. A component's counters exist with 0,
/// for each status, from the start of its first span, a tool's from the first run of an agent that
/// has it, and a model's from its first call; [`expect`](PrometheusBuilder::expect) creates those of
/// a component when the sink is built. The number of label values is bounded
/// by [`max_components`](PrometheusBuilder::max_components),
/// [`max_models`](PrometheusBuilder::max_models), 64 kinds, 50 sinks, and 500 pairs of a component and a type of error; values beyond are counted
/// as `__other__`. Different names have different label values: control characters are written as
/// `\u{7f}`, and names beyond 120 bytes are cut and end in a hash of the whole. A span that began before the sink was added is counted when it ends, but never as
/// running. Spans that run at the shutdown no longer count as running.
///
/// # Cost
///
/// Each span costs a look-up and some atomic additions in its thread. Registration, formatting and
/// allocation happen only the first time a name occurs. Counting running spans makes up about 50 %
/// of the cost, and can be [turned off](PrometheusBuilder::active_spans). A thread,
/// `raaf-prometheus`, serves metrics.
///
/// # Failures
///
/// An address in use is an error of [`build`](PrometheusBuilder::build). A sink chosen by name
/// reports it once, on standard error and as `last_error` in the statistics, keeps counting, and
/// retries until it gets the address. At most 16 requests are answered at a time; a stalled
/// connection is closed.
///
/// A recorder of the application that drops idle metrics (`idle_timeout`) drops these as well, and
/// they do not return.
///
/// # Examples
///
/// ```
/// use raaf_processors::PrometheusSink;
/// use raaf_trace_core::{Component, Traceable as _, TracerProvider};
///
/// // Port 0: any free port.
/// let sink = PrometheusSink::builder().address(([127, 0, 0, 1], 0)).build()?;
/// let metrics = sink.handle();
/// let provider = TracerProvider::builder().with(sink).build();
///
/// provider.run(|| Component::tool("Search").in_span("run", || ()));
///
/// let line = r#"raaf_spans_total{kind="tool",component="Search",status="ok"} 1"#;
/// assert!(metrics.render().contains(line));
/// assert!(metrics.address().is_some_and(|address| address.port() != 0));
/// # Ok::<(), raaf_processors::PrometheusError>(())
/// ```
///
/// In an application with an exporter of its own, which has to be configured with the buckets:
///
/// ```
/// use std::sync::Arc;
///
/// use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
/// use raaf_processors::PrometheusSink;
/// use raaf_trace_core::TracerProvider;
///
/// let prefix = |prefix: &str| Matcher::Prefix(prefix.to_owned());
/// let recorder = PrometheusBuilder::new()
///     .set_buckets_for_metric(prefix("raaf_"), &PrometheusSink::BUCKETS)?
///     .set_buckets_for_metric(prefix("gen_ai_"), &PrometheusSink::BUCKETS)?
///     .build_recorder();
/// let sink = PrometheusSink::builder().recorder(Arc::new(recorder)).recorder_has_buckets().build()?;
/// let provider = TracerProvider::builder().with(sink).build();
/// # let _ = provider;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PrometheusSink {
    shared: Arc<Shared>,
    active_spans: bool,
    /// None in a forked child, which cannot join the parent's thread.
    worker: PerProcess<Mutex<Option<Worker>>>,
}

impl PrometheusSink {
    /// Upper bounds of the buckets for durations, in seconds, from 1 µs to 10 min. They are closest
    /// where agents, tools and models spend their time.
    pub const BUCKETS: [f64; 21] = names::BUCKETS;

    /// Returns a builder.
    pub fn builder() -> PrometheusBuilder {
        PrometheusBuilder::default()
    }

    /// Returns a handle that reads the metrics, also after the sink was given to a provider.
    pub fn handle(&self) -> PrometheusHandle {
        PrometheusHandle(Arc::clone(&self.shared))
    }

    fn stop(&self) {
        let worker = self.worker.get(|_| Mutex::default());
        let worker = worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            worker.stop();
            self.shared.serves_at(None, None);
        }
    }
}

impl SpanProcessor for PrometheusSink {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn wants_start(&self) -> bool {
        self.active_spans
    }

    fn on_added(&self, stats: &StatsReader) {
        self.shared.health.watch(stats);
    }

    fn on_start(&self, span: &mut StartedSpan) {
        self.shared.meters.started(span, &self.shared.recording);
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.shared.meters.ended(span, &self.shared.recording);
    }

    fn shutdown(&self, _: Duration) -> Result<(), ProcessorError> {
        self.shared.end();
        self.stop();
        Ok(())
    }

    fn stats(&self) -> ProcessorStats {
        ProcessorStats { last_error: self.shared.problem(), ..ProcessorStats::default() }
    }
}

impl Drop for PrometheusSink {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for PrometheusSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusSink")
            .field("address", &self.shared.address())
            .field("active_spans", &self.active_spans)
            .finish_non_exhaustive()
    }
}
