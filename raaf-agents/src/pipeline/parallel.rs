//! What runs at the same time, and how the results become one state.

use futures::future;

use super::{State, Step, StepError};

/// Steps that run side by side; mostly it is one.
pub(super) struct Stage {
    steps: Vec<Box<dyn Step>>,
}

impl Stage {
    pub(super) fn new<S: Step + 'static>(steps: impl IntoIterator<Item = S>) -> Self {
        let boxed = |step| Box::new(step) as Box<dyn Step>;
        Self { steps: steps.into_iter().map(boxed).collect() }
    }

    pub(super) fn steps_count(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|step| step.name().to_owned())
    }

    /// The state after all of its steps, or the step that failed and why.
    pub(super) async fn run(&self, before: &State) -> Result<State, (String, StepError)> {
        let branches = self.steps.iter().map(|step| async move {
            let after = step.run(before.clone()).await;
            after.map_err(|error| (step.name().to_owned(), error))
        });
        let mut branches = future::try_join_all(branches).await?;
        if branches.len() == 1 {
            return Ok(branches.remove(0));
        }
        let mut state = before.clone();
        for after in branches {
            state.take_changes(before, after);
        }
        Ok(state)
    }
}
