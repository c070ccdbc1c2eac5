//! Hand-offs to other agents.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Kind, Traceable as _, keys};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::Agent;
use crate::{
    conversation::{Message, Part, Role, ToolCall},
    model::ToolSpec,
    run::RunContext,
    tool::{Approval, Arguments, ToolError, name},
};

type Filter = dyn Fn(Vec<Message>) -> Vec<Message> + Send + Sync;
type Receive = dyn Fn(&RunContext, Json) -> Result<(), String> + Send + Sync;
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
    receive: Option<Arc<Receive>>,
    approval: Approval,
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
        let tool = ToolSpec::new(
            name::of(PREFIX, name),
            format!("Hands the conversation over to {name}."),
            json!({"type": "object", "properties": {}}),
        );
        let component = Component::new(name).with_kind(Kind::Handoff);
        let approval = Approval::never();
        Self { component, target, tool, filter: None, enabled: None, receive: None, approval }
    }

    /// Sets the name of the model's tool. Servers accept up to 64 letters, digits, `_` and `-`.
    #[must_use]
    pub fn tool_name(mut self, name: impl Into<String>) -> Self {
        self.tool.name = name.into();
        self
    }

    /// Sets the description of the model's tool, by which the model decides when to hand over.
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
            let without_calls = |mut message: Message| {
                let is_call = |part: &Part| matches!(part, Part::ToolCall(_) | Part::HostedCall(_));
                let had_calls = message.parts.iter().any(is_call);
                message.parts.retain(|part| !is_call(part));
                let says = |part: &Part| matches!(part, Part::Text(_) | Part::Refusal(_));
                let is_kept = !had_calls || message.parts.iter().any(says);
                (message.role != Role::Tool && is_kept).then_some(message)
            };
            messages.into_iter().filter_map(without_calls).collect()
        })
    }

    /// Gives the model's tool arguments of a type, such as the reason of the hand-off, and a function
    /// that receives them before the other agent takes over. Arguments that do not fit are an error
    /// for the model.
    ///
    /// ```
    /// use raaf_agents::{Agent, Handoff, ScriptedModel};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Escalation {
    ///     reason: String,
    /// }
    ///
    /// let human = Agent::builder("Human", ScriptedModel::new("scripted", ["Hello."])).build();
    /// let handoff = Handoff::to(&human).with_arguments(|_, escalation: Escalation| {
    ///     println!("escalated: {}", escalation.reason);
    /// });
    /// assert_eq!(handoff.spec().parameters["required"][0], "reason");
    /// ```
    #[must_use]
    pub fn with_arguments<A: DeserializeOwned + JsonSchema>(
        mut self,
        receive: impl Fn(&RunContext, A) + Send + Sync + 'static,
    ) -> Self {
        let (schema, reader) = Arguments::of::<A>();
        self.tool.parameters = schema;
        self.receive = Some(Arc::new(move |context, arguments| {
            receive(context, reader.read(arguments)?);
            Ok(())
        }));
        self
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

    /// Sets when the hand-off pauses the run until a person approves or rejects it.
    #[must_use]
    pub fn approval(mut self, approval: Approval) -> Self {
        self.approval = approval;
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

    /// Returns what a diagram says about it.
    pub(super) fn notes(&self) -> Vec<String> {
        let condition = self.enabled.as_ref().map(|_| "if enabled");
        let filter = self.filter.as_ref().map(|_| "filtered input");
        let notes = [condition, self.approval.note(), filter];
        notes.into_iter().flatten().map(str::to_owned).collect()
    }

    /// Returns whether the agent that takes over is created on demand.
    pub(super) fn is_on_demand(&self) -> bool {
        matches!(self.target, Target::Later(_))
    }

    pub(crate) fn is_enabled(&self, context: &RunContext) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled(context))
    }

    pub(crate) fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        self.approval.is_needed(context, arguments)
    }

    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filter.as_deref()
    }

    /// Adds a hash to the tool's name, so that it differs from that of another hand-off.
    pub(super) fn distinguish(&mut self) {
        self.tool.name = name::hashed(PREFIX, self.component.name());
    }

    /// Returns the agent that takes over, in a span; an error if the arguments do not fit.
    pub(crate) fn take_over(
        &self,
        context: &RunContext,
        from: &Agent,
        call: &ToolCall,
        approval: Option<&'static str>,
    ) -> Result<Agent, ToolError> {
        self.traced(from, call).with(keys::TOOL_APPROVAL, approval).try_in_span(|| {
            if let Some(receive) = &self.receive {
                let arguments = call.parse_arguments().map(Json::Object);
                let received = arguments.and_then(|arguments| receive(context, arguments));
                received.map_err(|message| ToolError::Arguments {
                    tool: self.tool.name.clone(),
                    message,
                })?;
            }
            Ok(self.target())
        })
    }

    /// Returns the agent that takes over.
    pub(crate) fn target(&self) -> Agent {
        match &self.target {
            Target::Agent(agent) => agent.clone(),
            Target::Later(agent) => agent(),
        }
    }

    /// Refuses a hand-off, in a span.
    pub(crate) fn refuse(
        &self,
        from: &Agent,
        call: &ToolCall,
        approval: Option<&'static str>,
        error: ToolError,
    ) -> ToolError {
        let refused = self.traced(from, call).with(keys::TOOL_APPROVAL, approval);
        match refused.try_in_span(|| Err::<std::convert::Infallible, _>(error)) {
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

/// Prefix of the names of hand-off tools.
const PREFIX: &str = "transfer_to_";

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
