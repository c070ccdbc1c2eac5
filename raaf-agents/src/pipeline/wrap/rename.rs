//! Renamed keys of a step.

use std::{fmt, sync::Arc};

use serde_json::Value as Json;

use super::super::{State, contract::FlowContract, error::Stopped, flow::FlowFuture};

/// A key outside and inside of a step.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Rename {
    from: String,
    to: String,
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.from, self.to)
    }
}

impl Rename {
    pub(super) fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into() }
    }

    /// Shows the step the value of `from` as `to`. Outside, `to` is unchanged unless the step writes
    /// it.
    pub(super) async fn input<'a>(
        &self,
        mut state: State,
        mut inside: impl FnMut(State) -> FlowFuture<'a>,
    ) -> Result<State, Box<Stopped>> {
        let outside = shared(&state, &self.to);
        let given = shared(&state, &self.from);
        set(&mut state, &self.to, given.clone());
        let restore = |state: &mut State| {
            if shared(state, &self.to) == given {
                set(state, &self.to, outside);
            }
        };
        let mut result = inside(state).await;
        match &mut result {
            Ok(state) => restore(state),
            Err(stopped) => restore(&mut stopped.state),
        }
        result
    }

    /// Stores what the step writes as `from` under `to`. Outside, `from` is unchanged.
    pub(super) async fn output<'a>(
        &self,
        state: State,
        mut inside: impl FnMut(State) -> FlowFuture<'a>,
    ) -> Result<State, Box<Stopped>> {
        let before = shared(&state, &self.from);
        let mut after = inside(state).await?;
        let written = shared(&after, &self.from);
        set(&mut after, &self.from, before);
        if written.is_some() {
            set(&mut after, &self.to, written);
        }
        Ok(after)
    }

    pub(super) fn on_requires(&self, contract: &mut FlowContract) {
        let renamed = contract.requires.iter_mut().filter(|need| need.key == self.to);
        renamed.for_each(|need| need.key.clone_from(&self.from));
    }

    pub(super) fn on_provides(&self, contract: &mut FlowContract) {
        let renamed = contract.provides.iter_mut().filter(|given| given.key == self.from);
        renamed.for_each(|given| given.key.clone_from(&self.to));
    }
}

fn shared(state: &State, key: &str) -> Option<Arc<Json>> {
    state.shared(key).cloned()
}

fn set(state: &mut State, key: &str, value: Option<Arc<Json>>) {
    state.set_shared(key.into(), value);
}
