//! Steps that run for each item of an array.

use std::fmt;

use futures::{StreamExt as _, future::BoxFuture, stream};
use raaf_trace_core::{Component, Traceable as _, current_span, diagnostics::at_least, keys};
use serde_json::{Value as Json, json};

use super::{
    Flow, State, StateError, StepError,
    contract::{FlowContract, StepKey},
    error::Stopped,
    flow::Node,
    observe::Observers,
    state::type_of,
};
use crate::errors::with_causes;

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

    fn errors_key(&self) -> String {
        format!("{}_errors", self.into)
    }

    pub(super) fn contract(&self) -> FlowContract {
        let entry = |key: &str| StepKey { key: key.to_owned(), step: self.name.clone() };
        let mut requires = self.node.contract().requires;
        requires.retain(|need| need.key != self.item);
        requires.insert(0, entry(&self.list));
        let provides = vec![entry(&self.into), entry(&self.errors_key())];
        FlowContract { requires, provides, open: false }
    }

    pub(super) async fn run(
        &self,
        state: State,
        observers: &Observers,
    ) -> Result<State, Box<Stopped>> {
        let run = self.component.try_in_span("each_over", self.run_all(&state, observers));
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
            let (key, found) = (self.list.clone(), type_of(list));
            return Err(StateError::NotList { key, found }.into());
        };
        let runs: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.run_item(state, index, item, observers))
            .collect();
        // A failed item does not affect the others.
        let done: Vec<_> = stream::iter(runs).buffered(self.concurrency).collect().await;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for (index, result) in done.into_iter().enumerate() {
            results.push(result.unwrap_or_else(|error| {
                errors.push(json!({ "index": index, "error": with_causes(&error) }));
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
            call.try_in_span(self.run_one(state, observers)).await
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

/// Failure of the step for one item.
#[derive(Debug, thiserror::Error)]
#[error("step `{step}` failed")]
struct ItemError {
    step: String,
    source: StepError,
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
