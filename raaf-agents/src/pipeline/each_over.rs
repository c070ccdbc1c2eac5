//! One step for each item of a list.

use std::fmt;

use futures::{StreamExt as _, future::BoxFuture, stream};
use raaf_trace_core::{Component, TraceableExt as _, current_span, keys};
use serde_json::{Value as Json, json};

use super::{
    Flow, State, StateError, StepError,
    contract::{Entry, Joined},
    error::Stopped,
    flow::Node,
    observe::Observers,
};

/// How many items are worked on at a time, unless said otherwise.
const CONCURRENCY: usize = 4;

/// A step that is run for each item of a list; see [`FlowExt::each_over`](crate::FlowExt).
///
/// For each item the step is given a copy of the state that has the item in it. What it gives for
/// the items becomes a list in their order. Where it fails for one, there is a `null`, the failure
/// is recorded in another list, as `{"index": …, "error": …}`, and the rest is done all the same.
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
#[must_use = "it does nothing until it is part of a pipeline"]
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

    /// The key under which the step finds its item; `input` without a word.
    pub fn item(mut self, key: impl Into<String>) -> Self {
        self.item = key.into();
        self
    }

    /// The key of what it gives for an item. Without a word, what it declared last that it gives,
    /// else `output`.
    pub fn taking(mut self, key: impl Into<String>) -> Self {
        self.taking = key.into();
        self
    }

    /// The key of the list of results; the failures go under this key with `_errors` at its end,
    /// which is there also when it is empty.
    pub fn into_key(mut self, key: impl Into<String>) -> Self {
        self.into = key.into();
        self
    }

    /// How many items are worked on at a time; at least one.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn errors_key(&self) -> String {
        format!("{}_errors", self.into)
    }

    pub(super) fn contract(&self) -> Joined {
        let entry = |key: &str| Entry { key: key.to_owned(), step: self.name.clone() };
        let mut requires = self.node.contract().requires;
        requires.retain(|need| need.key != self.item);
        requires.insert(0, entry(&self.list));
        let provides = vec![entry(&self.into), entry(&self.errors_key())];
        Joined { requires, provides, open: false }
    }

    pub(super) async fn run(
        &self,
        state: State,
        observers: &Observers,
    ) -> Result<State, Box<Stopped>> {
        let run = self.component.traced("each_over").try_run_async(self.run_all(&state, observers));
        match run.await {
            Ok((results, errors)) => {
                Ok(state.with(&self.into, results).with(self.errors_key(), errors))
            }
            Err(error) => Err(Stopped::at(&self.name, state, error)),
        }
    }

    async fn run_all(
        &self,
        state: &State,
        observers: &Observers,
    ) -> Result<(Vec<Json>, Vec<Json>), StepError> {
        let list = state.value(&self.list)?;
        let Json::Array(items) = list else {
            let (key, found) = (self.list.clone(), super::state::what(list));
            return Err(StateError::NotList { key, found }.into());
        };
        let runs: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.run_item(state, index, item, observers))
            .collect();
        // Each stops on its own: the others know nothing of it.
        let done: Vec<_> = stream::iter(runs).buffered(self.concurrency).collect().await;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for (index, result) in done.into_iter().enumerate() {
            results.push(result.unwrap_or_else(|error| {
                errors.push(json!({ "index": index, "error": chain(&error) }));
                Json::Null
            }));
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
        index: usize,
        item: &'a Json,
        observers: &'a Observers,
    ) -> BoxFuture<'a, Result<Json, ItemError>> {
        Box::pin(async move {
            let state = state.clone().with(&self.item, item.clone());
            let call = self.component.traced("item").with(keys::STEP_ITEM_INDEX, index);
            call.try_run_async(self.run_one(state, observers)).await
        })
    }

    async fn run_one(&self, state: State, observers: &Observers) -> Result<Json, ItemError> {
        let named = |step: &str, source| ItemError { step: step.to_owned(), source };
        let mut state = self.node.run(state, observers).await.map_err(|stopped| {
            let Stopped { step, source, .. } = *stopped;
            named(&step, source)
        })?;
        let key = self.taking.clone();
        state
            .remove(&self.taking)
            .ok_or_else(|| named(&self.name, StateError::Missing { key }.into()))
    }
}

/// An item for which the step failed.
#[derive(Debug, thiserror::Error)]
#[error("step `{step}` failed")]
struct ItemError {
    step: String,
    source: StepError,
}

/// An error and what it came from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
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
