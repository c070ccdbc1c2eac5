//! Hooks that act: their actions, and the record of these in the trace.

use raaf_trace_core::{Traceable as _, current_span, keys};

use super::{RunErrorKind, calls::Caller, history};
use crate::{
    agent::{
        HandoffAction, LastTurnAction, MismatchAction, ModelAction, ResponseAction, ResultAction,
        ToolAction,
    },
    conversation::{Message, ToolCall, ToolResult, repair},
    model::{ModelRequest, ModelResponse},
};

/// The model call that hooks decided on.
pub(super) enum Asking {
    /// The request as it is.
    Unchanged,
    /// Another request.
    Changed(Box<ModelRequest>),
    /// A response instead of a call.
    Answered(Box<ModelResponse>),
}

impl Caller<'_> {
    /// Records that a hook changed something.
    fn acted(self, point: &'static str, action: &'static str, reason: Option<&str>) {
        let Some(span) = self.agent.current_span().or_else(current_span) else { return };
        span.add_event("hook", |attributes| {
            attributes
                .set(keys::HOOK_POINT, point)
                .set(keys::HOOK_ACTION, action)
                .set_content(keys::HOOK_REASON, reason);
        });
    }

    fn stop(self, point: &'static str, reason: String) -> RunErrorKind {
        self.acted(point, "stop", Some(&reason));
        RunErrorKind::Stopped { reason }
    }

    pub(super) async fn before_model(self, request: &ModelRequest) -> Result<Asking, RunErrorKind> {
        const POINT: &str = "before_model";
        let mut asking = Asking::Unchanged;
        for hooks in self.hooks() {
            let current = match &asking {
                Asking::Changed(changed) => changed,
                _ => request,
            };
            match hooks.before_model(self.context, self.agent, current).await {
                ModelAction::Proceed => {}
                ModelAction::Replace(mut changed) => {
                    self.acted(POINT, "replace", None);
                    history::record(repair(&mut changed.messages));
                    asking = Asking::Changed(changed);
                }
                ModelAction::Answer(response) => {
                    self.acted(POINT, "answer", None);
                    return Ok(Asking::Answered(response));
                }
                ModelAction::Stop(reason) => return Err(self.stop(POINT, reason)),
            }
        }
        Ok(asking)
    }

    /// Returns the message with which to ask again, if a hook rejects a response.
    pub(super) async fn after_model(
        self,
        response: &ModelResponse,
    ) -> Result<Option<String>, RunErrorKind> {
        const POINT: &str = "after_model";
        for hooks in self.hooks() {
            match hooks.after_model(self.context, self.agent, response).await {
                ResponseAction::Accept => {}
                ResponseAction::Retry(word) => {
                    self.acted(POINT, "retry", Some(&word));
                    return Ok(Some(word));
                }
                ResponseAction::Stop(reason) => return Err(self.stop(POINT, reason)),
            }
        }
        Ok(None)
    }

    /// Returns the action on a call, which has the arguments that hooks decided on.
    pub(super) async fn before_tool(self, call: &mut ToolCall) -> Result<ToolAction, RunErrorKind> {
        const POINT: &str = "before_tool";
        for hooks in self.hooks() {
            match hooks.before_tool(self.context, self.agent, call).await {
                ToolAction::Proceed => {}
                ToolAction::Replace(arguments) => {
                    self.acted(POINT, "replace", Some(&call.name));
                    call.arguments = arguments.to_string();
                }
                ToolAction::Refuse(reason) => {
                    self.acted(POINT, "refuse", Some(&reason));
                    return Ok(ToolAction::Refuse(reason));
                }
                ToolAction::Answer(content) => {
                    self.acted(POINT, "answer", Some(&call.name));
                    return Ok(ToolAction::Answer(content));
                }
                ToolAction::Stop(reason) => return Err(self.stop(POINT, reason)),
            }
        }
        Ok(ToolAction::Proceed)
    }

    /// Returns the result that the model receives.
    pub(super) async fn after_tool(
        self,
        call: &ToolCall,
        mut result: ToolResult,
    ) -> Result<Message, RunErrorKind> {
        const POINT: &str = "after_tool";
        for hooks in self.hooks() {
            match hooks.after_tool(self.context, self.agent, call, &result).await {
                ResultAction::Keep => {}
                ResultAction::Replace(content) => {
                    self.acted(POINT, "replace", Some(&call.name));
                    result = ToolResult::new(call, content);
                }
                ResultAction::Refuse(reason) => {
                    self.acted(POINT, "refuse", Some(&reason));
                    result = ToolResult::error(call, reason);
                    break;
                }
                ResultAction::Stop(reason) => return Err(self.stop(POINT, reason)),
            }
        }
        Ok(result.into())
    }

    /// Returns the reason if a hook refuses a hand-off.
    pub(super) async fn before_handoff(self, target: &str) -> Result<Option<String>, RunErrorKind> {
        const POINT: &str = "before_handoff";
        for hooks in self.hooks() {
            match hooks.before_handoff(self.context, self.agent, target).await {
                HandoffAction::Proceed => {}
                HandoffAction::Refuse(reason) => {
                    self.acted(POINT, "refuse", Some(&reason));
                    return Ok(Some(reason));
                }
                HandoffAction::Stop(reason) => return Err(self.stop(POINT, reason)),
            }
        }
        Ok(None)
    }

    pub(super) async fn on_mismatch(self, answer: &str, mismatch: &str) -> MismatchAction {
        const POINT: &str = "on_mismatch";
        for hooks in self.hooks() {
            let action = hooks.on_mismatch(self.context, self.agent, answer, mismatch).await;
            match &action {
                MismatchAction::Repair => continue,
                MismatchAction::Retry(word) => self.acted(POINT, "retry", Some(word)),
                MismatchAction::Answer(answer) => self.acted(POINT, "answer", Some(answer)),
                MismatchAction::Fail => self.acted(POINT, "fail", None),
            }
            return action;
        }
        MismatchAction::Repair
    }

    pub(super) async fn on_last_turn(self) -> LastTurnAction {
        const POINT: &str = "on_last_turn";
        for hooks in self.hooks() {
            let action = hooks.on_last_turn(self.context, self.agent).await;
            match &action {
                LastTurnAction::Fail => continue,
                LastTurnAction::Answer => self.acted(POINT, "answer", None),
                LastTurnAction::Ask(word) => self.acted(POINT, "ask", Some(word)),
            }
            return action;
        }
        LastTurnAction::Fail
    }
}
