//! Drawing and asking.

use raaf_trace_core::{
    Component, Context, Kind, MemoryExporter, SpanContext, Traceable as _, tracer,
};

use super::*;
use crate::{Capture, span_tree};

fn run(component: &Component, inside: impl FnOnce()) {
    component.in_span("run", inside);
}

fn spans() -> Spans {
    let capture = Capture::new();
    capture.run(|| {
        run(&Component::pipeline("Data"), || {
            run(&Component::agent("Planner"), || {
                Component::tool("search").in_span("search", || ());
                Component::tool("search").in_span("query all", || ());
            });
            run(&Component::agent("Writer"), || tracer().start_span("wrote \"it\"").finish());
        });
        run(&Component::new("Other").with_kind("odd kind"), || ());
    });
    capture.spans()
}

#[test]
fn trees_are_drawn_without_ids_and_times() {
    let text = "\
pipeline \"Data\"
├── agent \"Planner\"
│   ├── tool \"search\"
│   └── tool \"search\".\"query all\"
└── agent \"Writer\"
    └── custom \"wrote \\\"it\\\"\" [status = unset]
\"odd kind\" \"Other\"
";
    assert_eq!(spans().to_string(), text);
    assert_eq!(format!("{:?}", spans()), format!("Spans (\n{text})"));
}

#[test]
fn spans_are_found_by_what_they_are_and_where_they_stand() {
    let spans = spans();
    let names = |found: &mut dyn Iterator<Item = &FinishedSpan>| -> Vec<String> {
        found.map(|span| span.component_name().to_owned()).collect()
    };
    assert_eq!(spans.len(), 7);
    assert_eq!(names(&mut spans.roots()), ["Data", "Other"]);
    assert_eq!(names(&mut spans.by_kind("agent")), ["Planner", "Writer"]);
    assert_eq!(spans.by_component("search").count(), 2);
    let planner = spans.only("Planner");
    assert_eq!(names(&mut spans.children_of(planner)), ["search", "search"]);
    assert_eq!(spans.parent_of(planner).map(FinishedSpan::kind), Some(&Kind::Pipeline));
    assert_eq!(spans.path(spans.find("search").unwrap()), "Data > Planner > search");
    assert!(spans.find("nobody").is_none());
    assert_eq!(names(&mut spans.into_iter().take(2)), ["Data", "Planner"]);
}

#[test]
#[should_panic(expected = "\"search\" has 2 spans, not one, in\n\npipeline \"Data\"\n")]
fn the_only_span_of_a_component_is_the_only_one() {
    spans().only("search");
}

#[test]
fn a_part_of_a_trace_says_what_is_not_there() {
    let spans = spans();
    let part: Vec<_> = spans.iter().filter(|span| *span.kind() == "tool").cloned().collect();
    assert_eq!(
        part.as_spans().to_string(),
        "\
tool \"search\" (its parent is missing)
tool \"search\".\"query all\" (its parent is missing)
"
    );
    let incoherent = part.as_spans().check_coherent().unwrap_err();
    assert_eq!(
        incoherent.to_string(),
        "\
the spans are not one coherent trace: 2 problems

  > tool \"search\" (its parent is missing)
  > tool \"search\".\"query all\" (its parent is missing)
"
    );
}

#[test]
fn a_remote_parent_need_not_be_here() {
    let capture = Capture::new();
    let remote = SpanContext::new(
        "0af7651916cd43dd8448eb211c80319c".parse().unwrap(),
        "b7ad6b7169203331".parse().unwrap(),
    );
    capture.run(|| {
        let component = Component::agent("Child");
        component.traced("run").parent(Context::remote(remote)).in_span(|| ());
    });
    let spans = capture.spans();
    assert_eq!(spans.to_string(), "agent \"Child\"\n");
    spans.check_coherent().unwrap();
}

#[test]
fn spans_come_from_wherever_they_were_kept() {
    let memory = MemoryExporter::new();
    let capture = Capture::with(|builder| {
        builder.with(raaf_trace_core::sink::SimpleProcessor::new(memory.clone()))
    });
    capture.run(|| run(&Component::agent("A"), || run(&Component::agent("B"), || ())));
    for tree in [memory.as_spans(), capture.as_spans()] {
        assert_eq!(tree.to_string(), "agent \"A\"\n└── agent \"B\"\n");
    }
    assert_eq!(memory.spans().as_spans().len(), 2);
}

#[test]
fn a_very_deep_tree_needs_no_deep_stack() {
    let capture = Capture::new();
    capture.run(|| {
        let spans: Vec<_> = (0..3_000).fold(Vec::new(), |mut spans, number| {
            let parent: Option<&raaf_trace_core::call::ManualSpan> = spans.last();
            let parent = parent.and_then(raaf_trace_core::call::ManualSpan::span);
            let next = tracer().span(format!("{number}")).parent(parent).start();
            spans.push(next);
            spans
        });
        drop(spans);
    });
    let spans = capture.spans();
    assert_eq!(spans.path(spans.only("2999")).split(" > ").count(), 3_000);
    assert!(span_tree! { custom "0" }.check(&spans).is_err());
    let text = spans.to_string();
    assert!(text.contains(&format!("\n{}└── custom \"40\"", "    ".repeat(39))));
    assert!(text.contains(&format!("\n{}└── (depth 2999) custom \"2999\"", "    ".repeat(39))));
}

#[test]
fn a_failed_span_is_drawn_with_its_error_and_the_causes() {
    let spans = crate::build::tool("search").error("Timeout", "no answer").error_sources(["reset"]);
    assert_eq!(
        spans.spans().to_string(),
        "tool \"search\" [status = error, \"error.type\" = \"Timeout\"] // no answer: reset\n"
    );
}
