//! Steps that run for each item of an array.

use std::{error::Error, fmt};

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use raaf_trace_core::{
    Component, ErrorType as _, Traceable as _,
    call::{ErrorReport, Failure},
    current_span,
    diagnostics::at_least,
    keys,
};
use serde_json::{Value as Json, json};

use super::{
    Flow, State, StateError, StepError,
    contract::{FlowContract, StepKey},
    error::{Cause, Stopped},
    flow::Node,
    paused::{Misfit, Part, Place, Start},
    state::type_of,
    walk::Walk,
};
use crate::{diagram::Drawing, errors::with_causes, run::workflow};

const CONCURRENCY: usize = 4;

/// Step that runs for each item of an array; see
/// [`FlowExt::each_over`](crate::FlowExt::each_over).
///
/// For each item the step receives a copy of the state that includes the item. The results are
/// stored as an array in the order of the items. If the step fails for an item, the result is `null`,
/// the failure is added to a second array as `{"index": …, "error": …}`, and the other items are not
/// affected.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FlowExt as _, State, service};
/// use serde_json::json;
///
/// let parse = service("Parse", |state: State| async move {
///     let number: i64 = state.text("word")?.parse()?;
///     Ok(state.with("number", number))
/// });
/// let pipeline = parse
///     .each_over("words").item("word").taking("number").into_key("numbers")
///     .named("Parsing")
///     .build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new().with("words", json!(["1", "two", "3"]))).await?;
/// assert_eq!(state.value("numbers")?, &json!([1, null, 3]));
/// assert_eq!(
///     state.value("numbers_errors")?,
///     &json!([{ "index": 1, "error": "step `Parse` failed: invalid digit found in string" }]),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a step does nothing until it is part of a pipeline"]
pub struct EachOver {
    node: Node,
    name: String,
    component: Component,
    list: String,
    item: String,
    taking: String,
    into: String,
    concurrency: usize,
}

impl EachOver {
    pub(super) fn new(flow: Flow, list: String) -> Self {
        let name = flow.node.name();
        let contract = flow.node.contract();
        let taking = contract.provides.last().map_or("output", |given| &given.key).to_owned();
        Self {
            node: flow.node,
            component: Component::new(&name).with_kind("step"),
            name,
            item: "input".to_owned(),
            into: format!("{list}_{taking}"),
            taking,
            list,
            concurrency: CONCURRENCY,
        }
    }

    /// Sets the key of the item; the default is `input`.
    pub fn item(mut self, key: impl Into<String>) -> Self {
        self.item = key.into();
        self
    }

    /// Sets the key of the step's result. The default is the last key that the step declares to
    /// provide, or `output`.
    pub fn taking(mut self, key: impl Into<String>) -> Self {
        self.taking = key.into();
        self
    }

    /// Sets the key of the array of results. The array of failures, which may be empty, is stored
    /// under this key with the suffix `_errors`. The default is the key of the items, `_`, and the key
    /// of the step's result.
    pub fn into_key(mut self, key: impl Into<String>) -> Self {
        self.into = key.into();
        self
    }

    /// Sets how many items are processed concurrently; at least 1; the default is 4.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = at_least("EachOver::concurrency", concurrency, 1);
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn draw(&self, drawing: &mut Drawing) {
        drawing.group(format!("for each of {}", self.list), |inside| self.node.draw(inside));
        drawing.note(format!("{} at a time", self.concurrency));
        drawing.note(format!("{} as {}", self.taking, self.into));
    }

    fn errors_key(&self) -> String {
        format!("{}_errors", self.into)
    }

    pub(super) fn contract(&self) -> FlowContract {
        let entry = |key: &str| StepKey { key: key.to_owned(), step: self.name.clone() };
        let mut requires = self.node.contract().requires;
        requires.retain(|need| need.key != self.item);
        requires.insert(0, entry(&self.list));
        let provides = vec![entry(&self.into), entry(&self.errors_key())];
        FlowContract { requires, provides, open: false, has_lists: true }
    }

    /// Checks that this can go on at the places of pauses.
    pub(super) fn check(&self, items: &[Part<Json>]) -> Result<(), Misfit> {
        items.iter().try_for_each(|item| item.check(&self.node))
    }

    pub(super) async fn run(&self, start: Start, walk: Walk<'_>) -> Result<State, Box<Stopped>> {
        let is_resumed = matches!(start, Start::At(_)).then_some(true);
        let (state, parts) = match start {
            Start::At(Place::EachOver { state, items }) => (state, items),
            start => (start.into_state(), Vec::new()),
        };
        let call = self.component.traced("each_over").with(keys::RESUMED, is_resumed);
        let run = call.try_in_span(workflow::of_part(self.run_all(&state, parts, &walk)));
        let (results, errors) = run.await?;
        Ok(state.with(&self.into, results).with(self.errors_key(), errors))
    }

    async fn run_all(
        &self,
        state: &State,
        parts: Vec<Part<Json>>,
        walk: &Walk<'_>,
    ) -> Result<(Vec<Json>, Vec<Json>), Box<Stopped>> {
        let failed = |error: StateError| Stopped::at(&self.name, state.clone(), error.into());
        let list = state.value(&self.list).map_err(failed)?;
        let Json::Array(items) = list else {
            let (key, found) = (self.list.clone(), type_of(list));
            return Err(failed(StateError::NotList { key, found }));
        };
        let mut parts = parts.into_iter();
        let runs: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                self.run_item(state, (index, item), parts.next(), walk.item(index))
            })
            .collect();
        // A failed item does not affect the others.
        let done: Result<Vec<_>, _> =
            stream::iter(runs).buffered(self.concurrency).try_collect().await;
        let done = done.map_err(|error| Stopped::at(&self.name, state.clone(), error))?;
        if done.iter().any(|part| matches!(part, Part::Paused(_))) {
            let place = Place::EachOver { state: state.clone(), items: done };
            return Err(Stopped::paused(&self.name, state.clone(), place));
        }
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for (index, part) in done.into_iter().enumerate() {
            results.push(match part {
                Part::Done(result) => result,
                Part::Failed { error, .. } => {
                    errors.push(json!({ "index": index, "error": error }));
                    Json::Null
                }
                Part::Paused(_) => Json::Null,
            });
        }
        if let Some(span) = current_span() {
            span.set_attributes(|attributes| {
                attributes
                    .set(keys::STEP_ITEMS, results.len())
                    .set(keys::STEP_ITEMS_FAILED, errors.len());
            });
        }
        Ok((results, errors))
    }

    fn run_item<'a>(
        &'a self,
        state: &'a State,
        (index, item): (usize, &'a Json),
        part: Option<Part<Json>>,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Part<Json>, StepError>> {
        Box::pin(async move {
            let start = match part {
                None => Start::New(state.clone().with(&self.item, item.clone())),
                Some(Part::Paused(place)) => Start::At(place),
                Some(ended) => return Ok(ended),
            };
            let (inside, is_journaled) = (walk.clone(), walk.is_journaled());
            let is_resumed = matches!(start, Start::At(_)).then_some(true);
            let call = self.component.traced("item");
            let call = call.with(keys::STEP_ITEM_INDEX, index).with(keys::RESUMED, is_resumed);
            let run = call.try_in_span(workflow::of_part(self.run_one(start, inside)));
            let ended = run.map(|ended| match ended {
                Ok(result) => Ok(Part::Done(result)),
                Err(ItemEnd::Paused(place)) => Ok(Part::Paused(*place)),
                Err(ItemEnd::Failed(error)) if is_journaled && error.source.is_interruption() => {
                    Err(error.source)
                }
                Err(ItemEnd::Failed(error)) => Ok(Part::Failed {
                    error: with_causes(&error),
                    step: error.step,
                    completed: Vec::new(),
                }),
            });
            walk.item_once(ended).await
        })
    }

    async fn run_one(&self, start: Start, walk: Walk<'_>) -> Result<Json, ItemEnd> {
        let named =
            |step: &str, source| ItemEnd::Failed(ItemError { step: step.to_owned(), source });
        let mut state = self.node.run(start, walk).await.map_err(|stopped| {
            let Stopped { step, cause, .. } = *stopped;
            match cause {
                Cause::Failed(source) => named(&step, source),
                Cause::Paused(place) => ItemEnd::Paused(place),
            }
        })?;
        let key = self.taking.clone();
        state
            .remove(&self.taking)
            .ok_or_else(|| named(&self.name, StateError::Missing { key }.into()))
    }
}

/// End of the step for one item without a result.
enum ItemEnd {
    Failed(ItemError),
    Paused(Box<Place>),
}

impl Failure<()> for ItemEnd {
    fn report(&self) -> ErrorReport {
        match self {
            Self::Failed(error) => {
                let mut report = ErrorReport::of(error);
                report.type_name = error.source.error_type().into_owned();
                report
            }
            Self::Paused(_) => ErrorReport::of_pause(),
        }
    }
}

/// Failure of the step for one item. Its text contains that of the step's error.
#[derive(Debug)]
struct ItemError {
    step: String,
    source: StepError,
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}` failed: {}", self.step, self.source)
    }
}

impl Error for ItemError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.behind()
    }
}

impl fmt::Debug for EachOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EachOver")
            .field("step", &self.name)
            .field("list", &self.list)
            .field("item", &self.item)
            .field("taking", &self.taking)
            .field("into", &self.into)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
