//! Traces across processes: `traceparent` and `tracestate`.

use std::{
    collections::HashMap,
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, InContext as _, MemoryExporter, Sampler, SpanContext, SpanId, TraceId,
    Traceable as _, TracerProvider, current_span,
    environment::Environment,
    is_traced,
    propagation::{ProcessCarrier, TraceState},
    sink::SimpleProcessor,
    trace, tracer,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn headers(traceparent: &str) -> HashMap<String, String> {
    HashMap::from([("Traceparent".to_owned(), traceparent.to_owned())])
}

fn sampled() -> HashMap<String, String> {
    headers(&format!("00-{TRACE}-{SPAN}-01"))
}

#[test]
fn p3_a_remote_child_joins_the_trace() {
    let capture = Capture::new();
    capture.run(|| {
        Context::extract(&sampled()).run(|| {
            assert!(current_span().is_none(), "the parent is no span of this process");
            assert!(is_traced());
            Component::agent("Server").in_span("run", || {
                Component::tool("Search").in_span("run", || ());
            });
        });
    });
    let spans = capture.spans();
    let server = spans.only("Server");
    assert_eq!(server.trace_id(), TraceId::parse(TRACE).unwrap());
    assert_eq!(server.parent_id(), Some(SpanId::parse(SPAN).unwrap()));
    assert!(server.is_local_root());
    assert!(server.local_root().is_some_and(|root| !root.is_root()), "its root is elsewhere");
    assert_span_tree!(spans, agent "Server" > tool "Search");
}

#[test]
fn p3_the_headers_of_one_process_are_the_parent_in_another() {
    let (client, server) = (Capture::new(), Capture::new());
    let mut headers = HashMap::new();
    client.run(|| {
        trace("client").in_span(|| Context::current().inject(&mut headers));
    });
    server.run(|| {
        let context = Context::extract(&headers);
        Component::agent("Server").traced("run").parent(context).in_span(|| ());
    });
    let (client, server) = (client.spans(), server.spans());
    assert_eq!(server.only("Server").trace_id(), client.only("client").trace_id());
    assert_eq!(server.only("Server").parent_id(), Some(client.only("client").span_id()));
}

#[test]
fn p3_tracestate_travels_along_unchanged() {
    let capture = Capture::new();
    let mut incoming = sampled();
    incoming.insert("tracestate".into(), "vendor=a:1, other=b".into());
    let mut outgoing = HashMap::new();
    capture.run(|| {
        Context::extract(&incoming).run(|| {
            Component::agent("Server").in_span("run", || {
                Component::tool("Call").in_span("run", || Context::current().inject(&mut outgoing));
            });
        });
    });
    let spans = capture.spans();
    let call = spans.only("Call");
    assert_eq!(call.trace_state(), &TraceState::parse("vendor=a:1,other=b"));
    assert_eq!(outgoing["tracestate"], "vendor=a:1,other=b");
    assert_eq!(outgoing["traceparent"], format!("00-{TRACE}-{}-01", call.span_id().hex()));
}

#[test]
fn p3_flags_unknown_here_go_on_as_they_came() {
    let capture = Capture::new();
    let mut outgoing = HashMap::new();
    capture.run(|| {
        Context::extract(&headers(&format!("00-{TRACE}-{SPAN}-03"))).run(|| {
            Component::agent("Server").in_span("run", || Context::current().inject(&mut outgoing));
        });
    });
    let server = capture.spans().only("Server").span_id().hex();
    assert_eq!(outgoing["traceparent"], format!("00-{TRACE}-{server}-03"));
}

#[test]
fn p3_two_lines_of_traceparent_are_none() {
    let capture = Capture::new();
    let line = ("traceparent".to_owned(), format!("00-{TRACE}-{SPAN}-01"));
    let incoming = vec![line.clone(), line];
    capture.run(|| Context::extract(&incoming).run(|| trace("server").in_span(|| ())));
    assert_eq!(capture.spans().only("server").parent_id(), None);
}

#[test]
fn p3_a_remote_context_is_passed_on_as_it_came() {
    let mut outgoing = HashMap::new();
    Context::extract(&sampled()).inject(&mut outgoing);
    assert_eq!(outgoing["traceparent"], format!("00-{TRACE}-{SPAN}-01"));
}

#[test]
fn p3_nothing_is_written_where_nothing_is_traced() {
    let mut outgoing = HashMap::new();
    Context::empty().inject(&mut outgoing);
    assert!(outgoing.is_empty());
}

#[test]
fn p3_malformed_headers_are_ignored() {
    let zero_trace = format!("00-{}-{SPAN}-01", "0".repeat(32));
    let zero_span = format!("00-{TRACE}-{}-01", "0".repeat(16));
    let upper_case = format!("00-{}-{SPAN}-01", TRACE.to_uppercase());
    for malformed in [
        "",
        "00",
        "garbage",
        "00-xyz-abc-01",
        &zero_trace,
        &zero_span,
        &upper_case,
        &format!("ff-{TRACE}-{SPAN}-01"),
        &format!("00-{TRACE}-{SPAN}-01-more"),
        &format!("00-{TRACE}-{SPAN}-ä1"),
    ] {
        let capture = Capture::new();
        capture.run(|| {
            Context::extract(&headers(malformed)).run(|| trace("server").in_span(|| ()));
        });
        let spans = capture.spans();
        assert_eq!(spans.only("server").parent_id(), None, "{malformed:?}");
        assert_ne!(spans.only("server").trace_id(), TraceId::parse(TRACE).unwrap());
    }
}

#[test]
fn p3_a_malformed_tracestate_does_not_lose_the_parent() {
    let capture = Capture::new();
    let mut incoming = sampled();
    incoming.insert("tracestate".into(), "ok=1,NOT OK,=".into());
    capture.run(|| Context::extract(&incoming).run(|| trace("server").in_span(|| ())));
    let spans = capture.spans();
    assert!(spans.only("server").trace_state().is_empty());
    assert_eq!(spans.only("server").parent_id(), Some(SpanId::parse(SPAN).unwrap()));
}

#[test]
fn p3_an_unsampled_parent_is_obeyed_and_passed_on() {
    let capture = Capture::new();
    let mut outgoing = HashMap::new();
    capture.run(|| {
        Context::extract(&headers(&format!("00-{TRACE}-{SPAN}-00"))).run(|| {
            assert!(!is_traced());
            Component::agent("Server").in_span("run", || {
                assert!(!is_traced());
                Context::current().inject(&mut outgoing);
            });
        });
    });
    assert!(capture.spans().is_empty());
    assert!(outgoing["traceparent"].starts_with(&format!("00-{TRACE}-")));
    assert!(outgoing["traceparent"].ends_with("-00"));
}

#[test]
fn p3_a_sampled_parent_beats_the_local_rate() {
    let capture = Capture::with(|builder| builder.sampler(Sampler::never()));
    capture.run(|| {
        trace("local").in_span(|| ());
        Context::extract(&sampled()).run(|| trace("remote").in_span(|| ()));
    });
    assert_span_tree!(capture, { trace "remote" });
}

#[test]
fn p3_a_remote_context_is_the_parent_in_tasks_too() {
    let capture = Capture::new();
    let work = async { trace("server").in_span(|| ()) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let context = Context::extract(&sampled()).with_provider(capture.provider());
    runtime.block_on(async { tokio::spawn(work.in_context(context)).await.unwrap() });
    assert_eq!(capture.spans().only("server").trace_id(), TraceId::parse(TRACE).unwrap());
}

#[test]
fn p3_inside_a_trace_a_remote_parent_keeps_the_provider() {
    let capture = Capture::new();
    capture.run(|| {
        trace("queue").in_span(|| {
            let message = Context::extract(&sampled());
            Component::agent("Given").traced("run").parent(&message).in_span(|| ());
            message.run(|| Component::agent("Inside").in_span("run", || ()));
        });
    });
    let spans = capture.spans();
    for name in ["Given", "Inside"] {
        assert_eq!(spans.only(name).trace_id(), TraceId::parse(TRACE).unwrap());
    }
}

#[test]
fn p3_ids_from_elsewhere_make_a_remote_parent() {
    let capture = Capture::new();
    let known = SpanContext::new(TraceId::random(), SpanId::random());
    capture.run(|| Context::remote(known.clone()).run(|| trace("server").in_span(|| ())));
    let spans = capture.spans();
    assert_eq!(spans.only("server").trace_id(), known.trace_id());
    assert_eq!(spans.only("server").parent_id(), known.span_id());
}

/// Set only in the child process of the test below.
const IS_CHILD: &str = "RAAF_TEST_IS_CHILD";

#[test]
fn p3_a_child_process_joins_the_trace_through_its_environment() {
    if env::var_os(IS_CHILD).is_some() {
        let capture = Capture::new();
        let context = Context::extract(&ProcessCarrier::read(&Environment::process()));
        capture.run(|| context.run(|| trace("child").in_span(|| ())));
        let spans = capture.spans();
        let child = spans.only("child");
        let parent = child.parent_id().unwrap();
        println!("joined {} {} {}", child.trace_id().hex(), parent.hex(), child.trace_state());
        return;
    }
    let capture = Capture::new();
    let incoming =
        HashMap::from([sampled().into_iter().next().unwrap(), ("tracestate".into(), "a=1".into())]);
    let output = capture.run(|| {
        Context::extract(&incoming).run(|| {
            trace("parent").in_span(|| {
                let mut command = Command::new(env::current_exe().unwrap());
                let this = "p3_a_child_process_joins_the_trace_through_its_environment";
                command.args(["--exact", this, "--nocapture"]).env(IS_CHILD, "1");
                Context::current().inject(&mut command);
                command.output().unwrap()
            })
        })
    });
    let spans = capture.spans();
    let parent = spans.only("parent");
    let joined = format!("joined {TRACE} {} a=1", parent.span_id().hex());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&joined), "{said}");
}

#[test]
fn a_root_asks_for_its_parent_in_another_librarys_trace() {
    let memory = MemoryExporter::new();
    let asked = Arc::new(AtomicU32::new(0));
    let theirs = SpanContext::new(TraceId::random(), SpanId::random());
    let (counter, given) = (Arc::clone(&asked), theirs.clone());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .outer_parent(move || match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Some(given.clone()),
            1 => panic!("no parent"),
            _ => None,
        })
        .build();
    let agent = Component::agent("A");
    provider.run(|| {
        agent.in_span("first", || agent.in_span("inner", || ()));
        agent.in_span("second", || ());
        tracer().span("third").start().finish();
        agent.traced("named").parent(Context::remote(theirs.clone())).in_span(|| ());
        tracer().span("of_trace").trace_id(theirs.trace_id()).start().finish();
    });
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let spans = memory.spans();
    let parent = |method| {
        let span = spans.iter().find(|span| span.method() == method || span.name() == method);
        span.unwrap().parent_id()
    };
    assert_eq!(parent("first"), theirs.span_id());
    assert_eq!(parent("named"), theirs.span_id());
    assert_eq!((parent("second"), parent("third"), parent("of_trace")), (None, None, None));
}
