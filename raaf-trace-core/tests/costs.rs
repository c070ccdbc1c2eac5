//! Costs of model calls.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

use std::{thread, time::Duration};

use raaf_trace_core::{
    Component, Context, FinishedSpan, Kind, MemoryExporter, Traceable as _, TracerProvider, keys,
    prices::PriceTable,
    sink::{BatchProcessor, SimpleProcessor},
    trace,
};

fn ours() -> PriceTable {
    PriceTable::from_json(r#"{ "models": { "ours": { "input": 1, "output": 10 } } }"#).unwrap()
}

/// Calls a model in a span of this kind.
fn call(kind: Kind, model: &'static str) {
    Component::new("Model")
        .with_kind(kind)
        .traced("run")
        .with(keys::GEN_AI_REQUEST_MODEL, model)
        .with(keys::GEN_AI_USAGE_INPUT_TOKENS, 1_000_000)
        .with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 100_000)
        .in_span(|| ());
}

fn costs(spans: &[FinishedSpan]) -> Vec<Option<f64>> {
    let cost = |span: &FinishedSpan| span.attributes().get(keys::GEN_AI_USAGE_COST)?.as_f64();
    spans.iter().map(cost).collect()
}

#[test]
fn model_calls_have_a_cost_behind_every_sort_of_processor() {
    let (one, other) = (MemoryExporter::new(), MemoryExporter::new());
    let batch = || TracerProvider::builder().with(BatchProcessor::new(one.clone()));
    let builders = [
        batch(),
        TracerProvider::builder().with(SimpleProcessor::new(one.clone())),
        batch().with(SimpleProcessor::new(other.clone())),
        batch().with(other.clone()),
    ];
    for builder in builders {
        let provider = builder.prices(ours()).build();
        provider.run(|| call(Kind::Llm, "ours"));
        provider.force_flush(Duration::from_secs(60)).unwrap();
    }
    assert_eq!(costs(&one.spans()), [Some(2.0); 4]);
    assert_eq!(costs(&other.spans()), [Some(2.0); 2]);
}

#[test]
fn only_calls_of_known_models_have_a_cost() {
    let memory = MemoryExporter::new();
    let builder = TracerProvider::builder().with(SimpleProcessor::new(memory.clone()));
    let provider = builder.prices(ours()).build();
    provider.run(|| {
        call(Kind::Llm, "unknown");
        // A span around calls has the sum of their tokens.
        call(Kind::Agent, "ours");
        call(Kind::from("embedding"), "ours");
        let model = Component::new("Model").with_kind(Kind::Llm);
        let call = || model.traced("run").with(keys::GEN_AI_REQUEST_MODEL, "ours");
        call().with(keys::GEN_AI_USAGE_COST, 0.5).in_span(|| ());
        call().in_span(|| ());
    });
    assert_eq!(costs(&memory.spans()), [None, None, Some(2.0), Some(0.5), None]);
}

#[test]
fn a_context_knows_the_prices_of_its_provider() {
    let provider = TracerProvider::builder().prices(ours()).build();
    assert_eq!(Context::empty().prices(), PriceTable::built_in());
    provider.run(|| {
        assert_eq!(Context::current().prices(), ours());
        trace("a").in_span(|| assert_eq!(Context::current().prices(), ours()));
        let context = Context::current();
        thread::spawn(move || assert_eq!(context.prices(), ours())).join().unwrap();
    });
}
