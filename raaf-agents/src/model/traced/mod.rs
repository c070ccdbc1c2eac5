//! Traced model calls.

mod describe;
mod hosted;
mod streaming;

use std::{fmt, sync::Arc};

use futures::FutureExt as _;
use raaf_trace_core::{Attributes, Component, Context, Kind, Traceable, keys};

use super::{Model, ModelError, ModelRequest, ModelResponse, ModelStream};
use crate::diagram::Drawing;

/// Model wrapper that traces each call as one span of kind `llm`, with `gen_ai.*` attributes.
///
/// Only this span has token usage, so that a sum over a trace counts each call once. Prompts and
/// completions are content, which `include_sensitive_data(false)` omits. Clones are the same
/// component.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Message, ModelRequest, ScriptedModel, TracedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let model = TracedModel::new(ScriptedModel::new("scripted", ["Hello."]));
/// let answer = model.respond(&ModelRequest::new([Message::user("Hi!")])).await?;
/// assert_eq!(answer.message.text(), "Hello.");
/// # Ok::<(), raaf_agents::ModelError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TracedModel {
    component: Component,
    model: Arc<dyn Model>,
}

impl TracedModel {
    /// Wraps a model.
    pub fn new(model: impl Model + 'static) -> Self {
        let component = Component::new(model.name()).with_kind(Kind::Llm);
        Self { component, model: Arc::new(model) }
    }

    /// Returns the model's name.
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// Returns the model's provider, if known.
    pub fn provider(&self) -> Option<&str> {
        self.model.provider()
    }

    pub(crate) fn draw(&self, drawing: &mut Drawing) {
        self.model.draw(drawing);
    }

    /// Calls [`Model::respond`] in a span.
    ///
    /// # Errors
    ///
    /// If the model fails.
    pub async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.traced("run")
            .with_attributes(|attributes| describe::request(request, attributes))
            .on_result(describe::response)
            .try_in_span(self.model.respond(request).inspect(|response| match response {
                Ok(response) => hosted::record(&response.message),
                Err(error) => {
                    if let Some(span) = self.current_span() {
                        span.set_attributes(|attributes| describe::error(error, attributes));
                    }
                }
            }))
            .await
    }

    /// Calls [`Model::stream`] in a span that ends with the stream, or as cancelled if the stream is
    /// dropped before. The parent of the span is the active span at the time of this call.
    ///
    /// The last item is [`ModelChunk::Done`](crate::ModelChunk::Done) or an error.
    pub fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        streaming::stream(self, request, Context::current())
    }
}

impl Traceable for TracedModel {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes
            .set(keys::GEN_AI_OPERATION_NAME, "chat")
            .set(keys::GEN_AI_PROVIDER_NAME, self.provider())
            .set(keys::GEN_AI_REQUEST_MODEL, self.model.name());
        describe::address(self.model.url(), attributes);
    }
}

impl fmt::Debug for TracedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedModel").field("name", &self.name()).finish_non_exhaustive()
    }
}
