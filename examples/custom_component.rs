//! A component of a custom kind, with attributes at the start and from the result.
//!
//! Run it with `cargo run --example custom_component`.
//!
//! Three lines make the type traceable: the derive, the `component` field, and `#[traced]` on the
//! method. Fields marked `#[trace("key")]` are attributes from the start, and `result = …` adds
//! attributes from the method's result.

use std::{error::Error, thread};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{Component, Traceable, TracerProvider, traced};

#[derive(Traceable)]
struct OrderProcessor {
    component: Component,
    #[trace("processor.type")]
    format: &'static str,
    #[trace("processor.batch_size")]
    batch_size: usize,
    #[trace("processor.parallel")]
    parallel: bool,
}

impl OrderProcessor {
    fn new(batch_size: usize, parallel: bool) -> Self {
        let component = Component::of::<Self>().with_kind("processor");
        Self { component, format: "csv", batch_size, parallel }
    }

    /// The amounts of all orders that can be read.
    #[traced(
        with("input.lines" = lines.len()),
        result = |amounts, attributes| attributes
            .set("result.items_processed", amounts.len())
            .set("result.total", amounts.iter().sum::<u64>())
    )]
    fn process(&self, lines: &[&str]) -> Vec<u64> {
        let batches = lines.chunks(self.batch_size);
        if !self.parallel {
            return batches.flat_map(amounts).collect();
        }
        thread::scope(|scope| {
            let running: Vec<_> = batches.map(|batch| scope.spawn(|| amounts(batch))).collect();
            running
                .into_iter()
                .flat_map(|batch| batch.join().expect("reading never panics"))
                .collect()
        })
    }
}

/// Reads lines such as `2026-03-01,tea,450`.
fn amounts(batch: &[&str]) -> Vec<u64> {
    batch.iter().filter_map(|line| line.rsplit(',').next()?.parse().ok()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let _tracing =
        TracerProvider::builder().with(ConsoleSink::builder().detailed(true).build()).init()?;

    let orders = [
        "2026-03-01,tea,450",
        "2026-03-01,coffee,520",
        "2026-03-02,cake,one slice",
        "2026-03-02,tea,450",
        "2026-03-03,juice,380",
    ];
    for processor in [OrderProcessor::new(2, false), OrderProcessor::new(3, true)] {
        println!("{:?}", processor.process(&orders));
    }
    Ok(())
}
