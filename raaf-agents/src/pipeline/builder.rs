//! Builder for [`Pipeline`].

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Traceable};

use super::{
    BuildError, Flow, Keys, Parallel, Pipeline,
    observe::{Observers, Progress},
};

/// Builder for [`Pipeline`]; see [`Pipeline::builder`] and
/// [`FlowExt::named`](crate::FlowExt::named).
#[must_use = "a builder does nothing until `build` is called"]
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

    /// Adds a step or a flow that runs after those before it, like `>>`.
    pub fn then(mut self, next: impl Into<Flow>) -> Self {
        self.flow = self.flow.then(next);
        self
    }

    /// Adds steps that run concurrently, after those before them, like `|`. Convert steps of
    /// different types to [`Flow`] first. To set how results are merged, pass a [`Parallel`] to
    /// [`then`](Self::then).
    pub fn parallel<F: Into<Flow>>(self, branches: impl IntoIterator<Item = F>) -> Self {
        self.then(Parallel::of(branches))
    }

    /// Sets the keys that runs start with. [`build`](Self::build) then fails if a step requires a key
    /// that is neither among them nor provided by an earlier step. Without this, keys that no step
    /// provides are assumed to be in the initial state. Repeated calls add keys.
    pub fn takes(mut self, keys: impl Into<Keys>) -> Self {
        self.takes.get_or_insert_default().extend(keys.into());
        self
    }

    /// Adds a function that observes the progress of runs, for example to print it. It is called in
    /// the task of the run and must not block.
    pub fn on_progress(mut self, observer: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.observers.add(observer);
        self
    }

    /// Binds the pipeline to a parent component. Without an active span, such as in a bare thread,
    /// its spans are children of the parent's active span.
    pub fn parent(mut self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.component = self.component.with_parent(parent);
        self
    }

    /// Builds the pipeline and checks that its steps fit together.
    ///
    /// # Errors
    ///
    /// If a step requires a key that is not there when it runs. With [`takes`](Self::takes), this is a
    /// key that is neither taken nor provided by an earlier step; without, one that is provided only
    /// by a step that runs later or concurrently.
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
    /// assert!(error.to_string().contains("`Writer` requires `plan`, which `Planner` does not provide"));
    /// ```
    pub fn build(self) -> Result<Pipeline, BuildError> {
        let Self { component, flow, takes, observers } = self;
        let contract = flow.node.contract();
        let missing = contract.check(takes.as_ref());
        if !missing.is_empty() {
            return Err(BuildError { pipeline: component.name().to_owned(), missing });
        }
        let inner = Arc::new(super::Inner { flow, contract, observers });
        Ok(Pipeline { component, inner, journal: None })
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("name", &self.component.name())
            .finish_non_exhaustive()
    }
}
