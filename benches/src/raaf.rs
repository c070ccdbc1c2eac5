//! This project: components that are traced by their own methods.

mod deliver;
mod provider;

use std::time::Duration;

use raaf_trace_core::{Attributes, Component, Traceable, TracerProvider, current_span};

use tempfile::NamedTempFile;

use crate::{
    facts::{Facts, Kind, SPAN, Says, answer, keys, question},
    tool::{AsyncTool, Setup, Task, Tool},
};

/// Longest duration of a flush; a longer one makes the benchmark fail.
const FLUSH: Duration = Duration::from_secs(30);

/// Traced calls on components, which are bound to their parents.
#[derive(Debug)]
pub struct Raaf {
    provider: TracerProvider,
    file: Option<NamedTempFile>,
}

/// A component as a user would write one: it adds two attributes of its own.
#[derive(Debug)]
pub struct Node {
    component: Component,
    facts: Facts,
}

impl Traceable for Node {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set(keys::NUMBER, self.facts.number());
        attributes.set(keys::EXACT, self.facts.exact());
    }
}

#[inline]
fn traced<R>(node: &Node, says: Says, work: impl FnOnce(&()) -> R) -> R {
    match says {
        Says::Nothing => node.component.in_span(SPAN, || work(&())),
        Says::Four => node.in_span(SPAN, || work(&())),
        Says::Late => node.component.in_span(SPAN, || {
            if let Some(span) = current_span() {
                span.set_attribute(keys::NUMBER, node.facts.number());
                span.set_attribute(keys::EXACT, node.facts.exact());
            }
            work(&())
        }),
        Says::Strings => node
            .component
            .traced(SPAN)
            .with(keys::QUESTION, question().to_owned())
            .with(keys::ANSWER, answer().to_owned())
            .in_span(|| work(&())),
    }
}

impl Tool for Raaf {
    const NAME: &'static str = "raaf";

    type Part = Node;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        let (provider, file) = provider::install(setup).ok()?;
        Some(Self { provider, file })
    }

    fn part(&self, facts: Facts, parent: Option<&Node>) -> Node {
        let component = match facts.kind() {
            Kind::Pipeline => Component::pipeline(facts.name()),
            Kind::Agent => Component::agent(facts.name()),
            Kind::Tool => Component::tool(facts.name()),
        };
        let component = match parent {
            Some(parent) => component.with_parent(parent),
            None => component,
        };
        Node { component, facts }
    }

    #[inline]
    fn span<R>(&self, _: Option<&()>, part: &Node, says: Says, work: impl FnOnce(&()) -> R) -> R {
        traced(part, says, work)
    }

    fn flush(&self) {
        // What was not delivered is missing in the count, which every row shows.
        let _ = self.provider.force_flush(FLUSH);
    }

    fn delivered_to_file(&self) -> Option<u64> {
        self.file.as_ref()?;
        Some(self.provider.stats().processors.iter().map(|sink| sink.delivered).sum())
    }
}

impl AsyncTool for Raaf {
    fn task<F: Task>(
        &self,
        _: bool,
        part: &'static Node,
        work: F,
    ) -> impl Task<Output = F::Output> {
        // A child's bound parent is the span's parent, also in another thread.
        part.in_span(SPAN, work)
    }
}
