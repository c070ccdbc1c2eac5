//! A span that lasts as long as a stream.

use std::time::Instant;

use futures::{StreamExt as _, stream};
use raaf_trace_core::{CallScope, Context, Outcome, TraceableExt as _, keys};

use super::{TracedModel, describe};
use crate::model::{ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream};

/// A streamed answer and its span. The pieces are dropped first: the span has to cover that.
struct Answer<'a> {
    pieces: ModelStream<'a>,
    scope: CallScope,
    asked: Instant,
    begun: bool,
}

enum State<'a> {
    NotAsked(&'a TracedModel, &'a ModelRequest, Context),
    Answering(Answer<'a>),
    Over,
}

pub(super) fn stream<'a>(
    model: &'a TracedModel,
    request: &'a ModelRequest,
    parent: Context,
) -> ModelStream<'a> {
    let state = State::NotAsked(model, request, parent);
    stream::unfold(state, |state| async move {
        match state {
            State::NotAsked(model, request, parent) => {
                Some(Answer::ask(model, request, parent).next().await)
            }
            State::Answering(answer) => Some(answer.next().await),
            State::Over => None,
        }
    })
    .boxed()
}

impl<'a> Answer<'a> {
    fn ask(model: &'a TracedModel, request: &'a ModelRequest, parent: Context) -> Self {
        let mut scope = model
            .traced("run")
            .parent(parent)
            .with_attributes(|attributes| describe::request(request, attributes))
            .enter();
        let pieces = scope.run(|| model.model.stream(request));
        Self { pieces, scope, asked: Instant::now(), begun: false }
    }

    async fn next(mut self) -> (Result<ModelChunk, ModelError>, State<'a>) {
        let piece = self.scope.run_async(self.pieces.next()).await;
        let piece = piece.unwrap_or_else(|| {
            let message = "the stream ended before the answer was complete".to_owned();
            Err(ModelError::Malformed { message })
        });
        if !self.begun && piece.is_ok() {
            self.begun = true;
            let waited = self.asked.elapsed().as_secs_f64();
            self.scope.result_attributes(|attributes| {
                attributes.set(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, waited);
            });
        }
        match &piece {
            Ok(ModelChunk::Done(response)) => {
                self.scope.result_attributes(|attributes| describe::response(response, attributes));
                self.end(Outcome::returned::<ModelResponse>());
            }
            Ok(_) => return (piece, State::Answering(self)),
            Err(error) => {
                let failed: Result<ModelResponse, _> = Err(error.clone());
                self.end(Outcome::of_result(&failed));
            }
        }
        (piece, State::Over)
    }

    fn end(self, outcome: Outcome) {
        // The span outlives what the model leaves to clean up.
        let Self { pieces, mut scope, .. } = self;
        scope.run(|| drop(pieces));
        scope.end(outcome);
    }
}
