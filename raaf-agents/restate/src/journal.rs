//! Journal of the runs of an invocation.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_agents::Journal;
use restate_sdk::errors::TerminalError;
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use crate::root::flush;

/// Journal of one invocation; see [`Durable::journal`](crate::Durable::journal).
///
/// Steps are identified by their names, because the order of the steps of runs that are side by side can
/// differ between attempts.
#[derive(Clone)]
pub struct StepJournal {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

/// State shared by both ends of the queue.
#[derive(Default)]
pub(crate) struct Shared {
    /// Results of steps by their names.
    pub(crate) known: Mutex<BTreeMap<String, Json>>,
    /// Number of runs that have not ended.
    pub(crate) runs: AtomicUsize,
    /// True while steps are taken to the engine.
    pub(crate) served: AtomicBool,
    /// True if this attempt has read all entries of the journal, and made one.
    pub(crate) live: AtomicBool,
}

pub(crate) enum Request {
    /// A step asks for its result, or for permission to run.
    Step { name: String, answer: oneshot::Sender<Answer> },
    /// A run begins, and needs to know whether the step with this name has been done, which is its last.
    Begin { last: String, begun: oneshot::Sender<()> },
    /// A run waits for decisions, each by the id of its promise.
    Decide { promises: Vec<String>, decided: oneshot::Sender<Vec<Decided>> },
    /// A run has ended, for which others may have waited.
    Ended,
}

/// Value of a promise.
pub(crate) type Decided = Result<Json, TerminalError>;

pub(crate) enum Answer {
    Known(Json),
    Run(Permit),
}

pub(crate) struct Permit {
    pub(crate) result: oneshot::Sender<Option<Json>>,
    pub(crate) stored: oneshot::Receiver<()>,
}

/// Error of a journal whose steps are not taken to the engine.
#[derive(Debug)]
pub(crate) struct Unserved;

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handler has ended, or the run is not within `Durable::complete`")
    }
}

impl Error for Unserved {}

/// Run that is counted until this is dropped.
pub(crate) struct Running<'a>(&'a StepJournal);

impl StepJournal {
    pub(crate) fn new(shared: Arc<Shared>, requests: mpsc::Sender<Request>) -> Self {
        Self { shared, requests }
    }

    /// Begins a run. If the journal has entries that were not read, reads those up to the run's last step.
    pub(crate) async fn begin(&self, last: String) -> Result<Running<'_>, Unserved> {
        let (begun, answer) = oneshot::channel();
        self.send(Request::Begin { last, begun }).await?;
        answer.await.map_err(|_| Unserved)?;
        self.shared.runs.fetch_add(1, Ordering::Relaxed);
        Ok(Running(self))
    }

    /// Waits for the values of promises, which come when all runs of the invocation wait or have ended.
    pub(crate) async fn decide(&self, promises: Vec<String>) -> Result<Vec<Decided>, Unserved> {
        let (decided, answer) = oneshot::channel();
        self.send(Request::Decide { promises, decided }).await?;
        answer.await.map_err(|_| Unserved)
    }

    /// Returns the results that the journal has so far.
    pub(crate) fn known(&self) -> MutexGuard<'_, BTreeMap<String, Json>> {
        lock(&self.shared.known)
    }

    async fn send(&self, request: Request) -> Result<(), Unserved> {
        if !self.shared.served.load(Ordering::Relaxed) {
            return Err(Unserved);
        }
        self.requests.send(request).await.map_err(|_| Unserved)
    }
}

#[async_trait]
impl Journal for StepJournal {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        let known = self.known().get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let (answer, answered) = oneshot::channel();
        self.send(Request::Step { name: name.to_owned(), answer }).await?;
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

    /// While a run is under way, all that the journal has of it has been read.
    async fn known(&self, name: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Ok(self.known().get(name).cloned())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.runs.fetch_sub(1, Ordering::Relaxed);
        // A queue that is full is looked through anyway.
        let _ = self.0.requests.try_send(Request::Ended);
    }
}

impl fmt::Debug for StepJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepJournal").finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
