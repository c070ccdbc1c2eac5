//! Agents that run at the same time are siblings under their pipeline, however they run.
//!
//! Run it with `cargo run --example parallel_agents`.
//!
//! There are two ways. An agent that is bound to its pipeline finds it from anywhere, such as a
//! bare thread. Or the context is handed over by one word: `spawn_traced`, `in_current_context`.

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

#[derive(Traceable)]
struct ReviewPipeline {
    component: Component,
    measures: [(&'static str, Measure); 3],
}

type Measure = fn(&str) -> usize;

#[derive(Traceable)]
struct Reviewer {
    component: Component,
    measure: Measure,
}

impl Reviewer {
    fn under(self, pipeline: &ReviewPipeline) -> Self {
        Self { component: self.component.with_parent(pipeline), ..self }
    }

    #[traced(with("text.bytes" = text.len()))]
    fn run(&self, text: &str) -> usize {
        (self.measure)(text)
    }
}

impl ReviewPipeline {
    fn new() -> Self {
        let measures: [(_, Measure); 3] = [
            ("WordCounter", |text| text.split_whitespace().count()),
            ("SentenceCounter", |text| text.matches('.').count()),
            ("WordMeter", |text| {
                text.split(|c: char| !c.is_alphabetic()).map(str::len).max().unwrap_or(0)
            }),
        ];
        Self { component: Component::of::<Self>(), measures }
    }

    fn reviewers(&self) -> impl Iterator<Item = Reviewer> {
        let agent = |&(name, measure)| Reviewer { component: Component::agent(name), measure };
        self.measures.iter().map(agent)
    }

    #[traced]
    fn in_threads(&self) -> Vec<usize> {
        let bound = self.reviewers().map(|agent| agent.under(self));
        let running: Vec<_> = bound.map(|agent| thread::spawn(move || agent.run(TEXT))).collect();
        running.into_iter().map(|agent| agent.join().expect("no measure panics")).collect()
    }

    #[traced]
    async fn in_tasks(&self) -> Result<Vec<usize>, tokio::task::JoinError> {
        let running: Vec<_> =
            self.reviewers().map(|agent| spawn_traced(async move { agent.run(TEXT) })).collect();
        let mut results = Vec::new();
        for agent in running {
            results.push(agent.await?);
        }
        Ok(results)
    }

    #[traced]
    async fn in_join_set(&self) -> Vec<usize> {
        let mut running = JoinSet::new();
        for agent in self.reviewers() {
            running.spawn_traced(async move { agent.run(TEXT) });
        }
        let mut results = running.join_all().await;
        results.sort_unstable(); // they come in the order in which they finish
        results
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().processor(ConsoleSink::new()).init()?;

    let pipeline = ReviewPipeline::new();
    println!("threads:  {:?}", pipeline.in_threads());
    println!("tasks:    {:?}", pipeline.in_tasks().await?);
    println!("join set: {:?}", pipeline.in_join_set().await);
    Ok(())
}
