//! Outcome of a run.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{FinishReason, Message, Usage};

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
    /// Usage of all model calls, including those of agents called as tools.
    pub usage: Usage,
    /// Usage by the name of the agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// Number of model calls, without those of agents called as tools.
    pub turns: u32,
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
        serde_json::from_str(&self.output)
    }
}

/// Progress of a run that failed.
///
/// The `Debug` form counts the messages instead of showing them, because errors end up in logs.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunProgress {
    /// The conversation so far, including the input. Pass it to another run to continue.
    pub messages: Vec<Message>,
    /// Usage of all model calls, including those of agents called as tools.
    pub usage: Usage,
    /// Usage by the name of the agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// Number of model calls, including one that failed.
    pub turns: u32,
}

impl fmt::Debug for RunProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, usage, usage_by_agent, turns } = self;
        f.debug_struct("RunProgress")
            .field("messages", &messages.len())
            .field("usage", usage)
            .field("usage_by_agent", usage_by_agent)
            .field("turns", turns)
            .finish()
    }
}
