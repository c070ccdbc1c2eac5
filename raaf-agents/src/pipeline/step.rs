//! What a pipeline is made of.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AgentStep, Contract, State, StepError};
use crate::agent::Agent;

/// A step of a pipeline: it takes the state and returns it, changed.
///
/// Agents, pipelines and [functions](crate::service) are steps. A type of your own is one by this
/// trait; if it is to have a span, it makes that itself. On the left of an operator it is put by
/// [`step`](fn@crate::step).
#[async_trait]
pub trait Step: Send + Sync {
    /// What errors call it.
    fn name(&self) -> &str;

    /// What it needs and gives. Without a word it might give anything.
    fn contract(&self) -> Contract {
        Contract::unknown()
    }

    /// Does its work.
    ///
    /// # Errors
    ///
    /// When the pipeline cannot go on.
    async fn run(&self, state: State) -> Result<State, StepError>;
}

/// Reads `input` and puts its answer under its name; [`Agent::reads`] and [`Agent::writes`] say
/// otherwise.
#[async_trait]
impl Step for Agent {
    fn name(&self) -> &str {
        self.name()
    }

    fn contract(&self) -> Contract {
        AgentStep::new(self.clone()).contract()
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        AgentStep::new(self.clone()).run(state).await
    }
}

macro_rules! step_behind {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<S: Step + ?Sized> Step for $pointer<S> {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn contract(&self) -> Contract {
                (**self).contract()
            }

            async fn run(&self, state: State) -> Result<State, StepError> {
                (**self).run(state).await
            }
        }
    )*};
}

step_behind!(Arc, Box);
