//! OTLP sink: spans over OpenTelemetry's protocol, as protobuf over HTTP.

mod answer;
mod attributes;
mod builder;
mod endpoint;
mod error;
mod names;
mod request;
mod resource;
mod span;
mod value;
mod variables;

use std::fmt;

use opentelemetry_proto::tonic::resource::v1::Resource;
use raaf_trace_core::diagnostics::Repeated;
use raaf_trace_model::{
    environment::Environment,
    sink::{
        ExportError, SpanExporter,
        registry::{Sink, SinkRegistration},
    },
    span::FinishedSpan,
};
use ureq::http::HeaderMap;

use crate::http::{Client, Deliveries, Refusal, Secret};
pub use builder::OtlpBuilder;
use endpoint::Endpoint;
pub use error::OtlpError;
pub use names::OtlpNames;

raaf_trace_model::submit! {
    SinkRegistration::new("otlp", |config| {
        let sink = OtlpSink::from_environment(config.environment())?;
        Ok(Sink::exporter(sink))
    })
    .check_with(|environment| variables::read_names(environment).map(drop))
    .variables(&["RAAF_TRACE_OTLP_NAMES"])
}

/// Sends finished spans by OpenTelemetry's protocol, protobuf over HTTP, to a collector or a
/// backend.
///
/// # Guarantees
///
/// A span is sent once it has ended. A batch that was not accepted is retried with growing delays,
/// until it is accepted or given up; spans that are given up are counted. If only the reply was
/// lost, the server receives the same spans a second time, with the same ids.
///
/// # Cost
///
/// The sink's worker encodes spans; traced threads only hand them over. The worker sends one
/// request at a time, on a persistent connection.
///
/// # Failures
///
/// | the server | the batch |
/// | --- | --- |
/// | cannot be reached, is silent for longer than the [timeout](OtlpBuilder::timeout), or closes the connection | is retried |
/// | answers 429, 502, 503 or 504 | is retried, not before `Retry-After` |
/// | answers 413 | is halved until the server accepts it; a span that is too large by itself is dropped and named |
/// | answers with another error, or with a redirect | is dropped and counted; redirects are not followed |
/// | speaks another protocol, such as gRPC | is dropped and counted, with the port that is expected |
/// | answers with a web page | is dropped and counted, because the address is not that of a trace receiver |
/// | rejects some of the spans, in protobuf or JSON | counts as delivered except for those |
///
/// The server's reply is in `last_error` and in the flush's error. Headers, and the path and query
/// of the address, appear in neither, nor in `Debug` output.
///
/// # What is sent
///
/// Every span has `component.type` and `component.name`. Model calls are spans of kind `CLIENT` with
/// `gen_ai.*` attributes. Agents and tools have `gen_ai.*` attributes as well, with their names, and
/// `input.value` and `output.value`. All other spans have an `openinference.span.kind`:
/// `GUARDRAIL`, `LLM` for speech and transcription, otherwise `CHAIN`, unless they have a
/// `gen_ai.operation.name`.
///
/// These [`keys`](raaf_trace_core::keys) have other names in OTLP; all other attributes keep theirs.
/// A value that was set explicitly under a name in OTLP is not overwritten.
///
/// | key | in OTLP |
/// | --- | --- |
/// | `duration_ms` | start and end time |
/// | `success`, `error.message` | status |
/// | `input` | `input.value`, `input.mime_type` |
/// | `output` | `output.value`, `output.mime_type` |
/// | `agent.name` | `gen_ai.agent.name` |
/// | `agent.id` | `gen_ai.agent.id` |
/// | `agent.model` | `gen_ai.request.model` |
/// | `agent.temperature` | `gen_ai.request.temperature` |
/// | `agent.max_tokens` | `gen_ai.request.max_tokens` |
/// | `tool.name` | `gen_ai.tool.name` |
/// | `tool.call_id` | `gen_ai.tool.call.id` |
/// | `tool.arguments` | `gen_ai.tool.call.arguments`, `input.value`, `input.mime_type` |
/// | `tool.result` | `gen_ai.tool.call.result`, `output.value`, `output.mime_type` |
/// | `workflow.name` | `gen_ai.workflow.name` |
/// | `workflow.group_id` | `gen_ai.conversation.id` |
///
/// | value | becomes |
/// | --- | --- |
/// | string, integer, float, bool | the same; floats that are not finite the strings `NaN`, `inf` and `-inf` |
/// | array of strings, of bools or of numbers | an array |
/// | any other JSON, such as messages | JSON in a string, because backends do not support maps |
///
/// A span's status is `OK`, `ERROR` or unset. Cancelled and stale spans are `ERROR`, with the
/// reason in `error.type`.
///
/// # Settings
///
/// Chosen by name (`RAAF_TRACE_PROCESSORS=otlp`), the sink reads OpenTelemetry's variables; see
/// [`OtlpBuilder::environment`].
///
/// # Examples
///
/// ```
/// use raaf_processors::OtlpSink;
/// use raaf_trace_core::TracerProvider;
///
/// let sink = OtlpSink::builder()
///     .endpoint("https://collector.example:4318")
///     .header("authorization", "Bearer 0123456789")
///     .service_name("shop")
///     .gzip(true)
///     .build()?;
/// assert_eq!(sink.endpoint(), "https://collector.example:4318/v1/traces");
///
/// let provider = TracerProvider::builder().with(sink).build();
/// assert_eq!(provider.processor_count(), 1);
/// # Ok::<(), raaf_processors::OtlpError>(())
/// ```
pub struct OtlpSink {
    client: Client,
    endpoint: Endpoint,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    resource: Resource,
    names: OtlpNames,
    gzip: bool,
    deliveries: Deliveries<()>,
    warnings: Repeated,
}

impl OtlpSink {
    /// Default address: a collector on this machine.
    pub const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

    /// Returns a builder for a sink that sends to [`DEFAULT_ENDPOINT`](Self::DEFAULT_ENDPOINT).
    pub fn builder() -> OtlpBuilder {
        OtlpBuilder::default()
    }

    /// Creates a sink from the variables of an environment; see [`OtlpBuilder::environment`].
    ///
    /// # Errors
    ///
    /// If a variable cannot be used.
    pub fn from_environment(environment: &Environment) -> Result<Self, OtlpError> {
        Self::builder().environment(environment)?.build()
    }

    /// Returns the full URL that requests go to.
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }
}

impl SpanExporter for OtlpSink {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.deliveries.deliver(batch, self.client.timeout(), |_| (), |(), spans| self.send(spans))
    }
}

impl OtlpSink {
    fn send(&self, spans: &[&FinishedSpan]) -> Result<(), Refusal> {
        let body = request::encode(spans, &self.resource, self.names, self.gzip)?;
        let secrets: Vec<&Secret> = self.secrets.iter().chain(self.endpoint.secrets()).collect();
        let reply = self.client.post(&self.headers, &body, &secrets)?;
        Ok(answer::read(&reply.body, spans.len(), &secrets, &self.warnings)?)
    }
}

impl fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().collect();
        f.debug_struct("OtlpSink")
            .field("endpoint", &self.endpoint)
            .field("headers", &headers)
            .field("names", &self.names)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
