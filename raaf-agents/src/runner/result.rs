//! What came of a run.

use serde::{Deserialize, Serialize};

use crate::model::{FinishReason, Message, Usage};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunResult {
    /// The answer. Empty if the model stopped without a word; then the reason says why.
    pub output: String,
    /// Why the model stopped, the last time.
    pub finish_reason: FinishReason,
    /// The whole conversation, the input and the answer included: give it to the next run to go on.
    pub messages: Vec<Message>,
    /// What all calls of the model used.
    pub usage: Usage,
    /// How often the model was called.
    pub turns: u32,
}

/// How far a run got that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunProgress {
    /// The conversation so far, the input included.
    pub messages: Vec<Message>,
    /// What the calls of the model used so far.
    pub usage: Usage,
    /// How often the model was called, the call that failed included.
    pub turns: u32,
}
