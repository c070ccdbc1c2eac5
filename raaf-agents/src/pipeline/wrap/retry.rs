//! Attempts of a step that is retried.

use std::time::Duration;

use raaf_trace_core::{current_span, keys};

use super::{Predicate, Wrapped, millis};
use crate::{
    pipeline::{
        State,
        error::{Cause, Stopped},
        flow::FlowFuture,
        observe::Progress,
        paused::{Place, Start},
        walk::Walk,
    },
    retry::RetryPolicy,
};

/// Number of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Tried {
    /// The number among the attempts that the policy allows.
    pub(super) attempt: u32,
    /// The number in the journal, which goes on when the pipeline is run again. It counts only where items
    /// of a list can fail: other steps have one result in all attempts.
    pub(super) journaled: u32,
}

impl Default for Tried {
    fn default() -> Self {
        Self { attempt: 1, journaled: 1 }
    }
}

impl Wrapped {
    pub(super) async fn with_retries<'a>(
        &self,
        (policy, retries): (&RetryPolicy, &Predicate),
        tried: &mut Tried,
        (state, mut place): (State, Option<Place>),
        mut inside: impl FnMut(Start, Walk<'a>) -> FlowFuture<'a>,
        walk: Walk<'a>,
    ) -> Result<State, Box<Stopped>> {
        let has_lists = walk.is_journaled() && self.inner.has_lists();
        let of_journal = |error| Stopped::at(&self.name, state.clone(), error);
        if has_lists {
            let open = walk.open_attempt(tried.journaled).await.map_err(of_journal)?;
            // An attempt that has failed since the pause is over.
            place = place.filter(|_| open == tried.journaled);
            tried.journaled = open;
        }
        // Attempts before a pause count.
        let mut delays = policy.delays_after(tried.attempt.saturating_sub(1), Duration::MAX);
        loop {
            let start = place.take().map_or_else(|| Start::New(state.clone()), Start::At);
            let position = if has_lists { walk.attempt(tried.journaled) } else { walk.clone() };
            let result = inside(start, position).await;
            let span = current_span();
            if let Some(span) = &span {
                span.set_attribute(keys::STEP_ATTEMPTS, tried.attempt);
            }
            let stopped = match result {
                Err(stopped) => stopped,
                result => return result,
            };
            let error = match &stopped.cause {
                // What waits in the state would be lost, and what was done be done again.
                Cause::Failed(error)
                    if !error.is_mismatch() && !error.is_of_journal() && retries(error) =>
                {
                    error
                }
                _ => return Err(stopped),
            };
            let Some(delay) = delays.next(None) else { return Err(stopped) };
            if has_lists {
                walk.fail_attempt(tried.journaled).await.map_err(of_journal)?;
                tried.journaled = tried.journaled.saturating_add(1);
            }
            if let Some(span) = span {
                span.add_event("retry", |event| {
                    event
                        .set(keys::STEP_ATTEMPT, tried.attempt)
                        .set(keys::STEP_DELAY_MS, millis(delay))
                        .set_content(keys::STEP_ERROR, error.to_string());
                });
            }
            tried.attempt = tried.attempt.saturating_add(1);
            let attempt = tried.attempt;
            walk.observers.notify(&Progress::Retrying { step: &self.name, attempt, delay, error });
            tokio::time::sleep(delay).await;
        }
    }
}
