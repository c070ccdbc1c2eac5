//! Steps that a journal may know.

use futures::{FutureExt as _, TryFutureExt as _};
use raaf_trace_core::{Traceable as _, keys};
use serde_json::Value as Json;

use super::{
    RunErrorKind,
    calls::{CallEnd, Caller},
};
use crate::{conversation::mend_call_ids, model::ModelResponse, state::Called};

/// Result of a step.
enum Step<T> {
    Done(T),
    /// The JSON that the journal has.
    Known(Json),
}

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
        match self.step(&name, work, to_json).await? {
            Step::Done(response) => Ok(response),
            Step::Known(json) => {
                let response =
                    serde_json::from_value(json).map_err(|error| failed(&name, error))?;
                self.context.add_call(self.agent.name(), self.model().name(), &response);
                Ok(response)
            }
        }
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
        let name = self.context.key_of(&called.call.id);
        let to_json = |end: &CallEnd| match end {
            CallEnd::Answered(message) => serde_json::to_value(message).ok(),
            CallEnd::Paused { .. } => None,
        };
        match self.step(&name, self.call(called, is_cut), to_json).await? {
            Step::Done(end) => Ok(end),
            Step::Known(json) => {
                let message = serde_json::from_value(json).map_err(|error| failed(&name, error))?;
                Ok(CallEnd::Answered(message))
            }
        }
    }

    /// Does work, unless the journal knows its result. A failure is not journaled.
    async fn step<T: Send>(
        self,
        name: &str,
        work: impl Future<Output = Result<T, RunErrorKind>> + Send,
        to_json: impl Fn(&T) -> Option<Json> + Send + Sync,
    ) -> Result<Step<T>, RunErrorKind> {
        let Some(journal) = self.context.journal() else { return work.await.map(Step::Done) };
        let mut done = None;
        let work = async {
            let result = work.await;
            let json = result.as_ref().ok().and_then(to_json);
            done = Some(result);
            json
        };
        let stored = journal.step(name, work.boxed()).await;
        let stored = stored.map_err(|error| failed(name, error))?;
        if let Some(result) = done {
            return result.map(Step::Done);
        }
        let json =
            stored.ok_or_else(|| failed(name, "it did not do the work, nor has its result"))?;
        if let Some(span) = self.agent.current_span() {
            span.set_attribute(keys::RESUMED, true);
        }
        Ok(Step::Known(json))
    }
}

fn failed(step: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RunErrorKind {
    RunErrorKind::Journal { step: step.to_owned(), source: source.into() }
}
