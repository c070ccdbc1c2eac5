//! What a span costs when there is more of something: our own alone.

use std::{
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Waker},
};

use futures::pending;
use raaf_trace_core::{Attributes, Component, Key, Traceable, TraceableExt as _};

use super::{Entry, Row};
use crate::{
    collector::Collector,
    measure::{self, Burst, Sample, in_bursts},
    tool::{Raaf, Setup, Tool as _},
    workload::{Deep, SPANS_A_TREE, Trees},
};

/// How many spans make a burst, about.
const BURST: usize = 4_096;

/// All rows that show growth.
pub fn growth() -> Vec<Row> {
    vec![
        grows(
            "grow-components",
            "components",
            &[13, 130, 1_300, 13_000, 130_000],
            |size, setup| {
                let trees = size / SPANS_A_TREE as usize;
                measure::bursts::<Raaf>(&Trees { trees, ..Trees::W1 }, setup)
            },
        ),
        grows("grow-traces", "live traces", &[1, 10, 100, 1_000], live_traces),
        grows("grow-depth", "depth", &[1, 10, 100, 1_000], |depth, setup| {
            measure::bursts::<Raaf>(&Deep { depth, traces: BURST / depth }, setup)
        }),
        grows("grow-attributes", "attributes", &[0, 2, 4, 8, 16, 32, 64], attributes),
        grows("grow-threads", "threads", &[1, 2, 4, 8, 16, 32], |threads, setup| {
            measure::threads::<Raaf>(setup, threads)
        }),
    ]
}

fn grows(
    name: &'static str,
    title: &'static str,
    sizes: &[usize],
    measure: impl Fn(usize, &Setup) -> Option<Sample> + 'static,
) -> Row {
    Row::new(name, title, sizes.iter().copied().map(Entry::sized), move |entry| {
        measure(entry.size, &entry.setup(Collector::counting()))
    })
}

/// So many workflows run as futures, by turns, and each makes a span at its turn.
fn live_traces(count: usize, setup: &Setup) -> Option<Sample> {
    let tool = Raaf::start(setup)?;
    let mut workflows: Vec<Pin<Box<dyn Future<Output = ()>>>> = (0..count)
        .map(|_| {
            let agent = Component::agent("Researcher");
            let search = Component::tool("search").with_parent(&agent);
            Box::pin(async move {
                let work = async {
                    loop {
                        search.traced("execute").run(|| black_box(()));
                        pending!();
                    }
                };
                agent.traced("run").run_async(work).await;
            }) as Pin<Box<dyn Future<Output = ()>>>
        })
        .collect();
    let turns = BURST / count;
    let spans = (turns * count) as u64;
    Some(in_bursts(&tool, setup, Burst { spans, operations: spans }, || {
        for _ in 0..turns {
            for workflow in &mut workflows {
                let _ = workflow.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        }
    }))
}

/// A component that says so much about itself.
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
fn attributes(count: usize, setup: &Setup) -> Option<Sample> {
    let tool = Raaf::start(setup)?;
    // Keys are static in programs too; these few are made once.
    let keys = (0..count).map(|number| &*String::leak(format!("step.number_{number}"))).collect();
    let talkative = Talkative { component: Component::agent("Researcher"), keys };
    let spans = BURST as u64;
    Some(in_bursts(&tool, setup, Burst { spans, operations: spans }, || {
        for _ in 0..spans {
            talkative.traced("execute").run(|| black_box(()));
        }
    }))
}
