//! Durable runs within a handler.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, atomic::Ordering},
};

use futures::{
    FutureExt as _,
    future::{self, BoxFuture, Either},
};
use raaf_agents::{RunConfig, Runner};
use raaf_trace_core::InContext as _;
use restate_sdk::errors::{HandlerError, TerminalError};
use tokio::sync::oneshot;

use crate::{
    approval::ApprovalRequest,
    engine::{Engine, HandlerContext},
    failure::Failure,
    journal::{Shared, StepJournal, lock},
    promises::Promises,
    root::{Root, flush, now, to_json},
    steps::Steps,
};

type Announce =
    dyn Fn(Vec<ApprovalRequest>) -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// Default number of steps that run side by side.
const MAX_PARALLEL_STEPS: usize = 16;

/// Runs of agents and pipelines in one invocation of a handler, which go on in another process if this one is
/// killed.
///
/// Call [`begin`](Self::begin) at the start of the handler, and do the handler's work within
/// [`complete`](Self::complete). The crate's page has an example.
pub struct Durable<'a> {
    pub(crate) engine: &'a dyn Engine<'a>,
    name: String,
    caller: BTreeMap<String, String>,
    pub(crate) root: Root,
    pub(crate) journal: StepJournal,
    pub(crate) promises: Arc<Promises<'a>>,
    /// `None` once they are served.
    steps: Mutex<Option<Steps<'a>>>,
    pub(crate) runner: Runner,
    pub(crate) config: RunConfig,
    pub(crate) announce: Option<Arc<Announce>>,
}

impl<'a> Durable<'a> {
    /// Begins durable runs in a handler. `name` is the name of the invocation's span, below which all its
    /// other spans are. That span is below the span of the caller if the request has a `traceparent`, and
    /// otherwise the root of a new trace.
    ///
    /// # Errors
    ///
    /// If the engine ends the invocation.
    pub async fn begin(
        context: &'a impl HandlerContext<'a>,
        name: impl Into<String>,
    ) -> Result<Self, HandlerError> {
        Self::begin_in(context, name.into()).await.map_err(Into::into)
    }

    pub(crate) async fn begin_in(
        engine: &'a dyn Engine<'a>,
        name: String,
    ) -> Result<Self, TerminalError> {
        let caller = engine.trace_headers();
        let (root, shared) = (Root::new(&caller), Arc::<Shared>::default());
        let first = Arc::clone(&shared);
        let work = async move {
            first.live.store(true, Ordering::Relaxed);
            to_json(&root)
        };
        let root = engine.record("trace", work.boxed()).await?;
        let root = serde_json::from_value(root).map_err(|error| {
            TerminalError::new(format!("a journal entry does not describe a trace: {error}"))
        })?;
        let promises = Arc::new(Promises::new(engine));
        let (journal, steps) =
            Steps::new(engine, Arc::clone(&promises), shared, MAX_PARALLEL_STEPS);
        Ok(Self {
            engine,
            name,
            caller,
            root,
            journal,
            promises,
            steps: Mutex::new(Some(steps)),
            runner: Runner::new(),
            config: RunConfig::new(),
            announce: None,
        })
    }

    /// Sets the runner for agents. Its configuration is replaced by that of
    /// [`with_config`](Self::with_config).
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    /// Sets the configuration of all runs, except their journal and their ids.
    #[must_use]
    pub fn with_config(mut self, config: RunConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the maximum number of steps that run side by side, at least 1; the default is 16. Such steps
    /// are journaled together when all of them have ended, because entries of the engine's journal cannot
    /// overlap. With 1, steps run one after the other, and each is journaled before the next one begins.
    #[must_use]
    pub fn with_max_parallel_steps(self, steps: usize) -> Self {
        if let Some(serving) = &mut *lock(&self.steps) {
            serving.set_max_batch(steps);
        }
        self
    }

    /// Sets the function that notifies a person of the calls that wait for an approval. It is a step: once it
    /// has succeeded, it is not called again; if it fails, the engine retries it. Without it, an invocation
    /// with such a call fails.
    #[must_use]
    pub fn on_approval<F>(
        mut self,
        announce: impl Fn(Vec<ApprovalRequest>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.announce = Some(Arc::new(move |requests| announce(requests).boxed()));
        self
    }

    /// Does the work of the handler in the context of the invocation's span, and returns its result, which is
    /// the result of the handler. Runs and steps work only within it. If the result ends the invocation, the
    /// span is recorded. Call this once.
    ///
    /// While no run is under way, the work may also use the handler's context, such as for timers and calls.
    ///
    /// # Errors
    ///
    /// If the work fails. The error determines whether the engine retries or ends the invocation.
    pub async fn complete<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, HandlerError> {
        self.complete_in(work).await.map_err(Into::into)
    }

    pub(crate) async fn complete_in<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let Some(steps) = lock(&self.steps).take() else {
            return Err(Failure::terminal(
                "`Durable::complete` was called before; expected one call",
            ));
        };
        let result = self.serve(steps, work).await;
        if result.as_ref().is_err_and(Failure::is_retryable) {
            flush().await;
            return result;
        }
        // In the journal, so that an attempt that repeats this records the same span.
        let ended = self.engine.record("end", async { to_json(&now()) }.boxed()).await?;
        let ended = serde_json::from_value(ended).unwrap_or_else(|_| now());
        self.root.record(&self.name, self.engine.id(), &self.caller, ended, result.as_ref().err());
        flush().await;
        result
    }

    async fn serve<T>(
        &self,
        steps: Steps<'a>,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let (close, closed) = oneshot::channel();
        let mut serving = pin!(steps.serve(closed));
        let work = Box::pin(work.in_context(self.root.context()));
        let result = match future::select(work, serving.as_mut()).await {
            Either::Left((result, _)) => result,
            Either::Right((ended, work)) => {
                drop(work);
                ended?;
                return Err(Failure::retryable("the steps of the invocation were not served"));
            }
        };
        // What was asked for at last has its entry in the journal before another one follows.
        drop(close);
        match (serving.await, result) {
            (Err(ended), Err(_)) => Err(ended.into()),
            (_, result) => result,
        }
    }

    /// Returns the headers that put the spans of a call to another service below the span of this invocation:
    /// `traceparent`, and `tracestate` if there is one. They are the same in each attempt.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.root.headers().iter().map(|(key, value)| (&**key, &**value))
    }
}

impl fmt::Debug for Durable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.engine.id();
        f.debug_struct("Durable").field("name", &self.name).field("id", &id).finish_non_exhaustive()
    }
}
