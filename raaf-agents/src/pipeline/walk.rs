//! Position in a flow, and the journal of its steps.

use std::fmt;

use futures::{FutureExt as _, future};
use raaf_trace_core::{current_span, keys};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{State, StepError, observe::Observers, paused::Part};
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
    /// Attempts of the retries around, such as `#2#1`.
    attempts: String,
}

impl Journaled {
    pub(super) fn new(journal: SharedJournal, id: &str) -> Self {
        Self { journal, path: format!("{id}/"), attempts: String::new() }
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

    /// Returns the position at an attempt. A failure that another attempt has survived does not belong to
    /// it.
    pub(super) fn attempt(&self, attempt: u32) -> Self {
        let mut walk = self.clone();
        if let Some(Journaled { attempts, .. }) = &mut walk.journaled {
            *attempts = format!("{attempts}#{attempt}");
        }
        walk
    }

    fn within(&self, path: impl FnOnce(&str) -> String) -> Self {
        let mut walk = self.clone();
        if let Some(Journaled { path: so_far, .. }) = &mut walk.journaled {
            *so_far = path(so_far);
        }
        walk
    }

    /// Does the work of an item, unless the journal has its end, which may be a failure.
    pub(super) async fn item_once(
        &self,
        work: impl Future<Output = Result<Part<Json>, StepError>> + Send,
    ) -> Result<Part<Json>, StepError> {
        let Some(Journaled { journal, path, attempts }) = &self.journaled else {
            return work.await;
        };
        let key = format!("{}{attempts}", path.trim_end_matches('.'));
        let failed = |source| StepError::from(JournalError::new(&key, source));
        let ended = match journal.known(&key).await.map_err(failed)? {
            Some(json) => {
                set_resumed();
                json
            }
            None => match work.await? {
                paused @ Part::Paused(_) => return Ok(paused),
                ended => {
                    let json = serde_json::to_value(ended).map_err(|error| failed(error.into()))?;
                    // A journal that does not implement `known` may have another end.
                    let kept = journal.step(&key, future::ready(Some(json)).boxed()).await;
                    kept.map_err(failed)?.unwrap_or_default()
                }
            },
        };
        Ok(Stepped::Known(ended).read(&key)?)
    }

    /// Returns the context of a step at this position; `None` if the steps are not journaled.
    pub(super) fn step(&self, name: &str) -> Option<StepContext> {
        let journaled = self.within(|path| format!("{path}{name}")).journaled?;
        Some(StepContext { journaled: Some(journaled) })
    }
}

/// Context of one step in a run of a pipeline; see [`Step::run_in`](crate::Step::run_in).
#[derive(Clone, Default)]
pub struct StepContext {
    /// The position of the step, whose path is the step's name in the journal.
    journaled: Option<Journaled>,
}

impl StepContext {
    /// Returns the key of the step, for a request that a service must process only once; `None` if the
    /// pipeline is not [journaled](crate::Pipeline::journaled). The key is unique among the steps of a run,
    /// and stays the same if the step is repeated after an interruption.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.journal().map(|(_, key)| key)
    }

    /// Returns the position at the beginning of a pipeline that is this step.
    pub(super) fn inside(&self) -> Option<Journaled> {
        let mut inside = self.journaled.clone()?;
        inside.path.push('/');
        Some(inside)
    }

    pub(crate) fn journal(&self) -> Option<(&SharedJournal, &str)> {
        self.journaled.as_ref().map(|Journaled { journal, path, .. }| (journal, &**path))
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
    set_resumed();
    for key in removed {
        state.remove(&key);
    }
    for (key, value) in set {
        state.set(key, value);
    }
    Ok(state)
}

/// Marks the span around a step that the journal has.
fn set_resumed() {
    if let Some(span) = current_span() {
        span.set_attribute(keys::RESUMED, true);
    }
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
