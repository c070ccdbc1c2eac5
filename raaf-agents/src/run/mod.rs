//! Data of a run: context, events and result.

mod event;
mod result;

use std::{
    any::Any,
    collections::BTreeMap,
    fmt, iter,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use futures::channel::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::model::Usage;
pub use event::RunEvent;
pub use result::{RunProgress, RunResult};

/// Context of a run: the user's value, the usage so far, and the cancellation token.
///
/// Tools, hooks, guardrails and instructions receive it. Clones share their state.
///
/// # Examples
///
/// ```
/// use raaf_agents::RunContext;
///
/// struct Customer {
///     name: String,
/// }
///
/// let context = RunContext::with_value(Customer { name: "Ada".to_owned() });
/// assert_eq!(context.value::<Customer>().map(|customer| &*customer.name), Some("Ada"));
/// assert!(context.value::<String>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct RunContext {
    inner: Arc<Inner>,
    call_id: Option<Arc<str>>,
}

#[derive(Default)]
struct Inner {
    value: Option<Value>,
    usage: Mutex<BTreeMap<String, Usage>>,
    turn: AtomicU32,
    cancellation: CancellationToken,
    events: Option<UnboundedSender<RunEvent>>,
    /// The run that called this one as a tool. Usage counts there, too.
    outer: Option<RunContext>,
}

pub(crate) type Value = Arc<dyn Any + Send + Sync>;

impl RunContext {
    /// Creates a context outside of any run, without a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a context outside of any run, for calling a tool directly.
    pub fn with_value(value: impl Any + Send + Sync) -> Self {
        Self::of(Inner { value: Some(Arc::new(value)), ..Inner::default() })
    }

    pub(crate) fn of_run(
        value: Option<Value>,
        cancellation: Option<CancellationToken>,
        events: Option<UnboundedSender<RunEvent>>,
        outer: Option<Self>,
    ) -> Self {
        let inherited = outer.as_ref().map(|outer| &outer.inner);
        let value = value.or_else(|| inherited.and_then(|outer| outer.value.clone()));
        let cancellation = cancellation
            .or_else(|| inherited.map(|outer| outer.cancellation.child_token()))
            .unwrap_or_default();
        Self::of(Inner { value, cancellation, events, outer, ..Inner::default() })
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), call_id: None }
    }

    /// Returns this context for one tool call.
    pub(crate) fn of_call(&self, call_id: &str) -> Self {
        Self { inner: Arc::clone(&self.inner), call_id: Some(call_id.into()) }
    }

    /// Returns the [value](crate::RunConfig::context) of the run, if it has this type.
    pub fn value<T: Any>(&self) -> Option<&T> {
        // Through the box, which is `Any` itself.
        (**self.inner.value.as_ref()?).downcast_ref()
    }

    /// Returns the usage so far, including agents called as tools.
    pub fn usage(&self) -> Usage {
        self.ledger().values().copied().sum()
    }

    /// Returns the usage so far by the name of the agent.
    pub fn usage_by_agent(&self) -> BTreeMap<String, Usage> {
        self.ledger().clone()
    }

    /// Returns the number of the current turn, from 1; 0 before the first.
    pub fn turn(&self) -> u32 {
        self.inner.turn.load(Ordering::Relaxed)
    }

    /// Returns the id of the tool call that received this context; `None` outside of tools.
    pub fn tool_call_id(&self) -> Option<&str> {
        self.call_id.as_deref()
    }

    /// Returns the token that cancels the run.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.inner.cancellation
    }

    pub(crate) fn set_turn(&self, turn: u32) {
        self.inner.turn.store(turn, Ordering::Relaxed);
    }

    pub(crate) fn add_usage(&self, agent: &str, usage: Usage) {
        for run in self.runs() {
            let mut ledger = run.ledger();
            match ledger.get_mut(agent) {
                Some(sum) => *sum += usage,
                None => drop(ledger.insert(agent.to_owned(), usage)),
            }
        }
    }

    /// Returns whether this run, or one that it is part of, is streamed.
    pub(crate) fn is_streamed(&self) -> bool {
        self.runs().any(|run| run.inner.events.is_some())
    }

    /// Sends an event to the stream of the innermost streamed run. A closed stream is not an error.
    pub(crate) fn emit(&self, event: impl FnOnce() -> RunEvent) {
        if !self.is_streamed() {
            return;
        }
        let (mut context, mut event) = (self, event());
        loop {
            if let Some(events) = &context.inner.events {
                let _ = events.unbounded_send(event);
                return;
            }
            let Some(outer) = &context.inner.outer else { return };
            let call_id = outer.tool_call_id().map(str::to_owned);
            event = RunEvent::InTool { call_id, event: Box::new(event) };
            context = outer;
        }
    }

    /// Iterates over this run and those that it is part of, innermost first.
    fn runs(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |&run| run.inner.outer.as_ref())
    }

    fn ledger(&self) -> MutexGuard<'_, BTreeMap<String, Usage>> {
        self.inner.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext")
            .field("turn", &self.turn())
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
