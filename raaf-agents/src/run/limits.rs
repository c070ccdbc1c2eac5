//! Limits of a run.

use std::sync::atomic::{AtomicU64, Ordering};

use raaf_trace_core::prices::Cost;

use crate::model::Usage;

/// Limits on the requests, tokens, tool calls and cost of a run. They include those of agents called as
/// tools, even of agents that run side by side.
///
/// Requests, tokens and cost are checked before each model call, so that the last call may exceed a limit
/// on tokens or cost; tool calls are checked before they run. A run that reaches a limit fails with
/// [`RunErrorKind::Limit`](crate::RunErrorKind::Limit), and its progress has the conversation so far.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Limits, RunConfig, RunErrorKind, Runner, ScriptedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let config = RunConfig::new().limits(Limits::new().requests(20).total_tokens(50_000));
/// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
/// let result = Runner::new().with_config(config).run(&agent, "Hi!").await?;
/// assert_eq!(result.usage.requests, 1);
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "limits do nothing until a run has them"]
pub struct Limits {
    requests: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    tool_calls: Option<u64>,
    /// In millionths of a US dollar.
    cost: Option<u64>,
}

/// Limit that a run has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) what: &'static str,
    pub(crate) max: u64,
    pub(crate) used: u64,
}

/// Quantity of a limit on cost.
pub(crate) const MILLIONTHS: &str = "millionths of a US dollar";

#[allow(clippy::cast_sign_loss, reason = "what is below 0 becomes 0")]
fn millionths(usd: f64) -> u64 {
    (usd * 1e6).round() as u64
}

impl Limits {
    /// Creates limits that limit nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum number of model calls.
    pub fn requests(mut self, max: u64) -> Self {
        self.requests = Some(max);
        self
    }

    /// Sets the number of input tokens from which the model is not called again.
    pub fn input_tokens(mut self, max: u64) -> Self {
        self.input_tokens = Some(max);
        self
    }

    /// Sets the number of output tokens from which the model is not called again.
    pub fn output_tokens(mut self, max: u64) -> Self {
        self.output_tokens = Some(max);
        self
    }

    /// Sets the number of input and output tokens from which the model is not called again.
    pub fn total_tokens(mut self, max: u64) -> Self {
        self.total_tokens = Some(max);
        self
    }

    /// Sets the maximum number of tool calls.
    pub fn tool_calls(mut self, max: u64) -> Self {
        self.tool_calls = Some(max);
        self
    }

    /// Sets the cost in US dollars from which the model is not called again. A cost is known where
    /// the [server reports it](crate::ModelResponse::cost_usd), or where the provider of traces has a
    /// [price](raaf_trace_core::TracerProviderBuilder::prices) for the model; calls whose cost is
    /// unknown do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{Agent, Limits, RunConfig, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let config = RunConfig::new().limits(Limits::new().cost_usd(0.50));
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("gpt-4o", ["Hello."])).build();
    /// let result = Runner::new().with_config(config).run(&agent, "Hi!").await?;
    /// assert!(result.cost.usd().is_some_and(|usd| usd < 0.001));
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cost_usd(mut self, max: f64) -> Self {
        self.cost = Some(millionths(max));
        self
    }

    /// Returns an error if what was spent allows no other model call.
    pub(super) fn check_spent(&self, usage: Usage, cost: Cost) -> Result<(), Reached> {
        let limits = [
            (MILLIONTHS, self.cost, millionths(cost.usd().unwrap_or_default())),
            ("input tokens", self.input_tokens, usage.input_tokens),
            ("output tokens", self.output_tokens, usage.output_tokens),
            ("tokens", self.total_tokens, usage.total_tokens()),
        ];
        limits.into_iter().try_for_each(|(what, max, used)| match max {
            Some(max) if used >= max => Err(Reached { what, max, used }),
            _ => Ok(()),
        })
    }

    pub(super) fn claim_request(&self, requests: &Counter) -> Result<(), Reached> {
        let claimed = requests.claim(1, self.requests);
        claimed.map_err(|(used, max)| Reached { what: "requests", max, used })
    }

    pub(super) fn claim_tool_calls(&self, made: &Counter, calls: u64) -> Result<(), Reached> {
        made.claim(calls, self.tool_calls).map_err(|(used, max)| {
            let used = used.saturating_add(calls);
            Reached { what: "tool calls", max, used }
        })
    }
}

/// Counter that several runs may share.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn of(count: u64) -> Self {
        Self(count.into())
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds a number at once, unless the sum exceeds `max`. The error is the count so far, and `max`.
    fn claim(&self, count: u64, max: Option<u64>) -> Result<(), (u64, u64)> {
        let max = max.unwrap_or(u64::MAX);
        let add = |used: u64| used.checked_add(count).filter(|sum| *sum <= max);
        let claimed = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        claimed.map(drop).map_err(|used| (used, max))
    }

    /// Adds a number, whatever the limit.
    pub(super) fn count(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn release(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
