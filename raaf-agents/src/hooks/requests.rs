//! Hooks that change the requests that the model receives.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{Redactor, Value};

use crate::{
    agent::{Agent, ModelAction, RunHooks},
    conversation::{Message, Part},
    model::ModelRequest,
    run::RunContext,
};

type Filter = dyn Fn(&RunContext, Vec<Message>) -> Vec<Message> + Send + Sync;

/// Hook that maps the messages of each request by a function. The conversation of the run is not
/// changed.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, InputFilter, Message, ScriptedModel};
///
/// let dated = InputFilter::new(|_, mut messages| {
///     messages.push(Message::system("Today is Saturday."));
///     messages
/// });
/// let agent = Agent::builder("Talker", ScriptedModel::new("scripted", ["Hello."]))
///     .hooks(dated)
///     .build();
/// ```
#[derive(Clone)]
pub struct InputFilter {
    filter: Arc<Filter>,
}

impl InputFilter {
    /// Creates a filter from a function of the run's context and the messages.
    pub fn new(
        filter: impl Fn(&RunContext, Vec<Message>) -> Vec<Message> + Send + Sync + 'static,
    ) -> Self {
        Self { filter: Arc::new(filter) }
    }
}

#[async_trait]
impl RunHooks for InputFilter {
    async fn before_model(
        &self,
        context: &RunContext,
        _: &Agent,
        request: &ModelRequest,
    ) -> ModelAction {
        let messages = (self.filter)(context, request.messages.clone());
        if messages == request.messages {
            return ModelAction::Proceed;
        }
        let mut changed = request.clone();
        changed.messages = messages;
        ModelAction::replace_with(changed)
    }
}

impl fmt::Debug for InputFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFilter").finish_non_exhaustive()
    }
}

/// Hook that removes secrets from what the model receives: from texts and from results of tools.
///
/// A [`Redactor`] finds them as it does in traces: by the keys of JSON and of lists, and, with
/// [`Redactor::with_known_tokens`], by their shape in running text.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, RedactRequests, ScriptedModel};
/// use raaf_trace_core::Redactor;
///
/// let agent = Agent::builder("Talker", ScriptedModel::new("scripted", ["Hello."]))
///     .hooks(RedactRequests::new(Redactor::default().with_known_tokens()))
///     .build();
/// ```
#[derive(Clone, Debug)]
pub struct RedactRequests {
    redactor: Redactor,
}

impl RedactRequests {
    /// Creates a hook with a redactor.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }

    fn redact(&self, part: &mut Part) -> bool {
        match part {
            Part::Text(text) => {
                let Some(redacted) = self.redacted(text) else { return false };
                *text = redacted;
                true
            }
            Part::ToolResult(result) => self.redact_all(&mut result.content),
            Part::Json(json) => {
                let redacted = self.redactor.redacted("content", Value::json(&*json));
                // Serializing a value does not fail.
                let redacted = serde_json::to_value(redacted).unwrap_or_default();
                let changed = redacted != *json;
                *json = redacted;
                changed
            }
            _ => false,
        }
    }

    /// Redacts all parts, and returns whether any has changed.
    fn redact_all<'a>(&self, parts: impl IntoIterator<Item = &'a mut Part>) -> bool {
        let mut changed = false;
        for part in parts {
            changed |= self.redact(part);
        }
        changed
    }

    fn redacted(&self, text: &str) -> Option<String> {
        let redacted = self.redactor.redacted("content", Value::from(text)).to_string();
        (redacted != text).then_some(redacted)
    }
}

#[async_trait]
impl RunHooks for RedactRequests {
    async fn before_model(&self, _: &RunContext, _: &Agent, request: &ModelRequest) -> ModelAction {
        let mut changed = request.clone();
        let parts = changed.messages.iter_mut().flat_map(|message| &mut message.parts);
        if self.redact_all(parts) {
            ModelAction::replace_with(changed)
        } else {
            ModelAction::Proceed
        }
    }
}
