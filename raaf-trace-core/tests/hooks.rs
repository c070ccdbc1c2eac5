//! Hooks that panic, and what they must not cost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::panic::panic_any;

use doubles::{in_line, only};
use raaf_testkit::assert_span_tree;
use raaf_trace_core::{Attributes, Component, Status, Traceable, call::CallInfo, keys};

/// Panics in whichever hook is told to.
struct Fragile {
    component: Component,
    panics_in: &'static str,
}

impl Fragile {
    fn in_hook(panics_in: &'static str) -> Self {
        Self { component: Component::tool("Fragile"), panics_in }
    }
}

impl Traceable for Fragile {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set("tool.before", 1);
        assert!(self.panics_in != "span_attributes", "attributes are broken");
        attributes.set("tool.after", 2);
    }

    fn should_create_span(&self, call: &CallInfo<'_>) -> bool {
        assert!(self.panics_in != "should_create_span", "the decision is broken");
        call.default_decision()
    }
}

#[test]
fn g30_a_panicking_start_hook_costs_only_what_it_had_not_added() {
    let (provider, memory) = in_line();
    let fragile = Fragile::in_hook("span_attributes");
    let value = provider.run(|| fragile.traced("run").with("query", "tea").in_span(|| "unharmed"));
    assert_eq!(value, "unharmed");
    let span = only(&memory);
    let attributes = span.attributes();
    assert_eq!(span.status(), Status::Ok);
    assert_eq!(attributes.get(keys::COMPONENT_NAME), Some("Fragile".into()));
    assert_eq!(attributes.get("tool.before"), Some(1.into()));
    assert_eq!(attributes.get("tool.after"), None);
    assert_eq!(attributes.get("query"), Some("tea".into()));
    assert_eq!(attributes.get(keys::COLLECTOR_ERROR), Some("attributes are broken".into()));
}

#[test]
fn g30_a_panicking_decision_counts_as_yes() {
    let (provider, memory) = in_line();
    let fragile = Fragile::in_hook("should_create_span");
    assert_eq!(provider.run(|| fragile.in_span("run", || 1)), 1);
    assert_eq!(only(&memory).status(), Status::Ok);
}

#[test]
fn g30_panicking_lazy_attributes_leave_those_of_other_hooks() {
    let (provider, memory) = in_line();
    let fragile = Fragile::in_hook("none");
    let result: Result<u8, &str> = provider.run(|| {
        fragile
            .traced("run")
            .with_attributes(|attributes| {
                attributes.set("lazy", true);
                panic!("lazy attributes are broken");
            })
            .try_in_span(|| Err("no"))
    });
    assert_eq!(result, Err("no"));
    let span = only(&memory);
    let attributes = span.attributes();
    assert_eq!(span.status(), Status::Error);
    assert_eq!(attributes.get("tool.after"), Some(2.into()));
    assert_eq!(attributes.get("lazy"), Some(true.into()));
    assert_eq!(attributes.get(keys::COLLECTOR_ERROR), Some("lazy attributes are broken".into()));
}

#[test]
fn g30_a_panic_that_is_no_text_is_reported_too() {
    let (provider, memory) = in_line();
    provider.run(|| {
        Component::tool("Odd").traced("run").with_attributes(|_| panic_any(17_u8)).in_span(|| ());
    });
    assert!(only(&memory).attributes().get(keys::COLLECTOR_ERROR).is_some());
}

#[test]
fn g30_a_panicking_hook_of_a_reused_call_leaves_the_span_alone() {
    let (provider, memory) = in_line();
    let agent = Component::agent("Planner");
    provider.run(|| {
        agent.traced("run").with("turn", 1).in_span(|| {
            let inner = agent.traced("run").with_attributes(|_| panic!("broken"));
            assert_eq!(inner.in_span(|| "inner"), "inner");
        });
    });
    let span = only(&memory);
    assert_eq!(span.attributes().get("turn"), Some(1.into()));
    assert_eq!(span.attributes().get(keys::COLLECTOR_ERROR), Some("broken".into()));
}

#[test]
fn g30_a_hook_may_look_at_the_running_spans_and_trace() {
    let (provider, memory) = in_line();
    let outer = Component::agent("Outer");
    provider.run(|| {
        outer.in_span("run", || {
            outer.current_span().unwrap().set_attributes(|attributes| {
                outer.current_span().unwrap().set_attribute("seen.from", "inside");
                Component::tool("InHook").in_span("run", || ());
                attributes.set("set.after", true);
            });
        });
    });
    assert_span_tree!(memory, {
        agent "Outer" ["seen.from" = "inside", "set.after" = true] { tool "InHook" }
    });
}
