//! What the parts of a run share.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt, iter,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use futures::channel::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::RunEvent;
use crate::model::Usage;

/// What the parts of a run share: the user's value, what was used so far, and whether the run is
/// being cancelled. Tools, hooks, guardrails and instructions get it.
///
/// Clones are the same context.
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
    /// The run whose tool this run is: what is used here is used there.
    outer: Option<RunContext>,
}

pub(super) type Value = Arc<dyn Any + Send + Sync>;

impl RunContext {
    /// A context outside of any run, without a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// A context outside of any run, for calling tools and guardrails by hand.
    pub fn with_value(value: impl Any + Send + Sync) -> Self {
        Self::of(Inner { value: Some(Arc::new(value)), ..Inner::default() })
    }

    pub(super) fn of_run(
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

    /// The same context for the tool that a model called.
    pub(super) fn of_call(&self, call_id: &str) -> Self {
        Self { inner: Arc::clone(&self.inner), call_id: Some(call_id.into()) }
    }

    /// The value that the run was given, if it is of that type.
    pub fn value<T: Any>(&self) -> Option<&T> {
        // Through the box: the box is `Any` too.
        (**self.inner.value.as_ref()?).downcast_ref()
    }

    /// What the run's calls of models used so far, those of agents that are tools included.
    pub fn usage(&self) -> Usage {
        self.ledger().values().copied().sum()
    }

    /// The same by agent.
    pub fn usage_by_agent(&self) -> BTreeMap<String, Usage> {
        self.ledger().clone()
    }

    /// Which turn it is, from 1; 0 before the first.
    pub fn turn(&self) -> u32 {
        self.inner.turn.load(Ordering::Relaxed)
    }

    /// The id that the model gave to the tool call that this was given to; `None` outside of tools.
    pub fn tool_call_id(&self) -> Option<&str> {
        self.call_id.as_deref()
    }

    /// The token by which the run is cancelled.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.inner.cancellation
    }

    pub(super) fn set_turn(&self, turn: u32) {
        self.inner.turn.store(turn, Ordering::Relaxed);
    }

    pub(super) fn add_usage(&self, agent: &str, usage: Usage) {
        let mut context = Some(self);
        while let Some(here) = context {
            let mut ledger = here.ledger();
            match ledger.get_mut(agent) {
                Some(sum) => *sum += usage,
                None => drop(ledger.insert(agent.to_owned(), usage)),
            }
            context = here.inner.outer.as_ref();
        }
    }

    /// Whether somebody follows the run, or one that it is a part of.
    pub(super) fn is_streamed(&self) -> bool {
        let mut runs = iter::successors(Some(self), |&run| run.inner.outer.as_ref());
        runs.any(|run| run.inner.events.is_some())
    }

    /// Tells whoever follows the run, or the run that it is a part of. That nobody listens any more
    /// is no fault.
    pub(super) fn tell(&self, event: impl FnOnce() -> RunEvent) {
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

    fn ledger(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Usage>> {
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
