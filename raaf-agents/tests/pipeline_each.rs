//! Steps that run for each item of an array.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use raaf_agents::{
    Agent, FlowExt as _, FunctionStep, ModelRequest, ScriptedModel, State, StepError, service,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

use common::shout;

fn parse() -> FunctionStep {
    service("Parse", |state: State| async move {
        let number: i64 = state.text("word")?.parse()?;
        Ok(state.with("number", number))
    })
    .requires("word")
    .provides("number")
}

#[tokio::test]
async fn an_agent_runs_for_each_item_in_order() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        format!("on {}", request.last_user_text())
    });
    let agent = Agent::builder("Writer", model).build();
    let pipeline = agent.writes("text").each_over("topics").named("P").build().unwrap();
    let state = State::new().with("topics", json!(["tea", "cake"]));
    let state = capture.run_async(pipeline.run(state)).await.unwrap();
    assert_eq!(state.value("topics_text").unwrap(), &json!(["on tea", "on cake"]));
    assert_eq!(state.value("topics_text_errors").unwrap(), &json!([]));
    // What the items were worked on with stays inside.
    assert!(!state.contains("input") && !state.contains("text"));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" ["pipeline.steps_count" = 1] {
            step "Writer".each_over [ok, "step.items" = 2, "step.items_failed" = 0] {
                step "Writer".item ["step.item_index" = 0] { agent "Writer" { llm "scripted" } }
                step "Writer".item ["step.item_index" = 1] { agent "Writer" { llm "scripted" } }
            }
        }
    });
}

#[tokio::test]
async fn an_item_that_fails_is_recorded_and_the_others_are_processed() {
    let capture = Capture::new();
    let pipeline = parse().each_over("words").item("word").into_key("numbers").named("P");
    let pipeline = pipeline.takes("words").build().unwrap();
    let state = State::new().with("words", json!(["1", "two", "3"]));
    let state = capture.run_async(pipeline.run(state)).await.unwrap();
    assert_eq!(state.value("numbers").unwrap(), &json!([1, null, 3]));
    let error = "step `Parse` failed: invalid digit found in string";
    let errors = json!([{ "index": 1, "error": error }]);
    assert_eq!(state.value("numbers_errors").unwrap(), &errors);
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [ok] {
            step "Parse".each_over [ok, "step.items" = 3, "step.items_failed" = 1] {
                step "Parse".item [ok, "step.item_index" = 0] { component "Parse" [ok] }
                step "Parse".item [error, "step.item_index" = 1] { component "Parse" [error] }
                step "Parse".item [ok, "step.item_index" = 2] { component "Parse" [ok] }
            }
        }
    });
}

#[tokio::test]
async fn items_are_processed_concurrently_up_to_the_limit() {
    let capture = Capture::new();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let work = service("Work", move |state: State| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            let at_once = now.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(at_once, Ordering::Relaxed);
            let item: usize = state.get("input")?;
            // Later items are done sooner: order must not come from that.
            for _ in item..10 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::Relaxed);
            Ok(state.with("output", item))
        }
    });
    let items: Vec<usize> = (0..10).collect();
    let pipeline = work.each_over("items").concurrency(3).named("P").build().unwrap();
    let state = State::new().with("items", items.clone());
    let state = capture.run_async(pipeline.run(state)).await.unwrap();
    assert_eq!(state.get::<Vec<usize>>("items_output").unwrap(), items);
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "P" {
            step "Work".each_over { step "Work".item { component "Work" } x 10 }
        }
    });
}

#[tokio::test]
async fn a_flow_can_be_run_for_each_item() {
    let capture = Capture::new();
    let lower = service("Lower", |state: State| async move {
        let text = state.text("shout")?.to_lowercase();
        Ok(state.with("quiet", text))
    });
    let flow = (shout() >> lower.provides("quiet")).each_over("texts").item("text");
    let pipeline = flow.named("P").takes("texts").build().unwrap();
    let state = State::new().with("texts", json!(["Tea"]));
    let state = capture.run_async(pipeline.run(state)).await.unwrap();
    assert_eq!(state.value("texts_quiet").unwrap(), &json!(["tea"]));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" {
            step "shout >> Lower".each_over {
                step "shout >> Lower".item { tool "shout" component "Lower" }
            }
        }
    });
}

#[tokio::test]
async fn a_value_other_than_an_array_is_an_error() {
    let capture = Capture::new();
    let pipeline = parse().each_over("words").item("word").named("P").build().unwrap();
    let run = capture.run_async(pipeline.run(State::new().with("words", "one")));
    let error = run.await.unwrap_err();
    assert_eq!(error.source.to_string(), "`words` is a string, not an array");
    assert!(matches!(error.source, StepError::State(_)));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] { step "Parse".each_over [error] {} }
    });
}

#[test]
fn keys_required_besides_the_item_are_checked() {
    let error = parse().each_over("words").named("P").takes("words").build().unwrap_err();
    assert_eq!((&*error.missing[0].step, &*error.missing[0].key), ("Parse", "word"));
    let next = service("Next", |state: State| async move { Ok(state) }).requires("words_number");
    let pipeline = (parse().each_over("words").item("word") >> next).named("P");
    assert!(pipeline.takes("words").build().is_ok());
}
