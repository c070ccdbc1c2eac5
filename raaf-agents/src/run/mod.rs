//! Data of a run: context, events and result.

mod event;
mod journal;
mod limits;
mod result;
mod spending;
#[cfg(feature = "sqlite")]
mod sqlite;
pub(crate) mod workflow;

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
use raaf_trace_core::{
    Context,
    prices::{Cost, PriceTable},
};
use tokio_util::sync::CancellationToken;

use crate::{
    model::{ModelCall, ModelResponse, Usage},
    state::{Decision, Rules, RunState, Spent, call_key},
};
pub use event::RunEvent;
pub use journal::Journal;
pub(crate) use journal::{JournalError, SharedJournal, Stepped};
pub use limits::Limits;
pub(crate) use limits::{MILLIONTHS, Reached};
pub(crate) use result::LastAgent;
pub use result::{RunProgress, RunResult};
use spending::Spending;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteJournal;

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
    call: Option<Arc<Call>>,
}

/// Tool call that a context is for.
struct Call {
    id: String,
    place: Place,
    /// Number of runs that the call has started.
    runs: AtomicU32,
    /// The run that the call started before a pause.
    paused: Mutex<Option<Box<RunState>>>,
    /// The first run that the call started and that has paused now.
    pauses: Mutex<Option<Box<RunState>>>,
    /// The journal for the steps of the run that the call starts.
    journal: Option<SharedJournal>,
    /// What the runs that the call has started have spent, if the run of the call is journaled.
    spent: Option<Spending>,
}

/// Place of a tool call, from which its key is made.
enum Place {
    Turn(u32),
    /// Step of a pipeline, with its name in the journal.
    Step(Option<String>),
}

#[derive(Default)]
struct Inner {
    id: String,
    value: Option<Value>,
    spent: Spending,
    prices: PriceTable,
    turn: AtomicU32,
    limits: Limits,
    /// Decisions on calls in the rest of the run.
    rules: Rules,
    cancellation: CancellationToken,
    events: Option<UnboundedSender<RunEvent>>,
    /// The run that called this one as a tool. Usage counts there, too.
    outer: Option<RunContext>,
    journal: Option<SharedJournal>,
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
        limits: Limits,
        journal: Option<SharedJournal>,
        state: &RunState,
    ) -> Self {
        let inherited = outer.as_ref().map(|outer| &outer.inner);
        let value = value.or_else(|| inherited.and_then(|outer| outer.value.clone()));
        let cancellation = cancellation
            .or_else(|| inherited.map(|outer| outer.cancellation.child_token()))
            .unwrap_or_default();
        let journal = journal.or_else(|| outer.as_ref()?.call.as_ref()?.journal.clone());
        Self::of(Inner {
            id: state.id.clone(),
            value,
            spent: Spending::of(state.spent.clone()),
            prices: Context::current().prices(),
            turn: state.turns.into(),
            limits,
            rules: state.rules.clone(),
            cancellation,
            events,
            outer,
            journal,
        })
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), call: None }
    }

    /// Returns this context for one tool call. If the call `journals_steps`, those of the run that it
    /// starts are journaled rather than the call.
    pub(crate) fn of_call(&self, call_id: &str, journals_steps: bool) -> Self {
        let call = Call {
            id: call_id.to_owned(),
            place: Place::Turn(self.turn()),
            runs: AtomicU32::new(0),
            paused: Mutex::default(),
            pauses: Mutex::default(),
            journal: self.inner.journal.clone().filter(|_| journals_steps),
            spent: self.inner.journal.as_ref().map(|_| Spending::default()),
        };
        Self { inner: Arc::clone(&self.inner), call: Some(Arc::new(call)) }
    }

    /// Returns a context for a tool that is a step of a pipeline, with its journal and its name in that.
    /// Outside of a journaled pipeline it has no key.
    pub(crate) fn of_step(
        journaled: Option<(&SharedJournal, &str)>,
        paused: Option<Box<RunState>>,
        journals_steps: bool,
    ) -> Self {
        let (journal, name) = journaled.unzip();
        let call = Call {
            id: String::new(),
            place: Place::Step(name.map(str::to_owned)),
            runs: AtomicU32::new(0),
            paused: paused.into(),
            pauses: Mutex::default(),
            journal: journal.cloned().filter(|_| journals_steps),
            spent: None,
        };
        Self { inner: Arc::default(), call: Some(Arc::new(call)) }
    }

    /// Returns the key of a call of this turn.
    pub(crate) fn key_of(&self, call_id: &str) -> String {
        call_key(&self.inner.id, self.turn(), call_id)
    }

    /// Returns the name of the model call of this turn, which no tool call has.
    pub(crate) fn model_step(&self) -> String {
        format!("{}/{}", self.inner.id, self.turn())
    }

    /// Returns the journal, and the name of the step in which a session is loaded. No model call has it.
    pub(crate) fn session_step(&self) -> Option<(SharedJournal, String)> {
        let journal = SharedJournal::clone(self.inner.journal.as_ref()?);
        Some((journal, format!("{}/session", self.inner.id)))
    }

    pub(crate) fn journal(&self) -> Option<&SharedJournal> {
        self.inner.journal.as_ref()
    }

    /// Returns the id of a run that this tool call starts, by its number, if its steps are journaled.
    pub(crate) fn inner_run_id(&self, number: u32) -> Option<String> {
        self.call.as_deref().filter(|call| call.journal.is_some())?;
        let key = self.idempotency_key()?;
        // Turns of the first run are numbers, too.
        Some(if number == 0 { key } else { format!("{key}/run{number}") })
    }

    /// Sets the run that this tool call has started before, and goes on with.
    pub(crate) fn goes_on_with(&self, state: Box<RunState>) {
        if let Some(call) = &self.call {
            *call.paused.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        }
    }

    /// Counts a run that this tool call starts. Returns its number, and its state if it has paused.
    pub(crate) fn begin_inner(&self) -> (u32, Option<Box<RunState>>) {
        let Some(call) = &self.call else { return (0, None) };
        let number = call.runs.fetch_add(1, Ordering::Relaxed);
        let mut paused = call.paused.lock().unwrap_or_else(PoisonError::into_inner);
        (number, paused.take_if(|state| state.number == number))
    }

    /// Records that a run which this tool call has started has paused.
    pub(crate) fn inner_paused(&self, state: &RunState) {
        if let Some(call) = &self.call {
            let mut pauses = call.pauses.lock().unwrap_or_else(PoisonError::into_inner);
            pauses.get_or_insert_with(|| Box::new(state.clone()));
        }
    }

    /// Returns whether the context is that of a tool call.
    pub(crate) fn is_of_call(&self) -> bool {
        self.call.is_some()
    }

    /// Returns the run that this tool call waits for.
    pub(crate) fn inner_pause(&self) -> Option<Box<RunState>> {
        self.call.as_ref()?.pauses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns a decision on all calls of a tool by an agent in this run or one that it is part of.
    pub(crate) fn decision(&self, agent: &str, tool: &str) -> Option<Decision> {
        self.runs().find_map(|run| run.inner.rules.decision(agent, tool)).cloned()
    }

    /// Returns what the run has spent.
    pub(crate) fn spent_so_far(&self) -> Spent {
        self.inner.spent.so_far()
    }

    /// Returns the spending of the runs that this call of a journaled run has started.
    pub(crate) fn spent_in_call(&self) -> Spent {
        let spent = self.call.as_ref().and_then(|call| call.spent.as_ref());
        spent.map(Spending::so_far).unwrap_or_default()
    }

    /// Adds the spending of a call whose result is in the journal.
    pub(crate) fn add_spent(&self, spent: &Spent) {
        self.spendings().for_each(|sum| sum.add_all(spent));
    }

    /// Returns the [value](crate::RunConfig::context) of the run, if it has this type.
    pub fn value<T: Any>(&self) -> Option<&T> {
        // Through the box, which is `Any` itself.
        (**self.inner.value.as_ref()?).downcast_ref()
    }

    /// Returns the usage so far, including agents called as tools.
    pub fn usage(&self) -> Usage {
        self.inner.spent.by_agent().values().copied().sum()
    }

    /// Returns the usage so far by the name of the agent.
    pub fn usage_by_agent(&self) -> BTreeMap<String, Usage> {
        self.inner.spent.by_agent().clone()
    }

    /// Returns the cost of model calls so far, including those of agents called as tools.
    pub fn cost(&self) -> Cost {
        self.inner.spent.cost()
    }

    /// Returns the number of the current turn, from 1; 0 before the first.
    pub fn turn(&self) -> u32 {
        self.inner.turn.load(Ordering::Relaxed)
    }

    /// Returns the number of tool calls so far, including those of agents called as tools.
    pub fn tool_calls(&self) -> u64 {
        self.inner.spent.tool_calls.get()
    }

    /// Returns the id of the tool call that received this context; `None` outside of tools.
    pub fn tool_call_id(&self) -> Option<&str> {
        self.call.as_deref().map(|call| &*call.id).filter(|id| !id.is_empty())
    }

    /// Returns the key of the tool call that received this context, for a request that a service must
    /// process only once; `None` outside of tools. The key is unique, and stays the same if the call is
    /// repeated after an interruption.
    pub fn idempotency_key(&self) -> Option<String> {
        let call = self.call.as_deref()?;
        match &call.place {
            Place::Turn(turn) => Some(call_key(&self.inner.id, *turn, &call.id)),
            Place::Step(name) => name.clone(),
        }
    }

    /// Returns the token that cancels the run.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.inner.cancellation
    }

    pub(crate) fn set_turn(&self, turn: u32) {
        self.inner.turn.store(turn, Ordering::Relaxed);
    }

    /// Counts tool calls that are about to run, unless a limit of this run, or of one that it is part
    /// of, does not allow them.
    pub(crate) fn claim_tool_calls(&self, calls: u64) -> Result<(), Reached> {
        self.runs().try_for_each(|run| {
            let Inner { limits, spent, .. } = &*run.inner;
            limits.claim_tool_calls(&spent.tool_calls, calls)
        })?;
        self.spendings_of_calls().for_each(|sum| sum.tool_calls.count(calls));
        Ok(())
    }

    /// Counts a model call that is about to be made, unless a limit of this run, or of one that it is
    /// part of, does not allow it.
    pub(crate) fn claim_request(&self) -> Result<(), Reached> {
        self.runs().try_for_each(|run| {
            let Inner { limits, spent, .. } = &*run.inner;
            if *limits != Limits::default() {
                limits.check_spent(run.usage(), run.cost())?;
            }
            limits.claim_request(&spent.requests)
        })?;
        self.spendings_of_calls().for_each(|sum| sum.requests.count(1));
        Ok(())
    }

    /// Takes back a model call that was not made.
    pub(crate) fn release_request(&self) {
        self.spendings().for_each(|sum| sum.requests.release());
    }

    /// Adds the usage of a call of `model`, and its cost: as the server reports it, or by the prices.
    pub(crate) fn add_call(&self, agent: &str, model: &str, response: &ModelResponse) {
        let mut usage = response.usage;
        usage.requests = usage.requests.max(1);
        let called = response.called.as_deref().unwrap_or(model);
        let names = [response.model.as_deref(), Some(called)].into_iter().flatten();
        let priced = || self.inner.prices.cost(names, &usage.counts());
        let cost = Cost::of_call(response.cost_usd.or_else(priced));
        self.spendings().for_each(|sum| sum.add(agent, usage, cost));
    }

    /// Adds a call that was made without a claim.
    pub(crate) fn add_made_call(&self, agent: &str, call: &ModelCall) {
        self.spendings().for_each(|sum| sum.requests.count(1));
        self.add_call(agent, &call.model, &call.response);
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

    /// Iterates over the sums of the tool calls within which this run is.
    fn spendings_of_calls(&self) -> impl Iterator<Item = &Spending> {
        self.runs().filter_map(|run| run.call.as_deref()?.spent.as_ref())
    }

    /// Iterates over the sums of these runs and tool calls.
    fn spendings(&self) -> impl Iterator<Item = &Spending> {
        self.runs().map(|run| &run.inner.spent).chain(self.spendings_of_calls())
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
