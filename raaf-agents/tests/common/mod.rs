//! Tools and models that several tests use.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::future;

use async_trait::async_trait;
use raaf_agents::{FunctionTool, Model, ModelError, ModelRequest, ModelResponse};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Text {
    pub(crate) text: String,
}

/// Returns its argument in upper case.
pub(crate) fn shout() -> FunctionTool {
    FunctionTool::infallible("shout", "Returns the text in capitals.", |args: Text| async move {
        args.text.to_uppercase()
    })
}

/// Always fails.
pub(crate) fn broken() -> FunctionTool {
    FunctionTool::new("broken", "Fails.", |args: Text| async move {
        Err::<(), _>(format!("no luck with {}", args.text))
    })
}

/// Never returns.
pub(crate) fn endless() -> FunctionTool {
    FunctionTool::infallible("endless", "Takes its time.", |_: Text| future::pending::<()>())
}

/// A model that never answers.
pub(crate) struct Silent;

#[async_trait]
impl Model for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        future::pending().await
    }
}
