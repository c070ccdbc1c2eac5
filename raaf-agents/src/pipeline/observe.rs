//! What a pipeline says while it runs.

use std::{fmt, sync::Arc, time::Duration};

use super::{State, StepError};

/// What happens in a pipeline, told as it happens; see
/// [`PipelineBuilder::on_progress`](crate::PipelineBuilder::on_progress).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A step begins.
    Started {
        /// The step.
        step: &'a str,
        /// What it is given.
        state: &'a State,
    },
    /// A step is done.
    Done {
        /// The step.
        step: &'a str,
        /// What it returned.
        state: &'a State,
    },
    /// A step, or one try of it, failed.
    Failed {
        /// The step.
        step: &'a str,
        /// Why.
        error: &'a StepError,
    },
    /// A step is tried again.
    Retrying {
        /// The step.
        step: &'a str,
        /// The try that comes next; the first retry is 2.
        attempt: u32,
        /// How long it waits before.
        delay: Duration,
        /// Why the last try failed.
        error: &'a StepError,
    },
    /// A step was not run.
    Skipped {
        /// The step.
        step: &'a str,
        /// Why.
        reason: &'a str,
    },
}

type Observer = dyn Fn(&Progress<'_>) + Send + Sync;

/// Whoever wants to know.
#[derive(Clone, Default)]
pub(super) struct Observers(Vec<Arc<Observer>>);

impl Observers {
    pub(super) fn add(&mut self, observer: impl Fn(&Progress<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    pub(super) fn tell(&self, progress: &Progress<'_>) {
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
