//! Limits of calls, shared by agents.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use raaf_trace_core::{Span, current_span, diagnostics::at_least, keys};
use tokio::{
    runtime,
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

use super::{Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream};
use crate::diagram::Drawing;

/// Limits of model calls. Clones share them: together, their calls keep to the limits.
///
/// See [`LimitedModel`].
#[derive(Clone, Debug, Default)]
pub struct CallLimits {
    concurrency: Option<Arc<Semaphore>>,
    rate: Option<Arc<Rate>>,
}

impl CallLimits {
    /// Creates limits that allow everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many calls may run at a time; at least 1. Clones that exist already keep theirs.
    #[must_use]
    pub fn with_max_concurrent(mut self, calls: usize) -> Self {
        let calls = at_least("CallLimits::with_max_concurrent", calls, 1);
        let semaphore = Semaphore::new(calls.min(Semaphore::MAX_PERMITS));
        self.concurrency = Some(Arc::new(semaphore));
        self
    }

    /// Sets how many calls may begin in any period of this length; at least 1. Clones that exist
    /// already keep theirs.
    #[must_use]
    pub fn with_max_calls(mut self, calls: usize, period: Duration) -> Self {
        let calls = at_least("CallLimits::with_max_calls", calls, 1);
        self.rate = Some(Arc::new(Rate { calls, period, begun: Mutex::default() }));
        self
    }

    /// Waits until a call may begin. The call ends when the permit is dropped.
    async fn admit(&self) -> Result<Option<OwnedSemaphorePermit>, ModelError> {
        let mut waiting = Waiting::default();
        let mut permit = None;
        if let Some(semaphore) = &self.concurrency {
            permit = Arc::clone(semaphore).try_acquire_owned().ok();
            if permit.is_none() {
                waiting.begin("concurrency");
                // An error is impossible, since nothing closes the semaphore.
                permit = Arc::clone(semaphore).acquire_owned().await.ok();
            }
        }
        // Last, so that the time counts at which the call begins.
        if let Some(rate) = &self.rate {
            rate.admit(&mut waiting).await?;
        }
        Ok(permit)
    }
}

/// Limit of calls that begin in a period.
#[derive(Debug)]
struct Rate {
    calls: usize,
    period: Duration,
    /// Times at which the latest calls began, at most `calls` of them. The lock is fair, and held while its
    /// holder waits, so that calls begin in the order in which they came. A call that is cancelled
    /// while it waits changes nothing.
    begun: Mutex<VecDeque<Instant>>,
}

impl Rate {
    async fn admit(&self, waiting: &mut Waiting) -> Result<(), ModelError> {
        let mut begun = if let Ok(begun) = self.begun.try_lock() {
            begun
        } else {
            waiting.begin("rate");
            self.begun.lock().await
        };
        if begun.len() >= self.calls {
            let elapsed = begun.front().map_or(self.period, Instant::elapsed);
            let left = self.period.saturating_sub(elapsed);
            if !left.is_zero() {
                if runtime::Handle::try_current().is_err() {
                    return Err(ModelError::other(
                        "a limit of calls per period needs a tokio runtime; make the call in one",
                    ));
                }
                waiting.begin("rate");
                sleep(left).await;
            }
            begun.pop_front();
        }
        begun.push_back(Instant::now());
        Ok(())
    }
}

/// Time that a call waits, and its record on the span that is current when the wait begins. A call that is
/// cancelled while it waits has the record, too.
#[derive(Default)]
struct Waiting {
    since: Option<Instant>,
    reason: &'static str,
    span: Option<Span>,
}

impl Waiting {
    fn begin(&mut self, reason: &'static str) {
        if self.reason == reason {
            return;
        }
        self.reason = reason;
        self.since.get_or_insert_with(Instant::now);
        self.span = self.span.take().or_else(current_span);
        if let Some(span) = &self.span {
            span.add_event("limit.wait", |attributes| {
                attributes.set(keys::LIMIT_REASON, reason);
            });
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let (Some(since), Some(span)) = (self.since, &self.span) else { return };
        // A call that is retried can wait several times.
        let before = span.attribute(keys::LIMIT_WAIT_MS);
        let before = before.and_then(|before| before.as_ref().as_f64()).unwrap_or_default();
        let waited = since.elapsed().as_secs_f64() * 1_000.0;
        span.set_attribute(keys::LIMIT_WAIT_MS, before + waited);
    }
}

/// Model wrapper that limits how many calls run at a time, and how many begin in a period.
///
/// Clones share the limits: give one to each agent. Models that were created with clones of the same
/// [`CallLimits`] share them, too, such as the models of one account. Calls beyond a limit wait, in the
/// order in which they came; a call that is cancelled while it waits is not counted. A stream ends with
/// its last chunk, or when it is dropped.
///
/// A call that waits is shown on the current span, which is the span of the model call if it is made
/// through a [`TracedModel`](crate::TracedModel): by an event `limit.wait` as the wait begins, with
/// `limit.reason` (`concurrency` or `rate`), and by the attribute `limit.wait_ms`. Time limits of the
/// model do not include the wait.
///
/// To limit each attempt, and not calls with all of their retries, wrap this in a
/// [`RetryingModel`](crate::RetryingModel), and turn off the retries of the model itself. Calls that must
/// wait for a period to end need a tokio runtime with a timer.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{Agent, CallLimits, LimitedModel, ScriptedModel};
///
/// let limits = CallLimits::new()
///     .with_max_concurrent(4)
///     .with_max_calls(60, Duration::from_secs(60));
/// let model = LimitedModel::new(ScriptedModel::new("scripted", ["A plan.", "A text."]), limits);
/// let planner = Agent::builder("Planner", model.clone()).build();
/// let writer = Agent::builder("Writer", model).build();
/// ```
#[derive(Clone)]
pub struct LimitedModel {
    model: Arc<dyn Model>,
    limits: CallLimits,
}

impl LimitedModel {
    /// Wraps a model.
    pub fn new(model: impl Model + 'static, limits: CallLimits) -> Self {
        Self { model: Arc::new(model), limits }
    }
}

#[async_trait]
impl Model for LimitedModel {
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
        drawing.note("limited calls");
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let _permit = self.limits.admit().await?;
        self.model.respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        let begin = async move {
            let permit = self.limits.admit().await?;
            Ok(hold(self.model.stream(request), permit))
        };
        stream::once(begin).try_flatten().boxed()
    }
}

/// Holds a permit until a stream ends.
fn hold(chunks: ModelStream<'_>, permit: Option<OwnedSemaphorePermit>) -> ModelStream<'_> {
    stream::unfold(Some((chunks, permit)), |state| async move {
        let (mut chunks, permit) = state?;
        let chunk = chunks.next().await?;
        let is_last = matches!(chunk, Ok(ModelChunk::Done(_)) | Err(_));
        Some((chunk, (!is_last).then_some((chunks, permit))))
    })
    .boxed()
}

impl fmt::Debug for LimitedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedModel")
            .field("name", &self.name())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
