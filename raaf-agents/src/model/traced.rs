//! A model whose every call is a span.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Attributes, Component, Kind, Traceable, TraceableExt as _, keys};

use super::{Model, ModelError, ModelRequest, ModelResponse, ModelSettings, parts};

/// A model whose every call is one span of kind `llm`, with `gen_ai.*` attributes.
///
/// Usage is on this span and on no other, so that a sum over a trace counts it once. Prompts and
/// completions are content: left out when sensitive data is. Clones are the same component.
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
/// assert_eq!(answer.message.content.as_deref(), Some("Hello."));
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
    /// Traces that model.
    pub fn new(model: impl Model + 'static) -> Self {
        let component = Component::new(model.name()).with_kind(Kind::Llm);
        Self { component, model: Arc::new(model) }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// Answers the conversation, once, in a span.
    ///
    /// # Errors
    ///
    /// Those of the model.
    pub async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.traced("run")
            .with_attributes(|attributes| describe_request(request, attributes))
            .on_result(describe_response)
            .try_run_async(self.model.respond(request))
            .await
    }
}

impl Traceable for TracedModel {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes
            .set(keys::GEN_AI_OPERATION_NAME, "chat")
            .set(keys::GEN_AI_PROVIDER_NAME, self.model.provider())
            .set(keys::GEN_AI_REQUEST_MODEL, self.model.name());
    }
}

fn describe_request(request: &ModelRequest, attributes: &mut Attributes) {
    let ModelSettings { temperature, top_p, max_tokens } = request.settings;
    attributes
        .set(keys::GEN_AI_REQUEST_TEMPERATURE, temperature)
        .set(keys::GEN_AI_REQUEST_TOP_P, top_p)
        .set(keys::GEN_AI_REQUEST_MAX_TOKENS, max_tokens)
        .set_content(keys::GEN_AI_SYSTEM_INSTRUCTIONS, request.instructions.as_deref())
        .set_content_with(keys::GEN_AI_INPUT_MESSAGES, || {
            parts::of_conversation(&request.messages)
        });
}

fn describe_response(response: &ModelResponse, attributes: &mut Attributes) {
    let usage = response.usage;
    let some = |tokens: u64| (tokens > 0).then_some(tokens);
    attributes
        .set(keys::GEN_AI_RESPONSE_MODEL, response.model.as_deref())
        .set(keys::GEN_AI_RESPONSE_ID, response.id.as_deref())
        .set(keys::GEN_AI_RESPONSE_FINISH_REASONS, [response.finish_reason.as_str()])
        .set(keys::GEN_AI_USAGE_INPUT_TOKENS, usage.input_tokens)
        .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, usage.output_tokens)
        .set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, some(usage.cached_input_tokens))
        .set(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, some(usage.reasoning_tokens))
        .set_content_with(keys::GEN_AI_OUTPUT_MESSAGES, || {
            parts::of_answer(&response.message, response.finish_reason.as_str())
        });
}

impl fmt::Debug for TracedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedModel").field("name", &self.name()).finish_non_exhaustive()
    }
}
