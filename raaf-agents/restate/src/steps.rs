//! Steps of runs, and the one entry of the engine's journal that each batch of them has.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    FutureExt as _,
    future::{self, BoxFuture, Either, join_all},
};
use raaf_agents::Journal;
use raaf_trace_core::provider::global_provider;
use restate_sdk::errors::TerminalError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use crate::engine::Engine;

/// Name of the entries in the engine's journal. All have the same one: the engine compares names when it
/// replays, and steps of branches that run side by side may come in another order.
const ENTRY: &str = "steps";

/// Number of steps that may wait to be taken.
const QUEUE: usize = 64;

/// Longest wait for sinks before a step goes on without them.
const FLUSH: Duration = Duration::from_secs(1);

type Known = Arc<Mutex<BTreeMap<String, Json>>>;

/// Journal of one invocation for its runs; see [`Durable::journal`](crate::Durable::journal).
#[derive(Clone)]
pub struct StepJournal {
    known: Known,
    requests: mpsc::Sender<Request>,
}

/// The other end of the journals: takes the steps to the engine.
pub(crate) struct Steps {
    known: Known,
    requests: mpsc::Receiver<Request>,
    max_batch: usize,
}

/// Step that asks for its result, or for permission to run.
struct Request {
    name: String,
    answer: oneshot::Sender<Answer>,
}

enum Answer {
    Known(Json),
    Run(Permit),
}

struct Permit {
    result: oneshot::Sender<Option<Json>>,
    stored: oneshot::Receiver<()>,
}

/// An entry of the engine's journal: the results of steps that ran side by side.
#[derive(Default, Serialize, Deserialize)]
struct Entry {
    done: BTreeMap<String, Json>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
}

/// The attempt at the invocation has ended, or does not serve steps.
#[derive(Debug)]
struct Unserved;

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its handler has ended; run agents within `Durable::complete`")
    }
}

impl Error for Unserved {}

pub(crate) fn steps(max_batch: usize) -> (StepJournal, Steps) {
    let (sender, requests) = mpsc::channel(QUEUE);
    let known = Known::default();
    let journal = StepJournal { known: Arc::clone(&known), requests: sender };
    (journal, Steps { known, requests, max_batch })
}

#[async_trait]
impl Journal for StepJournal {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        let known = lock(&self.known).get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let (answer, answered) = oneshot::channel();
        let request = Request { name: name.to_owned(), answer };
        self.requests.send(request).await.map_err(|_| Unserved)?;
        match answered.await.map_err(|_| Unserved)? {
            Answer::Known(json) => Ok(Some(json)),
            Answer::Run(permit) => {
                let result = work.await;
                // A step that is in the journal is never run again, nor are its spans made again.
                flush().await;
                permit.result.send(result.clone()).map_err(|_| Unserved)?;
                permit.stored.await.map_err(|_| Unserved)?;
                Ok(result)
            }
        }
    }
}

impl Steps {
    pub(crate) fn set_max_batch(&mut self, steps: usize) {
        self.max_batch = steps.max(1);
    }

    /// Takes steps to the engine until the other end of `closed` is dropped. An error ends the invocation.
    pub(crate) async fn serve(
        &mut self,
        engine: &dyn Engine<'_>,
        mut closed: oneshot::Receiver<()>,
    ) -> Result<(), TerminalError> {
        loop {
            let first = {
                let next = pin!(self.requests.recv());
                let Either::Right((Some(first), _)) = future::select(&mut closed, next).await
                else {
                    return Ok(());
                };
                first
            };
            let mut batch = vec![first];
            while batch.len() < self.max_batch
                && let Ok(next) = self.requests.try_recv()
            {
                batch.push(next);
            }
            self.record(engine, batch).await?;
        }
    }

    /// Answers a batch: what the journal has at once, the rest by an entry that is made now. Between the
    /// two lie the entries of the journal that were not read yet.
    async fn record(
        &self,
        engine: &dyn Engine<'_>,
        mut batch: Vec<Request>,
    ) -> Result<(), TerminalError> {
        loop {
            batch = self.answer_known(batch);
            if batch.is_empty() {
                return Ok(());
            }
            let (slot, stored) = (Arc::new(Mutex::new(Some(batch))), Arc::default());
            let work = run(Arc::clone(&slot), Arc::clone(&stored));
            let entry = engine.record(ENTRY, work.boxed()).await?;
            let entry: Entry = serde_json::from_value(entry).map_err(|error| {
                TerminalError::new(format!("the journal has no steps: {error}"))
            })?;
            lock(&self.known).extend(entry.done);
            let Some(again) = lock(&slot).take() else {
                for stored in lock::<Vec<oneshot::Sender<()>>>(&stored).drain(..) {
                    // A run that has failed meanwhile does not wait.
                    let _ = stored.send(());
                }
                return Ok(());
            };
            batch = again;
        }
    }

    /// Answers the steps whose results are known, and returns the others.
    fn answer_known(&self, batch: Vec<Request>) -> Vec<Request> {
        let known = lock(&self.known);
        let mut unknown = Vec::new();
        for request in batch {
            match known.get(&request.name) {
                Some(json) => drop(request.answer.send(Answer::Known(json.clone()))),
                None => unknown.push(request),
            }
        }
        unknown
    }
}

/// Runs the batch in the slot, and returns its entry. The engine does not call it for an entry that the
/// journal has.
async fn run(
    slot: Arc<Mutex<Option<Vec<Request>>>>,
    stored: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
) -> Json {
    let batch = lock(&slot).take().unwrap_or_default();
    // Otherwise a killed process could leave spans whose parents are unknown.
    flush().await;
    let mut running = Vec::new();
    for Request { name, answer } in batch {
        let (result, received) = oneshot::channel();
        let (store, when_stored) = oneshot::channel();
        lock(&stored).push(store);
        let _ = answer.send(Answer::Run(Permit { result, stored: when_stored }));
        running.push(async move { (name, received.await.ok().flatten()) });
    }
    let mut entry = Entry::default();
    for (name, result) in join_all(running).await {
        match result {
            Some(result) => drop(entry.done.insert(name, result)),
            None => entry.failed.push(name),
        }
    }
    serde_json::to_value(entry).unwrap_or_default()
}

/// Delivers spans to the sinks, so that a process that is killed later does not take them along.
pub(crate) async fn flush() {
    // A sink that cannot deliver reports that itself.
    let _ = global_provider().force_flush_async(FLUSH).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for StepJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepJournal").finish_non_exhaustive()
    }
}
