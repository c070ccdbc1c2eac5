//! Traced streams.

use std::time::Instant;

use futures::{StreamExt as _, stream};
use raaf_trace_core::{
    Context, Traceable as _,
    call::{CallScope, Outcome},
    keys,
};

use super::{TracedModel, describe, hosted};
use crate::model::{ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream};

/// Streamed response and its span. The stream and the spans of hosted tools are declared first, to be
/// dropped within the span.
struct Response<'a> {
    chunks: ModelStream<'a>,
    hosted: hosted::Streamed,
    scope: CallScope,
    started: Instant,
    has_chunk: bool,
}

enum State<'a> {
    Pending(&'a TracedModel, &'a ModelRequest, Context),
    Streaming(Response<'a>),
    Over,
}

pub(super) fn stream<'a>(
    model: &'a TracedModel,
    request: &'a ModelRequest,
    parent: Context,
) -> ModelStream<'a> {
    let state = State::Pending(model, request, parent);
    stream::unfold(state, |state| async move {
        match state {
            State::Pending(model, request, parent) => {
                Some(Response::start(model, request, parent).next().await)
            }
            State::Streaming(response) => Some(response.next().await),
            State::Over => None,
        }
    })
    .boxed()
}

impl<'a> Response<'a> {
    fn start(model: &'a TracedModel, request: &'a ModelRequest, parent: Context) -> Self {
        let mut scope = model
            .traced("run")
            .parent(parent)
            .with_attributes(|attributes| describe::request(request, attributes))
            .with(keys::GEN_AI_REQUEST_STREAM, true)
            .enter();
        let chunks = scope.run(|| model.model.stream(request));
        Self {
            chunks,
            hosted: hosted::Streamed::default(),
            scope,
            started: Instant::now(),
            has_chunk: false,
        }
    }

    async fn next(mut self) -> (Result<ModelChunk, ModelError>, State<'a>) {
        let chunk = self.scope.run_async(self.chunks.next()).await;
        let chunk = chunk.unwrap_or_else(|| {
            let message = "the stream ended without a final chunk".to_owned();
            Err(ModelError::Malformed { message })
        });
        if !self.has_chunk && chunk.is_ok() {
            self.has_chunk = true;
            let waited = self.started.elapsed().as_secs_f64();
            self.scope.result_attributes(|attributes| {
                attributes.set(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, waited);
            });
        }
        match &chunk {
            Ok(ModelChunk::Done(response)) => {
                self.scope.run(|| self.hosted.finish(&response.message));
                self.scope.result_attributes(|attributes| describe::response(response, attributes));
                self.end(Outcome::returned::<ModelResponse>());
            }
            Ok(ModelChunk::HostedCall(call)) => {
                self.scope.run(|| self.hosted.add(call));
                return (chunk, State::Streaming(self));
            }
            Ok(_) => return (chunk, State::Streaming(self)),
            Err(error) => {
                self.scope.result_attributes(|attributes| describe::error(error, attributes));
                let failed: Result<ModelResponse, _> = Err(error.clone());
                self.end(Outcome::of_result(&failed));
            }
        }
        (chunk, State::Over)
    }

    fn end(self, outcome: Outcome) {
        // The span covers the cleanup of the stream.
        let Self { chunks, hosted, mut scope, .. } = self;
        scope.run(|| drop((chunks, hosted)));
        scope.end(outcome);
    }
}
