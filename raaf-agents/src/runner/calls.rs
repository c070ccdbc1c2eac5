//! Tool calls and hand-offs of one turn.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;

use super::{RunErrorKind, Runner, journaled::unless_of_journal};
use crate::{
    agent::{Agent, Handoff, RunHooks, ToolAction},
    conversation::{Content, Message, ToolCall, ToolResult},
    errors::{panic_message, with_causes},
    run::{RunContext, RunEvent},
    state::{CallStatus, Called, RunState},
    tool::{self, OnToolError, Tool, ToolError},
};

/// The agent that calls, and its run.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) runner: &'a Runner,
    pub(super) context: &'a RunContext,
    pub(super) agent: &'a Agent,
}

/// End of a call.
pub(super) enum CallEnd {
    Answered(Message),
    /// The agent that the call runs has paused. The arguments are those that hooks have left.
    Paused {
        arguments: String,
        inner: Box<RunState>,
    },
}

impl<'a> Caller<'a> {
    pub(super) fn hooks(self) -> impl Iterator<Item = &'a dyn RunHooks> {
        let hooks = self.runner.config.hooks.iter().chain(self.agent.hooks());
        hooks.map(|hooks| &**hooks)
    }

    /// Returns the text of the result of a call, if it is the answer of the run.
    pub(super) fn answer_of(self, call: &ToolCall, results: &[Message]) -> Option<String> {
        let own = self.agent.tool(&call.name).filter(|_| call.hosted_by.is_none());
        own.filter(|tool| tool.is_final())?;
        let mut results = results.iter().flat_map(Message::tool_results);
        let result = results.find(|result| result.call_id == call.id)?;
        (!result.is_error).then(|| result.text())
    }

    /// Returns the hand-off that a call is for.
    pub(super) fn handoff(self, call: &ToolCall) -> Option<&'a Handoff> {
        let mut handoffs = self.agent.handoffs().iter();
        handoffs.find(|other| other.spec().name == call.name && other.is_enabled(self.context))
    }

    /// Returns the agent that takes over, or an error for the model.
    pub(super) async fn hand_over(
        self,
        called: &Called,
        handoff: &Handoff,
        is_cut: bool,
        is_second: bool,
    ) -> Result<Result<Agent, ToolError>, RunErrorKind> {
        let (call, approval) = (&called.call, decision_on(called));
        let tool = || call.name.clone();
        let refused = if let CallStatus::Rejected(reason) = &called.status {
            Some(ToolError::Rejected { tool: tool(), reason: reason.clone() })
        } else if is_cut && !call.is_complete() {
            Some(ToolError::CutOff { tool: tool() })
        } else if is_second {
            Some(ToolError::SecondHandoff { tool: tool() })
        } else {
            let reason = self.before_handoff(handoff.target_name()).await?;
            reason.map(|reason| ToolError::Refused { tool: tool(), reason })
        };
        if let Some(error) = refused {
            return Ok(Err(handoff.refuse(self.agent, call, approval, error)));
        }
        let agent = match handoff.take_over(self.context, self.agent, call, approval) {
            Ok(agent) => agent,
            Err(error) => return Ok(Err(error)),
        };
        self.context.emit(|| RunEvent::Handoff {
            from: self.agent.name().to_owned(),
            to: agent.name().to_owned(),
        });
        for hooks in self.hooks() {
            hooks.handed_off(self.context, self.agent, &agent).await;
        }
        Ok(Ok(agent))
    }

    /// Makes a call of the turn, with a context of its own. Of a response that was cut off, a call that is
    /// not complete does not run.
    pub(super) async fn call(
        self,
        called: Called,
        is_cut: bool,
        within: &RunContext,
    ) -> Result<CallEnd, RunErrorKind> {
        if called.call.hosted_by.is_some() {
            return self.answer_hosted(called).await.map(CallEnd::Answered);
        }
        let approval = decision_on(&called);
        let Called { mut call, status, .. } = called;
        // Of a call that goes on, hooks and followers know already.
        let (goes_on, action) = match status {
            CallStatus::Paused(state) => {
                within.goes_on_with(state);
                (true, ToolAction::Proceed)
            }
            CallStatus::Rejected(reason) => {
                let error = ToolError::Rejected { tool: call.name.clone(), reason };
                return self.end(&call, Err(error), approval).await.map(CallEnd::Answered);
            }
            _ => (false, self.before_tool(&mut call).await?),
        };
        let call = &call;
        if !goes_on {
            self.context.emit(|| RunEvent::ToolCall {
                agent: self.agent.name().to_owned(),
                call: call.clone(),
            });
            for hooks in self.hooks() {
                hooks.tool_called(self.context, self.agent, call).await;
            }
        }
        let instead = match action {
            ToolAction::Refuse(reason) => {
                Err(ToolError::Refused { tool: call.name.clone(), reason })
            }
            ToolAction::Answer(content) => Ok(content),
            _ if is_cut && !call.is_complete() => {
                Err(ToolError::CutOff { tool: call.name.clone() })
            }
            _ => {
                let outcome = self.invoke(call, within, approval).await;
                let error = match outcome.map_err(ToolError::into_pause) {
                    Err(Ok(inner)) => {
                        let arguments = call.arguments.clone();
                        return Ok(CallEnd::Paused { arguments, inner });
                    }
                    Err(Err(error)) => Err(unless_of_journal(error)?),
                    Ok(content) => Ok(content),
                };
                let result = match error {
                    Ok(content) => ToolResult::new(call, content),
                    Err(error) => self.report(call, error)?,
                };
                let message = self.after_tool(call, result).await?;
                return Ok(CallEnd::Answered(self.tell(call, message).await));
            }
        };
        self.end(call, instead, approval).await.map(CallEnd::Answered)
    }

    /// Ends a call that is not run.
    async fn end(
        self,
        call: &ToolCall,
        outcome: Result<Content, ToolError>,
        approval: Option<&'static str>,
    ) -> Result<Message, RunErrorKind> {
        let outcome = match self.tool(&call.name) {
            Some(tool) => tool::answer_instead(&**tool, call, approval, outcome),
            None => outcome,
        };
        let result = match outcome {
            Ok(content) => ToolResult::new(call, content),
            Err(error) => self.report(call, error)?,
        };
        Ok(self.tell(call, result.into()).await)
    }

    /// Passes the result of a call to hooks and followers.
    async fn tell(self, call: &ToolCall, message: Message) -> Message {
        self.context.emit(|| RunEvent::ToolResult {
            agent: self.agent.name().to_owned(),
            call_id: call.id.clone(),
            tool: call.name.clone(),
            content: message.text().into_owned(),
            is_error: message.tool_results().any(|result| result.is_error),
        });
        for hooks in self.hooks() {
            hooks.tool_answered(self.context, self.agent, call, &message).await;
        }
        message
    }

    /// Returns a tool that the model may call in this turn.
    pub(super) fn tool(self, name: &str) -> Option<&'a Arc<dyn Tool>> {
        self.agent.tool(name).filter(|tool| tool.is_enabled(self.context))
    }

    async fn invoke(
        self,
        call: &ToolCall,
        within: &RunContext,
        approval: Option<&'static str>,
    ) -> Result<Content, ToolError> {
        let Some(tool) = self.tool(&call.name) else {
            let offered = self.agent.tools().iter().filter(|tool| tool.is_enabled(self.context));
            let available = offered.map(|tool| tool.spec().name.clone()).collect();
            return Err(tool::refuse_unknown(call, available));
        };
        let work = AssertUnwindSafe(tool::call_for_model(&**tool, within, call, approval));
        // The tool's span has the panic. Without an error, the run would lose what was done so far.
        work.catch_unwind().await.unwrap_or_else(|panic| {
            let (tool, message) = (call.name.clone(), panic_message(&*panic));
            Err(ToolError::Panicked { tool, message })
        })
    }

    /// Returns the failure as a result for the model, or as an error that fails the run.
    pub(super) fn report(
        self,
        call: &ToolCall,
        error: ToolError,
    ) -> Result<ToolResult, RunErrorKind> {
        let own = self.agent.tool(&call.name).and_then(Tool::on_error);
        match own.unwrap_or(self.runner.on_tool_error) {
            // The decision of a person is not a failure of the tool.
            _ if matches!(error, ToolError::Rejected { .. }) => {
                Ok(ToolResult::error(call, error.to_string()))
            }
            // A defect of the program, which the model cannot correct.
            _ if matches!(error, ToolError::Panicked { .. }) => Err(RunErrorKind::Tool(error)),
            OnToolError::TellModel => Ok(ToolResult::error(call, with_causes(&error))),
            OnToolError::FailRun => Err(RunErrorKind::Tool(error)),
        }
    }
}

/// Returns the decision of a person on a call, as the trace has it.
fn decision_on(called: &Called) -> Option<&'static str> {
    match called.status {
        CallStatus::Approved => Some("approved"),
        CallStatus::Rejected(_) => Some("rejected"),
        _ => None,
    }
}
