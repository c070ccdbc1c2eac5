//! The limit of names, and the limits of a trace's own data.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::only;
use raaf_trace_core::{
    Component, FinishedSpan, Kind, MemoryExporter, Traceable as _, TracerProvider,
    attributes::SpanLimits, current_span, sink::SimpleProcessor, trace, tracer,
};

const MARK: &str = "... [truncated]";

fn provider_with(limits: SpanLimits) -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().limits(limits).with(simple).build(), memory)
}

fn traced(work: impl FnOnce()) -> MemoryExporter {
    let (provider, memory) = provider_with(SpanLimits::default());
    provider.run(work);
    memory
}

/// Text of 1 MB, of characters of two bytes.
fn long() -> String {
    "é".repeat(500_000)
}

#[track_caller]
fn assert_cut(name: &str) {
    assert!(name.len() <= 256 && name.ends_with(&format!("é{MARK}")), "{} bytes", name.len());
}

fn cuts(span: &FinishedSpan) -> u32 {
    span.losses().cut_values
}

#[test]
fn a2_names_of_256_bytes_are_kept_and_longer_ones_cut() {
    let name = "x".repeat(256);
    let memory = traced(|| {
        for name in [name.clone(), format!("{name}x")] {
            Component::tool(&name).with_kind(name.as_str()).in_span(name, || ());
        }
    });
    let spans = memory.spans();
    assert_eq!((spans[0].component_name(), spans[0].kind().as_str()), (&*name, &*name));
    assert_eq!((spans[0].method(), cuts(&spans[0])), (&*name, 0));
    let cut = format!("{}{MARK}", "x".repeat(241));
    assert_eq!((spans[1].component_name(), spans[1].kind().as_str()), (&*cut, &*cut));
    assert_eq!((spans[1].method(), cuts(&spans[1])), (&*cut, 3));
}

#[test]
fn a2_component_kind_and_method_are_cut_and_counted() {
    let memory = traced(|| {
        let child = Component::new(long()).with_kind(long().as_str());
        Component::agent(long()).in_span("run", || child.in_span(long(), || ()));
    });
    let [child, agent] = &memory.spans()[..] else { panic!("two spans") };
    assert_cut(child.component_name());
    assert_cut(child.kind().as_str());
    assert_cut(child.method());
    assert_eq!(cuts(child), 3);
    assert_cut(agent.component_name());
    assert_eq!((agent.kind(), cuts(agent)), (&Kind::Agent, 1));
    for span in [child, agent] {
        assert!(span.name().len() < 1_000);
        let root = span.local_root().unwrap();
        assert_eq!(root.component_name(), agent.component_name());
    }
}

#[test]
fn a2_names_of_manual_spans_are_cut_and_counted() {
    let memory = traced(|| {
        tracer().start_span(long()).finish();
        let span = tracer().start_span("renamed");
        span.set_name(long()).set_method(long()).set_component_name(long());
        span.set_kind(long().as_str());
        span.finish();
    });
    let [named, renamed] = &memory.spans()[..] else { panic!("two spans") };
    assert_cut(&named.name());
    assert!(cuts(named) >= 1);
    assert_cut(&renamed.name());
    assert_cut(renamed.method());
    assert_cut(renamed.component_name());
    assert_cut(renamed.kind().as_str());
    assert_eq!(cuts(renamed), 4);
}

#[test]
fn a2_names_of_events_are_cut_and_counted() {
    let memory = traced(|| {
        trace("work").in_span(|| {
            current_span().unwrap().add_event(long(), |_| {});
        });
    });
    let span = only(&memory);
    let event = span.events().next().unwrap();
    assert_cut(event.name());
    assert_eq!(event.attributes().losses().cut_values, 1);
}

#[test]
fn a2_keys_are_cut_and_counted_however_they_are_set() {
    let memory = traced(|| {
        Component::tool("Keys")
            .traced("run")
            .with(format!("a{}", long()), 1)
            .with_content(format!("b{}", long()), "text")
            .with_attributes(|attributes| {
                attributes.set(format!("c{}", long()), 1);
                attributes.set_content_with(format!("d{}", long()), || "text");
            })
            .in_span(|| {
                current_span().unwrap().set_attribute(format!("e{}", long()), true).add_event(
                    "tick",
                    |attributes| {
                        attributes.set(format!("f{}", long()), 1);
                    },
                );
            });
    });
    let span = only(&memory);
    let stored = span.attributes().stored();
    assert_eq!(stored.len(), 5);
    stored.iter().for_each(|(key, _)| assert_cut(key));
    assert_eq!(cuts(&span), 5);
    let event = span.events().next().unwrap();
    event.attributes().iter().for_each(|(key, _)| assert_cut(key));
    assert_eq!(event.attributes().losses().cut_values, 1);
}

#[test]
fn a4_the_value_of_a_cut_key_is_hidden_since_its_end_may_name_a_secret() {
    let memory = traced(|| {
        trace("work").in_span(|| {
            let key = format!("{}.password", long());
            current_span().unwrap().set_attribute(key, "hunter2");
        });
    });
    let span = only(&memory);
    let (_, value) = span.attributes().stored().iter().next().unwrap();
    assert_eq!(value.to_string(), "[REDACTED]");
}

#[test]
fn a2_workflow_group_and_metadata_keys_are_cut_and_counted_on_the_first_span() {
    let memory = traced(|| {
        trace(long()).group_id(long()).metadata(long(), "value").in_span(|| {
            trace("part").in_span(|| ());
        });
    });
    let [part, workflow] = &memory.spans()[..] else { panic!("two spans") };
    for span in [part, workflow] {
        assert_cut(span.trace().workflow_name().unwrap());
        assert_cut(span.trace().group_id().unwrap());
        let (key, _) = span.trace().metadata().iter().next().unwrap();
        assert_cut(key);
    }
    assert_eq!(cuts(part), 0);
    assert_eq!(cuts(workflow), 4, "the component has the workflow's name");
}

/// Were each entry compared with those before, this test would not end.
#[test]
fn a2_metadata_has_128_entries_and_counts_the_rest() {
    let memory = traced(|| {
        let entries = 0..100_000;
        let workflow = entries.fold(trace("work"), |workflow, number| {
            workflow.metadata(format!("key.{number}"), number)
        });
        workflow.metadata("key.0", "replaced").metadata("key.1", None::<i64>).in_span(|| ());
    });
    let span = only(&memory);
    let metadata = span.trace().metadata();
    assert_eq!((metadata.len(), span.losses().dropped_attributes), (128, 99_872));
    assert_eq!(metadata.get("key.0"), Some("replaced".into()));
    assert_eq!(metadata.get("key.1"), Some(1.into()));
}

#[test]
fn a2_the_limit_of_names_can_be_configured() {
    let (provider, memory) = provider_with(SpanLimits::default().with_max_name_bytes(20));
    provider.run(|| {
        Component::new("Transcriber of everything").with_kind("transcription").in_span(
            "a rather long method",
            || {
                current_span().unwrap().set_attribute("a.very.long.attribute.key", 1);
            },
        );
    });
    let span = only(&memory);
    assert_eq!(span.component_name(), "Trans... [truncated]");
    assert_eq!((span.kind(), span.method()), (&Kind::Transcription, "a rather long method"));
    assert_eq!(span.attributes().get("a.ver... [truncated]"), Some(1.into()));
    assert_eq!(cuts(&span), 2);
}

#[test]
fn g12_a_call_with_long_names_is_reused_by_its_whole_names() {
    let memory = traced(|| {
        let tool = Component::tool(long());
        tool.in_span(long(), || {
            tool.traced(long()).with(long(), 1).in_span(|| ());
            tool.traced(long()).with(long(), 1).in_span(|| ());
            tool.in_span(long() + "another", || ());
        });
    });
    assert_eq!(memory.len(), 2);
}
