//! OpenAI sink: traces for OpenAI's dashboard, through its trace ingest API.

mod builder;
mod by_default;
mod endpoint;
mod error;
mod fit;
mod notice;
mod request;
mod sent;
mod translate;
mod wire;

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use raaf_trace_model::{
    environment::Environment,
    sink::{
        ExportError, SpanExporter,
        registry::{Sink, SinkRegistration},
    },
    span::FinishedSpan,
};

pub use builder::OpenAiBuilder;
pub use error::OpenAiSinkError;

use builder::Keys;
use endpoint::Endpoint;
use notice::Notice;
use request::Request;
use sent::Sent;

use crate::http::{Deliveries, Refusal, Secret};

const NAME: &str = "openai";

raaf_trace_model::submit! {
    SinkRegistration::new(NAME, |config| {
        let mut sink = OpenAiSink::builder().environment(config.environment())?.build()?;
        if config.is_by_default() {
            let disabled = config.environment().flag("RAAF_DISABLE_TRACING")?.unwrap_or(false);
            sink.notice = Notice::before_sending(&sink.endpoint, !disabled);
        }
        Ok(Sink::exporter(sink))
    })
    .check_with(|environment| builder::read_base_url(environment).map(drop))
    .variables(&["RAAF_TRACE_OPENAI_BASE_URL"])
    .default_if(by_default::applies)
}

/// Sends traces to OpenAI's dashboard, in the form that OpenAI's Agents SDK uses.
///
/// The sink's name is `openai`. It reads `OPENAI_API_KEY`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` and
/// `RAAF_TRACE_OPENAI_BASE_URL`, but not `OPENAI_BASE_URL`, which is for models. If it starts by
/// default, it reports that on standard error before anything is sent, with how to stop it.
///
/// # What is sent
///
/// The sink sends one request per batch and API key, with a trace object before the first span of
/// each trace that began in this process; one that was continued has its trace object from the
/// process in which it began. Models' reasoning is left out of messages. Agents, tools, model calls,
/// responses, hand-offs, guardrails, MCP listings and audio have their own forms; a model call whose
/// response OpenAI has stored (`openai.response.stored`) is a response, of which the id is sent; spans of any other kind are custom spans with all their attributes. The
/// root of a workflow ([`trace`](raaf_trace_core::trace()), a runner) is the trace object, and its
/// children have no parent. Only model calls carry token counts. Input and output are cut to the
/// 100,000 bytes of JSON that the server accepts, other data of a span to 1,000,000, and marked
/// `... [truncated]`. The format has no field for events, except on custom spans.
///
/// These [`keys`](raaf_trace_core::keys) go into `span_data`. A trace object has the workflow's name,
/// group and metadata, of which `agent_harness_id` is repeated on each span. Other attributes are sent
/// on custom spans only. The data of an error is as the SDK has it: what stopped an agent
/// (`max_turns` or `guardrail`), the name of a failed tool, the text of the error with its causes.
///
/// | key | kinds | field |
/// | --- | --- | --- |
/// | `agent.name` | `agent` | `name` |
/// | `agent.handoffs` | `agent` | `handoffs` |
/// | `agent.tools` | `agent` | `tools` |
/// | `agent.output_type` | `agent` | `output_type` |
/// | `tool.name` | `tool` | `name` |
/// | `tool.arguments`, else `input` | `tool` | `input` |
/// | `tool.result`, else `output` | `tool` | `output` |
/// | `tool.mcp_data` | `tool` | `mcp_data` |
/// | `gen_ai.system_instructions`, and `gen_ai.input.messages`, else `input` | `llm` | `input` |
/// | `gen_ai.output.messages`, else `output` | `llm` | `output` |
/// | `gen_ai.request.model`, else `gen_ai.response.model` | `llm`, `speech`, `transcription` | `model` |
/// | `gen_ai.request.temperature`, `gen_ai.request.top_p`, `gen_ai.request.max_tokens`, `gen_ai.request.frequency_penalty`, `gen_ai.request.presence_penalty`, `gen_ai.request.seed`, `gen_ai.request.stop_sequences`, `gen_ai.request.reasoning.level`, `gen_ai.request.stream`, `model.tool_choice` | `llm`, `speech`, `transcription` | `model_config` |
/// | `url.full`, without the path of the operation | `llm`, `speech`, `transcription` | `model_config`, in it `base_url` |
/// | `gen_ai.usage.input_tokens`, `gen_ai.usage.output_tokens` | `llm` | `usage` |
/// | `gen_ai.usage.cache_read.input_tokens`, `gen_ai.usage.cache_write.input_tokens`, `gen_ai.usage.reasoning.output_tokens`, `gen_ai.usage.cost`, the object `gen_ai.usage.details` | `llm` | `usage`, in its `details` |
/// | `gen_ai.response.id` | `response` | `response_id` |
/// | `handoff.from_agent` | `handoff` | `from_agent` |
/// | `handoff.to_agent` | `handoff` | `to_agent` |
/// | `guardrail.name` | `guardrail` | `name` |
/// | `guardrail.triggered` | `guardrail` | `triggered` |
/// | `mcp.server` | `mcp_list_tools` | `server` |
/// | `mcp.tools` | `mcp_list_tools` | `result` |
/// | `input` | `speech_group`, `speech`, `transcription` | `input` |
/// | `output` | `speech`, `transcription` | `output` |
/// | `audio.format` | `speech` | `output`, in it `format` |
/// | `audio.format` | `transcription` | `input`, in it `format` |
/// | `audio.first_content_ms` | `speech` | `first_content_at` |
///
/// # Guarantees
///
/// A batch is delivered at least once, or counted as dropped. After 408, 409, 429, 5xx and network
/// errors it is retried as the provider's [`BatchConfig`](raaf_trace_core::sink::BatchConfig) sets,
/// honouring `Retry-After`, `retry-after-ms` and `x-should-retry`; of several requests, only the failed ones are repeated. A batch is sent
/// twice if the server accepts it and the reply is lost. The API key appears in no error, `Debug`
/// output or diagnostics, even if a reply repeats it.
///
/// # Cost
///
/// A worker translates and sends; traced threads only hand spans over. The ids of the last 10,000
/// traces are kept, so that each trace object is sent once; sending one again has no effect.
///
/// # Failures
///
/// On any other 4xx, the request's spans are dropped and counted. The reply's text is in
/// `last_error` and, at the first failure and at every doubling of their number, on standard error.
/// After 413, the request is halved until the server accepts it, so that only a span that is too
/// large by itself is lost. If a batch is sent in several requests, only refused spans count as
/// dropped, and the error states their number; a batch that is given up after many tries counts as
/// a whole. Without a key, nothing is sent: this is reported once, and all spans count as dropped.
/// The default [timeout](OpenAiBuilder::timeout) of a request is 10 seconds. Redirects are not
/// followed.
///
/// # Examples
///
/// ```no_run
/// use raaf_processors::OpenAiSink;
/// use raaf_trace_core::TracerProvider;
///
/// // Reads `OPENAI_API_KEY` and the other variables.
/// let guard = TracerProvider::builder().with(OpenAiSink::from_env()?).init()?;
/// # drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// To send each customer's traces with the customer's own key, let the trace identify the customer,
/// and keep the keys in the program:
///
/// ```
/// use std::collections::HashMap;
///
/// use raaf_processors::OpenAiSink;
///
/// # fn keys_of_customers() -> HashMap<String, String> { HashMap::new() }
/// let keys: HashMap<String, String> = keys_of_customers();
/// let sink = OpenAiSink::builder()
///     .key_for(move |trace| {
///         let customer = trace.metadata().get("customer")?.as_str()?;
///         keys.get(customer).cloned()
///     })
///     .build()?;
/// # drop(sink);
/// # Ok::<(), raaf_processors::OpenAiSinkError>(())
/// ```
pub struct OpenAiSink {
    endpoint: Endpoint,
    keys: Keys,
    deliveries: Deliveries<Option<Secret>>,
    sent: Mutex<Sent>,
    no_key: Notice,
    notice: Notice,
}

impl OpenAiSink {
    /// Default base URL.
    pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

    /// Returns a builder.
    pub fn builder() -> OpenAiBuilder {
        OpenAiBuilder::new()
    }

    /// Creates a sink from the environment of the process.
    ///
    /// # Errors
    ///
    /// If a variable cannot be used. A missing key is not an error here: the sink reports it when
    /// the first spans arrive, and drops them.
    pub fn from_env() -> Result<Self, OpenAiSinkError> {
        Self::builder().environment(&Environment::process())?.build()
    }

    fn send(&self, key: Option<&Secret>, spans: &[&FinishedSpan]) -> Result<(), Refusal> {
        let Some(key) = key else {
            self.no_key.say();
            return Err(ExportError::permanent("no API key is set").into());
        };
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Request { body, traces }) = request::encode(spans, &sent)? {
            self.endpoint.send(&body, key)?;
            sent.add(traces);
        }
        Ok(())
    }
}

impl SpanExporter for OpenAiSink {
    fn name(&self) -> &'static str {
        NAME
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.notice.say();
        let mut keys = HashMap::new();
        let key = |span: &FinishedSpan| {
            keys.entry(span.trace_id()).or_insert_with(|| self.keys.of(span.trace())).clone()
        };
        let send = |key: &Option<Secret>, spans: &[&FinishedSpan]| self.send(key.as_ref(), spans);
        self.deliveries.deliver(batch, self.endpoint.timeout(), key, send)
    }
}

impl fmt::Debug for OpenAiSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiSink")
            .field("endpoint", &self.endpoint)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
