//! Putting a pipeline together.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Traceable};

use super::{Pipeline, Step, parallel::Stage};

/// A [`Pipeline`] in preparation; see [`Pipeline::builder`].
#[must_use = "a pipeline in preparation does nothing until it is built"]
pub struct PipelineBuilder {
    component: Component,
    stages: Vec<Stage>,
}

impl PipelineBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self { component: Component::pipeline(name), stages: Vec::new() }
    }

    /// Adds a step that runs after those before it.
    pub fn then(mut self, step: impl Step + 'static) -> Self {
        self.stages.push(Stage::new([step]));
        self
    }

    /// Adds steps that run side by side, after those before them. For steps of different types,
    /// box them: `Box<dyn Step>` is a step.
    pub fn parallel<S: Step + 'static>(mut self, steps: impl IntoIterator<Item = S>) -> Self {
        self.stages.push(Stage::new(steps));
        self
    }

    /// Binds it to a parent: where no context says otherwise, for example in a bare thread, its
    /// spans hang under the parent's active span.
    pub fn parent(mut self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.component = self.component.with_parent(parent);
        self
    }

    /// The pipeline.
    pub fn build(self) -> Pipeline {
        Pipeline { component: self.component, stages: Arc::from(self.stages) }
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("name", &self.component.name())
            .finish_non_exhaustive()
    }
}
