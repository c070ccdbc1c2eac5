//! A turn of `raaf-agents`.

use async_trait::async_trait;
use raaf_agents::{
    Agent, AssistantMessage, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse,
    ToolCall, Usage,
};
use serde_json::json;

use super::{
    AGENT, ANSWER, CALL, DESCRIPTION, Framework, INSTRUCTIONS, QUESTION, Sample, Setup, TOKENS,
    TOOL, TOPIC, Wanted, headings,
};
use crate::tool::{Raaf, Tool as _};

/// Measures turns of `raaf-agents`; `None` if tracing cannot be set up so.
pub fn ours(setup: &Setup) -> Option<Sample> {
    let tracing = Raaf::start(setup)?;
    let tool =
        FunctionTool::infallible(
            TOOL,
            DESCRIPTION,
            |wanted: Wanted| async move { headings(&wanted) },
        );
    let agent = Agent::builder(AGENT, Script).instructions(INSTRUCTIONS).tool(tool).build();
    super::turns(&Ours { tracing, agent }, setup)
}

struct Ours {
    tracing: Raaf,
    agent: Agent,
}

impl Framework for Ours {
    async fn turn(&self) -> Option<()> {
        let result = self.agent.run(QUESTION).await.ok()?;
        (result.output == ANSWER && result.turns == 2).then_some(())
    }

    fn flush(&self) {
        self.tracing.flush();
    }
}

struct Script;

#[async_trait]
impl Model for Script {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let is_told = matches!(request.messages.last(), Some(Message::Tool { .. }));
        let message = if is_told {
            AssistantMessage::text(ANSWER)
        } else {
            AssistantMessage::calls([ToolCall::new(CALL, TOOL, &json!({ "topic": TOPIC }))])
        };
        Ok(ModelResponse::new(message).with_usage(Usage::new(TOKENS.0, TOKENS.1)))
    }
}
