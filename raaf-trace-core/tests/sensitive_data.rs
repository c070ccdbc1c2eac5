//! One switch leaves out what users, models and tools wrote.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::panic::{AssertUnwindSafe, catch_unwind};

use doubles::span_of;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Status, Traceable, TracerProvider,
    attributes::SpanLimits, environment::Environment, keys, sink::SimpleProcessor, traced, tracer,
};

/// Stands in every text that a user, a model or a tool wrote.
const CONTENT: &str = "what the patient said";

#[derive(Debug, thiserror::Error)]
#[error("cannot work on {CONTENT}")]
struct ToolError(#[source] std::num::ParseIntError);

#[derive(Traceable)]
struct Lookup {
    component: Component,
    #[trace(content = "tool.prompt")]
    prompt: String,
}

impl Lookup {
    #[traced(content("tool.arguments" = arguments))]
    fn run(&self, arguments: &str) -> Result<u32, ToolError> {
        CONTENT.parse().map_err(ToolError).map(|n: u32| n + arguments.len() as u32)
    }
}

fn recording(include_content: bool) -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let mut limits = SpanLimits::default();
    limits.include_content = include_content;
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().limits(limits).with(simple).build(), memory)
}

/// A tool fails inside an agent inside a pipeline; the error travels up through all of them, and a
/// manual span notes it too.
fn failing_workflow(provider: &TracerProvider) {
    let tool = Lookup { component: Component::tool("Lookup"), prompt: CONTENT.to_owned() };
    let agent = Component::agent("Planner");
    let pipeline = Component::pipeline("Clinic");
    let result: Result<u32, ToolError> = provider.run(|| {
        pipeline.try_in_span("run", || {
            agent.traced("run").with("agent.turn", 1).try_in_span(|| {
                let span = tracer().llm_span("gpt-4").start();
                span.in_span(|| {
                    span.set_content(keys::GEN_AI_INPUT_MESSAGES, CONTENT);
                    span.set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 12);
                    span.set_attribute("error", format!("refused {CONTENT}"));
                    span.add_event("chunk", |attributes| {
                        attributes.set_content(keys::OUTPUT, CONTENT);
                    });
                });
                agent.current_span().unwrap().set_content(keys::OUTPUT, CONTENT);
                tool.run(CONTENT)
            })
        })
    });
    assert!(result.is_err());
}

fn all_of(span: &FinishedSpan) -> String {
    let events: Vec<_> = span.events().map(|event| format!("{event:?}")).collect();
    format!("{span:?} {:?} {events:?}", span.error())
}

#[test]
fn a5_content_is_there_when_it_is_wanted() {
    let (provider, memory) = recording(true);
    failing_workflow(&provider);
    for component in ["gpt-4", "Lookup", "Planner", "Clinic"] {
        let span = span_of(&memory, component);
        assert!(all_of(&span).contains(CONTENT), "{component}: {span:?}");
    }
}

#[test]
fn a5_the_switch_leaves_content_out_of_every_span_and_keeps_the_facts() {
    let (provider, memory) = recording(false);
    failing_workflow(&provider);
    for span in memory.spans() {
        let all = all_of(&span);
        assert!(!all.contains(CONTENT), "{all}");
        assert!(!all.contains("invalid digit"), "a source's text: {all}");
        assert_eq!(span.status(), Status::Error);
        assert_eq!(span.attributes().get(keys::ERROR_MESSAGE), None);
        assert_eq!(span.attributes().get(keys::ERROR_CHAIN), None);
        assert!(span.attributes().get(keys::DURATION_MS).is_some());
    }
    for component in ["Lookup", "Planner", "Clinic"] {
        let span = span_of(&memory, component);
        assert_eq!(span.attributes().get(keys::ERROR_TYPE), Some("ToolError".into()));
        let event = span.events().next().unwrap();
        assert_eq!(event.name(), "exception");
        assert!(event.attributes().contains(keys::EXCEPTION_TYPE));
        assert!(!event.attributes().contains(keys::EXCEPTION_MESSAGE));
    }
    let model = span_of(&memory, "gpt-4");
    assert_eq!(model.attributes().get(keys::GEN_AI_USAGE_INPUT_TOKENS), Some(12.into()));
    assert_eq!(span_of(&memory, "Planner").attributes().get("agent.turn"), Some(1.into()));
    assert_eq!(span_of(&memory, "Lookup").attributes().stored().losses().content_left_out, 2);
}

#[test]
fn a5_a_panic_s_text_is_left_out_as_well() {
    let (provider, memory) = recording(false);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        provider.run(|| Component::tool("Lookup").in_span("run", || panic!("{CONTENT}")));
    }));
    assert!(panicked.is_err());
    let span = span_of(&memory, "Lookup");
    assert_eq!(span.attributes().get(keys::ERROR_TYPE), Some("panic".into()));
    assert!(!all_of(&span).contains(CONTENT), "{}", all_of(&span));
}

#[test]
fn a5_what_a_panicking_hook_said_about_a_result_is_left_out_as_well() {
    let (provider, memory) = recording(false);
    provider.run(|| {
        Component::tool("Lookup")
            .traced("run")
            .on_result(|answer: &&str, _| panic!("cannot describe {answer}"))
            .in_span(|| CONTENT);
    });
    let span = span_of(&memory, "Lookup");
    assert!(span.attributes().get(keys::COLLECTOR_ERROR).is_some());
    assert!(!all_of(&span).contains(CONTENT), "{}", all_of(&span));
}

#[test]
fn a5_content_that_costs_something_is_not_even_made() {
    let (provider, _memory) = recording(false);
    provider.run(|| {
        Component::tool("Lookup")
            .traced("run")
            .with_attributes(|attributes| {
                attributes.set_content_with("tool.result", || -> String { panic!("not wanted") });
                assert!(!attributes.contains(keys::COLLECTOR_ERROR));
            })
            .in_span(|| ());
    });
}

#[test]
fn a5_the_environment_has_the_switch() {
    let memory = MemoryExporter::new();
    let environment = Environment::from_pairs([("RAAF_TRACE_INCLUDE_SENSITIVE_DATA", "false")]);
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .environment(&environment)
        .build()
        .unwrap();
    failing_workflow(&provider);
    assert_eq!(memory.len(), 4);
    assert!(memory.spans().iter().all(|span| !all_of(span).contains(CONTENT)));
}
