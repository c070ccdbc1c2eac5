//! Failures in the tree while the process continues: an error with its sources, a panic, and
//! cancelled work.
//!
//! Run it with `cargo run --example error_handling`.
//!
//! The only tracing code is `#[traced]`. Errors are returned unchanged, panics continue to unwind,
//! and a dropped future ends its span as cancelled.

use std::{error::Error, future, num::ParseIntError, panic, time::Duration};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{
    Component, MemoryExporter, Traceable, TracerProvider, sink::SimpleProcessor, trace, traced,
};
use tokio::time::timeout;

#[derive(Debug, thiserror::Error)]
#[error("no price for `{item}`")]
struct PriceError {
    item: &'static str,
    #[source]
    cause: ParseIntError,
}

#[derive(Traceable)]
struct PriceAgent {
    component: Component,
    list: ListTool,
}

impl PriceAgent {
    fn new() -> Self {
        let list = ListTool { component: Component::of::<ListTool>() };
        Self { component: Component::of::<Self>(), list }
    }

    /// Fails where the tool does; what the tool found is the cause.
    #[traced(with(item))]
    fn price(&self, item: &'static str) -> Result<u32, PriceError> {
        self.list.look_up(item).map_err(|cause| PriceError { item, cause })
    }

    /// Tries one item after another: the first one's failure is not this call's.
    #[traced]
    fn any_price(&self, items: &[&'static str]) -> Option<u32> {
        items.iter().find_map(|item| self.price(item).ok())
    }

    /// Has a bug: there may be no orders.
    #[traced(with(orders = orders.len()))]
    fn average(&self, orders: &[usize]) -> usize {
        orders.iter().sum::<usize>() / orders.len()
    }

    #[traced]
    async fn ask_supplier(&self) -> u32 {
        self.list.wait_for_update().await
    }

    #[traced]
    async fn ask_stock(&self) -> u32 {
        390
    }
}

#[derive(Traceable)]
struct ListTool {
    component: Component,
}

impl ListTool {
    #[traced(with(item))]
    fn look_up(&self, item: &str) -> Result<u32, ParseIntError> {
        let price = if item == "tea" { "450" } else { "n/a" };
        price.parse()
    }

    /// An update that never comes.
    #[traced]
    async fn wait_for_update(&self) -> u32 {
        future::pending().await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let memory = MemoryExporter::new();
    let _tracing = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .with(ConsoleSink::new())
        .init()?;

    trace("price check").in_span(check(&PriceAgent::new())).await;

    if let Some(error) = memory.spans().iter().find_map(|span| span.error()?.sources().cloned()) {
        println!("the first cause that a span names: {error}");
    }
    Ok(())
}

async fn check(agent: &PriceAgent) {
    println!("failed: {:?}", agent.price("cake").err());
    println!("recovered: {:?}", agent.any_price(&["cake", "tea"]));

    let average = panic::catch_unwind(|| agent.average(&[]));
    println!("panicked: {}", average.is_err());

    let answer = timeout(Duration::from_millis(10), agent.ask_supplier()).await;
    println!("timed out: {}", answer.is_err());

    let first = tokio::select! {
        biased; // the supplier is asked first, and is still waiting when the stock answers
        price = agent.ask_supplier() => price,
        price = agent.ask_stock() => price,
    };
    println!("first answer: {first}");
}
