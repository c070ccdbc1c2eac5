//! Approvals, which are promises of the engine.

use raaf_agents::PendingCall;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Tool call that waits for a person's decision; see [`Durable::on_approval`](crate::Durable::on_approval).
///
/// It serializes as JSON, to be sent to the person who decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The id of the awakeable that takes the [`Decision`]: send the decision as the body of
    /// `POST /restate/awakeables/{id}/resolve` to the engine's ingress.
    pub awakeable: String,
    /// The name of the agent that makes the call.
    pub agent: String,
    /// The name of the tool.
    pub tool: String,
    /// The arguments that the model gave; `null` if they are not a JSON object.
    pub arguments: Json,
    /// The names of the tools around the call, outermost first; empty unless an agent called as a tool makes
    /// it.
    pub within: Vec<String>,
}

/// Decision on a tool call.
///
/// # Examples
///
/// ```
/// use raaf_restate::Decision;
///
/// assert_eq!(serde_json::to_string(&Decision::Approve)?, r#""approve""#);
/// let decision: Decision = serde_json::from_str(r#"{"reject": "too expensive"}"#)?;
/// assert_eq!(decision, Decision::Reject("too expensive".to_owned()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Runs the call.
    Approve,
    /// Runs the call, and all further calls of this tool by this agent in the run.
    ApproveAlways,
    /// Rejects the call; the model receives the reason as the call's error.
    Reject(String),
    /// Rejects the call, and all further calls of this tool by this agent in the run, with this reason.
    RejectAlways(String),
}

impl ApprovalRequest {
    pub(crate) fn new(awakeable: String, pending: &PendingCall) -> Self {
        let arguments = pending.call.parse_arguments().map(Json::Object);
        Self {
            awakeable,
            agent: pending.agent.clone(),
            tool: pending.call.name.clone(),
            arguments: arguments.unwrap_or_default(),
            within: pending.within.clone(),
        }
    }
}
