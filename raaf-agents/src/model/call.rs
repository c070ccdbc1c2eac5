//! Model calls outside of agents.

use serde::{Deserialize, Serialize};

use super::ModelResponse;

/// Call of a model that was not made by an agent but, for example, by a session, to be counted in a run;
/// see [`Session::load_with_calls`](crate::Session::load_with_calls).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCall {
    /// The name of the model that was called.
    pub model: String,
    /// The response, with usage and cost as far as the server reports them.
    pub response: ModelResponse,
}

impl ModelCall {
    /// Creates the record of a call.
    pub fn new(model: impl Into<String>, response: ModelResponse) -> Self {
        Self { model: model.into(), response }
    }
}
