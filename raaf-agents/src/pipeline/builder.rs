//! Putting a pipeline together.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Traceable};

use super::{
    BuildError, Flow, Keys, Parallel, Pipeline,
    observe::{Observers, Progress},
};

/// A [`Pipeline`] in preparation; see [`Pipeline::builder`].
#[must_use = "a pipeline in preparation does nothing until it is built"]
pub struct PipelineBuilder {
    component: Component,
    flow: Flow,
    takes: Option<Keys>,
    observers: Observers,
}

impl PipelineBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            component: Component::pipeline(name),
            flow: Flow::empty(),
            takes: None,
            observers: Observers::default(),
        }
    }

    /// Adds a step, or a flow of them, that runs after those before it: what `>>` does.
    pub fn then(mut self, next: impl Into<Flow>) -> Self {
        self.flow = self.flow.then(next);
        self
    }

    /// Adds steps that run side by side, after those before them: what `|` does. For steps of
    /// different types, make each a [`Flow`]. To say how their results are put together, give
    /// [`then`](Self::then) a [`Parallel`].
    pub fn parallel<F: Into<Flow>>(self, branches: impl IntoIterator<Item = F>) -> Self {
        self.then(Parallel::of(branches))
    }

    /// The keys that a run begins with. With this word, all that a step needs has to be among
    /// them, or to be given by a step before it; without it, what nobody gives may be there.
    pub fn takes(mut self, keys: impl Into<Keys>) -> Self {
        self.takes = Some(keys.into());
        self
    }

    /// Is told what happens in a run, as it happens: for a terminal, or for hooks around all steps.
    /// It is called in the run's own task, and must not block.
    pub fn on_progress(mut self, observer: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.observers.add(observer);
        self
    }

    /// Binds it to a parent: where no context says otherwise, for example in a bare thread, its
    /// spans hang under the parent's active span.
    pub fn parent(mut self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.component = self.component.with_parent(parent);
        self
    }

    /// The pipeline, if its steps fit together.
    ///
    /// # Errors
    ///
    /// When a step needs what is not there: with [`takes`](Self::takes), a key that a run does not
    /// begin with and no step before it gives; without, one that only another step gives which does
    /// not run before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{Agent, FlowExt as _, ScriptedModel};
    ///
    /// let agent = |name| Agent::builder(name, ScriptedModel::new("scripted", ["…"])).build();
    /// let planner = agent("Planner").reads("wish").writes("plan");
    /// let writer = agent("Writer").reads("plan").writes("report");
    ///
    /// let error = (writer >> planner).named("Report").takes("wish").build().unwrap_err();
    /// assert!(error.to_string().contains("`Writer` needs `plan`, which `Planner` does not give"));
    /// ```
    pub fn build(self) -> Result<Pipeline, BuildError> {
        let Self { component, flow, takes, observers } = self;
        let contract = flow.node.contract();
        let missing = contract.check(takes.as_ref());
        if !missing.is_empty() {
            return Err(BuildError { pipeline: component.name().to_owned(), missing });
        }
        Ok(Pipeline { component, inner: Arc::new(super::Inner { flow, contract, observers }) })
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("name", &self.component.name())
            .finish_non_exhaustive()
    }
}
