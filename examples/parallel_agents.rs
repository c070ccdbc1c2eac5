//! Agents that run in parallel, in threads or tasks, are siblings under their pipeline.
//!
//! Run it with `cargo run --example parallel_agents`.
//!
//! There are two ways. An agent that is bound to its pipeline finds its parent from any thread. Or
//! the context is handed over with `spawn_traced` or `in_current_context`.

use std::{error::Error, thread};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{
    Component, Traceable, TracerProvider,
    task::{JoinSetExt as _, spawn_traced},
    traced,
};
use tokio::task::JoinSet;

const TEXT: &str = "Tracing tells what happened. It tells when, where and under whom. \
                    What nobody traced, nobody can explain.";

type Measure = fn(&str) -> usize;

#[derive(Traceable)]
struct Reviewer {
    component: Component,
    measure: Measure,
}

impl Reviewer {
    fn new(name: &str, measure: Measure) -> Self {
        Self { component: Component::agent(name), measure }
    }

    /// Binds the agent to its pipeline.
    fn under(self, pipeline: &ReviewPipeline) -> Self {
        Self { component: self.component.with_parent(pipeline), ..self }
    }

    #[traced(with("text.bytes" = text.len()))]
    fn run(&self, text: &str) -> usize {
        (self.measure)(text)
    }
}

fn reviewers() -> [Reviewer; 3] {
    [
        Reviewer::new("WordCounter", |text| text.split_whitespace().count()),
        Reviewer::new("SentenceCounter", |text| text.matches('.').count()),
        Reviewer::new("WordMeter", |text| {
            text.split([' ', ',', '.']).map(str::len).max().unwrap_or(0)
        }),
    ]
}

#[derive(Traceable)]
struct ReviewPipeline {
    component: Component,
}

impl ReviewPipeline {
    #[traced]
    fn in_threads(&self) -> Vec<usize> {
        let bound = reviewers().map(|agent| agent.under(self));
        let running = bound.map(|agent| thread::spawn(move || agent.run(TEXT)));
        running.map(|agent| agent.join().expect("no measure panics")).to_vec()
    }

    #[traced]
    async fn in_tasks(&self) -> Result<Vec<usize>, tokio::task::JoinError> {
        let running = reviewers().map(|agent| spawn_traced(async move { agent.run(TEXT) }));
        let mut results = Vec::new();
        for agent in running {
            results.push(agent.await?);
        }
        Ok(results)
    }

    #[traced]
    async fn in_join_set(&self) -> Vec<usize> {
        let mut running = JoinSet::new();
        for agent in reviewers() {
            running.spawn_traced(async move { agent.run(TEXT) });
        }
        let mut results = running.join_all().await;
        results.sort_unstable(); // they come in the order in which they finish
        results
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let pipeline = ReviewPipeline { component: Component::of::<ReviewPipeline>() };
    println!("threads:  {:?}", pipeline.in_threads());
    println!("tasks:    {:?}", pipeline.in_tasks().await?);
    println!("join set: {:?}", pipeline.in_join_set().await);
    Ok(())
}
