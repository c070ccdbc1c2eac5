//! The loop.

use futures::future;
use serde_json::Value as Json;

use super::{OnToolError, RunError, RunProgress, RunResult, Runner};
use crate::{
    agent::Agent,
    model::{Message, ModelRequest, ToolCall, Usage, error::with_causes},
    tool::{self, ToolError},
};

/// Takes turns until the model answers.
pub(super) async fn take(
    runner: &Runner,
    agent: &Agent,
    messages: Vec<Message>,
) -> Result<RunResult, RunError> {
    let mut run = Run { request: agent.request(messages), usage: Usage::default(), turns: 0 };
    while run.turns < runner.max_turns {
        run.turns += 1;
        let response = match agent.model().respond(&run.request).await {
            Ok(response) => response,
            Err(source) => {
                let (agent, progress) = (agent.name().to_owned(), run.progress());
                return Err(RunError::Model { agent, source, progress });
            }
        };
        run.usage += response.usage;
        let calls = response.message.tool_calls.clone();
        let output = response.message.content.clone().unwrap_or_default();
        run.request.messages.push(Message::Assistant(response.message));
        if calls.is_empty() {
            return Ok(RunResult {
                output,
                finish_reason: response.finish_reason,
                messages: run.request.messages,
                usage: run.usage,
                turns: run.turns,
            });
        }
        match call_tools(agent, &calls, runner.on_tool_error).await {
            Ok(answers) => run.request.messages.extend(answers),
            Err(source) => {
                let (agent, progress) = (agent.name().to_owned(), run.progress());
                return Err(RunError::Tool { agent, source, progress });
            }
        }
    }
    let (agent, max_turns) = (agent.name().to_owned(), runner.max_turns);
    Err(RunError::MaxTurns { agent, max_turns, progress: run.progress() })
}

struct Run {
    request: ModelRequest,
    usage: Usage,
    turns: u32,
}

impl Run {
    fn progress(self) -> Box<RunProgress> {
        let Self { request, usage, turns } = self;
        Box::new(RunProgress { messages: request.messages, usage, turns })
    }
}

/// Calls the tools of one turn concurrently; the answers are in the order of the calls.
async fn call_tools(
    agent: &Agent,
    calls: &[ToolCall],
    on_error: OnToolError,
) -> Result<Vec<Message>, ToolError> {
    let calls = calls.iter().map(|call| async move {
        match (call_tool(agent, call).await, on_error) {
            (Ok(result), _) => Ok(Message::tool(call, as_text(result))),
            (Err(error), OnToolError::TellModel) => {
                Ok(Message::tool_error(call, with_causes(&error)))
            }
            (Err(error), OnToolError::FailRun) => Err(error),
        }
    });
    future::try_join_all(calls).await
}

async fn call_tool(agent: &Agent, call: &ToolCall) -> Result<Json, ToolError> {
    match agent.tool(&call.name) {
        Some(tool) => tool::answer(&**tool, call).await,
        None => {
            let available = agent.tools().iter().map(|tool| tool.spec().name.clone()).collect();
            Err(tool::refuse_unknown(call, available))
        }
    }
}

fn as_text(result: Json) -> String {
    match result {
        Json::String(text) => text,
        json => json.to_string(),
    }
}
