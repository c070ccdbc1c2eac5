use std::{io, thread};

use raaf_processors::wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _};
use raaf_testkit::conformance::{check_processor, check_wrapper};
use raaf_trace_core::{
    Component, Context, MemoryExporter, Sampler, SpanContext, SpanFilter, SpanProcessor as _,
    Traceable as _, TracerProvider, sink::SimpleProcessor,
};

use super::{TIMEOUT, components, span, stats, with};

fn sampled(keep: KeepTraces) -> (MemoryExporter, TracerProvider) {
    let memory = MemoryExporter::new();
    let provider = with(SimpleProcessor::new(memory.clone()).keep_traces(keep));
    (memory, provider)
}

/// An agent with two tools, the second of which may fail.
fn workflow(fails: bool) {
    Component::agent("Writer").in_span("run", || {
        Component::tool("Search").in_span("run", || ());
        let result = if fails { Err(io::Error::other("no such page")) } else { Ok(()) };
        let _ = Component::tool("Fetch").try_in_span("run", || result);
    });
}

#[test]
fn a_trace_with_a_failure_is_kept_whole_and_others_are_not() {
    let (memory, provider) = sampled(KeepTraces::failed());
    provider.run(|| workflow(false));
    assert!(memory.is_empty());
    provider.run(|| workflow(true));
    assert_eq!(components(&memory), ["Search", "Fetch", "Writer"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (6, 3, 3));
}

#[test]
fn nothing_passes_before_the_root_ends() {
    let (memory, provider) = sampled(KeepTraces::failed());
    provider.run(|| {
        Component::pipeline("P").in_span("run", || {
            workflow(true);
            assert!(memory.is_empty());
            assert_eq!(stats(&provider).queued, 3);
        });
    });
    assert_eq!(memory.len(), 4);
    assert_eq!(stats(&provider).queued, 0);
}

#[test]
fn a_share_of_the_rest_is_kept_by_trace_id() {
    let half = Sampler::ratio(0.5);
    let (memory, provider) = sampled(KeepTraces::failed().and_of_the_rest(half));
    let all = MemoryExporter::new();
    let other = with(SimpleProcessor::new(all.clone()));
    for _ in 0..100 {
        provider.run(|| workflow(false));
        other.run(|| workflow(false));
    }
    let kept = memory.spans();
    assert!(kept.iter().all(|span| half.sample(span.trace_id())));
    assert_eq!(kept.len() % 3, 0);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered), (300, kept.len() as u64));
}

#[test]
fn any_selection_can_keep_a_trace() {
    let keep =
        KeepTraces::with(SpanFilter::component("Search")).or(SpanFilter::component("Nobody"));
    let (memory, provider) = sampled(keep);
    provider.run(|| workflow(false));
    provider.run(|| Component::agent("Alone").in_span("run", || ()));
    assert_eq!(components(&memory), ["Search", "Fetch", "Writer"]);
}

#[test]
fn what_ends_after_its_root_follows_the_decision() {
    let (memory, provider) = sampled(KeepTraces::failed());
    for fails in [false, true] {
        let late = provider.run(|| {
            Component::agent("Writer").in_span("run", || {
                workflow(fails);
                provider.tracer().start_span("late")
            })
        });
        let before = memory.len();
        late.finish();
        assert_eq!(memory.len() - before, usize::from(fails));
    }
}

#[test]
fn a_late_failure_of_a_trace_that_was_left_out_is_kept() {
    let (memory, provider) = sampled(KeepTraces::failed());
    let late = provider
        .run(|| Component::agent("Writer").in_span("run", || provider.tracer().start_span("late")));
    assert!(memory.is_empty());
    late.record_error(&io::Error::other("too late"));
    late.finish();
    assert_eq!(memory.len(), 1);
}

#[test]
fn a_trace_with_several_roots_here_is_decided_by_the_last() {
    let (memory, provider) = sampled(KeepTraces::failed());
    let remote = span("Elsewhere");
    let parent = Context::remote(SpanContext::new(remote.trace_id(), remote.span_id()));
    let part = |name: &str, fails: bool, inside: &mut dyn FnMut()| {
        let agent = Component::agent(name);
        let _ = agent.traced("run").parent(&parent).try_in_span(|| {
            inside();
            if fails { Err(io::Error::other("")) } else { Ok(()) }
        });
    };
    provider.run(|| {
        part("First", true, &mut || {
            // The other request of the same trace, in a thread of its own.
            thread::scope(|scope| {
                scope.spawn(|| provider.run(|| part("Second", false, &mut || ())));
            });
            assert!(memory.is_empty(), "one root is still running");
        });
    });
    assert_eq!(components(&memory), ["Second", "First"]);
}

#[test]
fn g67_what_waits_is_bounded_and_what_that_costs_is_counted() {
    let (memory, provider) = sampled(KeepTraces::failed().max_spans(2));
    provider.run(|| workflow(true));
    // The third span made the bound decide: the failure was among those three.
    assert_eq!(components(&memory), ["Search", "Fetch", "Writer"]);
    provider.run(|| {
        Component::pipeline("P").in_span("run", || {
            for _ in 0..5 {
                workflow(false);
                assert!(stats(&provider).queued <= 2);
            }
        });
    });
    assert_eq!(memory.len(), 3);
    let stats = stats(&provider);
    assert_eq!(stats.filtered + stats.dropped, 16);
    assert!(stats.dropped > 0);
}

#[test]
fn g55_the_shutdown_decides_what_waits() {
    let (memory, provider) = sampled(KeepTraces::failed());
    provider.run(|| {
        let pipeline = Component::pipeline("P");
        pipeline.in_span("run", || {
            workflow(true);
            provider.shutdown(TIMEOUT).unwrap();
            assert_eq!(memory.len(), 3);
        });
    });
}

#[test]
fn g23_threads_at_once_keep_whole_traces() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().batch().keep_traces(KeepTraces::failed()));
    thread::scope(|scope| {
        for thread in 0..4 {
            let provider = &provider;
            scope.spawn(move || {
                for round in 0..250 {
                    provider.run(|| workflow((round + thread) % 5 == 0));
                }
            });
        }
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!(memory.len(), 3 * 200);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.filtered), (3_000, 2_400));
}

#[test]
fn a_tail_sampler_is_a_good_processor() {
    let simple = || SimpleProcessor::new(MemoryExporter::new());
    check_processor(|| simple().keep_traces(KeepTraces::failed()));
    check_wrapper(|inner| inner.keep_traces(KeepTraces::failed()));
    check_processor(|| {
        simple().keep_traces(KeepTraces::failed().and_of_the_rest(Sampler::always()))
    });
    assert_eq!(simple().keep_traces(KeepTraces::failed()).name(), "memory");
}
