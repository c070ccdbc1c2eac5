//! A turn of rig.

use std::convert::Infallible;

use futures::stream;
use rig_agent::{
    Agent, AgentBuilder,
    core::{
        Model,
        completion::{AssistantContent, CompletionRequest, CompletionResponse, Message, Usage},
        driver::{Exchange, Opened, Opening, Transport},
        message::{Origin, ToolCall, ToolFunction, ToolName, UserContent},
        test_utils::{MOCK_API, MOCK_MODEL, MOCK_PROVIDER, MockFrame, MockScript},
    },
    tool::{Tool, ToolContext},
};
use serde_json::{Value as Json, json};

use super::{
    AGENT, ANSWER, CALL, DESCRIPTION, Framework, INSTRUCTIONS, QUESTION, Sample, Setup, TOKENS,
    TOOL, TOPIC, Wanted, headings,
};
use crate::tool::{Tool as _, TracingLayer};

/// How many turns an agent may take; as many as ours takes when nobody says anything.
const MAX_TURNS: usize = 10;

/// Measures turns of rig; `None` if tracing cannot be set up so.
pub fn rig(setup: &Setup) -> Option<Sample> {
    TracingLayer::start(setup)?;
    let script = Script { tool: ToolName::new(TOOL).ok()? };
    let agent = AgentBuilder::new(Model::new(MockScript::default(), script))
        .name(AGENT)
        .preamble(INSTRUCTIONS)
        .record_content_telemetry(setup.content)
        .default_max_turns(MAX_TURNS)
        .tool(Headings { parameters: schemars::schema_for!(Wanted).into() })
        .build();
    super::turns(&Rig { agent }, setup)
}

struct Rig {
    agent: Agent,
}

impl Framework for Rig {
    async fn turn(&self) -> Option<()> {
        let response = self.agent.prompt(QUESTION).await.ok()?;
        (response.output() == ANSWER && response.completion_calls.len() == 2).then_some(())
    }

    /// The layer has each span when it closes.
    fn flush(&self) {}
}

struct Headings {
    /// Made once, as ours are.
    parameters: Json,
}

impl Tool for Headings {
    const NAME: &'static str = TOOL;
    type Args = Wanted;
    type Output = String;
    type Error = Infallible;

    fn description(&self) -> String {
        DESCRIPTION.to_owned()
    }

    fn parameters(&self) -> Json {
        self.parameters.clone()
    }

    async fn call(&self, _: &mut ToolContext, wanted: Wanted) -> Result<String, Infallible> {
        Ok(headings(&wanted))
    }
}

/// rig's scripted model takes its answers from a list that ends; this one takes them from what it
/// is asked.
#[derive(Clone)]
struct Script {
    tool: ToolName,
}

impl Transport<MockScript> for Script {
    fn send(&self, request: CompletionRequest, _: Exchange) -> Opening<MockFrame> {
        let is_told = request.chat_history.last().is_some_and(|message| match message {
            Message::User { content } => {
                content.iter().any(|content| matches!(content, UserContent::ToolResult(_)))
            }
            _ => false,
        });
        let said = if is_told {
            AssistantContent::text(ANSWER)
        } else {
            let function = ToolFunction::new(self.tool.clone(), json!({ "topic": TOPIC }));
            AssistantContent::ToolCall(ToolCall::from_wire(CALL, function))
        };
        let mut usage = Usage::default();
        usage.input_tokens = Some(TOKENS.0);
        usage.output_tokens = Some(TOKENS.1);
        let origin = Origin::new(MOCK_API, MOCK_PROVIDER, MOCK_MODEL);
        let response = CompletionResponse::new(vec![said], usage, origin, Json::Null);
        let frame = MockFrame::Response(Box::new(response));
        Opening::ready(Opened::new(stream::iter([Ok(frame)])).with_document(Json::Null))
    }
}
