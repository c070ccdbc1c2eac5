//! Steps of a pipeline.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Contract, PausedStep, State, StepContext, StepError};
use crate::{diagram::Drawing, state::ResumeError};

/// Step of a pipeline: takes the state and returns it, changed.
///
/// Agents, pipelines and [functions](crate::service) are steps. A type of your own implements this
/// trait, and makes its own span if it needs one; on the left of an operator, wrap it in
/// [`step`](fn@crate::step).
///
/// # Examples
///
/// ```
/// use raaf_agents::{Contract, FlowExt as _, State, Step, StepError, step};
///
/// struct Uppercase;
///
/// #[async_trait::async_trait]
/// impl Step for Uppercase {
///     fn name(&self) -> &str {
///         "Uppercase"
///     }
///     fn contract(&self) -> Contract {
///         Contract::new().requires("text").provides("text")
///     }
///     async fn run(&self, state: State) -> Result<State, StepError> {
///         let text = state.text("text")?.to_uppercase();
///         Ok(state.with("text", text))
///     }
/// }
///
/// let pipeline = step(Uppercase).named("Loud").takes("text").build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new().with("text", "tea")).await?;
/// assert_eq!(state.text("text")?, "TEA");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait Step: Send + Sync {
    /// Returns the name for errors and spans.
    fn name(&self) -> &str;

    /// Returns the keys that the step requires and provides. By default they are unknown, so that
    /// later steps cannot be checked.
    fn contract(&self) -> Contract {
        Contract::unknown()
    }

    /// Draws the step in a [diagram](crate::Diagram); the default draws a box with its name. A step that runs
    /// an agent or a pipeline draws that, and a step that wraps another one forwards the call.
    fn draw(&self, drawing: &mut Drawing) {
        drawing.step(self.name());
    }

    /// Runs the step.
    ///
    /// # Errors
    ///
    /// If the pipeline cannot continue. Return errors of your own as [`StepError::Function`].
    async fn run(&self, state: State) -> Result<State, StepError>;

    /// Runs the step in a [journaled](crate::Pipeline::journaled) pipeline. By default, the changes that
    /// [`run`](Self::run) makes to the state are journaled as one step. A step of your own that runs another
    /// one passes the context on to it.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run); also if the journal fails.
    async fn run_in(&self, context: &StepContext, state: State) -> Result<State, StepError> {
        context.once(state, |state| self.run(state)).await
    }

    /// Resumes the step after a pause: [`run`](Self::run) ended with the error of a paused run or pipeline.
    /// The state is the one that `run` received. A step of your own that runs another one passes all three
    /// arguments on to it. By default the step cannot be resumed.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run); also if the paused run or pipeline does not fit the step.
    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        let (_, _, _) = (context, state, paused);
        Err(StepError::Resume(ResumeError::Step { step: self.name().to_owned() }))
    }

    /// Checks that [`resume`](Self::resume) can go on. All paused steps are checked before anything runs. A
    /// step of your own that runs another one passes the check on to it. By default, nothing is checked.
    ///
    /// # Errors
    ///
    /// If the paused run or pipeline does not fit the step.
    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        let _ = paused;
        Ok(())
    }
}

macro_rules! forward_step {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<S: Step + ?Sized> Step for $pointer<S> {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn contract(&self) -> Contract {
                (**self).contract()
            }

            fn draw(&self, drawing: &mut Drawing) {
                (**self).draw(drawing);
            }

            async fn run(&self, state: State) -> Result<State, StepError> {
                (**self).run(state).await
            }

            async fn run_in(
                &self,
                context: &StepContext,
                state: State,
            ) -> Result<State, StepError> {
                (**self).run_in(context, state).await
            }

            async fn resume(
                &self,
                context: &StepContext,
                state: State,
                paused: PausedStep,
            ) -> Result<State, StepError> {
                (**self).resume(context, state, paused).await
            }

            fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
                (**self).can_resume(paused)
            }
        }
    )*};
}

forward_step!(Arc, Box);
