//! Wrappers around steps, which stack.

mod ext;
mod rename;
mod retry;

use std::{sync::Arc, time::Duration};

use raaf_trace_core::{Component, TraceableExt as _, current_span, keys};

use super::{
    State, StepError,
    contract::Joined,
    error::Stopped,
    flow::{Node, Ran},
    observe::{Observers, Progress},
};
use crate::time_limit::Told;
pub use ext::FlowExt;
pub(super) use rename::Rename;
pub use retry::Retry;

type Condition = dyn Fn(&State) -> bool + Send + Sync;
type Change = dyn Fn(&mut State) + Send + Sync;

/// One wrapper.
#[derive(Clone)]
pub(super) enum Layer {
    Timeout(Duration),
    Retry(Retry),
    RunIf { reason: String, condition: Arc<Condition> },
    MapInput(Rename),
    MapOutput(Rename),
    Before(Arc<Change>),
    After(Arc<Change>),
}

/// A part of a flow with wrappers around it, the innermost first.
///
/// What can go otherwise than the step itself (it is tried again, given up or skipped) has a span
/// for the whole stack, of kind `step`, and the tries are its children.
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
        // Clones of a component are one component: a stack that grew from a copy is another.
        self.component = Component::new(&self.name).with_kind("step");
        self
    }

    pub(super) fn contract(&self) -> Joined {
        self.layers.iter().fold(self.inner.contract(), |mut contract, layer| {
            match layer {
                Layer::MapInput(rename) => rename.on_requires(&mut contract),
                Layer::MapOutput(rename) => rename.on_provides(&mut contract),
                // Where it is skipped nothing is needed. What it gives may be there.
                Layer::RunIf { .. } => contract.requires.clear(),
                // It may put there what the step needs, and anything else.
                Layer::Before(_) => {
                    contract.requires.clear();
                    contract.open = true;
                }
                Layer::After(_) => contract.open = true,
                Layer::Timeout(_) | Layer::Retry(_) => {}
            }
            contract
        })
    }

    pub(super) fn run<'a>(&'a self, state: State, observers: &'a Observers) -> Ran<'a> {
        let run = self.run_layers(self.layers.len(), state, observers);
        if !self.layers.iter().any(Layer::has_span) {
            return run;
        }
        Box::pin(async move {
            let mut stopped = None;
            let call = self.component.traced("run");
            // The span tells the error itself; how far the step got is for the caller.
            let ran = call.try_run_async(async {
                run.await.map_err(|why| {
                    let Stopped { step, completed, state, source } = *why;
                    stopped = Some((step, completed, state));
                    Told(source)
                })
            });
            let result = ran.await;
            match (result, stopped) {
                (Ok(state), _) => Ok(state),
                (Err(Told(source)), Some((step, completed, state))) => {
                    Err(Box::new(Stopped { step, completed, state, source }))
                }
                (Err(Told(source)), None) => Err(Stopped::at(&self.name, State::new(), source)),
            }
        })
    }

    fn run_layers<'a>(&'a self, depth: usize, state: State, observers: &'a Observers) -> Ran<'a> {
        let Some((place, layer)) = depth.checked_sub(1).map(|place| (place, &self.layers[place]))
        else {
            return self.inner.run(state, observers);
        };
        let inside = move |state| self.run_layers(place, state, observers);
        match layer {
            Layer::Timeout(limit) => Box::pin(self.within(*limit, state, inside)),
            Layer::Retry(retry) => Box::pin(self.with_retries(retry, state, inside, observers)),
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
        inside: impl FnOnce(State) -> Ran<'a>,
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
        retry: &Retry,
        state: State,
        inside: impl Fn(State) -> Ran<'a>,
        observers: &Observers,
    ) -> Result<State, Box<Stopped>> {
        let mut delays = retry.delays();
        let mut attempt = 1;
        loop {
            let result = inside(state.clone()).await;
            let span = current_span();
            if let Some(span) = &span {
                span.set_attribute(keys::STEP_ATTEMPTS, attempt);
            }
            let stopped = match result {
                Err(stopped) if retry.is_for(&stopped.source) => stopped,
                result => return result,
            };
            let Some(delay) = delays.next() else { return Err(stopped) };
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
            observers.tell(&Progress::Retrying { step: &self.name, attempt, delay, error });
            tokio::time::sleep(delay).await;
        }
    }

    fn skip(&self, reason: &str, observers: &Observers) {
        let reason = format!("this does not hold: {reason}");
        observers.tell(&Progress::Skipped { step: &self.name, reason: &reason });
        if let Some(span) = current_span() {
            span.set_attributes(|attributes| {
                attributes.set(keys::STEP_SKIPPED, true).set(keys::STEP_SKIP_REASON, reason);
            });
        }
    }
}

impl Layer {
    fn has_span(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Retry(_) | Self::RunIf { .. })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
