//! Promises of the engine, identified by their ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use restate_sdk::errors::TerminalError;

use crate::{
    engine::{Engine, Recorded},
    journal::lock,
};

/// Largest number of promises in one invocation.
const MAX: usize = 10_000;

/// Promises of an invocation, identified by their ids. The engine numbers promises in the order in which they
/// are made, which can differ between attempts if runs are side by side.
pub(crate) struct Promises<'a> {
    engine: &'a dyn Engine<'a>,
    made: Mutex<Made<'a>>,
}

#[derive(Default)]
struct Made<'a> {
    count: usize,
    unclaimed: BTreeMap<String, Recorded<'a>>,
}

impl<'a> Promises<'a> {
    pub(crate) fn new(engine: &'a dyn Engine<'a>) -> Self {
        Self { engine, made: Mutex::default() }
    }

    /// Creates a promise that is not in the journal yet, and returns its id.
    pub(crate) fn make(&self, journaled: &BTreeSet<String>) -> String {
        let mut made = lock(&self.made);
        loop {
            let id = made.make(self.engine);
            if !journaled.contains(&id) {
                return id;
            }
        }
    }

    /// Returns the promise with this id, which this attempt or an earlier one has made.
    pub(crate) fn claim(&self, id: &str) -> Result<Recorded<'a>, TerminalError> {
        let mut made = lock(&self.made);
        loop {
            if let Some(promise) = made.unclaimed.remove(id) {
                return Ok(promise);
            }
            if made.count >= MAX {
                return Err(TerminalError::new(format!("the invocation has no awakeable `{id}`")));
            }
            made.make(self.engine);
        }
    }
}

impl<'a> Made<'a> {
    fn make(&mut self, engine: &'a dyn Engine<'a>) -> String {
        let (id, promise) = engine.promise();
        self.count += 1;
        self.unclaimed.insert(id.clone(), promise);
        id
    }
}
