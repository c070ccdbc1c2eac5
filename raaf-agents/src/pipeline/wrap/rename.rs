//! Giving a step other names for what it reads and writes.

use super::super::{State, contract::Joined, error::Stopped, flow::Ran};

/// From one key to another.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Rename {
    from: String,
    to: String,
}

impl Rename {
    pub(super) fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into() }
    }

    /// Inside, the value of `from` is called `to`. Outside, `to` stays what it was, unless the step
    /// writes it.
    pub(super) async fn input<'a>(
        &self,
        mut state: State,
        inside: impl FnOnce(State) -> Ran<'a>,
    ) -> Result<State, Box<Stopped>> {
        let outside = state.clone();
        let given = state.value(&self.from).ok().cloned();
        put(&mut state, &self.to, given.clone());
        let restore = |state: &mut State| {
            if state.value(&self.to).ok() == given.as_ref() {
                put(state, &self.to, outside.value(&self.to).ok().cloned());
            }
        };
        let mut result = inside(state).await;
        match &mut result {
            Ok(state) => restore(state),
            Err(stopped) => restore(&mut stopped.state),
        }
        result
    }

    /// What the step writes under `from` is called `to` outside, where `from` stays what it was.
    pub(super) async fn output<'a>(
        &self,
        state: State,
        inside: impl FnOnce(State) -> Ran<'a>,
    ) -> Result<State, Box<Stopped>> {
        let before = state.value(&self.from).ok().cloned();
        let mut after = inside(state).await?;
        let written = after.remove(&self.from);
        put(&mut after, &self.from, before);
        if let Some(written) = written {
            after.set(&self.to, written);
        }
        Ok(after)
    }

    pub(super) fn on_requires(&self, contract: &mut Joined) {
        let renamed = contract.requires.iter_mut().filter(|need| need.key == self.to);
        renamed.for_each(|need| need.key.clone_from(&self.from));
    }

    pub(super) fn on_provides(&self, contract: &mut Joined) {
        let renamed = contract.provides.iter_mut().filter(|given| given.key == self.from);
        renamed.for_each(|given| given.key.clone_from(&self.to));
    }
}

fn put(state: &mut State, key: &str, value: Option<serde_json::Value>) {
    match value {
        Some(value) => {
            state.set(key, value);
        }
        None => {
            state.remove(key);
        }
    }
}
