//! Wrappers of steps.

mod ext;
mod rename;

use std::{sync::Arc, time::Duration};

use raaf_trace_core::{Component, Traceable as _, current_span, keys};

use super::{
    State, StepError,
    contract::FlowContract,
    error::Stopped,
    flow::{FlowFuture, Node},
    observe::{Observers, Progress},
};
use crate::retry::RetryPolicy;
pub use ext::FlowExt;
pub(super) use rename::Rename;

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

    pub(super) fn run<'a>(&'a self, state: State, observers: &'a Observers) -> FlowFuture<'a> {
        let run = self.run_layers(self.layers.len(), state, observers);
        if !self.layers.iter().any(Layer::has_span) {
            return run;
        }
        Box::pin(self.component.try_in_span("run", run))
    }

    fn run_layers<'a>(
        &'a self,
        depth: usize,
        state: State,
        observers: &'a Observers,
    ) -> FlowFuture<'a> {
        let Some((index, layer)) = depth.checked_sub(1).map(|index| (index, &self.layers[index]))
        else {
            return self.inner.run(state, observers);
        };
        let inside = move |state| self.run_layers(index, state, observers);
        match layer {
            Layer::Timeout(limit) => Box::pin(self.within(*limit, state, inside)),
            Layer::Retry { policy, retries } => {
                Box::pin(self.with_retries(policy, &**retries, state, inside, observers))
            }
            Layer::RunIf { reason, condition } => Box::pin(async move {
                if condition(&state) {
                    return inside(state).await;
                }
                self.skip(reason, observers);
                Ok(state)
            }),
            Layer::MapInput(rename) => Box::pin(rename.input(state, inside)),
            Layer::MapOutput(rename) => Box::pin(rename.output(state, inside)),
            Layer::Before(change) => Box::pin(async move {
                let mut state = state;
                change(&mut state);
                inside(state).await
            }),
            Layer::After(change) => Box::pin(async move {
                let mut state = inside(state).await?;
                change(&mut state);
                Ok(state)
            }),
        }
    }

    async fn within<'a>(
        &self,
        limit: Duration,
        state: State,
        inside: impl FnOnce(State) -> FlowFuture<'a>,
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

    async fn with_retries<'a>(
        &self,
        policy: &RetryPolicy,
        retries: &Predicate,
        state: State,
        inside: impl Fn(State) -> FlowFuture<'a>,
        observers: &Observers,
    ) -> Result<State, Box<Stopped>> {
        let mut delays = policy.delays(Duration::MAX);
        let mut attempt = 1;
        loop {
            let result = inside(state.clone()).await;
            let span = current_span();
            if let Some(span) = &span {
                span.set_attribute(keys::STEP_ATTEMPTS, attempt);
            }
            let stopped = match result {
                Err(stopped) if retries(&stopped.source) => stopped,
                result => return result,
            };
            let Some(delay) = delays.next(None) else { return Err(stopped) };
            let error = &stopped.source;
            if let Some(span) = span {
                span.add_event("retry", |event| {
                    event
                        .set(keys::STEP_ATTEMPT, attempt)
                        .set(keys::STEP_DELAY_MS, millis(delay))
                        .set_content(keys::STEP_ERROR, error.to_string());
                });
            }
            attempt += 1;
            observers.notify(&Progress::Retrying { step: &self.name, attempt, delay, error });
            tokio::time::sleep(delay).await;
        }
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
    fn has_span(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Retry { .. } | Self::RunIf { .. })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
