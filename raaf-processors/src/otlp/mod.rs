//! OTLP sink: spans over OpenTelemetry's protocol, as protobuf over HTTP or gRPC.

mod answer;
mod builder;
mod endpoint;
mod error;
mod protocol;
mod request;
mod resource;
mod span;
mod transport;
mod value;
mod variables;

use std::fmt;

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

use crate::http::{Deliveries, Refusal, Secret};
pub use builder::OtlpBuilder;
use endpoint::Endpoint;
pub use error::OtlpError;
pub use protocol::OtlpProtocol;
pub use request::otlp_request;
use span::Form;
use transport::Transport;

raaf_trace_model::submit! {
    SinkRegistration::new("otlp", |config| {
        let sink = OtlpSink::from_environment(config.environment())?;
        Ok(Sink::exporter(sink))
    })
    .check_with(|environment| {
        variables::read_names(environment)?;
        variables::read_texts(environment).map(drop)
    })
    .variables(&["RAAF_TRACE_OTLP_NAMES", "RAAF_TRACE_OTLP_MODEL_TEXTS"])
}

/// Sends finished spans by OpenTelemetry's protocol to a collector or a backend: protobuf over HTTP
/// or, with the feature `otlp-grpc`, over [gRPC](OtlpProtocol).
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
/// request at a time, on a persistent connection. gRPC's connection is driven by a runtime of the
/// worker's own, never by one of the program.
///
/// # Failures
///
/// | the server | the batch |
/// | --- | --- |
/// | cannot be reached, is silent for longer than the [timeout](OtlpBuilder::timeout), or closes the connection | is retried |
/// | answers 429, 502, 503 or 504 | is retried, not before `Retry-After` |
/// | answers by gRPC `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS`, or `RESOURCE_EXHAUSTED` with a `RetryInfo` | is retried, not before the `RetryInfo` |
/// | answers 413 or, by gRPC, that the message is too large | is halved until the server accepts it; a span that is too large by itself is dropped and named |
/// | answers with another error, or with a redirect | is dropped and counted; redirects are not followed |
/// | speaks another protocol, such as gRPC in place of HTTP | is dropped and counted, with the port that is expected |
/// | answers with a web page | is dropped and counted, because the address is not that of a trace receiver |
/// | rejects some of the spans, in protobuf or JSON | counts as delivered except for those |
///
/// The server's reply is in `last_error` and in the flush's error. Headers, and the path and query
/// of the address, appear in neither, nor in `Debug` output.
///
/// # What is sent
///
/// Attributes and names follow OpenTelemetry's conventions for generative AI, version 0.1.0, which is
/// the schema URL of what is sent, and `OpenInference`'s kinds. Every span has `component.type`,
/// `component.name` and, unless it is `run`, `component.method`, and by its kind:
///
/// | kind | `gen_ai.operation.name` | `openinference.span.kind` | OpenTelemetry's kind |
/// | --- | --- | --- | --- |
/// | agent | `invoke_agent` | `AGENT` | |
/// | pipeline, trace, runner | `invoke_workflow` | `CHAIN` | |
/// | tool | `execute_tool` | `TOOL` | |
/// | llm, response | `chat` | | `CLIENT` |
/// | `embedding` | `embeddings` | `EMBEDDING` | `CLIENT` |
/// | `retriever` | `retrieval` | `RETRIEVER` | |
/// | `reranker`, `evaluator`, guardrail | | `RERANKER`, `EVALUATOR`, `GUARDRAIL` | |
/// | speech, transcription | | `LLM` | `CLIENT` |
/// | `mcp_list_tools`, [HTTP request](raaf_trace_core::Tracer::http_span) | | `CHAIN` | `CLIENT` |
/// | `server`, `client`, `producer`, `consumer` | | `CHAIN` | `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` |
/// | all others | | `CHAIN` | |
///
/// An attribute `otel.kind`, such as `server`, replaces OpenTelemetry's kind. A `gen_ai.operation.name` of
/// your own replaces the operation, and no kind of `OpenInference` is added. Agents, workflows and tools
/// also have their name
/// (`gen_ai.agent.name`, `gen_ai.tool.name`), with `input.value` and `output.value`. A model call that
/// failed or was cancelled has the finish reason `error`.
///
/// Model calls have their messages in `gen_ai.input.messages` and `gen_ai.output.messages`, and the texts
/// of the last message and of the answer in `input.value` and `output.value`, which Phoenix shows in its
/// lists. `MLflow` shows these instead of the messages: a sink with the header `x-mlflow-experiment-id`
/// leaves them out, and [`model_texts`](OtlpBuilder::model_texts) decides where spans go through a
/// collector.
///
/// Every span has the workflow's name and group, and from the metadata of the trace `user.id`,
/// `session.id`, `tag.tags`, `service.version` and `deployment.environment.name`, by which backends show
/// users, sessions, tags, releases and environments. Model calls have `gen_ai.prompt.name` and
/// `gen_ai.prompt.version` and, if the version is a number, `langfuse.observation.prompt.name` and
/// `langfuse.observation.prompt.version`, by which Langfuse finds the prompt. The local root has the other
/// metadata.
///
/// These [`keys`](raaf_trace_core::keys) have other names in OTLP; all other attributes keep theirs.
/// A value that was set explicitly under a name in OTLP is not overwritten.
///
/// | key | in OTLP |
/// | --- | --- |
/// | `duration_ms` | start and end time |
/// | `success`, `error.message` | status, with the causes of `error.chain` on one line |
/// | `input` | `input.value`, `input.mime_type` |
/// | `output` | `output.value`, `output.mime_type` |
/// | `agent.name`, `pipeline.name` | `gen_ai.agent.name` |
/// | `agent.model` | `gen_ai.request.model` |
/// | `agent.temperature` | `gen_ai.request.temperature` |
/// | `agent.max_tokens` | `gen_ai.request.max_tokens` |
/// | `tool.name` | `gen_ai.tool.name` |
/// | `tool.call_id` | `gen_ai.tool.call.id` |
/// | `tool.type` | `gen_ai.tool.type` |
/// | `tool.description` | `gen_ai.tool.description` |
/// | `tool.arguments` | `gen_ai.tool.call.arguments`, `input.value`, `input.mime_type` |
/// | `tool.result` | `gen_ai.tool.call.result`, `output.value`, `output.mime_type` |
/// | `workflow.group_id` | `gen_ai.conversation.id` |
/// | `gen_ai.usage.cost` | `gen_ai.usage.cost` (which Langfuse reads), `llm.cost.total` (of OpenInference) |
/// | `gen_ai.usage.cache_write.input_tokens` | `gen_ai.usage.cache_write.input_tokens`, `llm.token_count.prompt_details.cache_write` (of OpenInference) |
/// | `gen_ai.usage.reasoning.output_tokens` | `gen_ai.usage.reasoning.output_tokens`, `llm.token_count.completion_details.reasoning` (of OpenInference) |
/// | `gen_ai.prompt.version` | `gen_ai.prompt.version`, `llm.prompt_template.version` (of OpenInference) |
/// | `service.version` | `service.version`, `langfuse.release` |
///
/// | value | becomes |
/// | --- | --- |
/// | string, integer, float, bool | the same; floats that are not finite the strings `NaN`, `inf` and `-inf` |
/// | array of strings, of bools or of numbers | an array |
/// | any other JSON, such as messages | JSON in a string, because backends do not support maps |
///
/// Events and links are sent with their attributes. A span's status is `OK`, `ERROR` or unset. Cancelled and stale spans are `ERROR`, with the
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
    transport: Transport,
    endpoint: Endpoint,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    /// The encoded resource.
    resource: Vec<u8>,
    form: Form,
    gzip: bool,
    deliveries: Deliveries<()>,
    warnings: Repeated,
}

impl OtlpSink {
    /// Default address: a collector on this machine.
    pub const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

    /// Default address for gRPC: a collector on this machine.
    #[cfg(feature = "otlp-grpc")]
    pub const DEFAULT_GRPC_ENDPOINT: &str = "http://localhost:4317";

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
        self.deliveries.deliver(
            batch,
            self.transport.timeout(),
            |_| (),
            |(), spans| self.send(spans),
        )
    }
}

impl OtlpSink {
    fn send(&self, spans: &[&FinishedSpan]) -> Result<(), Refusal> {
        let body = request::encode(spans, &self.resource, self.form, self.gzip)?;
        let secrets: Vec<&Secret> = self.secrets.iter().chain(self.endpoint.secrets()).collect();
        let reply = self.transport.send(&self.headers, body, self.gzip, &secrets)?;
        Ok(answer::read(&reply, spans.len(), &secrets, &self.warnings)?)
    }
}

impl fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().collect();
        f.debug_struct("OtlpSink")
            .field("endpoint", &self.endpoint)
            .field("headers", &headers)
            .field("form", &self.form)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
