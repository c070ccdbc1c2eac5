//! What the parts of a run share.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
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
        Self { inner: Arc::new(Inner { value: Some(Arc::new(value)), ..Inner::default() }) }
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
        Self { inner: Arc::new(Inner { value, cancellation, events, outer, ..Inner::default() }) }
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

    pub(super) fn is_streamed(&self) -> bool {
        self.inner.events.is_some()
    }

    /// Tells whoever follows the run. That nobody listens any more is no fault.
    pub(super) fn tell(&self, event: impl FnOnce() -> RunEvent) {
        if let Some(events) = &self.inner.events {
            let _ = events.unbounded_send(event());
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
