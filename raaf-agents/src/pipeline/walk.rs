//! Position in a flow, and the journal of its steps.

use std::fmt;

use futures::{FutureExt as _, future};
use raaf_trace_core::{current_span, keys};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{State, StepError, observe::Observers};
use crate::run::{JournalError, SharedJournal, Stepped};

/// Position of a run in a flow.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    pub(super) observers: &'a Observers,
    journaled: Option<Journaled>,
}

/// Position of a run whose steps are journaled: the prefix of the steps' names.
#[derive(Clone)]
pub(super) struct Journaled {
    journal: SharedJournal,
    path: String,
}

impl Journaled {
    pub(super) fn new(journal: SharedJournal, id: &str) -> Self {
        Self { journal, path: format!("{id}/") }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(observers: &'a Observers, journaled: Option<Journaled>) -> Self {
        Self { observers, journaled }
    }

    /// Returns the position at a part of a sequence or of a group.
    pub(super) fn part(&self, index: usize) -> Self {
        self.within(|path| format!("{path}{index}."))
    }

    /// Returns the position at an item of a list.
    pub(super) fn item(&self, index: usize) -> Self {
        self.within(|path| format!("{path}[{index}]."))
    }

    fn within(&self, path: impl FnOnce(&str) -> String) -> Self {
        let journaled = self.journaled.as_ref().map(|Journaled { journal, path: so_far }| {
            Journaled { journal: SharedJournal::clone(journal), path: path(so_far) }
        });
        Self { observers: self.observers, journaled }
    }

    /// Returns the context of a step at this position; `None` if the steps are not journaled.
    pub(super) fn step(&self, name: &str) -> Option<StepContext> {
        let Journaled { journal, path } = self.journaled.as_ref()?;
        let journal = SharedJournal::clone(journal);
        Some(StepContext { journaled: Some((journal, format!("{path}{name}"))) })
    }
}

/// Context of one step in a run of a pipeline; see [`Step::run_in`](crate::Step::run_in).
#[derive(Clone, Default)]
pub struct StepContext {
    /// The journal, and the name of the step in it.
    journaled: Option<(SharedJournal, String)>,
}

impl StepContext {
    /// Returns the key of the step, for a request that a service must process only once; `None` if the
    /// pipeline is not [journaled](crate::Pipeline::journaled). The key is unique among the steps of a run,
    /// and stays the same if the step is repeated after an interruption.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.journaled.as_ref().map(|(_, key)| &**key)
    }

    /// Returns the position at the beginning of a pipeline that is this step.
    pub(super) fn inside(&self) -> Option<Journaled> {
        let (journal, key) = self.journaled.as_ref()?;
        Some(Journaled::new(SharedJournal::clone(journal), key))
    }

    pub(crate) fn journal(&self) -> Option<(&SharedJournal, &str)> {
        self.journaled.as_ref().map(|(journal, key)| (journal, &**key))
    }

    /// Does the work of a step, unless the journal has its result.
    pub(super) async fn once<W>(
        &self,
        state: State,
        work: impl FnOnce(State) -> W + Send,
    ) -> Result<State, StepError>
    where
        W: Future<Output = Result<State, StepError>> + Send,
    {
        let Some((journal, key)) = self.journal() else { return work(state).await };
        let before = state.clone();
        let to_json = |after: &State| Changes::between(&before, after).to_json();
        match Stepped::of(&**journal, key, work(state), to_json).await? {
            Stepped::Done(after) => Ok(after),
            Stepped::Known(json) => known(key, json, before),
        }
    }

    /// Does the work of a step that journals steps of its own, unless the journal has its result. The result
    /// is journaled at the end, because steps must not be nested.
    pub(super) async fn around<W>(
        &self,
        state: State,
        work: impl FnOnce(State) -> W + Send,
    ) -> Result<State, StepError>
    where
        W: Future<Output = Result<State, StepError>> + Send,
    {
        let Some((journal, key)) = self.journal() else { return work(state).await };
        let failed = |source| StepError::from(JournalError::new(key, source));
        if let Some(json) = journal.known(key).await.map_err(failed)? {
            return known(key, json, state);
        }
        let before = state.clone();
        let after = work(state).await?;
        let changes = Changes::between(&before, &after).to_json();
        journal.step(key, future::ready(changes).boxed()).await.map_err(failed)?;
        Ok(after)
    }
}

/// Returns the state after a step whose changes are known.
fn known(key: &str, changes: Json, mut state: State) -> Result<State, StepError> {
    let Changes { set, removed } = Stepped::Known(changes).read(key)?;
    if let Some(span) = current_span() {
        span.set_attribute(keys::RESUMED, true);
    }
    for key in removed {
        state.remove(&key);
    }
    for (key, value) in set {
        state.set(key, value);
    }
    Ok(state)
}

impl fmt::Debug for StepContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepContext").field(&self.idempotency_key()).finish()
    }
}

/// Changes that a step makes to the state, as they are journaled.
#[derive(Serialize, Deserialize)]
struct Changes {
    set: Vec<(String, Json)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
}

impl Changes {
    fn between(before: &State, after: &State) -> Self {
        let is_new = |key: &str| before.shared(key) != after.shared(key);
        let set = after.iter().filter(|(key, _)| is_new(key));
        let gone = before.iter().filter(|(key, _)| !after.contains(key));
        Self {
            set: set.map(|(key, value)| (key.to_owned(), value.clone())).collect(),
            removed: gone.map(|(key, _)| key.to_owned()).collect(),
        }
    }

    fn to_json(&self) -> Option<Json> {
        serde_json::to_value(self).ok()
    }
}

impl From<JournalError> for StepError {
    fn from(JournalError { step, source }: JournalError) -> Self {
        Self::Journal { step, source }
    }
}
