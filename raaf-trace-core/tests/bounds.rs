//! Bounds that the compiler checks: futures that can be spawned, traits that can be objects.

use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    sync::Arc,
};

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Attributes, Component, Context, FinishedSpan, InContext as _, Span, SpanExporter,
    SpanProcessor, Traceable, TracerProvider, call::ManualSpan, in_current_context, trace, traced,
    traced_block, tracer,
};

fn send<T: Send>(value: T) -> T {
    value
}

fn spawnable<T: Send + 'static>(value: T) -> T {
    value
}

fn shared<T: Send + Sync + Clone + UnwindSafe + RefUnwindSafe + 'static>() {}

#[derive(Traceable)]
struct Agent {
    component: Component,
}

impl Agent {
    #[traced(with(text), result = |length, attributes| { attributes.set("n", *length); })]
    async fn run(&self, text: &str) -> usize {
        std::future::ready(text.len()).await
    }
}

#[test]
fn g1_traced_futures_are_send_where_their_work_is() {
    let agent = Agent { component: Component::agent("Writer") };
    let hook = |_: &u8, _: &mut Attributes| {};
    drop(send(agent.run("text")));
    drop(send(agent.in_span("run", async {})));
    drop(send(agent.traced("run").on_result(hook).in_span(async { 1_u8 })));
    drop(send(agent.try_in_span("run", async { Ok::<_, String>(1) })));
    drop(send(traced_block!(agent, "block", async { 1 })));
    drop(send(trace("workflow").in_span(async {})));
    drop(send(async {}.in_current_context()));
}

#[test]
fn g1_a_future_that_owns_its_component_can_be_spawned() {
    let agent = Arc::new(Agent { component: Component::agent("Writer") });
    drop(spawnable(async move { agent.run("text").await }));
    let component = Component::tool("Search");
    drop(spawnable(async move { component.in_span("run", async {}).await }));
    drop(spawnable(trace("workflow").in_span(async {})));
    drop(spawnable(in_current_context(|| ())));
    drop(spawnable(tracer().start_span("manual").in_span(async {})));
}

#[test]
fn g1_work_that_is_not_send_is_traced_all_the_same() {
    let capture = Capture::new();
    let local = Rc::new(3);
    let work = Component::agent("Local");
    let work = work.in_span("run", async { *local });
    assert_eq!(futures::FutureExt::now_or_never(capture.run_async(work)), Some(3));
    assert_span_tree!(capture, { agent "Local" });
}

#[test]
fn what_is_handed_around_is_shared_freely() {
    shared::<Component>();
    shared::<Context>();
    shared::<FinishedSpan>();
    shared::<Span>();
    shared::<TracerProvider>();
    spawnable(ManualSpan::context);
    drop(spawnable(tracer().start_span("manual")));
}

#[test]
fn the_traits_of_users_can_be_objects() {
    fn object<T: ?Sized>() {}
    object::<dyn Traceable>();
    object::<dyn SpanProcessor>();
    object::<dyn SpanExporter>();
}

#[test]
fn g12_a_traceable_object_is_traced_as_itself() {
    let capture = Capture::new();
    let agents: Vec<Box<dyn Traceable>> = vec![
        Box::new(Agent { component: Component::agent("First") }),
        Box::new(Component::tool("Second")),
    ];
    capture.run(|| {
        for agent in &agents {
            agent.in_span("run", || agent.in_span("run", || ()));
            let parent: &dyn Traceable = &**agent;
            agent.in_span("other", || {
                Component::new("Child").traced("run").parent(parent).in_span(|| ());
            });
        }
    });
    assert_span_tree!(capture, {
        agent "First"
        agent "First".other { component "Child" }
        tool "Second"
        tool "Second".other { component "Child" }
    });
}

#[test]
fn g12_pointers_to_a_component_are_that_component() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let (shared, boxed, counted) =
        (Arc::new(agent.clone()), Box::new(agent.clone()), Rc::new(agent.clone()));
    capture.run(|| {
        agent.in_span("run", || {
            shared.in_span("run", || {
                boxed.in_span("run", || counted.in_span("run", || (&&agent).in_span("run", || ())));
            });
        });
    });
    assert_span_tree!(capture, { agent "Writer" });
}
