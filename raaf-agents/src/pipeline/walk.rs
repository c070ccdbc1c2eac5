//! Position in a flow, and the journal of its steps.

use std::fmt;

use futures::{FutureExt as _, future};
use raaf_trace_core::{current_span, keys};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{State, Step, StepError, observe::Observers, paused::Part};
use crate::run::{JournalError, SharedJournal, Stepped};

/// Entry of an attempt that has failed.
const FAILED: &str = "failed";

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
    /// Numbers of the attempts around whose items may fail, such as `#2#1`.
    attempts: String,
}

impl Journaled {
    pub(super) fn new(journal: SharedJournal, id: &str) -> Self {
        Self { journal, path: format!("{id}/"), attempts: String::new() }
    }

    /// Returns the name of the end of what is at this place.
    fn place(&self) -> String {
        format!("{}{}", self.path.trim_end_matches('.'), self.attempts)
    }

    /// Returns the name of the end of an attempt.
    fn attempt(&self, number: u32) -> String {
        format!("{}#{number}", self.place())
    }

    /// Journals a result that is there.
    async fn keep(&self, key: &str, result: Json) -> Result<(), StepError> {
        let kept = self.journal.step(key, future::ready(Some(result)).boxed()).await;
        kept.map_err(|source| JournalError::new(key, source))?;
        Ok(())
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(observers: &'a Observers, journaled: Option<Journaled>) -> Self {
        Self { observers, journaled }
    }

    pub(super) fn is_journaled(&self) -> bool {
        self.journaled.is_some()
    }

    /// Returns the position at a part of a group.
    pub(super) fn part(&self, index: usize) -> Self {
        self.within(|path| format!("{path}{index}."))
    }

    /// Returns the position at a part of a sequence. One that follows a list depends on the items that have
    /// failed, which another attempt may get.
    pub(super) fn next(&self, index: usize, follows_list: impl FnOnce() -> bool) -> Self {
        match &self.journaled {
            Some(Journaled { attempts, .. }) if !attempts.is_empty() && follows_list() => {
                self.within(|path| format!("{path}{index}{attempts}."))
            }
            _ => self.part(index),
        }
    }

    /// Returns the position at an item of a list.
    pub(super) fn item(&self, index: usize) -> Self {
        self.within(|path| format!("{path}[{index}]."))
    }

    /// Returns the position at an attempt, whose items fail apart from those of the others.
    pub(super) fn attempt(&self, number: u32) -> Self {
        let mut walk = self.clone();
        if let Some(Journaled { attempts, .. }) = &mut walk.journaled {
            *attempts = format!("{attempts}#{number}");
        }
        walk
    }

    /// Returns the number of the first attempt, from a number on, that has not failed before.
    pub(super) async fn open_attempt(&self, from: u32) -> Result<u32, StepError> {
        let Some(journaled) = &self.journaled else { return Ok(from) };
        let mut number = from;
        loop {
            let key = journaled.attempt(number);
            let known = journaled.journal.known(&key).await;
            let Some(json) = known.map_err(|source| JournalError::new(&key, source))? else {
                return Ok(number);
            };
            if json != FAILED {
                let fault = "it has something else than the failure of an attempt";
                return Err(JournalError::new(&key, fault).into());
            }
            set_resumed();
            number = number.saturating_add(1);
        }
    }

    /// Journals that an attempt has failed, and another one follows.
    pub(super) async fn fail_attempt(&self, number: u32) -> Result<(), StepError> {
        let Some(journaled) = &self.journaled else { return Ok(()) };
        journaled.keep(&journaled.attempt(number), FAILED.into()).await
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
        let Some(journaled) = &self.journaled else { return work.await };
        let key = journaled.place();
        let failed = |source| StepError::from(JournalError::new(&key, source));
        if let Some(json) = journaled.journal.known(&key).await.map_err(failed)? {
            set_resumed();
            return Ok(Stepped::Known(json).read(&key)?);
        }
        let ended = work.await?;
        if !matches!(ended, Part::Paused(_)) {
            let json = serde_json::to_value(&ended).map_err(|error| failed(error.into()))?;
            journaled.keep(&key, json).await?;
        }
        Ok(ended)
    }

    /// Returns the context of a step at this position; `None` if the steps are not journaled.
    pub(super) fn step(&self, step: &dyn Step) -> Option<StepContext> {
        let journaled = self.within(|path| format!("{path}{}", step.name())).journaled?;
        let has_lists = !journaled.attempts.is_empty() && step.contract().has_lists();
        Some(StepContext { journaled: Some(journaled), has_lists })
    }
}

/// Context of one step in a run of a pipeline; see [`Step::run_in`](crate::Step::run_in).
#[derive(Clone, Default)]
pub struct StepContext {
    /// The position of the step, whose path is the step's name in the journal.
    journaled: Option<Journaled>,
    /// True if the step has items that may fail, so that its result is that of an attempt.
    has_lists: bool,
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
        let Some(journaled) = &self.journaled else { return work(state).await };
        let Journaled { journal, path, .. } = journaled;
        let key = if self.has_lists { journaled.place() } else { path.clone() };
        let failed = |source| StepError::from(JournalError::new(&key, source));
        if let Some(json) = journal.known(&key).await.map_err(failed)? {
            return known(&key, json, state);
        }
        let before = state.clone();
        let after = work(state).await?;
        let changes = Changes::between(&before, &after).to_json();
        journal.step(&key, future::ready(changes).boxed()).await.map_err(failed)?;
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
