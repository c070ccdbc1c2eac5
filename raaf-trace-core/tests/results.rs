//! Attributes that a call's result and its hooks add to the span.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::{in_line, only};
use raaf_trace_core::{
    Attributes, Component, MemoryExporter, Status, Traceable, attributes::ValueRef, traced,
    traced_block,
};

#[derive(Debug, thiserror::Error)]
#[error("no hits")]
struct NoHits;

#[derive(Traceable)]
struct SearchTool {
    component: Component,
}

impl SearchTool {
    #[traced(result = Self::describe)]
    fn search(&self, hits: usize) -> Result<Vec<u32>, NoHits> {
        if hits == 0 { Err(NoHits) } else { Ok(vec![7; hits]) }
    }

    #[allow(clippy::ptr_arg, reason = "what a hook sees is what the method returns")]
    fn describe(hits: &Vec<u32>, attributes: &mut Attributes) {
        attributes.set("result.items_found", hits.len());
    }
}

fn search_tool() -> SearchTool {
    SearchTool { component: Component::tool("Search") }
}

fn words(memory: &MemoryExporter, keys: &[&str]) -> Vec<String> {
    let span = only(memory);
    let word = |key| span.attributes().get(key).map_or_else(String::new, |value| value.to_string());
    keys.iter().map(|key| word(key)).collect()
}

#[test]
fn g28_the_result_s_type_and_success_are_on_every_traced_call() {
    let (provider, memory) = in_line();
    provider.run(|| Component::tool("Count").in_span("run", || vec![1_u8]));
    assert_eq!(words(&memory, &["result.type", "result.success"]), ["Vec", "true"]);
}

#[test]
fn g28_a_method_s_hook_sees_the_ok_value() {
    let (provider, memory) = in_line();
    let hits = provider.run(|| search_tool().search(3)).unwrap();
    assert_eq!(hits, [7, 7, 7], "untouched");
    let seen = words(&memory, &["result.items_found", "result.type", "result.success"]);
    assert_eq!(seen, ["3", "Vec", "true"]);
}

#[test]
fn g28_a_failure_has_a_result_that_is_no_success_and_no_hook_call() {
    let (provider, memory) = in_line();
    assert!(provider.run(|| search_tool().search(0)).is_err());
    let seen = words(&memory, &["result.items_found", "result.type", "result.success"]);
    assert_eq!(seen, ["", "Vec", "false"]);
}

#[test]
fn g28_a_hook_given_with_the_call_sees_the_value() {
    let (provider, memory) = in_line();
    provider.run(|| {
        search_tool()
            .traced("run")
            .on_result(|total: &u64, attributes| {
                attributes.set("result.total", *total);
            })
            .in_span(|| 42_u64);
    });
    assert_eq!(words(&memory, &["result.total", "result.type"]), ["42", "u64"]);
}

#[tokio::test]
async fn g28_a_future_s_result_is_seen_too() {
    use raaf_trace_core::InContext as _;
    let (provider, memory) = in_line();
    let tool = search_tool();
    let work = traced_block!(
        tool.traced("fetch").on_result(|page: &String, attributes| {
            attributes.set("result.length", page.len());
        }),
        async {
            tokio::task::yield_now().await;
            "a page".to_owned()
        }
    );
    work.in_context(provider.context()).await;
    assert_eq!(words(&memory, &["result.length", "result.type"]), ["6", "String"]);
}

#[test]
fn g30_a_result_hook_that_panics_costs_only_what_it_had_not_added() {
    let (provider, memory) = in_line();
    let value = provider.run(|| {
        search_tool()
            .traced("run")
            .with("query", "tea")
            .on_result(|_: &u32, attributes| {
                attributes.set("result.first", 1);
                panic!("the hook is broken");
            })
            .in_span(|| 42_u32)
    });
    assert_eq!(value, 42);
    let span = only(&memory);
    assert_eq!(span.status(), Status::Ok);
    let seen = words(&memory, &["query", "result.first", "result.type", "success"]);
    assert_eq!(seen, ["tea", "1", "u32", "true"]);
    assert_eq!(words(&memory, &["tracing.collector_error"]), ["the hook is broken"]);
}

#[test]
fn g28_a_prepared_block_shows_the_ok_value_to_its_hook() {
    let (provider, memory) = in_line();
    let tool = search_tool();
    let describe = |page: &&str, attributes: &mut Attributes| {
        attributes.set("result.length", page.len());
    };
    let read = |page: Result<&'static str, NoHits>| {
        traced_block!(tool.traced("read").on_result(describe), times = 1, || page)
    };
    assert_eq!(provider.run(|| read(Ok("a page"))).unwrap(), "a page");
    assert!(provider.run(|| read(Err(NoHits))).is_err());
    let lengths: Vec<_> = memory
        .spans()
        .iter()
        .map(|span| span.attributes().get("result.length").and_then(ValueRef::as_i64))
        .collect();
    assert_eq!(lengths, [Some(6), None]);
}
