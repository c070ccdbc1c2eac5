//! Pipelines composed by operators: order, merging and checks.

mod common;

use std::error::Error;

use async_trait::async_trait;
use raaf_agents::{
    Agent, Contract, Flow, FlowExt as _, FunctionStep, Merge, ModelError, ModelRequest,
    OnBranchError, Parallel, Pipeline, PipelineError, Reply, ScriptedModel, State, Step, StepError,
    service, step,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

use common::{Silent, broken, shout};

/// An agent that answers with its name and its input.
fn echo(name: &'static str) -> Agent {
    let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        format!("{name}({})", request.last_user_text())
    });
    Agent::builder(name, model).build()
}

fn failing(name: &str) -> Agent {
    let model = ScriptedModel::new("scripted", [Reply::error(ModelError::other("no"))]);
    Agent::builder(name, model).build()
}

fn sets(name: &'static str, key: &'static str, value: serde_json::Value) -> FunctionStep {
    service(name, move |state: State| {
        let value = value.clone();
        async move { Ok(state.with(key, value)) }
    })
    .provides(key)
}

async fn run(capture: &Capture, pipeline: &Pipeline) -> Result<State, PipelineError> {
    capture.run_async(pipeline.run(State::new().with("input", "x"))).await
}

#[tokio::test]
async fn operators_nest() {
    let capture = Capture::new();
    let pipeline = (echo("A")
        >> (echo("B").reads("A") | echo("C").reads("A") >> echo("D").reads("C"))
        >> echo("E").reads(["B", "D"]))
    .named("Ops")
    .takes("input")
    .build()
    .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("E").unwrap(), "E(<B>\nB(A(x))\n</B>\n<D>\nD(C(A(x)))\n</D>\n)");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Ops" [ok, "pipeline.name" = "Ops", "pipeline.steps_count" = 5] {
            agent "A" { llm "scripted" }
            in_any_order {
                agent "B" { llm "scripted" }
                agent "C" { llm "scripted" }
                agent "D" { llm "scripted" }
            }
            agent "E" { llm "scripted" }
        }
    });
}

#[tokio::test]
async fn the_builder_is_equivalent_to_operators() {
    let (by_operators, by_builder) = (Capture::new(), Capture::new());
    let operators = (echo("A") >> (echo("B").reads("A") | echo("C").reads("A"))).named("Same");
    let builder = Pipeline::builder("Same")
        .then(echo("A"))
        .parallel([echo("B").reads("A"), echo("C").reads("A")]);
    let (operators, builder) = (operators.build().unwrap(), builder.build().unwrap());
    let one = run(&by_operators, &operators).await.unwrap();
    let other = run(&by_builder, &builder).await.unwrap();
    assert_eq!(one, other);
    assert_eq!(format!("{operators:?}"), format!("{builder:?}"));
    for capture in [by_operators, by_builder] {
        assert_span_tree!(capture.spans_async().await, {
            pipeline "Same" {
                agent "A" { llm "scripted" }
                agent "B" { llm "scripted" }
                agent "C" { llm "scripted" }
            }
        });
    }
}

async fn load(state: State) -> Result<State, Box<dyn Error + Send + Sync>> {
    Ok(state.with("text", "tea"))
}

/// A custom step.
struct Count;

#[async_trait]
impl Step for Count {
    fn name(&self) -> &'static str {
        "Count"
    }

    fn contract(&self) -> Contract {
        Contract::new().requires("shout").provides("length")
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        let length = state.text("shout")?.len();
        Ok(state.with("length", length))
    }
}

#[tokio::test]
async fn functions_tools_pipelines_and_custom_steps_are_steps() {
    let capture = Capture::new();
    let inner = echo("Agent").reads("shout").named("Inner").build().unwrap();
    let pipeline = (step(load) >> shout() >> step(Count) >> inner).named("All").build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("shout").unwrap(), "TEA");
    assert_eq!(state.get::<usize>("length").unwrap(), 3);
    assert_eq!(state.text("Agent").unwrap(), "Agent(TEA)");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "All" ["pipeline.steps_count" = 4] {
            component "load"
            tool "shout" ["tool.result" = "TEA"]
            pipeline "Inner" { agent "Agent" { llm "scripted" } }
        }
    });
}

#[tokio::test]
async fn a_tool_reads_and_writes_the_declared_keys() {
    let capture = Capture::new();
    let words = sets("Words", "text", json!("hi"));
    let pipeline = (words >> shout().writes("loud")).named("Loud").takes([""; 0]).build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("loud").unwrap(), "HI");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Loud" { component "Words" tool "shout" }
    });
}

#[tokio::test]
async fn a_failing_tool_stops_the_pipeline() {
    let capture = Capture::new();
    let words = sets("Words", "text", json!("hi"));
    let pipeline = (words >> broken() >> echo("Never")).named("P").build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!((&*error.step, &*error.completed), ("broken", &["Words".to_owned()][..]));
    assert!(matches!(error.source, StepError::Tool(_)));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] { component "Words" [ok] tool "broken" [error "ToolError::Failed"] }
    });
}

#[tokio::test]
async fn conflicts_are_merged_by_the_declared_strategy() {
    let finding = |name, id: i64, who: &str| {
        let found = json!({ "rows": [{ "id": id, who: true }], "one": who, "all": [who] });
        service(name, move |state: State| {
            let found = found.clone();
            async move {
                let found = found.as_object().cloned().unwrap_or_default();
                Ok(found.into_iter().fold(state, |state, (key, value)| state.with(key, value)))
            }
        })
    };
    let capture = Capture::new();
    let pipeline = (finding("A", 1, "a") | finding("B", 1, "b") | finding("C", 2, "c"))
        .merge(Merge::Append)
        .merge_key("one", Merge::Last)
        .merge_key("rows", Merge::ById("id".into()))
        .named("Merging")
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.value("all").unwrap(), &json!(["a", "b", "c"]));
    assert_eq!(state.value("one").unwrap(), "c");
    let rows = json!([{ "id": 1, "a": true, "b": true }, { "id": 2, "c": true }]);
    assert_eq!(state.value("rows").unwrap(), &rows);
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Merging" ["pipeline.steps_count" = 3] {
            component "A" component "B" component "C"
        }
    });
}

#[tokio::test]
async fn results_merge_in_declaration_order_whichever_finishes_first() {
    let capture = Capture::new();
    let late = service("Late", |state: State| async move {
        tokio::task::yield_now().await;
        Ok(state.with("list", json!(["late"])))
    });
    let early = sets("Early", "list", json!(["early"]));
    let pipeline = (late | early).merge(Merge::Append).named("Order").build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.value("list").unwrap(), &json!(["late", "early"]));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Order" { component "Late" component "Early" }
    });
}

#[test]
fn missing_keys_are_named_when_a_pipeline_is_built() {
    let error = (echo("A") >> echo("B").reads(["A", "plan"]) >> echo("C").reads("wish"))
        .named("P")
        .takes("input")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pipeline `P` cannot be built: `B` requires `plan`, which no earlier step provides; `C` \
         requires `wish`, which no earlier step provides"
    );
}

#[test]
fn branches_do_not_provide_keys_to_each_other() {
    let error = (echo("A") | echo("B").reads("A")).named("P").build().unwrap_err();
    let [missing] = &*error.missing else { panic!("{error}") };
    assert_eq!((&*missing.step, &*missing.key), ("B", "A"));
    assert_eq!(missing.provided_by.as_deref(), Some("A"));
}

#[test]
fn steps_in_the_wrong_order_do_not_fit_together() {
    assert!((echo("B").reads("A") >> echo("A")).named("P").build().is_err());
    let takes = (echo("B").reads("A") >> echo("A")).named("P").takes(["A", "input"]);
    assert!(takes.build().is_ok());
}

#[test]
fn a_nested_pipeline_is_checked_as_one_step() {
    let inner = || echo("B").reads("A").named("Inner").build().unwrap();
    assert!((echo("A") >> inner()).named("P").takes("input").build().is_ok());
    let error = (inner() >> echo("C").reads("B")).named("P").takes("input").build().unwrap_err();
    assert_eq!((&*error.missing[0].step, &*error.missing[0].key), ("Inner", "A"));
}

#[test]
fn a_step_without_a_contract_may_provide_any_key() {
    let open = service("Open", |state: State| async move { Ok(state) });
    assert!((open >> echo("A").reads("x")).named("P").takes([""; 0]).build().is_ok());
    let closed = service("Closed", |state: State| async move { Ok(state) }).provides("y");
    assert!((closed >> echo("A").reads("x")).named("P").takes([""; 0]).build().is_err());
}

#[tokio::test]
async fn missing_keys_are_found_before_the_first_step_runs() {
    let capture = Capture::new();
    let pipeline = (echo("A") >> echo("B").reads("plan")).named("P").build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!((&*error.step, error.completed.len()), ("B", 0));
    assert_span_tree!(capture.spans_async().await, { pipeline "P" [error "StateError::Missing"] });
}

#[tokio::test]
async fn the_error_lists_the_completed_steps() {
    let capture = Capture::new();
    let branch = echo("B").reads("A") >> failing("C").reads("B");
    let waiting = Agent::builder("W", Silent).build();
    let pipeline = (echo("A") >> (waiting | branch)).named("P").build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!(error.step, "C");
    assert_eq!(error.completed, ["A", "B"]);
    assert_eq!(error.state.text("B").unwrap(), "B(A(x))");
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "P" [error] {
            agent "A" [ok] { llm "scripted" }
            in_any_order {
                agent "B" [ok] { llm "scripted" }
                agent "C" [error] { llm "scripted" [error] }
                agent "W" [cancelled] { llm "silent" [cancelled] }
            }
        }
    });
}

#[tokio::test]
async fn collected_branches_are_all_awaited() {
    let capture = Capture::new();
    let slow = service("Slow", |state: State| async move {
        tokio::task::yield_now().await;
        Ok(state.with("slow", true))
    });
    let pipeline = Parallel::of([Flow::from(failing("A")), slow.into(), failing("C").into()])
        .on_error(OnBranchError::Collect)
        .named("P")
        .build()
        .unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    let failed = |name| format!("`{name}`: agent `{name}` (turn 1): the model call failed: no");
    let text = format!("2 of 3 branches failed: {}; {}", failed("A"), failed("C"));
    assert_eq!(error.source.to_string(), text);
    assert_eq!(error.step, "A");
    assert!(error.state.get::<bool>("slow").unwrap());
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] {
            agent "A" [error] { llm "scripted" [error] }
            component "Slow" [ok]
            agent "C" [error] { llm "scripted" [error] }
        }
    });
}

#[tokio::test]
async fn collected_branches_that_all_succeed_are_merged() {
    let capture = Capture::new();
    let pipeline = (sets("A", "a", json!(1)) | sets("B", "b", json!(2)))
        .on_error(OnBranchError::Collect)
        .named("P")
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!((state.get::<i64>("a").unwrap(), state.get::<i64>("b").unwrap()), (1, 2));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [ok] { component "A" component "B" }
    });
}
