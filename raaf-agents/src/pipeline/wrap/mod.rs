//! Wrappers of steps.

mod ext;
mod rename;
mod retry;

use std::{sync::Arc, time::Duration};

use raaf_trace_core::{Component, Traceable as _, current_span, keys};

use super::{
    State, StepError,
    contract::FlowContract,
    error::Stopped,
    flow::{FlowFuture, Node},
    observe::{Observers, Progress},
    paused::{Misfit, Place, Start},
    walk::Walk,
};
use crate::{diagram::Drawing, retry::RetryPolicy, run::workflow};
pub use ext::FlowExt;
pub(super) use rename::Rename;
use retry::Tried;

type Condition = dyn Fn(&State) -> bool + Send + Sync;
type Predicate = dyn Fn(&StepError) -> bool + Send + Sync;
type Change = dyn Fn(&mut State) + Send + Sync;

/// A wrapper.
#[derive(Clone)]
pub(super) enum Layer {
    Timeout(Duration),
    Retry { policy: RetryPolicy, retries: Arc<Predicate> },
    RunIf { reason: String, condition: Arc<Condition> },
    MapInput(Rename),
    MapOutput(Rename),
    Before(Arc<Change>),
    After(Arc<Change>),
}

/// A part of a flow with a stack of wrappers, innermost first.
///
/// If the step can be retried, time out or be skipped, the stack has one span of kind `step`, and the
/// attempts are its children.
#[derive(Clone)]
pub(super) struct Wrapped {
    pub(super) inner: Node,
    name: String,
    component: Component,
    layers: Vec<Layer>,
}

impl Wrapped {
    pub(super) fn new(inner: Node, layer: Layer) -> Self {
        let name = inner.name();
        let component = Component::new(&name).with_kind("step");
        Self { inner, name, component, layers: vec![layer] }
    }

    pub(super) fn and(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        // The stack may have been copied. A new component tells it from the original.
        self.component = Component::new(&self.name).with_kind("step");
        self
    }

    pub(super) fn contract(&self) -> FlowContract {
        self.layers.iter().fold(self.inner.contract(), |mut contract, layer| {
            match layer {
                Layer::MapInput(rename) => rename.on_requires(&mut contract),
                Layer::MapOutput(rename) => rename.on_provides(&mut contract),
                // A skipped step requires nothing. What it provides may be there.
                Layer::RunIf { .. } => contract.requires.clear(),
                // A hook may set the keys that the step requires, and others.
                Layer::Before(_) => {
                    contract.requires.clear();
                    contract.open = true;
                }
                Layer::After(_) => contract.open = true,
                Layer::Timeout(_) | Layer::Retry { .. } => {}
            }
            contract
        })
    }

    pub(super) fn draw(&self, drawing: &mut Drawing) {
        let mut part = drawing.inside(None, |inside| self.inner.draw(inside));
        for layer in &self.layers {
            part = match layer {
                Layer::RunIf { reason, .. } => Drawing::conditional(reason, part),
                Layer::Timeout(limit) => drawing.noted(part, format!("within {limit:?}")),
                Layer::Retry { policy, .. } => drawing.noted(part, policy.note()),
                Layer::MapInput(rename) => drawing.noted(part, format!("given {rename}")),
                Layer::MapOutput(rename) => drawing.noted(part, format!("stores {rename}")),
                Layer::Before(_) => drawing.noted(part, "after a hook"),
                Layer::After(_) => drawing.noted(part, "before a hook"),
            };
        }
        drawing.push(part);
    }

    pub(super) fn run<'a>(&'a self, start: Start, walk: Walk<'a>) -> FlowFuture<'a> {
        let is_resumed = matches!(start, Start::At(_)).then_some(true);
        let run = self.run_layers(self.layers.len(), start, walk);
        if !self.layers.iter().any(Layer::has_span) {
            return run;
        }
        let call = self.component.traced("run").with(keys::RESUMED, is_resumed);
        Box::pin(call.try_in_span(workflow::of_part(run)))
    }

    /// Checks that this can go on at the place of a pause.
    pub(super) fn check(&self, place: &Place) -> Result<(), Misfit> {
        let mut place = place;
        for _ in &self.layers {
            let Place::Layer { inner, .. } = place else { return Err(Misfit::Place) };
            place = inner;
        }
        self.inner.check(place)
    }

    fn run_layers<'a>(&'a self, depth: usize, start: Start, walk: Walk<'a>) -> FlowFuture<'a> {
        let Some((index, layer)) = depth.checked_sub(1).map(|index| (index, &self.layers[index]))
        else {
            return self.inner.run(start, walk);
        };
        let (state, tried, mut place) = match start {
            Start::At(Place::Layer { state, attempt, journaled, inner }) => {
                (state, Tried { attempt, journaled }, Some(*inner))
            }
            start => (start.into_state(), Tried::default(), None),
        };
        let goes_on = place.is_some();
        let kept = if layer.needs_state() { state.clone() } else { State::new() };
        let around = |Tried { attempt, journaled }| {
            move |stopped: Box<Stopped>| {
                stopped.within(|inner| Place::Layer { state: kept, attempt, journaled, inner })
            }
        };
        let observers = walk.observers;
        Box::pin(async move {
            let mut inside = |state| {
                let start = place.take().map_or(Start::New(state), Start::At);
                self.run_layers(index, start, walk.clone())
            };
            let ended = match layer {
                Layer::Timeout(limit) => self.within(*limit, state, inside).await,
                Layer::Retry { policy, retries } => {
                    let mut tried = tried;
                    let run = |start, walk| self.run_layers(index, start, walk);
                    let retries = (policy, &**retries);
                    let work = self.with_retries(retries, &mut tried, (state, place), run, walk);
                    let ended = work.await;
                    return ended.map_err(around(tried));
                }
                Layer::RunIf { reason, condition } => {
                    if !goes_on && !condition(&state) {
                        self.skip(reason, observers);
                        return Ok(state);
                    }
                    inside(state).await
                }
                Layer::MapInput(rename) => rename.input(state, inside).await,
                Layer::MapOutput(rename) => rename.output(state, inside).await,
                Layer::Before(change) => {
                    let mut state = state;
                    if !goes_on {
                        change(&mut state);
                    }
                    inside(state).await
                }
                Layer::After(change) => inside(state).await.map(|mut state| {
                    change(&mut state);
                    state
                }),
            };
            ended.map_err(around(Tried::default()))
        })
    }

    async fn within<'a>(
        &self,
        limit: Duration,
        state: State,
        mut inside: impl FnMut(State) -> FlowFuture<'a>,
    ) -> Result<State, Box<Stopped>> {
        if let Some(span) = current_span() {
            span.set_attribute(keys::STEP_TIMEOUT_MS, millis(limit));
        }
        let Ok(result) = tokio::time::timeout(limit, inside(state.clone())).await else {
            if let Some(span) = current_span() {
                span.add_event("timeout", |event| {
                    event.set(keys::STEP_TIMEOUT_MS, millis(limit));
                });
            }
            return Err(Stopped::at(&self.name, state, StepError::Timeout { limit }));
        };
        result
    }

    fn skip(&self, reason: &str, observers: &Observers) {
        let reason = format!("condition not met: {reason}");
        observers.notify(&Progress::Skipped { step: &self.name, reason: &reason });
        if let Some(span) = current_span() {
            span.set_attributes(|attributes| {
                attributes.set(keys::STEP_SKIPPED, true).set(keys::STEP_SKIP_REASON, reason);
            });
        }
    }
}

impl Layer {
    /// Returns whether the layer needs the state that it received after a pause, too.
    fn needs_state(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Retry { .. } | Self::MapInput(_) | Self::MapOutput(_) => true,
            Self::RunIf { .. } | Self::Before(_) | Self::After(_) => false,
        }
    }

    fn has_span(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Retry { .. } | Self::RunIf { .. })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
