//! OpenAI sink: traces for OpenAI's dashboard, through its trace ingest API.

mod builder;
mod delivery;
mod endpoint;
mod error;
mod fit;
mod notice;
mod sent;
mod translate;
mod wire;

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::{
    Environment, ExportError, FinishedSpan, SpanExporter,
    registry::{self, Sink, SinkRegistration},
};

pub use builder::OpenAiBuilder;
pub use error::OpenAiSinkError;

use builder::Keys;
use delivery::{Delivery, Outcome};
use endpoint::Endpoint;
use notice::Notice;
use sent::Sent;

const NAME: &str = "openai";

raaf_trace_core::submit! {
    SinkRegistration::new(NAME, |config| {
        let mut sink = OpenAiSink::builder().environment(config.environment())?.build()?;
        let settings = config.settings();
        if settings.default_sink(registry::is_linked) == Some(NAME) {
            sink.notice = Notice::before_sending(&sink.endpoint, !settings.disabled);
        }
        Ok(Sink::exporter(sink))
    })
}

/// Sends traces to OpenAI's dashboard, in the form that OpenAI's Agents SDK uses.
///
/// By name it is `openai`. It reads `OPENAI_API_KEY`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` and
/// `RAAF_TRACE_OPENAI_BASE_URL`; never `OPENAI_BASE_URL`, which points models at other servers.
/// When it runs although nobody named it, it says so on standard error, with how to stop it, before
/// anything is sent.
///
/// # What is sent
///
/// One request a batch and API key, with a trace object before the first span of each trace.
/// Agents, tools, model calls, responses, hand-offs, guardrails, MCP listings and audio have a
/// form of their own; spans of any other kind are custom spans with all their attributes. The
/// root of a workflow ([`trace`](raaf_trace_core::trace()), a runner) is the trace object, and what
/// runs right under it has no parent. Token counts go with model calls only. Input and output are
/// cut to the 100,000 bytes of JSON that the server takes, any other data of a span to 1,000,000,
/// and marked `... [truncated]`. Events of other than custom spans have no place in the format.
///
/// # Guarantees
///
/// A batch is delivered at least once, or counted as dropped. After 408, 409, 429, 5xx and failures
/// of the network it is offered again, as the provider's
/// [`BatchConfig`](raaf_trace_core::BatchConfig) says, `Retry-After` honoured; of several requests
/// only those that failed. It is sent twice when a server takes it and the answer is lost. The API
/// key is in no error, no `Debug` text and no diagnostics, also when a reply repeats it.
///
/// # Costs
///
/// A worker translates and sends; the user's threads only hand spans over. The ids of the last
/// 10,000 traces are kept, so that a trace object is sent once; one that is sent again changes
/// nothing.
///
/// # When things go wrong
///
/// Any other 4xx drops what was sent, which is counted, and the reply's text is in `last_error` and, at
/// the first failure and every doubling, on standard error. After 413 a request is halved until the
/// server takes it, so that only a span that is too large by itself is lost. Of a batch that is sent
/// in several requests only what is refused counts as dropped, and the error says how much that is;
/// only a batch that is given up after many tries counts as a whole. Without a key nothing is sent: that
/// is said once, and everything counted as dropped. A request takes at most 10 seconds unless
/// [told](OpenAiBuilder::timeout). Redirects are not followed.
///
/// # Examples
///
/// ```no_run
/// use raaf_processors::OpenAiSink;
/// use raaf_trace_core::TracerProvider;
///
/// // Reads `OPENAI_API_KEY` and the other variables.
/// let guard = TracerProvider::builder().exporter(OpenAiSink::from_env()?).init()?;
/// # drop(guard);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each customer's traces with the customer's own key. The trace says which customer it is of, and
/// the key stays in the program:
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
    state: Mutex<State>,
    no_key: Notice,
    notice: Notice,
}

#[derive(Default)]
struct State {
    /// A batch that is to be offered again, and what of it is still to be sent.
    unfinished: Option<Delivery>,
    sent: Sent,
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
    /// When a variable cannot be used. A missing key is no error: the sink says so when the first
    /// spans come, and drops them.
    pub fn from_env() -> Result<Self, OpenAiSinkError> {
        Self::builder().environment(&Environment::process())?.build()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for OpenAiSink {
    fn name(&self) -> &'static str {
        NAME
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.notice.say();
        let mut state = self.state();
        let State { unfinished, sent } = &mut *state;
        let mut delivery = match unfinished.take() {
            Some(unfinished) if unfinished.is_of(batch) => unfinished,
            _ => Delivery::new(batch, &self.keys),
        };
        if delivery.lacks_a_key() {
            self.no_key.say();
        }
        match delivery.go_on(batch, &self.endpoint, sent) {
            Outcome::Done => Ok(()),
            Outcome::Unfinished(error) => {
                *unfinished = Some(delivery);
                Err(error)
            }
            Outcome::Refused(error) => Err(error),
        }
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
