//! State of runs that pause and go on.

mod approval;
mod phase;
mod resume;

use std::{collections::BTreeMap, fmt};

use raaf_trace_core::{Context, TraceId, prices::Cost};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    conversation::{Message, answer_open_calls},
    model::{ModelRequest, Usage},
};
pub(crate) use approval::{Decision, Rules, call_key, pause_text};
pub use approval::{PendingCall, UnknownCall};
pub(crate) use phase::{CallStatus, Called, Phase};
pub use resume::ResumeError;

/// State of a run that has paused: the conversation, the agent, and the calls that wait for an approval.
///
/// It comes with the error [`RunErrorKind::Paused`](crate::RunErrorKind::Paused). Decide on the
/// [pending](Self::pending) calls, and [resume](crate::Runner::resume) the run, at once or in another
/// process: the state is versioned JSON. It contains text from users, models and tools, so store it as
/// safely as the conversation. Settings, with their keys and headers, are not part of it.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Approval, FunctionTool, Reply, RunState, Runner, ScriptedModel};
/// use serde_json::json;
///
/// let refund = FunctionTool::infallible("refund", "Refunds an order.", |(): ()| async { "done" })
///     .with_approval(Approval::always());
/// let model = ScriptedModel::new("scripted", [Reply::call("refund", json!({})), Reply::text("Done.")]);
/// let agent = Agent::builder("Support", model).tool(refund).build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let runner = Runner::new();
/// let paused = runner.run(&agent, "I want my money back.").await.unwrap_err();
/// let stored = serde_json::to_string(&paused.into_state()?)?;
///
/// // Later, after a person has been asked:
/// let mut state: RunState = serde_json::from_str(&stored)?;
/// for call in state.pending() {
///     println!("{} wants to call {}({})", call.agent, call.call.name, call.call.arguments);
///     state.approve(&call.key)?;
/// }
/// let result = runner.resume(&agent, state).await?;
/// assert_eq!(result.output, "Done.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    v: Version,
    pub(crate) id: String,
    /// Place in the trace: the headers of a request that the paused span would make.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) trace: BTreeMap<String, String>,
    /// Number of the run among those that a tool call has started.
    #[serde(default)]
    pub(crate) number: u32,
    pub(crate) agent: String,
    /// Settings and tools are those of the agent, and not stored.
    #[serde(rename = "messages", with = "messages_only")]
    pub(crate) request: ModelRequest,
    pub(crate) phase: Phase,
    pub(crate) turns: u32,
    #[serde(default)]
    pub(crate) marks: Marks,
    #[serde(default)]
    pub(crate) spent: Spent,
    #[serde(default)]
    pub(crate) rules: Rules,
    #[serde(default)]
    pub(crate) stored: Stored,
}

/// Usage, cost and calls of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) usage: BTreeMap<String, Usage>,
    pub(crate) cost: Cost,
    pub(crate) requests: u64,
    pub(crate) tool_calls: u64,
}

impl Spent {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Facts that later steps depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is independent of the others")]
pub(crate) struct Marks {
    /// The guardrails beside the first model call have not passed.
    pub(crate) unchecked: bool,
    /// The turn without tools was taken.
    pub(crate) last_turn: bool,
    /// The model was asked once to correct an answer of the agent.
    pub(crate) repaired: bool,
    /// The agent has called a tool, so that the model need not call one.
    pub(crate) called: bool,
}

/// Relation of the conversation to the session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stored {
    /// Number of leading messages of the conversation that are not to be appended: the session has
    /// them, or a filter made them.
    pub(crate) count: usize,
    /// Messages that a filter removed before they were appended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<Message>,
    /// Number of appends so far.
    pub(crate) appends: u32,
}

impl RunState {
    pub(crate) fn new(agent: &str, messages: Vec<Message>) -> Self {
        Self {
            v: Version,
            id: TraceId::random().hex().to_string(),
            trace: BTreeMap::new(),
            number: 0,
            agent: agent.to_owned(),
            request: ModelRequest::new(messages),
            phase: Phase::Start { first: true },
            turns: 0,
            marks: Marks::default(),
            spent: Spent::default(),
            rules: Rules::default(),
            stored: Stored::default(),
        }
    }

    /// Returns the id of the run, which it keeps over its pauses.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name of the agent that has paused.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Returns the conversation so far. Calls that have not been run have no result.
    pub fn messages(&self) -> &[Message] {
        &self.request.messages
    }

    /// Returns the number of turns so far.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// Returns the usage so far by the name of the agent.
    pub fn usage_by_agent(&self) -> &BTreeMap<String, Usage> {
        &self.spent.usage
    }

    /// Returns the context in which the run goes on: below the span that has paused.
    pub(crate) fn context(&self) -> Option<Context> {
        (!self.trace.is_empty()).then(|| Context::extract(&self.trace))
    }

    /// Returns the conversation with a result for each call.
    pub(crate) fn valid_messages(&self) -> Vec<Message> {
        let mut messages = self.request.messages.clone();
        answer_open_calls(&mut messages, "The tool was not run: the run has paused.");
        messages
    }
}

/// Shows no content, because states end up in errors and logs.
impl fmt::Debug for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunState")
            .field("id", &self.id)
            .field("agent", &self.agent)
            .field("turns", &self.turns)
            .field("messages", &self.request.messages.len())
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}

/// Version of the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version;

const VERSION: u32 = 1;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        VERSION.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u32::deserialize(from)? {
            VERSION => Ok(Self),
            other => Err(D::Error::custom(format!(
                "state of version {other}; this version of raaf-agents reads version {VERSION}"
            ))),
        }
    }
}

mod messages_only {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::{conversation::Message, model::ModelRequest};

    pub(super) fn serialize<S: Serializer>(
        request: &ModelRequest,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        request.messages.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<ModelRequest, D::Error> {
        Vec::<Message>::deserialize(from).map(ModelRequest::new)
    }
}
