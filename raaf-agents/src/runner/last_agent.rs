//! Agent that a run ended with.

use crate::{
    agent::Agent,
    run::{RunProgress, RunResult},
};

impl RunResult {
    /// Returns the agent that answered, to continue the conversation with; `None` for a result that
    /// was deserialized.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{Agent, Reply, ScriptedModel};
    /// use serde_json::json;
    ///
    /// let model = ScriptedModel::new("scripted", ["It is refunded.", "You are welcome."]);
    /// let billing = Agent::builder("Billing", model).build();
    /// let model = ScriptedModel::new("scripted", [Reply::call("transfer_to_billing", json!({}))]);
    /// let triage = Agent::builder("Triage", model).handoff(&billing).build();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let result = triage.run("I want my money back.").await?;
    /// let agent = result.last_agent().cloned().unwrap_or(triage);
    /// let mut messages = result.messages;
    /// messages.push(raaf_agents::Message::user("Thank you!"));
    /// assert_eq!(agent.run(messages).await?.output, "You are welcome.");
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn last_agent(&self) -> Option<&Agent> {
        self.last_agent.get()
    }
}

impl RunProgress {
    /// Returns the agent that was running; `None` for progress that was deserialized.
    pub fn last_agent(&self) -> Option<&Agent> {
        self.last_agent.get()
    }
}
