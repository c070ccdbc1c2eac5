//! This project: components that are traced by their own methods.

use std::time::Duration;

use raaf_processors::FileSink;
use raaf_trace_core::{
    Attributes, Component, FinishedSpan, Sampler, SpanExporter, SpanId, Traceable, TracerProvider,
    attributes::ValueRef,
    provider::set_global_provider,
    set_attribute,
    sink::{BatchConfig, BatchProcessor, ExportError, Overflow},
};
use tempfile::NamedTempFile;

use crate::{
    collector::{Collector, Finished},
    facts::{Facts, Kind, SPAN, Says, answer, keys, question},
    tool::{AsyncTool, Off, Part, Setup, Task, Tool},
};

/// Longest duration of a flush; a longer one makes the benchmark fail.
const FLUSH: Duration = Duration::from_secs(30);

/// Traced calls on components, which are bound to their parents.
#[derive(Debug)]
pub struct Raaf {
    provider: TracerProvider,
    /// The file that the sink writes to, if it does; removed when this is dropped.
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

impl Part for Node {
    fn new(facts: Facts, parent: Option<&Self>) -> Self {
        let component = match facts.kind() {
            Kind::Pipeline => Component::pipeline(facts.name()),
            Kind::Agent => Component::agent(facts.name()),
            Kind::Tool => Component::tool(facts.name()),
        };
        let component = match parent {
            Some(parent) => component.with_parent(parent),
            None => component,
        };
        Self { component, facts }
    }
}

impl Tool for Raaf {
    const NAME: &'static str = "raaf";

    type Part = Node;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        Self::with(setup, Parts::OfComponent)
    }

    #[inline]
    fn span(&self, _: Option<&()>, node: &Node, says: Says, work: impl FnOnce(&())) {
        match says {
            Says::Nothing => node.component.in_span(SPAN, || work(&())),
            Says::Four => node.in_span(SPAN, || work(&())),
            Says::Late => node.component.in_span(SPAN, || {
                set_attribute(keys::NUMBER, node.facts.number());
                set_attribute(keys::EXACT, node.facts.exact());
                work(&());
            }),
            Says::Strings => node
                .component
                .traced(SPAN)
                .with(keys::QUESTION, question().to_owned())
                .with(keys::ANSWER, answer().to_owned())
                .in_span(|| work(&())),
        }
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

impl Raaf {
    /// Sets the provider of this process up; see [`Tool::start`].
    ///
    /// # Errors
    ///
    /// `None` if a file cannot be made.
    pub fn with(setup: &Setup, parts: Parts) -> Option<Self> {
        let mut file = None;
        let mut builder = TracerProvider::builder();
        if setup.off == Some(Off::Unsampled) {
            builder = builder.sampler(Sampler::ratio(0.0));
        }
        let builder = if setup.own_file {
            builder.with(FileSink::new(file.insert(NamedTempFile::new().ok()?).path()))
        } else {
            let mut config = BatchConfig::default();
            if let Some(spans) = setup.room {
                config = config.with_max_spans(spans);
            }
            // Producers help under default limits, as with the project's sinks of one machine.
            let overflow = if setup.room.is_none() { Overflow::Wait } else { Overflow::Drop };
            let deliver = Deliver { collector: setup.collector.clone(), overflow, parts };
            builder.with(BatchProcessor::with_config(deliver, config))
        };
        let provider = builder.build();
        if setup.off == Some(Off::Switch) {
            provider.disable();
        }
        set_global_provider(provider.clone());
        Some(Self { provider, file })
    }
}

/// Source of the attributes `part.type` and `part.name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The span's component.
    OfComponent,
    /// The program, which sets them itself.
    OfProgram,
}

impl AsyncTool for Raaf {
    fn task(&self, _: bool, part: &'static Node, work: impl Task) -> impl Task {
        // A child's bound parent is the span's parent, also in another thread.
        part.in_span(SPAN, work)
    }
}

/// An exporter that hands spans to the collector.
#[derive(Debug)]
struct Deliver {
    collector: Collector,
    overflow: Overflow,
    parts: Parts,
}

impl SpanExporter for Deliver {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.collector.take(batch.iter().map(|span| {
            // The attributes that other tools have, too: the component's two, and those that were
            // set. No other tool has those that follow from the outcome.
            let component =
                [(keys::TYPE, span.kind().as_str()), (keys::NAME, span.component_name())]
                    .map(|(key, value)| (key, ValueRef::Str(value)));
            let component = component.into_iter().filter(|_| self.parts == Parts::OfComponent);
            Finished {
                trace: span.trace_id().to_u128(),
                span: span.span_id().to_u64(),
                parent: span.parent_id().map_or(0, SpanId::to_u64),
                name: span.name(),
                start: span.start_time(),
                duration: span.duration(),
                attributes: component.chain(span.attributes().stored().iter()),
            }
        }));
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        self.overflow
    }
}
