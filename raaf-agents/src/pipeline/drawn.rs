//! Diagrams of pipelines.

use super::{Pipeline, Step};
use crate::diagram::{Diagram, Drawing};

impl Pipeline {
    /// Returns a diagram of the pipeline: its steps in their order, with the agents and tools that they
    /// run, and their conditions, retries and merge strategies.
    ///
    /// ```
    /// use raaf_agents::{Agent, FlowExt as _, Merge, ScriptedModel, State, service};
    ///
    /// let search = |name| service(name, |state: State| async move { Ok(state) });
    /// let writer = Agent::builder("Writer", ScriptedModel::new("scripted", ["…"])).build();
    /// let pipeline = ((search("web").retry(2) | search("archive")).merge(Merge::Append)
    ///     >> writer.reads("found").writes("report").run_if("something was found", |_| true))
    /// .named("Research")
    /// .build()?;
    ///
    /// let expected = "\
    /// Pipeline: Research
    /// ├── in parallel  (merge: append)
    /// │   ├── Step: web  (up to 2 retries)
    /// │   └── Step: archive
    /// └── if something was found
    ///     └── Agent: Writer  (model scripted, reads found, writes report)
    /// ";
    /// assert_eq!(pipeline.diagram().to_string(), expected);
    /// # Ok::<(), raaf_agents::BuildError>(())
    /// ```
    pub fn diagram(&self) -> Diagram {
        Drawing::diagram(|drawing| drawing.pipeline(self))
    }
}

impl Drawing {
    /// Draws a pipeline as a group of its steps.
    pub fn pipeline(&mut self, pipeline: &Pipeline) {
        self.group(format!("Pipeline: {}", pipeline.name()), |inside| {
            pipeline.inner.flow.node.draw(inside);
        });
    }
}

/// Draws a step, with the keys that it reads and writes.
pub(super) fn step(step: &dyn Step, drawing: &mut Drawing) {
    drawing.apart(|drawing| {
        let part = drawing.inside(None, |inside| step.draw(inside));
        let notes = if part.is_node() { step.contract().notes() } else { Vec::new() };
        let part = notes.into_iter().fold(part, |part, note| drawing.noted(part, note));
        drawing.push(part);
    });
}
