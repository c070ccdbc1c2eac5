//! The other end of the journal: takes steps to the engine, one entry after the other.
//!
//! The engine replays its journal by position, and compares the names of entries. So all entries have the
//! same name, and each has the names of its steps in its value: a replay reads entries until it has found
//! those that it was asked for, in whatever order that is. Entries do not overlap, since the SDK cannot
//! replay those that do; steps that run side by side share one.
//!
//! A run that begins reads the entries up to its last step, if the journal has it, or else all. Those are
//! entries of steps, since the handler does nothing else meanwhile.
//!
//! Since entries do not overlap, no promise may be awaited while entries are left to replay. So an entry
//! names those that are awaited next, and none follows it before they have values.

use std::{
    collections::BTreeMap,
    mem,
    ops::ControlFlow,
    pin::pin,
    sync::{Arc, Mutex, atomic::Ordering},
};

use futures::{
    FutureExt as _,
    future::{self, Either, join_all},
};
use restate_sdk::errors::TerminalError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use crate::{
    engine::Engine,
    journal::{Answer, Decided, Permit, Request, Shared, StepJournal, lock},
    promises::Promises,
    root::{flush, to_json},
};

/// Name of the entries in the engine's journal.
const ENTRY: &str = "steps";

/// Number of requests that may wait to be taken.
const QUEUE: usize = 64;

/// Status code of requests that wait in an invocation that is cancelled.
const CANCELLED: u16 = 409;

/// Takes steps to the engine.
pub(crate) struct Steps<'a> {
    engine: &'a dyn Engine<'a>,
    promises: Arc<Promises<'a>>,
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    max_batch: usize,
    batch: Vec<Step>,
    waiting: Vec<Waiting>,
    /// Promises that are awaited together, in the order of the journal, without those that have values.
    groups: Vec<Vec<String>>,
}

struct Step {
    name: String,
    answer: oneshot::Sender<Answer>,
}

/// A run that waits for decisions.
struct Waiting {
    promises: Vec<String>,
    decided: oneshot::Sender<Vec<Decided>>,
}

/// An entry of the engine's journal: the results of steps that ran side by side, or promises that are
/// awaited together.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    done: BTreeMap<String, Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    awaited: Vec<String>,
    /// Another attempt goes on here.
    #[serde(skip_serializing_if = "is_false")]
    resumed: bool,
}

/// Marks for journals that steps are taken, until this is dropped.
struct Served(Arc<Shared>);

impl Served {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.served.store(true, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.served.store(false, Ordering::Relaxed);
    }
}

impl<'a> Steps<'a> {
    pub(crate) fn new(
        engine: &'a dyn Engine<'a>,
        promises: Arc<Promises<'a>>,
        shared: Arc<Shared>,
        max_batch: usize,
    ) -> (StepJournal, Self) {
        let (sender, requests) = mpsc::channel(QUEUE);
        let journal = StepJournal::new(Arc::clone(&shared), sender);
        let (batch, waiting, groups) = (Vec::new(), Vec::new(), Vec::new());
        (journal, Self { engine, promises, shared, requests, max_batch, batch, waiting, groups })
    }

    pub(crate) fn set_max_batch(&mut self, steps: usize) {
        self.max_batch = steps.max(1);
    }

    /// Takes steps to the engine until the other end of `closed` is dropped. An error ends the invocation.
    pub(crate) fn serve(
        mut self,
        mut closed: oneshot::Receiver<()>,
    ) -> impl Future<Output = Result<(), TerminalError>> + Send {
        // Before the first step asks, when nothing has been polled.
        let served = Served::new(&self.shared);
        async move {
            let _served = served;
            loop {
                let request = {
                    let next = pin!(self.requests.recv());
                    match future::select(&mut closed, next).await {
                        Either::Right((request, _)) => request,
                        Either::Left(_) => None,
                    }
                };
                let Some(request) = request else { return Ok(()) };
                if self.take(request, &mut closed).await?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    async fn take(
        &mut self,
        request: Request,
        closed: &mut oneshot::Receiver<()>,
    ) -> Result<ControlFlow<()>, TerminalError> {
        self.sort(request).await?;
        while self.batch.len() < self.max_batch
            && let Ok(request) = self.requests.try_recv()
        {
            self.sort(request).await?;
        }
        if !self.batch.is_empty() {
            self.record().await?;
        }
        // No step is taken while promises are awaited: so the other runs go first.
        let runs = self.shared.runs.load(Ordering::Relaxed);
        self.waiting.retain(|waiting| !waiting.decided.is_closed());
        if !self.waiting.is_empty() && self.waiting.len() >= runs && self.requests.is_empty() {
            return self.decide(closed).await;
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn sort(&mut self, request: Request) -> Result<(), TerminalError> {
        match request {
            Request::Begin { last, begun } => {
                while !self.is_live() && !lock(&self.shared.known).contains_key(&last) {
                    self.read(async { Entry { resumed: true, ..Entry::default() } }).await?;
                }
                let _ = begun.send(());
            }
            Request::Step { name, answer } => self.batch.push(Step { name, answer }),
            Request::Decide { promises, decided } => {
                self.waiting.push(Waiting { promises, decided });
            }
            Request::Ended => {}
        }
        Ok(())
    }

    fn is_live(&self) -> bool {
        self.shared.live.load(Ordering::Relaxed)
    }

    /// Answers the batch: what the journal has at once, the rest by an entry that is made now. Between the
    /// two lie the entries of the journal that were not read yet.
    async fn record(&mut self) -> Result<(), TerminalError> {
        loop {
            self.answer_known();
            if self.batch.is_empty() {
                return Ok(());
            }
            let slot = Arc::new(Mutex::new(Some(mem::take(&mut self.batch))));
            let stored = Arc::<Mutex<Vec<oneshot::Sender<()>>>>::default();
            let work = run(Arc::clone(&slot), Arc::clone(&stored));
            self.read(work).await?;
            // An entry that the journal had has left the batch where it was.
            let again = lock(&slot).take();
            let Some(again) = again else {
                for stored in lock(&stored).drain(..) {
                    // A run that has failed meanwhile does not wait.
                    let _ = stored.send(());
                }
                return Ok(());
            };
            self.batch = again;
        }
    }

    /// Answers the steps of the batch whose results are known.
    fn answer_known(&mut self) {
        let known = lock(&self.shared.known);
        for step in mem::take(&mut self.batch) {
            match known.get(&step.name) {
                Some(json) => drop(step.answer.send(Answer::Known(json.clone()))),
                None => self.batch.push(step),
            }
        }
    }

    /// Reads the next entry of the journal, or makes it.
    async fn read(
        &mut self,
        work: impl Future<Output = Entry> + Send + 'static,
    ) -> Result<(), TerminalError> {
        let shared = Arc::clone(&self.shared);
        let work = async move {
            shared.live.store(true, Ordering::Relaxed);
            to_json(&work.await)
        };
        let entry = self.engine.record(ENTRY, work.boxed()).await?;
        let entry: Entry = serde_json::from_value(entry).map_err(|error| {
            TerminalError::new(format!("a journal entry does not describe steps: {error}"))
        })?;
        lock(&self.shared.known).extend(entry.done);
        self.groups.extend(Some(entry.awaited).filter(|awaited| !awaited.is_empty()));
        Ok(())
    }

    /// Awaits the promises that the journal names next; if it names none, all that are waited for.
    async fn decide(
        &mut self,
        closed: &mut oneshot::Receiver<()>,
    ) -> Result<ControlFlow<()>, TerminalError> {
        let ids = |waiting: &[Waiting]| -> Vec<String> {
            waiting.iter().flat_map(|waiting| waiting.promises.clone()).collect()
        };
        let waiting = ids(&self.waiting);
        let group = loop {
            let next =
                self.groups.iter().position(|group| group.iter().any(|id| waiting.contains(id)));
            if let Some(next) = next {
                break next;
            }
            let entry = Entry { awaited: waiting.clone(), ..Entry::default() };
            self.read(async { entry }).await?;
        };
        if !self.groups[group].iter().all(|id| waiting.contains(id)) {
            // Another run is on its way to where it waits.
            return Ok(ControlFlow::Continue(()));
        }
        let group = self.groups.remove(group);
        let (decided, later): (Vec<_>, Vec<_>) = mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.promises.iter().any(|id| group.contains(id)));
        self.waiting = later;
        for Waiting { promises, decided } in decided {
            let mut values = Vec::with_capacity(promises.len());
            for id in promises {
                let promise = self.promises.claim(&id)?;
                match future::select(promise, &mut *closed).await {
                    Either::Left((Err(error), _)) if error.code() == CANCELLED => {
                        return Err(error);
                    }
                    Either::Left((value, _)) => values.push(value),
                    // The handler's work has ended without the run.
                    Either::Right(_) => return Ok(ControlFlow::Break(())),
                }
            }
            let _ = decided.send(values);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Runs the batch in the slot, and returns its entry. The engine does not poll this for an entry that the
/// journal has.
async fn run(
    slot: Arc<Mutex<Option<Vec<Step>>>>,
    stored: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
) -> Entry {
    let batch = lock(&slot).take().unwrap_or_default();
    // A process that is killed within the step leaves no span whose parent is unknown.
    flush().await;
    let mut running = Vec::new();
    for Step { name, answer } in batch {
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
    entry
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests;
