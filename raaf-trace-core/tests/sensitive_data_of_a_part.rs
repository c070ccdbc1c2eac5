//! Content can be left out of a part of a trace: a workflow, a call, a manual span, and all that
//! runs within it, wherever that runs.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod doubles;

use std::thread;

use doubles::span_of;
use raaf_trace_core::{
    Component, Context, MemoryExporter, Traceable as _, TracerProvider, current_span,
    in_current_context, keys, sink::SimpleProcessor, trace, tracer,
};

fn recording() -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().with(simple).build(), memory)
}

/// A call that says something of everything that is content.
fn say(component: &Component) {
    let said: Result<(), &str> =
        component.traced("run").with_content(keys::INPUT, "a word").try_in_span(|| {
            current_span().unwrap().add_event("said", |event| {
                event.set_content(keys::OUTPUT, "a word");
            });
            Err("a word")
        });
    assert!(said.is_err());
}

/// Returns which of these spans keep content.
fn keeping(memory: &MemoryExporter, names: &[&str]) -> Vec<bool> {
    let keeps = |name: &&str| {
        let span = span_of(memory, name);
        let all = format!("{span:?} {:?}", span.events().collect::<Vec<_>>());
        let error = span.attributes().get(keys::ERROR_MESSAGE).is_some();
        assert_eq!(all.contains("a word"), error, "all of it or nothing: {all}");
        error
    };
    names.iter().map(keeps).collect()
}

#[test]
fn a5_a_workflow_without_content_has_none_in_any_thread() {
    let (provider, memory) = recording();
    let (here, there, bound) = ("Here", "There", "Bound");
    let agent = Component::agent("Agent");
    let bound_tool = Component::tool(bound).with_parent(&agent);
    provider.run(|| {
        trace("visit").include_sensitive_data(false).group_id("ward-7").in_span(|| {
            say(&Component::tool(here));
            agent.in_span("run", || {
                thread::scope(|scope| {
                    scope.spawn(in_current_context(|| say(&Component::tool(there))));
                    scope.spawn(|| say(&bound_tool));
                });
            });
        });
        say(&Component::tool("After"));
    });
    assert_eq!(keeping(&memory, &[here, there, bound, "After"]), [false, false, false, true]);
    let (root, inside) = (span_of(&memory, "visit"), span_of(&memory, bound));
    assert_eq!(inside.trace_id(), root.trace_id());
    assert_eq!(inside.trace().group_id(), Some("ward-7"));
}

#[test]
fn a5_within_a_trace_only_the_call_that_asked_and_what_is_inside_keep_no_content() {
    let (provider, memory) = recording();
    let outer = Component::pipeline("Outer");
    provider.run(|| {
        outer.traced("run").with_content(keys::INPUT, "a word").in_span(|| {
            say(&Component::tool("Before"));
            let run = Component::agent("Run");
            let run = run.traced("run").with_content(keys::INPUT, "a word");
            run.include_sensitive_data(false).in_span(|| {
                say(&Component::tool("Inside"));
                // Under the outer span, but called from within.
                say(&Component::tool("BoundOutside").with_parent(&outer));
                trace("Again").include_sensitive_data(true).in_span(|| {
                    say(&Component::tool("StillInside"));
                });
            });
            say(&Component::tool("After"));
        });
    });
    let names = ["Before", "Inside", "BoundOutside", "StillInside", "After"];
    assert_eq!(keeping(&memory, &names), [true, false, false, false, true]);
    let (outer, run) = (span_of(&memory, "Outer"), span_of(&memory, "Run"));
    assert_eq!(outer.attributes().get(keys::INPUT), Some("a word".into()));
    assert_eq!(run.attributes().get(keys::INPUT), None);
    assert_eq!(run.attributes().stored().losses().content_left_out, 1);
    assert_eq!(run.parent_id(), Some(outer.span_id()));
    assert_eq!(span_of(&memory, "BoundOutside").parent_id(), Some(outer.span_id()));
    assert!(memory.spans().iter().all(|span| span.trace_id() == outer.trace_id()));
}

#[test]
fn a5_content_is_left_out_where_either_the_caller_or_the_parent_keeps_none() {
    let (provider, memory) = recording();
    provider.run(|| {
        let (kept, left_out) = (Component::agent("Kept"), Component::agent("LeftOut"));
        let elsewhere = kept.in_span("run", Context::current);
        left_out.traced("run").include_sensitive_data(false).in_span(|| {
            let inside = Context::current();
            // Called from within, for another trace.
            Component::tool("Other").traced("run").parent(&elsewhere).in_span(|| {
                say(&Component::tool("InOther"));
            });
            Context::empty().with_provider(&provider).run(|| {
                say(&Component::tool("Unrelated"));
                kept.in_span("again", || {
                    // Called from without, for this one.
                    Component::tool("Handed").traced("run").parent(&inside).in_span(|| {
                        say(&Component::tool("InHanded"));
                    });
                });
            });
        });
    });
    assert_eq!(keeping(&memory, &["InOther", "Unrelated", "InHanded"]), [false, true, false]);
    let (other, handed) = (span_of(&memory, "InOther"), span_of(&memory, "InHanded"));
    assert_eq!(other.trace_id(), memory.spans()[0].trace_id());
    assert_eq!(handed.trace_id(), span_of(&memory, "LeftOut").trace_id());
}

#[test]
fn a5_a_call_without_content_reuses_only_a_span_that_has_none() {
    let (provider, memory) = recording();
    provider.run(|| {
        let agent = Component::agent("Agent");
        let private = || agent.traced("run").include_sensitive_data(false);
        agent.in_span("run", || private().in_span(|| private().in_span(|| say(&agent))));
    });
    let spans = memory.spans();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].parent_id(), Some(spans[1].span_id()));
    let events: Vec<_> = spans[0].events().map(|event| format!("{event:?}")).collect();
    assert!(!events.is_empty() && !format!("{events:?}").contains("a word"), "{events:?}");
}

#[test]
fn a5_a_manual_span_can_do_without_content_too() {
    let (provider, memory) = recording();
    provider.run(|| {
        tracer().llm_span("Model").include_sensitive_data(false).in_span(|| {
            current_span().unwrap().set_content(keys::GEN_AI_INPUT_MESSAGES, "a word");
            say(&Component::tool("Inside"));
        });
        say(&Component::tool("After"));
    });
    assert_eq!(keeping(&memory, &["Model", "Inside", "After"]), [false, false, true]);
}
