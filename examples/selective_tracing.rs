//! Choosing what is traced: levels of detail, single calls, or a custom rule.
//!
//! Run it with `cargo run --example selective_tracing`.
//!
//! The code is the same at each level: the component decides whether a call gets a span. The work
//! runs in every case, and spans inside an untraced call attach to the enclosing span.

use std::error::Error;

use raaf_processors::ConsoleSink;
use raaf_trace_core::{
    Component, MemoryExporter, Traceable, TracerProvider, call::CallInfo, sink::SimpleProcessor,
    traced,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    None,
    Basic,
    Detailed,
}

#[derive(Traceable)]
#[trace(should_create = Self::wants_span)]
struct KeywordAgent {
    component: Component,
    level: Level,
}

impl KeywordAgent {
    fn new(level: Level) -> Self {
        Self { component: Component::of::<Self>(), level }
    }

    /// Asked before each span. Where the level has no objection, what the call asked for holds.
    fn wants_span(&self, call: &CallInfo<'_>) -> bool {
        match self.level {
            Level::None => false,
            Level::Basic => call.method() == "run" && call.default_decision(),
            Level::Detailed => call.default_decision(),
        }
    }

    /// A text without words is not worth a span.
    #[traced(with("message.bytes" = message.len()), skip_if = message.trim().is_empty())]
    fn run(&self, message: &str) -> Option<String> {
        let words = self.preprocess(message);
        let keyword = self.process(&words)?;
        Some(self.postprocess(keyword))
    }

    #[traced]
    fn preprocess<'a>(&self, message: &'a str) -> Vec<&'a str> {
        message.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
    }

    #[traced]
    fn process<'a>(&self, words: &[&'a str]) -> Option<&'a str> {
        words.iter().copied().max_by_key(|word| word.len())
    }

    #[traced]
    fn postprocess(&self, keyword: &str) -> String {
        keyword.to_lowercase()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let memory = MemoryExporter::new();
    let _tracing = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .with(ConsoleSink::new())
        .init()?;

    for level in [Level::None, Level::Basic, Level::Detailed] {
        let keyword = KeywordAgent::new(level).run("Coherent tracing, made easy");
        println!("{level:?}: {} spans, {keyword:?}", memory.take().len());
    }

    let keyword = KeywordAgent::new(Level::Basic).run("  ");
    println!("no keyword: {} spans, {keyword:?}", memory.take().len());
    Ok(())
}
