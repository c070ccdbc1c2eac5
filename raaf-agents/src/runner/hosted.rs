//! Approvals of calls that the provider makes.

use raaf_trace_core::{Traceable as _, keys};

use super::{RunErrorKind, calls::Caller};
use crate::{
    agent::ToolAction,
    conversation::Message,
    state::{CallStatus, Called},
};

/// Result of a call that is approved: the provider makes it, and no code of this program.
const APPROVED: &str = "approved";

impl Caller<'_> {
    /// Answers the provider, which asks whether it may make a call. Hooks may refuse the call, but not
    /// change it.
    pub(super) async fn answer_hosted(self, called: Called) -> Result<Message, RunErrorKind> {
        let Called { mut call, status, .. } = called;
        let refused = if let CallStatus::Rejected(reason) = status {
            Some(reason)
        } else {
            let arguments = call.arguments.clone();
            let action = self.before_tool(&mut call).await?;
            let is_same = call.arguments == arguments;
            call.arguments = arguments;
            match action {
                ToolAction::Proceed if is_same => None,
                ToolAction::Refuse(reason) => Some(reason),
                _ => Some("the call must not be made with these arguments".to_owned()),
            }
        };
        if let Some(span) = self.agent.current_span() {
            let decision = if refused.is_some() { "rejected" } else { APPROVED };
            span.add_event("approval.decided", |attributes| {
                attributes
                    .set(keys::TOOL_NAME, &call.name)
                    .set(keys::TOOL_CALL_ID, &call.id)
                    .set(keys::TOOL_APPROVAL, decision)
                    .set_content(keys::TOOL_ARGUMENTS, &call.arguments);
            });
        }
        Ok(match refused {
            Some(reason) => Message::tool_error(&call, reason),
            None => Message::tool(&call, APPROVED),
        })
    }
}
