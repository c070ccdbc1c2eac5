//! Calls that get a span: a component's decision, skipping, reuse, and disabled tracing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    cell::{Cell, RefCell},
    thread,
};

use doubles::{components, in_line, only, span_of};
use raaf_testkit::{AsSpans as _, assert_span_tree, span_tree};
use raaf_trace_core::{
    Component, MemoryExporter, Traceable, TracerProvider, attributes::ValueRef, call::CallInfo,
    current_span, environment::Environment, is_traced, sink::SimpleProcessor, traced, tracer,
};

/// Traces calls that take at least `threshold` items, unless the call asks to be skipped.
struct Choosy {
    component: Component,
    threshold: i64,
    asked: RefCell<Vec<String>>,
}

impl Choosy {
    fn above(threshold: i64) -> Self {
        Self { component: Component::tool("Choosy"), threshold, asked: RefCell::default() }
    }
}

impl Traceable for Choosy {
    fn component(&self) -> &Component {
        &self.component
    }

    fn should_create_span(&self, call: &CallInfo<'_>) -> bool {
        self.asked.borrow_mut().push(call.method().to_owned());
        let items = call.metadata("items").and_then(ValueRef::as_i64);
        items.is_none_or(|items| items >= self.threshold) && call.default_decision()
    }
}

#[test]
fn g39_the_component_decides_by_method_and_metadata() {
    let (provider, memory) = in_line();
    let choosy = Choosy::above(10);
    provider.run(|| {
        for items in [3, 30] {
            let ran = choosy.traced("import").with("items", items).in_span(|| items);
            assert_eq!(ran, items);
        }
    });
    assert_eq!(only(&memory).attributes().get("items"), Some(30.into()));
    assert_eq!(*choosy.asked.borrow(), ["import", "import"]);
}

#[test]
fn g39_a_call_that_reuses_a_span_is_not_asked_about() {
    let (provider, memory) = in_line();
    let choosy = Choosy::above(10);
    provider.run(|| choosy.in_span("run", || choosy.traced("run").with("items", 1).in_span(|| ())));
    assert_eq!(only(&memory).attributes().get("items"), Some(1.into()));
    assert_eq!(*choosy.asked.borrow(), ["run"]);
}

#[test]
fn g39_without_a_span_the_code_sees_the_enclosing_one() {
    let (provider, memory) = in_line();
    let choosy = Choosy::above(10);
    provider.run(|| {
        let inside = choosy.traced("import").with("items", 1).in_span(|| {
            assert!(!choosy.is_traced());
            current_span()
        });
        assert!(inside.is_none());
    });
    assert!(memory.is_empty());
}

#[test]
fn g40_a_call_can_ask_to_be_skipped() {
    let (provider, memory) = in_line();
    let cache = Component::tool("Cache");
    provider.run(|| {
        for hit in [true, false] {
            assert_eq!(cache.traced("get").with("hit", hit).skip_if(hit).in_span(|| 7), 7);
        }
    });
    assert_eq!(only(&memory).attributes().get("hit"), Some(false.into()));
}

#[test]
fn g41_an_override_can_fall_back_on_the_default_rule() {
    let (provider, memory) = in_line();
    let choosy = Choosy::above(10);
    provider.run(|| {
        choosy.traced("large, but skipped").with("items", 30).skip_if(true).in_span(|| ());
        choosy.traced("large").with("items", 30).in_span(|| ());
    });
    assert_eq!(only(&memory).method(), "large");
}

#[test]
fn g42_a_call_can_reuse_the_component_s_innermost_span_whatever_the_method() {
    let (provider, memory) = in_line();
    let agent = Component::agent("Planner");
    provider.run(|| {
        agent.in_span("plan", || {
            let outer = current_span().unwrap().span_id();
            let inner = agent.traced("refine").with("step", 2).reuse();
            assert_eq!(inner.in_span(|| current_span().unwrap().span_id()), outer);
        });
    });
    let span = only(&memory);
    assert_eq!((span.method(), span.attributes().get("step")), ("plan", Some(2.into())));
}

#[test]
fn g42_another_component_s_span_is_not_reused() {
    let (provider, memory) = in_line();
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    provider.run(|| {
        agent.in_span("run", || {
            tool.in_span("run", || agent.traced("refine").reuse().in_span(|| ()));
        });
    });
    assert_eq!(components(&memory), ["Planner", "Search", "Planner"]);
}

#[test]
fn g43_asked_for_reuse_with_none_active_there_is_a_new_span() {
    let (provider, memory) = in_line();
    provider.run(|| Component::agent("Planner").traced("refine").reuse().in_span(|| ()));
    assert_eq!(only(&memory).method(), "refine");
}

#[test]
fn g44_spans_inside_a_skipped_call_attach_to_the_enclosing_one() {
    let (provider, memory) = in_line();
    let (agent, cache, tool) =
        (Component::agent("Planner"), Component::tool("Cache"), Component::tool("Search"));
    provider.run(|| {
        agent.in_span("run", || {
            cache.traced("get").skip_if(true).in_span(|| tool.in_span("run", || ()));
        });
    });
    assert_span_tree!(memory, agent "Planner" > tool "Search");
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Detail {
    None,
    Basic,
    Detailed,
}

#[derive(Traceable)]
#[trace(should_create = Self::is_wanted)]
struct Importer {
    component: Component,
    detail: Detail,
}

impl Importer {
    fn is_wanted(&self, call: &CallInfo<'_>) -> bool {
        let needed = if call.method() == "run" { Detail::Basic } else { Detail::Detailed };
        self.detail >= needed && call.default_decision()
    }

    #[traced]
    fn run(&self) -> u32 {
        self.read() + self.check() + self.store()
    }

    #[traced]
    fn read(&self) -> u32 {
        1
    }

    #[traced]
    fn check(&self) -> u32 {
        2
    }

    #[traced]
    fn store(&self) -> u32 {
        4
    }
}

#[test]
fn g45_none_basic_and_detailed_give_0_1_and_4_spans() {
    for (detail, spans) in [
        (Detail::None, span_tree! {}),
        (Detail::Basic, span_tree! { component "Importer".run }),
        (
            Detail::Detailed,
            span_tree! {
                component "Importer".run {
                    component "Importer".read
                    component "Importer".check
                    component "Importer".store
                }
            },
        ),
    ] {
        let (provider, memory) = in_line();
        let importer = Importer { component: Component::new("Importer"), detail };
        assert_eq!(provider.run(|| importer.run()), 7);
        spans.check(&memory.as_spans()).unwrap();
    }
}

#[test]
fn s2_lazy_attributes_are_worked_out_only_for_a_span() {
    let (provider, memory) = in_line();
    let tool = Component::tool("Search");
    let worked_out = Cell::new(0);
    let call = |skip| {
        tool.traced("run")
            .skip_if(skip)
            .with_attributes(|attributes| {
                worked_out.set(worked_out.get() + 1);
                attributes.set("expensive", true);
            })
            .in_span(|| ());
    };
    provider.run(|| call(true));
    provider.disable();
    provider.run(|| call(false));
    assert_eq!(worked_out.get(), 0);
    provider.enable();
    provider.run(|| call(false));
    assert_eq!((worked_out.get(), memory.len()), (1, 1));
}

#[test]
fn g61_disabled_by_the_environment_there_are_no_spans_and_code_runs() {
    let memory = MemoryExporter::new();
    let environment = Environment::from_pairs([("RAAF_DISABLE_TRACING", "yes")]);
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .environment(&environment)
        .build()
        .unwrap();
    let value = provider.run(|| {
        let manual = tracer().start_span("by hand");
        assert!(!manual.is_recording() && manual.span_id().is_none());
        Component::agent("Planner").in_span("run", || (is_traced(), 7))
    });
    assert_eq!(value, (false, 7));
    assert!(memory.is_empty());
    assert!(provider.is_disabled());
    provider.enable();
    provider.run(|| tracer().start_span("now").finish());
    assert_eq!(memory.len(), 1, "enabled in code");
}

#[test]
fn g69_disabled_there_are_no_new_spans_and_open_ones_are_delivered() {
    let (provider, memory) = in_line();
    let late = MemoryExporter::new();
    let manual = provider.tracer().start_span("by hand");
    provider.run(|| {
        Component::agent("Planner").in_span("run", || {
            provider.disable();
            let value = Component::tool("Search").in_span("run", || 7);
            assert_eq!(value, 7);
            current_span().unwrap().set_attribute("set.after", true);
        });
    });
    manual.finish();
    provider.add_processor(SimpleProcessor::new(late.clone()));
    provider.run(|| Component::agent("Nobody").in_span("run", || ()));
    assert_eq!(components(&memory), ["Planner", "by hand"]);
    assert_eq!(span_of(&memory, "Planner").attributes().get("set.after"), Some(true.into()));

    provider.enable();
    provider.run(|| Component::agent("Writer").in_span("run", || ()));
    assert_eq!(components(&memory), ["Planner", "by hand", "Writer"], "processors are kept");
    assert_eq!(components(&late), ["Writer"], "also one added meanwhile");
}

#[test]
fn g69_disabling_holds_in_every_thread() {
    let (provider, memory) = in_line();
    provider.disable();
    provider.disable();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| provider.run(|| Component::tool("T").in_span("run", || ())));
        }
    });
    assert!(memory.is_empty());
    provider.enable();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| provider.run(|| Component::tool("T").in_span("run", || ())));
        }
    });
    assert_eq!(memory.len(), 4);
}

#[test]
fn g70_whether_it_is_disabled_can_be_asked() {
    let (provider, _memory) = in_line();
    assert!(!provider.is_disabled());
    provider.disable();
    assert!(provider.is_disabled());
    provider.enable();
    assert!(!provider.is_disabled());
    assert!(TracerProvider::builder().enabled(false).build().is_disabled());
}
