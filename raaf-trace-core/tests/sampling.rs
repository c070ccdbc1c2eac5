//! Sampling of traces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::thread;

use doubles::components;
use raaf_trace_core::{
    Component, Context, MemoryExporter, Sampler, SpanContext, SpanId, SpanProcessor, TraceId,
    Traceable as _, TracerProvider, current_span, environment::Environment, in_current_context,
    is_traced, set_attribute, sink::SimpleProcessor, span::StartedSpan, trace, tracer,
};

fn sampling(sampler: Sampler) -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().sampler(sampler).with(simple).build(), memory)
}

fn remote(sampled: Option<bool>) -> SpanContext {
    let context = SpanContext::new(TraceId::random(), SpanId::random());
    sampled.map_or(context.clone(), |sampled| context.with_sampled(sampled))
}

/// An agent that calls a tool in its own thread, another by its bound parent in a bare thread, a
/// third in a thread that was handed the context, and makes a manual span.
fn workflow() {
    let agent = Component::agent("Planner");
    agent.in_span("run", || {
        Component::tool("Here").in_span("run", || ());
        let bound = Component::tool("Bound").with_parent(&agent);
        thread::scope(|scope| {
            scope.spawn(|| bound.in_span("run", || ()));
            scope.spawn(in_current_context(|| {
                Component::tool("Handed").in_span("run", || ());
            }));
        });
        tracer().start_span("by hand").finish();
    });
}

const NAMES: [&str; 5] = ["Bound", "Handed", "Here", "Planner", "by hand"];

fn sorted(memory: &MemoryExporter) -> Vec<String> {
    let mut names = components(memory);
    names.sort();
    names
}

#[test]
fn s1_at_rate_0_nothing_is_delivered_and_at_rate_1_all() {
    for (rate, expected) in [(0.0, &[][..]), (1.0, &NAMES[..])] {
        let (provider, memory) = sampling(Sampler::ratio(rate));
        provider.run(workflow);
        assert_eq!(sorted(&memory), expected, "rate {rate}");
        let spans = expected.len() as u64;
        assert_eq!((provider.stats().started, provider.stats().ended), (spans, spans));
    }
}

#[test]
fn s1_a_trace_is_recorded_whole_or_not_at_all_and_by_its_id() {
    let sampler = Sampler::ratio(0.5);
    let (provider, memory) = sampling(sampler);
    let ids: Vec<_> = (0..64).map(|_| TraceId::random()).collect();
    provider.run(|| {
        for &id in &ids {
            trace("one of many").trace_id(id).in_span(workflow);
        }
    });
    let kept: Vec<_> = ids.iter().filter(|&&id| sampler.sample(id)).collect();
    assert!(!kept.is_empty() && kept.len() < ids.len());
    for &id in &ids {
        let spans = if sampler.sample(id) { NAMES.len() + 1 } else { 0 };
        assert_eq!(memory.trace(id).len(), spans, "{id}");
    }
}

#[test]
fn s1_an_unsampled_span_is_there_for_the_code_but_counts_as_not_traced() {
    struct NoSpanMayStart;
    impl SpanProcessor for NoSpanMayStart {
        fn on_start(&self, span: &mut StartedSpan) {
            panic!("{} started", span.name());
        }
    }
    let provider = TracerProvider::builder().sampler(Sampler::never()).with(NoSpanMayStart).build();
    provider.run(|| {
        let agent = Component::agent("Planner");
        let call = agent.traced("run").with_attributes(|_| panic!("nobody will see these"));
        call.in_span(|| {
            let span = current_span().unwrap();
            assert!(!span.is_sampled() && !is_traced() && !agent.is_traced());
            span.set_attributes(|_| panic!("nor these"));
            assert_eq!(span.span_context().sampled(), Some(false));
        });
    });
    assert_eq!(provider.stats().processors[0].panics, 0);
}

#[test]
fn s1_what_an_unsampled_span_was_given_is_in_no_later_one() {
    let unsampled = TracerProvider::builder().sampler(Sampler::never()).build();
    unsampled.run(|| Component::agent("Planner").in_span("run", || set_attribute("secret", 1)));
    let (provider, memory) = sampling(Sampler::always());
    provider.run(|| Component::agent("Planner").in_span("run", || ()));
    assert!(memory.spans()[0].attributes().get("secret").is_none());
}

#[test]
fn s1_a_remote_parent_s_flag_wins() {
    for (sampler, flag) in [(Sampler::always(), false), (Sampler::never(), true)] {
        let (provider, memory) = sampling(sampler);
        let context = Context::remote(remote(Some(flag))).with_provider(&provider);
        context.run(workflow);
        assert_eq!(memory.len(), if flag { NAMES.len() } else { 0 });
    }
}

#[test]
fn s1_without_a_flag_this_process_decides() {
    for (sampler, spans) in [(Sampler::always(), NAMES.len()), (Sampler::never(), 0)] {
        let (provider, memory) = sampling(sampler);
        Context::remote(remote(None)).with_provider(&provider).run(workflow);
        assert_eq!(memory.len(), spans);
    }
}

#[test]
fn s1_the_environment_has_the_rate_and_code_beats_it() {
    let environment = Environment::from_pairs([("RAAF_TRACE_SAMPLE_RATE", "0")]);
    let traced = |sampler: Option<Sampler>| {
        let memory = MemoryExporter::new();
        let mut builder = TracerProvider::builder().with(SimpleProcessor::new(memory.clone()));
        if let Some(sampler) = sampler {
            builder = builder.sampler(sampler);
        }
        builder.environment(&environment).build().unwrap().run(workflow);
        memory.len()
    };
    assert_eq!(traced(None), 0);
    assert_eq!(traced(Some(Sampler::always())), NAMES.len());
}
