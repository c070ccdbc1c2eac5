//! Progress of a pipeline run.

use std::{fmt, sync::Arc, time::Duration};

use super::{State, StepError};

/// Progress of a pipeline run; see
/// [`PipelineBuilder::on_progress`](crate::PipelineBuilder::on_progress).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A step starts.
    Started {
        /// The name of the step.
        step: &'a str,
        /// The state that it receives.
        state: &'a State,
    },
    /// A step goes on after a pause.
    Resumed {
        /// The name of the step.
        step: &'a str,
        /// The state that it received.
        state: &'a State,
    },
    /// A step has paused.
    Paused {
        /// The name of the step.
        step: &'a str,
    },
    /// A step succeeded.
    Done {
        /// The name of the step.
        step: &'a str,
        /// The state that it returned.
        state: &'a State,
    },
    /// A step, or one attempt of it, failed.
    Failed {
        /// The name of the step.
        step: &'a str,
        /// The error.
        error: &'a StepError,
    },
    /// A step is about to be retried.
    Retrying {
        /// The name of the step.
        step: &'a str,
        /// The number of the next attempt; the first retry is 2.
        attempt: u32,
        /// The time until then.
        delay: Duration,
        /// The error of the last attempt.
        error: &'a StepError,
    },
    /// A step was skipped.
    Skipped {
        /// The name of the step.
        step: &'a str,
        /// The condition that was not met.
        reason: &'a str,
    },
}

type Observer = dyn Fn(&Progress<'_>) + Send + Sync;

/// Registered observers.
#[derive(Clone, Default)]
pub(super) struct Observers(Vec<Arc<Observer>>);

impl Observers {
    pub(super) fn add(&mut self, observer: impl Fn(&Progress<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    pub(super) fn notify(&self, progress: &Progress<'_>) {
        for observer in &self.0 {
            observer(progress);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
