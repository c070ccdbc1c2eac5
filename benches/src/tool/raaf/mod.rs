//! This project: components that are traced by their own methods.

mod deliver;
mod provider;

use std::time::Duration;

use raaf_trace_core::{
    Attributes, Component, Traceable, TraceableExt as _, TracerProvider, current_span,
};

use super::{AsyncTool, Off, Setup, Sink, Tool};
use crate::facts::{Facts, Kind, SPAN, Says, answer, keys, question};

/// How long a flush may take before the benchmark is wrong.
const FLUSH: Duration = Duration::from_secs(30);

/// Traced calls on components, which are bound to their parents.
#[derive(Debug)]
pub struct Raaf {
    /// `None` where nobody has set up anything.
    installed: Option<provider::Installed>,
    sink: Sink,
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

impl Raaf {
    /// Where spans go; `None` where nobody has set up anything.
    pub fn provider(&self) -> Option<&TracerProvider> {
        self.installed.as_ref().map(|(provider, _)| provider)
    }
}

#[inline]
fn traced<R>(node: &Node, says: Says, work: impl FnOnce(&()) -> R) -> R {
    match says {
        Says::Nothing => node.component.traced(SPAN).run(|| work(&())),
        Says::Four => node.traced(SPAN).run(|| work(&())),
        Says::Late => node.component.traced(SPAN).run(|| {
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
            .run(|| work(&())),
    }
}

impl Tool for Raaf {
    type Part = Node;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        let installed = match setup.off {
            Some(Off::Nothing) => None,
            _ => Some(provider::install(setup).ok()?),
        };
        Some(Self { installed, sink: setup.sink })
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

    fn root<R>(&self, part: &Node, says: Says, work: impl FnOnce(&()) -> R) -> R {
        traced(part, says, work)
    }

    fn child<R>(&self, (): &(), part: &Node, says: Says, work: impl FnOnce(&()) -> R) -> R {
        traced(part, says, work)
    }

    fn flush(&self) {
        if let Some(provider) = self.provider() {
            // What was not delivered is missing in the collector's count, which every row shows.
            let _ = provider.force_flush(FLUSH);
        }
    }

    fn delivered_elsewhere(&self) -> Option<u64> {
        let provider = self.provider()?;
        matches!(self.sink, Sink::Console | Sink::File | Sink::Prometheus).then(|| {
            let stats = provider.stats();
            stats.processors.iter().map(|processor| processor.delivered).sum()
        })
    }

    fn given_up(&self) -> u64 {
        let stats = self.provider().map(TracerProvider::stats);
        stats.map_or(0, |stats| stats.processors.iter().map(|processor| processor.dropped).sum())
    }
}

impl AsyncTool for Raaf {
    fn root_async<F>(
        &self,
        part: &'static Node,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        part.traced(SPAN).run_async(work)
    }

    fn child_async<F>(
        &self,
        part: &'static Node,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // Its bound parent is the span's parent, also in another thread.
        part.traced(SPAN).run_async(work)
    }
}
