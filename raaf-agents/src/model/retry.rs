//! Retry wrapper for models.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use raaf_trace_core::{current_span, keys};

use super::{Model, ModelError, ModelRequest, ModelResponse, ModelStream, chunk};
use crate::{
    diagram::Drawing,
    retry::{Delays, RetryPolicy},
};

/// Default time after the beginning of a call from which no retry begins.
const MAX_ELAPSED: Duration = Duration::from_secs(120);

/// Longest delay that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Model wrapper that retries failed calls if the error is [retryable](ModelError::is_retryable).
///
/// Each retry is an event `retry` on the current span, which is the span of the model call if it is
/// made through a [`TracedModel`](crate::TracedModel). The event has the attributes `retry.attempt`
/// (number of the failed attempt, from 1), `retry.reason` (the [kind](ModelError::kind) of error),
/// `http.response.status_code` if known, and `retry.delay_ms`. The span has `retry.count`. A call
/// that fails after several attempts returns [`ModelError::Retried`] with their number. A stream is
/// retried only until its first chunk.
///
/// A delay that the server asks for (`retry-after-ms` or `Retry-After`) replaces that of the policy. A call
/// for which the server asks for more than a minute is not retried.
///
/// No retry begins later than 2 minutes after the call, or another time
/// ([`RetryPolicy::with_max_elapsed`]). Outside of a tokio runtime nothing is retried.
///
/// # Panics
///
/// A retry panics in a tokio runtime without a timer (`enable_time` or `enable_all` of
/// `tokio::runtime::Builder`).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{Message, Model as _, ModelError, ModelRequest, Reply, RetryPolicy};
/// use raaf_agents::{RetryingModel, ScriptedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let busy = ModelError::RateLimited {
///     message: "slow down".into(),
///     retry_after: Some(Duration::ZERO),
/// };
/// let model = ScriptedModel::new("scripted", [Reply::error(busy), Reply::text("Hello.")]);
/// let model = RetryingModel::new(model, RetryPolicy::default());
/// let answer = model.respond(&ModelRequest::new([Message::user("Hi!")])).await?;
/// assert_eq!(answer.message.text(), "Hello.");
/// # Ok::<(), ModelError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RetryingModel<M> {
    model: M,
    policy: RetryPolicy,
}

impl<M: Model> RetryingModel<M> {
    /// Wraps a model.
    pub fn new(model: M, policy: RetryPolicy) -> Self {
        Self { model, policy }
    }

    /// Returns the retry policy.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    #[cfg(feature = "openai")]
    pub(super) fn model(&self) -> &M {
        &self.model
    }

    /// Retries until the stream yields its first chunk.
    async fn begin<'a>(&'a self, request: &'a ModelRequest) -> Result<ModelStream<'a>, ModelError> {
        let mut attempts = Attempts::new(&self.policy);
        loop {
            match chunk::begin(self.model.stream(request)).await {
                Ok(chunks) => return Ok(chunks),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }
}

#[async_trait]
impl<M: Model> Model for RetryingModel<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn provider(&self) -> Option<&str> {
        self.model.provider()
    }

    fn url(&self) -> Option<&str> {
        self.model.url()
    }

    fn draw(&self, drawing: &mut Drawing) {
        self.model.draw(drawing);
        drawing.note(self.policy.note());
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let mut attempts = Attempts::new(&self.policy);
        loop {
            match self.model.respond(request).await {
                Ok(response) => return Ok(response),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.begin(request)).try_flatten().boxed()
    }
}

impl<M: Model> fmt::Debug for RetryingModel<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryingModel")
            .field("name", &self.name())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Attempts of one call.
struct Attempts {
    delays: Delays,
    failed: u32,
    /// Number of attempts, including those that the model itself makes.
    tries: u32,
}

impl Attempts {
    fn new(policy: &RetryPolicy) -> Self {
        Self { delays: policy.delays(MAX_ELAPSED), failed: 0, tries: 0 }
    }

    /// Waits for the next attempt, or returns the error if there is none.
    async fn wait_after(&mut self, error: ModelError) -> Result<(), ModelError> {
        self.failed += 1;
        self.tries = self.tries.saturating_add(error.tries());
        let Some(delay) = self.delay_after(&error) else { return Err(error.after(self.tries)) };
        self.record(&error, delay);
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn delay_after(&mut self, error: &ModelError) -> Option<Duration> {
        if !error.is_retryable() || tokio::runtime::Handle::try_current().is_err() {
            return None;
        }
        let asked = error.retry_after();
        if asked.is_some_and(|asked| asked > MAX_RETRY_AFTER) {
            return None;
        }
        self.delays.next(asked)
    }

    fn record(&self, error: &ModelError, delay: Duration) {
        let Some(span) = current_span() else { return };
        span.set_attribute(keys::RETRY_COUNT, self.tries);
        span.add_event("retry", |attributes| {
            attributes
                .set(keys::RETRY_ATTEMPT, self.failed)
                .set(keys::RETRY_DELAY_MS, (delay.as_secs_f64() * 1_000_000.0).round() / 1_000.0)
                .set(keys::RETRY_REASON, error.kind())
                .set(keys::HTTP_STATUS_CODE, error.status());
        });
    }
}
