//! Hand-offs to other agents.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Kind, Traceable as _, keys};
use serde_json::json;

use super::Agent;
use crate::{
    model::{Message, ToolCall, ToolSpec},
    run::RunContext,
    tool::ToolError,
};

type Filter = dyn Fn(Vec<Message>) -> Vec<Message> + Send + Sync;
type Enabled = dyn Fn(&RunContext) -> bool + Send + Sync;

/// Hand-off of the conversation to another agent. The model sees a tool named `transfer_to_…`; when
/// it calls the tool, the other agent continues the run.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Handoff, Reply, ScriptedModel};
/// use serde_json::json;
///
/// let billing = Agent::builder("Billing", ScriptedModel::new("scripted", ["It is refunded."]))
///     .build();
/// let model = ScriptedModel::new("scripted", [Reply::call("transfer_to_billing", json!({}))]);
/// let triage = Agent::builder("Triage", model)
///     .handoff(Handoff::to(&billing).description("For refunds.").without_tool_messages())
///     .build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let result = triage.run("I want my money back.").await?;
/// assert_eq!((&*result.agent, &*result.output), ("Billing", "It is refunded."));
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handoff {
    component: Component,
    target: Target,
    tool: ToolSpec,
    filter: Option<Arc<Filter>>,
    enabled: Option<Arc<Enabled>>,
}

#[derive(Clone)]
enum Target {
    Agent(Agent),
    Later(Arc<dyn Fn() -> Agent + Send + Sync>),
}

impl Handoff {
    /// Creates a hand-off to an agent.
    pub fn to(agent: &Agent) -> Self {
        Self::new(agent.name(), Target::Agent(agent.clone()))
    }

    /// Creates a hand-off to an agent that is made on demand, so that agents can hand over to each
    /// other.
    ///
    /// ```
    /// use raaf_agents::{Agent, Handoff, ScriptedModel};
    ///
    /// fn ping() -> Agent {
    ///     let model = ScriptedModel::new("scripted", ["Ping."]);
    ///     Agent::builder("Ping", model).handoff(Handoff::later("Pong", pong)).build()
    /// }
    ///
    /// fn pong() -> Agent {
    ///     let model = ScriptedModel::new("scripted", ["Pong."]);
    ///     Agent::builder("Pong", model).handoff(Handoff::later("Ping", ping)).build()
    /// }
    ///
    /// assert_eq!(ping().handoffs()[0].spec().name, "transfer_to_pong");
    /// ```
    pub fn later(name: impl AsRef<str>, agent: impl Fn() -> Agent + Send + Sync + 'static) -> Self {
        Self::new(name.as_ref(), Target::Later(Arc::new(agent)))
    }

    fn new(name: &str, target: Target) -> Self {
        let tool = ToolSpec {
            name: tool_name(name),
            description: format!("Hands the conversation over to {name}."),
            parameters: json!({"type": "object", "properties": {}}),
        };
        let component = Component::new(name).with_kind(Kind::Handoff);
        Self { component, target, tool, filter: None, enabled: None }
    }

    /// Sets the name of the model's tool. Servers accept up to 64 letters, digits, `_` and `-`.
    #[must_use]
    pub fn tool_name(mut self, name: impl Into<String>) -> Self {
        self.tool.name = name.into();
        self
    }

    /// Sets the description of the model's tool, which tells the model when to hand over.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.tool.description = description.into();
        self
    }

    /// Sets a function that maps the conversation to what the other agent receives. The last filter
    /// set applies.
    #[must_use]
    pub fn input_filter(
        mut self,
        filter: impl Fn(Vec<Message>) -> Vec<Message> + Send + Sync + 'static,
    ) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Sets a filter that removes tool calls and their results. See
    /// [`input_filter`](Self::input_filter).
    #[must_use]
    pub fn without_tool_messages(self) -> Self {
        self.input_filter(|messages| {
            let without_calls = |message| match message {
                Message::Tool { .. } => None,
                Message::Assistant(mut message) => {
                    message.tool_calls.clear();
                    message.content.is_some().then_some(Message::Assistant(message))
                }
                other => Some(other),
            };
            messages.into_iter().filter_map(without_calls).collect()
        })
    }

    /// Sets a condition, which is checked in each turn. If it does not hold, the model does not see
    /// the tool.
    #[must_use]
    pub fn enabled_if(
        mut self,
        enabled: impl Fn(&RunContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.enabled = Some(Arc::new(enabled));
        self
    }

    /// Returns the name of the agent that takes over.
    pub fn target_name(&self) -> &str {
        self.component.name()
    }

    /// Returns the model's tool.
    pub fn spec(&self) -> &ToolSpec {
        &self.tool
    }

    pub(crate) fn is_enabled(&self, context: &RunContext) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled(context))
    }

    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filter.as_deref()
    }

    /// Returns the agent that takes over, in a span.
    pub(crate) fn take_over(&self, from: &Agent, call: &ToolCall) -> Agent {
        self.traced(from, call).in_span(|| match &self.target {
            Target::Agent(agent) => agent.clone(),
            Target::Later(agent) => agent(),
        })
    }

    /// Refuses a second hand-off in one turn, in a span.
    pub(crate) fn refuse(&self, from: &Agent, call: &ToolCall) -> ToolError {
        let error = ToolError::SecondHandoff { tool: self.tool.name.clone() };
        match self.traced(from, call).try_in_span(|| Err::<std::convert::Infallible, _>(error)) {
            Err(error) => error,
        }
    }

    fn traced(&self, from: &Agent, call: &ToolCall) -> raaf_trace_core::call::Call<'_, Component> {
        self.component
            .traced("run")
            .with(keys::HANDOFF_FROM, from.name())
            .with(keys::HANDOFF_TO, self.target_name())
            .with(keys::TOOL_CALL_ID, &call.id)
            .with_content(keys::INPUT, call.arguments.as_str())
            .with_content(keys::OUTPUT, self.target_name())
    }
}

/// Longest name of a tool that most servers accept, in bytes.
const MAX_NAME: usize = 64;

/// Prefix of the names of hand-off tools.
const PREFIX: &str = "transfer_to_";

/// Returns the tool name for an agent. It ends with a hash of the agent's name if characters of that
/// are lost, so that different agents get different tools.
fn tool_name(name: &str) -> String {
    let identifier = as_identifier(name);
    let is_whole = !identifier.is_empty() && name.is_ascii();
    if is_whole && PREFIX.len() + identifier.len() <= MAX_NAME {
        return format!("{PREFIX}{identifier}");
    }
    let hash = format!("{:08x}", fingerprint(name));
    let room = MAX_NAME - PREFIX.len() - hash.len() - 1;
    let identifier = identifier.get(..room).unwrap_or(&identifier).trim_end_matches('_');
    let identifier = if identifier.is_empty() { "agent" } else { identifier };
    format!("{PREFIX}{identifier}_{hash}")
}

/// FNV-1a: the same value in every process, so that traces and scripts can rely on tool names.
fn fingerprint(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Converts a name to snake case in ASCII letters and digits.
fn as_identifier(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len());
    let mut before = None;
    for letter in name.chars() {
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before: char| before.is_lowercase() || before.is_numeric());
        if begins_word || (!letter.is_alphanumeric() && before.is_some_and(char::is_alphanumeric)) {
            identifier.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            identifier.push(letter.to_ascii_lowercase());
        }
        before = Some(letter);
    }
    identifier.trim_end_matches('_').to_owned()
}

impl From<Agent> for Handoff {
    fn from(agent: Agent) -> Self {
        Self::to(&agent)
    }
}

impl From<&Agent> for Handoff {
    fn from(agent: &Agent) -> Self {
        Self::to(agent)
    }
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handoff")
            .field("target", &self.target_name())
            .field("tool", &self.tool.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_names_become_tool_names() {
        for (name, tool) in [
            ("Billing", "billing"),
            ("BillingAgent", "billing_agent"),
            ("Second level support!", "second_level_support"),
            ("Agent2Go", "agent2_go"),
        ] {
            assert_eq!(as_identifier(name), tool);
        }
    }
}
