//! Promises of the engine, by their ids.

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

/// Promises of an invocation. The engine numbers them in the order in which they are made, which differs
/// between attempts where runs are side by side: so they are known by their ids.
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

    /// Makes a promise that is none of those in the journal, and returns its id.
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
