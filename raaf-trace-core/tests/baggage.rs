//! Entries of the baggage as attributes of spans.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    sync::{Arc, Mutex},
    thread,
};

use raaf_trace_core::{
    Component, Context, FinishedSpan, InContext as _, MemoryExporter, Sampler, Span, SpanProcessor,
    Traceable as _, TracerProvider, current_span, environment::Environment, in_current_context,
    propagation::Baggage, sink::SimpleProcessor, span::StartedSpan, trace, tracer,
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A provider that chooses `tenant` and `user.id`, and what it delivers.
fn choosing() -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .baggage_attributes(["tenant", "user.id"])
        .build();
    (provider, memory)
}

fn within<R>(baggage: &str, work: impl FnOnce() -> R) -> R {
    Context::current().with_baggage(Baggage::parse(baggage)).run(work)
}

fn text(span: &FinishedSpan, key: &str) -> Option<String> {
    span.attributes().get(key)?.as_str().map(str::to_owned)
}

/// The tenants of all spans, by component and method.
fn tenants(memory: &MemoryExporter) -> Vec<(String, Option<String>)> {
    let of = |span: &FinishedSpan| {
        (format!("{}.{}", span.component_name(), span.method()), text(span, "tenant"))
    };
    let mut all: Vec<_> = memory.spans().iter().map(of).collect();
    all.sort();
    all
}

fn all_have(memory: &MemoryExporter, count: usize, tenant: &str) {
    let tenants = tenants(memory);
    assert!(tenants.iter().all(|(_, found)| found.as_deref() == Some(tenant)), "{tenants:?}");
    assert_eq!(tenants.len(), count, "{tenants:?}");
}

#[test]
fn chosen_entries_are_attributes_of_all_spans_of_a_trace() {
    let (provider, memory) = choosing();
    let agent = Component::agent("A");
    provider.run(|| {
        within("tenant=acme,user.id=7,note=private", || {
            trace("request").in_span(|| {
                agent.in_span("frame", || Component::tool("T").in_span("inner", || ()));
                agent.in_span("handle", || assert!(current_span().is_some()));
                tracer().tool_span("M").start().in_span(|| agent.in_span("in_manual", || ()));
                agent.traced("stream").iter(0..2).for_each(drop);
                let worker = in_current_context(|| agent.in_span("thread", || ()));
                thread::scope(|scope| scope.spawn(worker).join()).unwrap();
            });
        });
    });
    all_have(&memory, 8, "acme");
    for span in memory.spans() {
        assert_eq!(text(&span, "user.id").as_deref(), Some("7"));
        assert_eq!(text(&span, "note"), None);
    }
}

#[tokio::test]
async fn they_go_with_futures_and_tasks() {
    let (provider, memory) = choosing();
    let agent = Component::agent("A");
    let inner = agent.clone();
    let work = agent.in_span("run", async move {
        tokio::task::yield_now().await;
        let task = async move { inner.in_span("task", tokio::task::yield_now()).await };
        tokio::spawn(task.in_current_context()).await.unwrap();
    });
    let context = Context::empty().with_provider(&provider);
    work.in_context(context.with_baggage(Baggage::parse("tenant=acme"))).await;
    all_have(&memory, 2, "acme");
}

#[test]
fn spans_that_lost_the_context_have_the_entries_that_their_trace_began_with() {
    let (provider, memory) = choosing();
    let agent = Component::agent("A");
    let bound = Component::tool("Bound").with_parent(&agent);
    provider.run(|| {
        let span = within("tenant=acme", || {
            agent.in_span("run", || {
                thread::scope(|scope| {
                    scope.spawn(|| bound.in_span("bare", || ())).join().unwrap();
                });
                current_span().unwrap()
            })
        });
        let by_handle =
            |span: Span| Component::tool("T").traced("late").parent(span).in_span(|| ());
        by_handle(span);
    });
    all_have(&memory, 3, "acme");
}

#[test]
fn entries_that_are_set_inside_a_trace_are_those_of_the_spans_below() {
    let (provider, memory) = choosing();
    let agent = Component::agent("A");
    provider.run(|| {
        agent.in_span("outer", || {
            within("tenant=acme", || {
                agent.in_span("inner", || {
                    within("tenant=other", || agent.in_span("innermost", || ()));
                });
            });
            agent.in_span("after", || ());
        });
    });
    let expected =
        [("after", None), ("inner", Some("acme")), ("innermost", Some("other")), ("outer", None)];
    let expected =
        expected.map(|(method, tenant)| (format!("A.{method}"), tenant.map(str::to_owned)));
    assert_eq!(tenants(&memory), expected);
}

#[test]
fn baggage_that_came_by_header_counts_where_its_context_runs_and_where_it_is_a_parent() {
    let (provider, memory) = choosing();
    let headers = [("traceparent", PARENT), ("baggage", "tenant=acme")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()));
    let headers = Vec::from(headers);
    let caller = Context::extract(&headers).with_baggage(Baggage::extract(&headers));
    let agent = Component::agent("A");
    provider.run(|| {
        caller.clone().with_provider(&provider).run(|| agent.in_span("inside", || ()));
        agent.traced("below").parent(&caller).in_span(|| agent.in_span("child", || ()));
        tracer().span("by_hand").parent(&caller).start().in_span(|| agent.in_span("leaf", || ()));
        agent.in_span("root", || {
            agent.traced("far").parent(&caller).in_span(|| agent.in_span("far_child", || ()));
        });
    });
    let (root, others): (Vec<_>, Vec<_>) =
        tenants(&memory).into_iter().partition(|(name, _)| name == "A.root");
    assert_eq!(root, [("A.root".to_owned(), None)]);
    assert!(others.iter().all(|(_, tenant)| tenant.as_deref() == Some("acme")), "{others:?}");
    assert_eq!(others.len(), 7);
    // It was not sent on, and is not the baggage of other code.
    assert!(Context::current().baggage().is_empty());
}

#[test]
fn an_attribute_of_the_code_takes_precedence() {
    let (provider, memory) = choosing();
    provider.run(|| {
        within("tenant=acme,user.id=7", || {
            Component::agent("A").traced("run").with("tenant", "mine").in_span(|| ());
            tracer().span("by hand").with("tenant", "mine").start().finish();
        });
    });
    all_have(&memory, 2, "mine");
    assert!(memory.spans().iter().all(|span| text(span, "user.id").as_deref() == Some("7")));
}

#[test]
fn without_a_choice_and_in_unsampled_traces_there_are_none() {
    let memory = MemoryExporter::new();
    let builder = || TracerProvider::builder().with(SimpleProcessor::new(memory.clone()));
    let run = |provider: TracerProvider| {
        provider.run(|| within("tenant=acme", || Component::agent("A").in_span("run", || ())));
    };
    run(builder().build());
    assert_eq!(tenants(&memory), [("A.run".to_owned(), None)]);
    run(builder().baggage_attributes(["tenant"]).sampler(Sampler::ratio(0.0)).build());
    assert_eq!(memory.len(), 1);
}

#[test]
fn entries_are_redacted_and_cut_like_any_attribute() {
    let memory = MemoryExporter::new();
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_BAGGAGE_ATTRIBUTES", "api_key, tenant"),
        ("RAAF_TRACE_MAX_ATTRIBUTE_LENGTH", "10"),
    ]);
    let provider = TracerProvider::builder()
        .environment(&environment)
        .with(SimpleProcessor::new(memory.clone()))
        .build()
        .unwrap();
    provider.run(|| {
        within("api_key=s3cret,tenant=abcdefghijklmnopq", || {
            Component::agent("A").in_span("run", || ());
        });
    });
    let spans = memory.spans();
    assert_eq!(text(&spans[0], "api_key").as_deref(), Some("[REDACTED]"));
    assert!(text(&spans[0], "tenant").unwrap().len() <= 10);
}

#[derive(Clone, Debug, Default)]
struct Starts(Arc<Mutex<Vec<Option<String>>>>);

impl SpanProcessor for Starts {
    fn name(&self) -> &'static str {
        "starts"
    }

    fn wants_start(&self) -> bool {
        true
    }

    fn on_start(&self, span: &mut StartedSpan) {
        let tenant =
            span.attributes().get("tenant").and_then(|value| value.as_str().map(str::to_owned));
        self.0.lock().unwrap().push(tenant);
    }

    fn on_end(&self, _: &FinishedSpan) {}
}

#[test]
fn processors_that_receive_starts_receive_them() {
    let starts = Starts::default();
    let provider =
        TracerProvider::builder().with(starts.clone()).baggage_attributes(["tenant"]).build();
    provider.run(|| {
        within("tenant=acme", || {
            Component::agent("A").in_span("run", || tracer().start_span("by hand").finish());
        });
    });
    let acme = Some("acme".to_owned());
    assert_eq!(*starts.0.lock().unwrap(), [acme.clone(), acme]);
}
