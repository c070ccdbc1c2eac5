//! Steps that a journal may know.

use futures::TryFutureExt as _;
use raaf_trace_core::{Traceable as _, keys};
use serde_json::Value as Json;

use super::{
    RunErrorKind,
    calls::{CallEnd, Caller},
};
use crate::{
    conversation::{Message, Role, mend_call_ids},
    model::ModelResponse,
    run::{JournalError, Stepped},
    state::Called,
};

impl Caller<'_> {
    /// Asks the model, unless the journal has the response. The call counts all the same.
    pub(super) async fn ask_once(
        self,
        work: impl Future<Output = Result<ModelResponse, RunErrorKind>> + Send,
    ) -> Result<ModelResponse, RunErrorKind> {
        let name = self.context.model_step();
        let to_json = |response: &ModelResponse| serde_json::to_value(response).ok();
        // Steps have the ids of calls in their names.
        let work = work.map_ok(|mut response| {
            mend_call_ids(&mut response.message);
            response
        });
        let ended = self.step(&name, work, to_json).await?;
        let is_known = matches!(ended, Stepped::Known(_));
        let response = ended.read(&name)?;
        if is_known {
            self.context.add_call(self.agent.name(), self.model().name(), &response);
        }
        Ok(response)
    }

    /// Makes a call, unless the journal has its result. An agent's call is not journaled: its steps are.
    pub(super) async fn call_once(
        self,
        called: Called,
        is_cut: bool,
    ) -> Result<CallEnd, RunErrorKind> {
        let own = self.tool(&called.call.name).filter(|_| called.call.hosted_by.is_none());
        if own.is_some_and(|tool| tool.journals_steps()) {
            return self.call(called, is_cut).await;
        }
        let id = called.call.id.clone();
        let name = self.context.key_of(&id);
        let to_json = |end: &CallEnd| match end {
            CallEnd::Answered(message) => serde_json::to_value(message).ok(),
            CallEnd::Paused { .. } => None,
        };
        match self.step(&name, self.call(called, is_cut), to_json).await? {
            Stepped::Done(end) => Ok(end),
            Stepped::Known(json) => {
                let message: Message = Stepped::Known(json).read(&name)?;
                let is_of_call = {
                    let mut results = message.tool_results();
                    results.next().is_some_and(|result| result.call_id == id)
                        && results.next().is_none()
                };
                if message.role != Role::Tool || !is_of_call {
                    let fault = format!("it has something else than the result of call `{id}`");
                    return Err(JournalError::new(&name, fault).into());
                }
                Ok(CallEnd::Answered(message))
            }
        }
    }

    async fn step<T: Send>(
        self,
        name: &str,
        work: impl Future<Output = Result<T, RunErrorKind>> + Send,
        to_json: impl Fn(&T) -> Option<Json> + Send + Sync,
    ) -> Result<Stepped<T>, RunErrorKind> {
        let Some(journal) = self.context.journal() else { return work.await.map(Stepped::Done) };
        let ended = Stepped::of(&**journal, name, work, to_json).await?;
        if let (Stepped::Known(_), Some(span)) = (&ended, self.agent.current_span()) {
            span.set_attribute(keys::RESUMED, true);
        }
        Ok(ended)
    }
}
