//! Steps that a journal may know.

use futures::{FutureExt as _, TryFutureExt as _, future};
use raaf_trace_core::{Traceable as _, keys};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    RunError, RunErrorKind,
    calls::{CallEnd, Caller},
};
use crate::{
    conversation::{Message, Role, mend_call_ids},
    model::ModelResponse,
    run::{JournalError, SharedJournal, Stepped},
    state::{CallStatus, Called, Spent},
    tool::ToolError,
};

/// Returns the failure of a journal in the run that a call has started: that is none of the call.
pub(super) fn unless_of_journal(error: ToolError) -> Result<ToolError, RunErrorKind> {
    let ToolError::Failed { tool, source } = error else { return Ok(error) };
    match source.downcast::<RunError>().map(|error| *error) {
        Ok(RunError { kind: kind @ RunErrorKind::Journal { .. }, .. }) => Err(kind),
        Ok(error) => Ok(ToolError::Failed { tool, source: error.into() }),
        Err(source) => Ok(ToolError::Failed { tool, source }),
    }
}

/// End of a tool call, as it is journaled.
#[derive(Serialize, Deserialize)]
struct Ended<M> {
    message: M,
    /// What the runs that it started have spent, since the latest pause of one of them.
    #[serde(default, skip_serializing_if = "Spent::is_nothing")]
    spent: Spent,
    /// What the run that has paused had spent before. A state with the pause has that already.
    #[serde(default, skip_serializing_if = "Spent::is_nothing")]
    spent_before: Spent,
}

impl Caller<'_> {
    /// Asks the model, unless the journal has the response. The call counts in either case.
    pub(super) async fn ask_once(
        self,
        work: impl Future<Output = Result<ModelResponse, RunErrorKind>> + Send,
    ) -> Result<ModelResponse, RunErrorKind> {
        let to_json = |response: &ModelResponse| serde_json::to_value(response).ok();
        // Steps have the ids of calls in their names.
        let work = work.map_ok(|mut response| {
            mend_call_ids(&mut response.message);
            response
        });
        let Some(journal) = self.context.journal() else { return work.await };
        let name = self.context.model_step();
        let ended = self.step(journal, &name, work, to_json).await?;
        let is_known = matches!(ended, Stepped::Known(_));
        let response = ended.read(&name)?;
        if is_known {
            self.context.add_call(self.agent.name(), self.model().name(), &response);
        }
        Ok(response)
    }

    /// Makes a call, unless the journal has its result. That of an agent's call is journaled after its steps,
    /// because steps are never inside each other.
    pub(super) async fn call_once(
        self,
        called: Called,
        is_cut: bool,
    ) -> Result<CallEnd, RunErrorKind> {
        let own = self.tool(&called.call.name).filter(|_| called.call.hosted_by.is_none());
        let journals_steps = own.is_some_and(|tool| tool.journals_steps());
        let id = called.call.id.clone();
        let within = self.context.of_call(&id, journals_steps);
        let Some(journal) = self.context.journal() else {
            return self.call(called, is_cut, &within).await;
        };
        let name = self.context.key_of(&id);
        let before = match &called.status {
            CallStatus::Paused(state) => Some(state.spent.clone()),
            _ => None,
        };
        let goes_on = before.is_some();
        let to_json = |end: &CallEnd| match end {
            CallEnd::Answered(message) => {
                let spent_before = before.clone().unwrap_or_default();
                let ended = Ended { message, spent: within.spent_in_call(), spent_before };
                serde_json::to_value(ended).ok()
            }
            CallEnd::Paused { .. } => None,
        };
        if journals_steps {
            let failed = |source| JournalError::new(&name, source);
            if let Some(json) = journal.known(&name).await.map_err(failed)? {
                return self.known_call(&id, &name, json, goes_on);
            }
            let end = self.call(called, is_cut, &within).await?;
            if let Some(json) = to_json(&end) {
                journal.step(&name, future::ready(Some(json)).boxed()).await.map_err(failed)?;
            }
            return Ok(end);
        }
        match self.step(journal, &name, self.call(called, is_cut, &within), to_json).await? {
            Stepped::Done(end) => Ok(end),
            Stepped::Known(json) => self.known_call(&id, &name, json, goes_on),
        }
    }

    /// Returns the end of a call that the journal has, and adds what it spent.
    fn known_call(
        self,
        id: &str,
        name: &str,
        json: Json,
        goes_on: bool,
    ) -> Result<CallEnd, RunErrorKind> {
        let Ended::<Message> { message, spent, spent_before } = Stepped::Known(json).read(name)?;
        let mut results = message.tool_results();
        let is_of_call = results.next().is_some_and(|result| result.call_id == id);
        if message.role != Role::Tool || !is_of_call || results.next().is_some() {
            let fault = format!("it has something else than the result of call `{id}`");
            return Err(JournalError::new(name, fault).into());
        }
        drop(results);
        self.context.add_spent(&spent);
        if !goes_on {
            self.context.add_spent(&spent_before);
        }
        self.mark_resumed();
        Ok(CallEnd::Answered(message))
    }

    async fn step<T: Send>(
        self,
        journal: &SharedJournal,
        name: &str,
        work: impl Future<Output = Result<T, RunErrorKind>> + Send,
        to_json: impl Fn(&T) -> Option<Json> + Send + Sync,
    ) -> Result<Stepped<T>, RunErrorKind> {
        let ended = Stepped::of(&**journal, name, work, to_json).await?;
        if matches!(ended, Stepped::Known(_)) {
            self.mark_resumed();
        }
        Ok(ended)
    }

    fn mark_resumed(self) {
        if let Some(span) = self.agent.current_span() {
            span.set_attribute(keys::RESUMED, true);
        }
    }
}
