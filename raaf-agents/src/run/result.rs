//! Outcome of a run.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use raaf_trace_core::prices::Cost;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    conversation::Message,
    model::{FinishReason, Usage},
};

/// Result of a run that has an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunResult {
    /// The answer. Empty if the model stopped without text; see
    /// [`finish_reason`](Self::finish_reason).
    pub output: String,
    /// True if the answer is JSON of the agent's
    /// [output type](crate::AgentBuilder::output_type).
    #[serde(default)]
    pub typed: bool,
    /// The name of the agent that answered: the last one, if there were hand-offs.
    #[serde(default)]
    pub agent: String,
    /// Why the model stopped generating the answer.
    pub finish_reason: FinishReason,
    /// The whole conversation, including input and answer. Pass it to another run to continue.
    pub messages: Vec<Message>,
    /// Usage of all model calls, including those of agents called as tools and of the session.
    pub usage: Usage,
    /// Usage by the name of the agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// Cost of all model calls, including those of agents called as tools and of the session.
    #[serde(default)]
    pub cost: Cost,
    /// Number of the agents' model calls, without those of agents called as tools.
    pub turns: u32,
    #[serde(skip)]
    pub(crate) last_agent: LastAgent,
}

/// Agent that a run ended with. Agents belong to a higher layer, which defines their type.
#[derive(Clone, Default)]
pub(crate) struct LastAgent(Option<Arc<dyn Any + Send + Sync>>);

impl LastAgent {
    pub(crate) fn new(agent: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(agent)))
    }

    pub(crate) fn get<A: Any>(&self) -> Option<&A> {
        self.0.as_deref()?.downcast_ref()
    }
}

/// All are equal: results are compared by their data, which include the agent's name.
impl PartialEq for LastAgent {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for LastAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "known" } else { "unknown" })
    }
}

impl RunResult {
    /// Parses the answer of an agent with an [output type](crate::AgentBuilder::output_type).
    ///
    /// # Errors
    ///
    /// If the answer is not JSON of that type. The agent's own output type always parses.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{Agent, ScriptedModel};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Forecast {
    ///     degrees: i32,
    /// }
    ///
    /// let model = ScriptedModel::new("scripted", [r#"{ "degrees": 21 }"#]);
    /// let agent = Agent::builder("Forecaster", model).output_type::<Forecast>().build();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let forecast: Forecast = agent.run("How warm is it?").await?.parse()?;
    /// assert_eq!(forecast.degrees, 21);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        // If a model writes a key twice, the last value counts, as in the check of the answer.
        let last = || serde_json::from_value(serde_json::from_str(&self.output).ok()?).ok();
        serde_json::from_str(&self.output).or_else(|error| last().ok_or(error))
    }
}

/// Progress of a run that failed.
///
/// The `Debug` form counts the messages instead of showing them, because errors end up in logs.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunProgress {
    /// The conversation so far, including the input. Pass it to another run to continue. Each call has a
    /// result. If the model's answer was being streamed, the text so far is the last message.
    pub messages: Vec<Message>,
    /// The reason why the last message is cut off: the [kind](crate::RunErrorKind::as_str) of the error,
    /// such as `cancelled`; `None` if the message is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// Usage of all model calls, including those of agents called as tools.
    pub usage: Usage,
    /// Usage by the name of the agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// Cost of all model calls, including those of agents called as tools.
    #[serde(default)]
    pub cost: Cost,
    /// Number of model calls, including one that failed.
    pub turns: u32,
    #[serde(skip)]
    pub(crate) last_agent: LastAgent,
}

impl fmt::Debug for RunProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, finish_reason, usage, usage_by_agent, cost, turns, .. } = self;
        f.debug_struct("RunProgress")
            .field("messages", &messages.len())
            .field("finish_reason", finish_reason)
            .field("usage", usage)
            .field("usage_by_agent", usage_by_agent)
            .field("cost", cost)
            .field("turns", turns)
            .finish_non_exhaustive()
    }
}
