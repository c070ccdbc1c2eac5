//! A pipeline of pipelines of agents: one trace with three levels.
//!
//! Run it with `cargo run --example nested_pipelines`.
//!
//! No parent is named. Calls inside a pipeline are its children, and agents that run one after
//! another are siblings.

use std::{collections::BTreeMap, error::Error, num::ParseIntError};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{Component, Traceable, TracerProvider, traced};

const SALES: &str = "tea,450\ncoffee,520\n\ntea,400\ncake,610\n";

type Sales<'a> = Vec<(&'a str, u32)>;

#[derive(Traceable)]
struct MasterPipeline {
    component: Component,
    data: DataPipeline,
    report: ReportPipeline,
}

impl MasterPipeline {
    #[traced]
    fn execute(&self, text: &str) -> Result<String, ParseIntError> {
        let sales = self.data.execute(text)?;
        Ok(self.report.execute(&sales))
    }
}

#[derive(Traceable)]
struct DataPipeline {
    component: Component,
    cleaner: CleaningAgent,
    parser: ParsingAgent,
}

impl DataPipeline {
    #[traced]
    fn execute<'a>(&self, text: &'a str) -> Result<Sales<'a>, ParseIntError> {
        let lines = self.cleaner.run(text);
        self.parser.run(&lines)
    }
}

#[derive(Traceable)]
struct CleaningAgent {
    component: Component,
}

impl CleaningAgent {
    #[traced(result = |lines, a| a.set("result.lines", lines.len()))]
    fn run<'a>(&self, text: &'a str) -> Vec<&'a str> {
        text.lines().filter(|line| !line.is_empty()).collect()
    }
}

#[derive(Traceable)]
struct ParsingAgent {
    component: Component,
}

impl ParsingAgent {
    #[traced(with(lines = lines.len()))]
    fn run<'a>(&self, lines: &[&'a str]) -> Result<Sales<'a>, ParseIntError> {
        let fields = lines.iter().filter_map(|line| line.split_once(','));
        fields.map(|(item, cents)| Ok((item, cents.parse()?))).collect()
    }
}

#[derive(Traceable)]
struct ReportPipeline {
    component: Component,
    writer: WritingAgent,
}

impl ReportPipeline {
    #[traced]
    fn execute(&self, sales: &Sales<'_>) -> String {
        self.writer.run(sales)
    }
}

#[derive(Traceable)]
struct WritingAgent {
    component: Component,
}

impl WritingAgent {
    #[traced]
    fn run(&self, sales: &Sales<'_>) -> String {
        let mut totals = BTreeMap::new();
        for (item, cents) in sales {
            *totals.entry(item).or_insert(0) += cents;
        }
        let lines: Vec<_> = totals.iter().map(|(item, cents)| format!("{item} {cents}")).collect();
        lines.join(", ")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let master = MasterPipeline {
        component: Component::of::<MasterPipeline>(),
        data: DataPipeline {
            component: Component::of::<DataPipeline>(),
            cleaner: CleaningAgent { component: Component::of::<CleaningAgent>() },
            parser: ParsingAgent { component: Component::of::<ParsingAgent>() },
        },
        report: ReportPipeline {
            component: Component::of::<ReportPipeline>(),
            writer: WritingAgent { component: Component::of::<WritingAgent>() },
        },
    };
    println!("{}", master.execute(SALES)?);
    Ok(())
}
