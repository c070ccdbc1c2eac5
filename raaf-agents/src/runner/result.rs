//! What came of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{FinishReason, Message, Usage};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunResult {
    /// The answer. Empty if the model stopped without a word; then the reason says why.
    pub output: String,
    /// Whether the answer is the JSON text of a value of the agent's
    /// [output type](crate::AgentBuilder::output_type).
    #[serde(default)]
    pub typed: bool,
    /// The agent that answered: the last one, where there were hand-offs.
    #[serde(default)]
    pub agent: String,
    /// Why the model stopped, the last time.
    pub finish_reason: FinishReason,
    /// The whole conversation, the input and the answer included: give it to the next run to go on.
    pub messages: Vec<Message>,
    /// What all calls of models used, those of agents that are tools included.
    pub usage: Usage,
    /// The same by agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// How often the model was called.
    pub turns: u32,
}

impl RunResult {
    /// The answer of an agent with an [output type](crate::AgentBuilder::output_type).
    ///
    /// # Errors
    ///
    /// When the answer is not of that type, which happens only if it is not the agent's.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.output)
    }
}

/// How far a run got that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunProgress {
    /// The agent that was at work.
    #[serde(default)]
    pub agent: String,
    /// The conversation so far, the input included.
    pub messages: Vec<Message>,
    /// What the calls of models used so far.
    pub usage: Usage,
    /// The same by agent.
    #[serde(default)]
    pub usage_by_agent: BTreeMap<String, Usage>,
    /// How often the model was called, the call that failed included.
    pub turns: u32,
}
