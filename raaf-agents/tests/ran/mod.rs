//! Record of what ran.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    mem,
    sync::{Arc, Mutex},
};

use raaf_agents::{FunctionStep, State, service};

/// Names or keys of what ran, in order.
#[derive(Clone, Default)]
pub(crate) struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// Returns what ran since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap())
    }

    /// As [`take`](Self::take), of work that ran side by side.
    pub(crate) fn take_sorted(&self) -> Vec<String> {
        let mut ran = self.take();
        ran.sort();
        ran
    }

    /// A step that notes that it ran, and writes a key of its name.
    pub(crate) fn note(&self, name: &'static str) -> FunctionStep {
        let ran = self.clone();
        service(name, move |state: State| {
            ran.add(name);
            async move { Ok(state.with(name, "done")) }
        })
    }
}
