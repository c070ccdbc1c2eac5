//! Cost of a span as one dimension of the work grows.

use std::{
    future::pending,
    hint::black_box,
    pin::Pin,
    process::ExitCode,
    task::{self, Waker},
};

use raaf_benches::{
    compare::{self, Ratio, Row},
    facts::{Facts, Kind, Says},
    measure::{self, Sample, in_bursts},
    raaf::{Node, Raaf},
    tool::{Part as _, Setup, Tool as _},
    workload::SPANS_A_TREE,
};
use raaf_trace_core::{Attributes, Component, Context, Key, Traceable};

/// Spans of a burst, about.
const BURST: usize = 4_096;

fn main() -> ExitCode {
    let rows = [
        grows("components", &[13, 130, 1_300, 13_000, 130_000], |size| {
            let trees = size / SPANS_A_TREE as usize;
            measure::trees::<Raaf>(&Setup::ample(), Says::Four, trees, 400)
        }),
        grows("live traces", &[1, 10, 100, 1_000], live_traces),
        grows("active spans", &[1, 10, 100, 1_000, 10_000], active_spans),
        grows("depth", &[1, 10, 100, 1_000], depth),
        grows("attributes", &[0, 2, 4, 8, 16, 32, 64], attributes),
        grows("threads", &[1, 2, 4, 8, 16, 32], measure::threads::<Raaf>),
    ];
    compare::main(&rows, Ratio::ItByFirst)
}

fn grows(name: &'static str, sizes: &[usize], measure: fn(usize) -> Option<Sample>) -> Row {
    let row = Row::new(name, name);
    sizes.iter().fold(row, |row, &size| row.entry(&size.to_string(), move || measure(size)))
}

/// So many workflows run as futures, by turns, and each makes a span at its turn.
fn live_traces(count: usize) -> Option<Sample> {
    let setup = Setup::ample();
    let tool = Raaf::start(&setup)?;
    let mut workflows: Vec<Pin<Box<dyn Future<Output = ()>>>> = (0..count)
        .map(|_| {
            let agent = Component::agent("Researcher");
            let search = Component::tool("search").with_parent(&agent);
            Box::pin(async move {
                let work = async {
                    loop {
                        search.in_span("execute", || black_box(()));
                        futures::pending!();
                    }
                };
                agent.in_span("run", work).await;
            }) as Pin<Box<dyn Future<Output = ()>>>
        })
        .collect();
    let turns = BURST / count;
    Some(in_bursts(&tool, &setup, (turns * count) as u64, || {
        for _ in 0..turns {
            for workflow in &mut workflows {
                let _ = workflow.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
            }
        }
    }))
}

/// A component with so many active spans, one of which is the parent of work without a context.
fn active_spans(count: usize) -> Option<Sample> {
    let setup = Setup::ample();
    let tool = Raaf::start(&setup)?;
    let agent = Component::agent("Researcher");
    let search = Component::tool("search").with_parent(&agent);
    let context = Component::runner("Runner").in_span("run", Context::current);
    let _active: Vec<_> = (0..count)
        .map(|_| {
            let mut span = Box::pin(agent.in_span("run", pending::<()>()));
            context.clone().run(|| {
                let _ = span.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
            });
            span
        })
        .collect();
    Some(in_bursts(&tool, &setup, BURST as u64, || {
        for _ in 0..BURST {
            search.in_span("execute", || black_box(()));
        }
    }))
}

/// Traces of so many spans, each the parent of the next.
fn depth(depth: usize) -> Option<Sample> {
    fn dive(tool: &Raaf, parent: Option<&()>, chain: &[Node]) {
        if let Some((node, rest)) = chain.split_first() {
            tool.span(parent, node, Says::Four, |span| dive(tool, Some(span), rest));
        }
    }
    let setup = Setup::ample();
    let tool = Raaf::start(&setup)?;
    let mut chain: Vec<Node> = Vec::new();
    for number in 0..depth {
        let facts = match number {
            0 => Facts::new(Kind::Pipeline, "ReportPipeline", number),
            _ => Facts::new(Kind::Agent, "Researcher", number),
        };
        chain.push(Node::new(facts, chain.last()));
    }
    let traces = BURST / depth;
    Some(in_bursts(&tool, &setup, (traces * depth) as u64, || {
        (0..traces).for_each(|_| dive(&tool, None, &chain));
    }))
}

/// A component with so many attributes.
struct Talkative {
    component: Component,
    keys: Vec<&'static str>,
}

impl Traceable for Talkative {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        for (number, key) in self.keys.iter().enumerate() {
            attributes.set(Key::from_static(key), black_box(number));
        }
    }
}

/// Spans with so many integers each.
fn attributes(count: usize) -> Option<Sample> {
    let setup = Setup::ample();
    let tool = Raaf::start(&setup)?;
    // Keys are static in programs too; these few are made once.
    let keys = (0..count).map(|number| &*String::leak(format!("step.number_{number}"))).collect();
    let talkative = Talkative { component: Component::agent("Researcher"), keys };
    Some(in_bursts(&tool, &setup, BURST as u64, || {
        for _ in 0..BURST {
            talkative.in_span("execute", || black_box(()));
        }
    }))
}
