//! Decisions on calls that wait for an approval.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CallStatus, Called, RunState};
use crate::conversation::ToolCall;

/// Call that waits for an approval; see [`RunState::pending`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingCall {
    /// Key of the call for [`RunState::approve`] and [`RunState::reject`]. No other call of any run has
    /// it.
    pub key: String,
    /// The name of the agent that makes the call.
    pub agent: String,
    /// The call, with the arguments that the model gave.
    pub call: ToolCall,
    /// The names of the tools around it, outermost first, if an agent called as a tool makes the call.
    pub within: Vec<String>,
}

/// The run waits for no call with this key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no pending call has the key `{key}`; pending: {}", list(pending))]
#[non_exhaustive]
pub struct UnknownCall {
    /// The key.
    pub key: String,
    /// The keys of the calls that are pending.
    pub pending: Vec<String>,
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

/// Decision on a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Approve,
    /// Rejects the call, with a reason for the model.
    Reject(String),
}

/// Decisions on all further calls, by agent and tool; the latest counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rule {
    agent: String,
    tool: String,
    decision: Decision,
}

impl Rules {
    pub(crate) fn decision(&self, agent: &str, tool: &str) -> Option<&Decision> {
        let mut rules = self.0.iter().rev();
        rules.find(|rule| rule.agent == agent && rule.tool == tool).map(|rule| &rule.decision)
    }
}

impl From<Decision> for CallStatus {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Approve => Self::Approved,
            Decision::Reject(reason) => Self::Rejected(reason),
        }
    }
}

impl RunState {
    /// Returns the calls that wait for an approval, including those of agents called as tools. A run that
    /// was [paused](crate::RunConfig::pause_when) between two steps may have none.
    pub fn pending(&self) -> Vec<PendingCall> {
        let mut pending = Vec::new();
        self.collect_pending(&[], &mut pending);
        pending
    }

    fn collect_pending(&self, within: &[String], pending: &mut Vec<PendingCall>) {
        for called in self.calls() {
            match &called.status {
                CallStatus::Waiting => pending.push(PendingCall {
                    key: self.key(called),
                    agent: self.agent.clone(),
                    call: called.call.clone(),
                    within: within.to_vec(),
                }),
                CallStatus::Paused(inner) => {
                    let within = [within, std::slice::from_ref(&called.call.name)].concat();
                    inner.collect_pending(&within, pending);
                }
                _ => {}
            }
        }
    }

    /// Returns whether a call with this key waits for an approval.
    pub(crate) fn waits_for(&self, key: &str) -> bool {
        self.calls().iter().any(|called| match &called.status {
            CallStatus::Waiting => self.key(called) == key,
            CallStatus::Paused(inner) => inner.waits_for(key),
            _ => false,
        })
    }

    /// Returns the key of a call. The server's id alone may come back in another turn or run.
    pub(crate) fn key(&self, called: &Called) -> String {
        call_key(&self.id, self.turns, &called.call.id)
    }

    /// Approves a call. It runs when the run is resumed.
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn approve(&mut self, key: &str) -> Result<(), UnknownCall> {
        self.decide(key, Decision::Approve).map(drop)
    }

    /// Rejects a call. The model receives the reason as the call's error.
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn reject(&mut self, key: &str, reason: impl Into<String>) -> Result<(), UnknownCall> {
        self.decide(key, Decision::Reject(reason.into())).map(drop)
    }

    /// Approves a call, and all calls of this tool by this agent in the rest of the run.
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn approve_always(&mut self, key: &str) -> Result<(), UnknownCall> {
        self.decide_always(key, Decision::Approve)
    }

    /// Rejects a call, and all calls of this tool by this agent in the rest of the run.
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn reject_always(
        &mut self,
        key: &str,
        reason: impl Into<String>,
    ) -> Result<(), UnknownCall> {
        self.decide_always(key, Decision::Reject(reason.into()))
    }

    fn decide_always(&mut self, key: &str, decision: Decision) -> Result<(), UnknownCall> {
        let (agent, tool) = self.decide(key, decision.clone())?;
        for other in self.pending() {
            if other.agent == agent && other.call.rule_name() == tool {
                self.decide(&other.key, decision.clone())?;
            }
        }
        self.rules.0.push(Rule { agent, tool, decision });
        Ok(())
    }

    /// Decides on a call, and returns the names of its agent and its tool.
    fn decide(&mut self, key: &str, decision: Decision) -> Result<(String, String), UnknownCall> {
        match self.waiting(key) {
            Some((agent, called)) => {
                called.status = decision.into();
                Ok((agent, called.call.rule_name().into_owned()))
            }
            None => Err(UnknownCall {
                key: key.to_owned(),
                pending: self.pending().into_iter().map(|call| call.key).collect(),
            }),
        }
    }

    fn waiting(&mut self, key: &str) -> Option<(String, &mut Called)> {
        let (id, turn, agent) = (self.id.clone(), self.turns, self.agent.clone());
        self.calls_mut().iter_mut().find_map(|called| match &called.status {
            CallStatus::Waiting if call_key(&id, turn, &called.call.id) == key => {
                Some((agent.clone(), called))
            }
            CallStatus::Paused(_) => match &mut called.status {
                CallStatus::Paused(inner) => inner.waiting(key),
                _ => None,
            },
            _ => None,
        })
    }
}

/// Returns the key of a call of a run. It may be the id of a run that the call starts, so that a slash in
/// the id of the call would make keys ambiguous.
pub(crate) fn call_key(run: &str, turn: u32, call_id: &str) -> String {
    let call_id = call_id.replace('%', "%25").replace('/', "%2F");
    format!("{run}/{turn}/{call_id}")
}

/// Returns the text of a pause with this number of pending calls.
pub(crate) fn pause_text(pending: usize) -> String {
    match pending {
        0 => "paused".to_owned(),
        1 => "paused: a call waits for an approval".to_owned(),
        calls => format!("paused: {calls} calls wait for an approval"),
    }
}
