//! Approvals that a chat asks the user for.

use std::{collections::HashSet, io};

use super::{
    Chat,
    input::{Line, Question},
};
use crate::state::{PendingCall, RunState};

const QUESTION: &str = "  Allow it? [y]es, [n]o, [a]lways: ";
const REASON: &str = "  Reason, for the model: ";
const NO_REASON: &str = "The user rejected the call.";

/// Calls that are always approved, by agent and tool, which includes the server of a hosted tool.
pub(super) type Approvals = HashSet<(String, String)>;

/// State of a run after its pending calls were asked about.
pub(super) enum Asked {
    Decided(Box<RunState>),
    Cancelled,
    Ended,
}

enum Answer {
    Yes,
    Always,
    No(String),
}

impl Chat {
    /// Asks about each call that waits for an approval.
    pub(super) async fn decide(&mut self, mut state: RunState) -> io::Result<Asked> {
        // A decision may be one for later calls, too.
        while let Some(call) = state.pending().into_iter().next() {
            let rule = (call.agent.clone(), call.call.rule_name().into_owned());
            let decided = if self.approvals.contains(&rule) {
                state.approve_always(&call.key)
            } else {
                match self.ask(&call).await? {
                    Ok(Answer::Yes) => state.approve(&call.key),
                    Ok(Answer::Always) => {
                        self.approvals.insert(rule);
                        state.approve_always(&call.key)
                    }
                    Ok(Answer::No(reason)) => state.reject(&call.key, reason),
                    Err(end) => return Ok(end),
                }
            };
            decided.map_err(io::Error::other)?;
        }
        Ok(Asked::Decided(Box::new(state)))
    }

    async fn ask(&mut self, call: &PendingCall) -> io::Result<Result<Answer, Asked>> {
        let PendingCall { agent, call, within, .. } = call;
        let within = match &**within {
            [] => String::new(),
            tools => format!(" (in {})", tools.join(", ")),
        };
        // Not shortened: a person decides on all of it.
        let wish =
            format!("? {agent}{within} wants to call {}({})", call.rule_name(), call.arguments);
        self.screen.line(&wish)?;
        loop {
            let text = match self.answer(QUESTION).await? {
                Ok(text) => text,
                Err(end) => return Ok(Err(end)),
            };
            let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
            let answer = match &*word.to_lowercase() {
                "y" | "yes" => Answer::Yes,
                "a" | "always" => Answer::Always,
                "n" | "no" if !rest.is_empty() => Answer::No(rest.trim().to_owned()),
                "n" | "no" => match self.answer(REASON).await? {
                    Ok(reason) if reason.is_empty() => Answer::No(NO_REASON.to_owned()),
                    Ok(reason) => Answer::No(reason),
                    Err(end) => return Ok(Err(end)),
                },
                _ => continue,
            };
            return Ok(Ok(answer));
        }
    }

    async fn answer(&mut self, question: &str) -> io::Result<Result<String, Asked>> {
        if !self.input.is_terminal() {
            self.screen.line(question)?;
        }
        Ok(match self.read(Question::Approval(question)).await? {
            Some(Line::Text(text)) => Ok(text.trim().to_owned()),
            Some(Line::Interrupted) => Err(Asked::Cancelled),
            None => Err(Asked::Ended),
        })
    }
}
