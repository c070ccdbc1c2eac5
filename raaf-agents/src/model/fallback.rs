//! Fallback from one model to another.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use raaf_trace_core::{current_span, keys};

use super::{Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream, chunk};
use crate::diagram::Drawing;

/// Model wrapper that calls other models, in order, if one fails.
///
/// By default it falls back if an error is [retryable](ModelError::is_retryable) or the quota is used up;
/// [`when`](Self::when) sets another condition. A model that retries does so before the fallback. A call
/// that fails in the end returns the error of the model that was called last. A stream falls back only
/// until its first chunk.
///
/// Each fallback is an event `fallback` on the current span, which is the span of the model call if it
/// is made through a [`TracedModel`](crate::TracedModel). The event has the attributes `fallback.from`
/// and `fallback.to` (names of models), `fallback.reason` (the [kind](ModelError::kind) of error),
/// `http.response.status_code`, and the provider and the URL of the next model, if known. The
/// attributes of the span's request are those of the first model, except `gen_ai.request.model` of a call
/// that succeeds, which is the model that was called last; `gen_ai.response.model` names the model that
/// responded, and usage and cost are those of its response.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FallbackModel, Message, Model as _, ModelError, ModelRequest, Reply, ScriptedModel};
///
/// let overloaded =
///     ModelError::Server { status: 503, message: "overloaded".into(), retry_after: None };
/// let model = FallbackModel::new(ScriptedModel::new("large", [Reply::error(overloaded)]))
///     .or(ScriptedModel::new("small", ["Hello."]))
///     .when(|error| error.is_retryable() || error.kind() == "context_overflow");
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let answer = model.respond(&ModelRequest::new([Message::user("Hi!")])).await?;
/// assert_eq!(answer.model.as_deref(), Some("small"));
/// # Ok::<(), ModelError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct FallbackModel {
    first: Arc<dyn Model>,
    others: Vec<Arc<dyn Model>>,
    falls_back: Arc<dyn Fn(&ModelError) -> bool + Send + Sync>,
}

impl FallbackModel {
    /// Creates a model that calls this one first.
    pub fn new(first: impl Model + 'static) -> Self {
        let falls_back =
            |error: &ModelError| error.is_retryable() || error.kind() == "quota_exceeded";
        Self { first: Arc::new(first), others: Vec::new(), falls_back: Arc::new(falls_back) }
    }

    /// Adds a model that is called if those before it fail.
    #[must_use]
    pub fn or(mut self, next: impl Model + 'static) -> Self {
        self.others.push(Arc::new(next));
        self
    }

    /// Sets the errors on which the next model is called.
    #[must_use]
    pub fn when(
        mut self,
        falls_back: impl Fn(&ModelError) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.falls_back = Arc::new(falls_back);
        self
    }

    /// Returns the result of the first model that succeeds, with its name.
    async fn first_to<'a, T>(
        &'a self,
        call: impl Fn(&'a dyn Model) -> BoxFuture<'a, Result<T, ModelError>>,
    ) -> Result<(T, &'a str), ModelError> {
        let (mut model, mut others) = (&self.first, self.others.iter());
        loop {
            let error = match call(&**model).await {
                Ok(result) => return Ok((result, model.name())),
                Err(error) => error,
            };
            let next = others.next().filter(|_| (self.falls_back)(&error));
            let Some(next) = next else { return Err(error) };
            record(&**model, &**next, &error);
            model = next;
        }
    }

    async fn begin<'a>(&'a self, request: &'a ModelRequest) -> Result<ModelStream<'a>, ModelError> {
        let (chunks, name) =
            self.first_to(|model| chunk::begin(model.stream(request)).boxed()).await?;
        let named = chunks.map_ok(|chunk| match chunk {
            ModelChunk::Done(response) => ModelChunk::Done(Box::new(self.by(*response, name))),
            chunk => chunk,
        });
        Ok(named.boxed())
    }

    /// Names the model that was called, also as the one that responded unless the server has named it.
    fn by(&self, mut response: ModelResponse, name: &str) -> ModelResponse {
        response.model.get_or_insert_with(|| name.to_owned());
        if name != self.name() {
            response.called.get_or_insert_with(|| name.to_owned());
        }
        response
    }
}

fn record(from: &dyn Model, to: &dyn Model, error: &ModelError) {
    let Some(span) = current_span() else { return };
    span.add_event("fallback", |attributes| {
        attributes
            .set(keys::FALLBACK_FROM, from.name())
            .set(keys::FALLBACK_TO, to.name())
            .set(keys::FALLBACK_REASON, error.kind())
            .set(keys::HTTP_STATUS_CODE, error.status())
            .set(keys::GEN_AI_PROVIDER_NAME, to.provider())
            .set(keys::URL, to.url());
    });
}

#[async_trait]
impl Model for FallbackModel {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn provider(&self) -> Option<&str> {
        self.first.provider()
    }

    fn url(&self) -> Option<&str> {
        self.first.url()
    }

    fn draw(&self, drawing: &mut Drawing) {
        self.first.draw(drawing);
        for model in &self.others {
            drawing.note(format!("else {}", model.name()));
        }
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let (response, name) = self.first_to(|model| model.respond(request)).await?;
        Ok(self.by(response, name))
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.begin(request)).try_flatten().boxed()
    }
}

impl fmt::Debug for FallbackModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<_> = self.others.iter().map(Model::name).collect();
        f.debug_struct("FallbackModel")
            .field("first", &self.first.name())
            .field("others", &others)
            .finish_non_exhaustive()
    }
}
