//! Manual spans inside traced components, and the reverse: one trace.
//!
//! Run it with `cargo run --example manual_spans`.
//!
//! A code base can migrate step by step. The importer uses manual spans and calls an agent with
//! components; the pipeline has a component and calls old code. At the end is the importer after
//! its migration.

use std::{collections::HashMap, error::Error, num::ParseIntError};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{Component, Status, Traceable, TracerProvider, current_span, traced, tracer};

const STOCK: &str = "tea=12\ncake=3";

/// Old style: a span is started, told things, and finished.
fn import(text: &str) -> Result<HashMap<&str, u32>, ParseIntError> {
    let span = tracer().start_span("legacy.import");
    span.set_attribute("import.bytes", text.len());

    let agent = ParsingAgent { component: Component::of::<ParsingAgent>() };
    let stock = span.try_in_span(|| agent.run(text));
    if let Ok(stock) = &stock {
        span.set_attribute("import.items", stock.len());
        span.set_status(Status::Ok);
    }
    span.finish();
    stock
}

/// Old style too: the typed forms open and close the span around a closure.
fn most_of(stock: &HashMap<&str, u32>) -> String {
    tracer().agent_span("StockTaker").with("agent.strategy", "most").in_span(|| {
        let most = tracer()
            .tool_span("compare")
            .in_span(|| stock.iter().max_by_key(|&(item, count)| (count, item)));
        if let Some(agent) = current_span() {
            agent.set_attribute("result.found", most.is_some());
        }
        most.map_or_else(|| "nothing".to_owned(), |(item, count)| format!("{count} of {item}"))
    })
}

/// New style: the same as a component.
#[derive(Traceable)]
struct ParsingAgent {
    component: Component,
}

impl ParsingAgent {
    #[traced]
    fn run<'a>(&self, text: &'a str) -> Result<HashMap<&'a str, u32>, ParseIntError> {
        let fields = text.lines().filter_map(|line| line.split_once('='));
        fields.map(|(item, count)| Ok((item, count.parse()?))).collect()
    }
}

#[derive(Traceable)]
struct StockPipeline {
    component: Component,
}

impl StockPipeline {
    #[traced]
    fn execute(&self, text: &str) -> Result<String, ParseIntError> {
        let stock = import(text)?;
        Ok(most_of(&stock))
    }
}

/// Traces the import in a closure, which leaves only the work.
#[derive(Traceable)]
struct Importer {
    component: Component,
    parser: ParsingAgent,
}

impl Importer {
    #[traced(
        with("import.bytes" = text.len()),
        result = |stock, attributes| attributes.set("import.items", stock.len())
    )]
    fn run<'a>(&self, text: &'a str) -> Result<HashMap<&'a str, u32>, ParseIntError> {
        self.parser.run(text)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let pipeline = StockPipeline { component: Component::of::<StockPipeline>() };
    println!("most: {}", pipeline.execute(STOCK)?);

    if let Err(error) = import("tea=many") {
        println!("the old importer failed: {error}");
    }

    let parser = ParsingAgent { component: Component::of::<ParsingAgent>() };
    let importer = Importer { component: Component::of::<Importer>(), parser };
    println!("the new importer found {} items", importer.run(STOCK)?.len());
    Ok(())
}
