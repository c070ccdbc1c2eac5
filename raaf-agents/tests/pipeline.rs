//! Pipelines, and the spans they leave.

mod common;

use raaf_agents::{
    Agent, ModelError, ModelRequest, Pipeline, PipelineError, Reply, ScriptedModel, State, Step,
    StepError, service,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::trace;
use serde_json::json;

use common::Silent;

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

fn append(name: &'static str) -> raaf_agents::FunctionStep {
    service(name, move |state: State| async move {
        let so_far = state.text("trail").unwrap_or_default().to_owned();
        Ok(state.with("trail", so_far + name))
    })
}

async fn run(capture: &Capture, pipeline: &Pipeline) -> Result<State, PipelineError> {
    capture.run_async(pipeline.run(State::new().with("input", "x"))).await
}

#[tokio::test]
async fn g26_a_pipeline_shows_what_it_was_given_and_what_it_made() {
    let capture = Capture::new();
    let one = Pipeline::builder("One").then(echo("A")).build().unwrap();
    run(&capture, &one).await.unwrap();
    let two = Pipeline::builder("Two").then(echo("A")).then(echo("B")).build().unwrap();
    capture.run_async(two.run(State::new().with("input", "x").with("n", 1))).await.unwrap();
    let both = async {
        one.run(State::new().with("input", "y")).await?;
        one.run(State::new().with("input", "z")).await
    };
    capture.run_async(trace("both").try_in_span(both)).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        pipeline "One" ["input" = "x", "output" = "A(x)"] { .. }
        pipeline "Two" [
            "input" = json!({"input": "x", "n": 1}), "output" = json!({"A": "A(x)", "B": "B(x)"})
        ] { .. }
        trace "both" ["input" = "y", "output" = "A(z)"] { .. }
    });
}

#[tokio::test]
async fn g7_agents_one_after_another_are_siblings() {
    let capture = Capture::new();
    let pipeline = Pipeline::builder("Chain")
        .then(echo("A"))
        .then(echo("B").reads("A").writes("end"))
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("end").unwrap(), "B(A(x))");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Chain" [
            status = ok, "pipeline.name" = "Chain", "pipeline.steps_count" = 2
        ] {
            agent "A" { llm "scripted" }
            agent "B" { llm "scripted" }
        }
    });
}

#[tokio::test]
async fn repeated_reads_add_keys() {
    let runs = [echo("A").reads("a").reads("b"), echo("A").reads(["a", "b", "a"])];
    for step in runs {
        let pipeline = Pipeline::builder("P").then(step).takes("a").takes("b").build().unwrap();
        let state = pipeline.run(State::new().with("a", "1").with("b", 2)).await.unwrap();
        assert_eq!(state.text("A").unwrap(), "A(<a>\n1\n</a>\n<b>\n2\n</b>\n)");
    }
}

#[tokio::test]
async fn parallel_branches_are_siblings_and_merge_in_declaration_order() {
    let capture = Capture::new();
    let pipeline = Pipeline::builder("Fan")
        .parallel([echo("A").writes("same"), echo("B").writes("same"), echo("C").writes("other")])
        .then(echo("D").reads(["same", "other"]))
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("same").unwrap(), "B(x)");
    assert_eq!(state.text("D").unwrap(), "D(<same>\nB(x)\n</same>\n<other>\nC(x)\n</other>\n)");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Fan" ["pipeline.steps_count" = 4] {
            agent "A" { llm "scripted" }
            agent "B" { llm "scripted" }
            agent "C" { llm "scripted" }
            agent "D" { llm "scripted" }
        }
    });
}

#[tokio::test]
async fn branches_work_on_their_own_copies() {
    let pipeline = Pipeline::builder("Copies")
        .then(append("a"))
        .parallel([append("b"), append("c")])
        .build()
        .unwrap();
    let state = pipeline.run(State::new()).await.unwrap();
    // The second branch did not see what the first one wrote.
    assert_eq!(state.text("trail").unwrap(), "ac");
}

#[tokio::test]
async fn g10_pipelines_nest() {
    let capture = Capture::new();
    let inner = Pipeline::builder("Inner").then(echo("A")).then(append("S")).build().unwrap();
    let other: Vec<Box<dyn Step>> = vec![Box::new(inner), Box::new(echo("B"))];
    let pipeline = Pipeline::builder("Outer").parallel(other).build().unwrap();
    run(&capture, &pipeline).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Outer" ["pipeline.steps_count" = 2] {
            pipeline "Inner" {
                agent "A" { llm "scripted" }
                component "S"
            }
            agent "B" { llm "scripted" }
        }
    });
}

#[tokio::test]
async fn a_failing_step_stops_the_pipeline_and_is_named() {
    let capture = Capture::new();
    let pipeline = Pipeline::builder("Chain")
        .then(echo("A"))
        .then(failing("B").reads("A"))
        .then(echo("C"))
        .build()
        .unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pipeline `Chain` stopped at step `B`: agent `B` (turn 1): the model call failed: no"
    );
    assert_eq!(error.completed, ["A"]);
    assert_eq!(error.state.text("A").unwrap(), "A(x)");
    assert!(matches!(error.source, StepError::Run(_)));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Chain" [
            status = error, "error.type" = "other",
            "error.message" = "pipeline `Chain` stopped at step `B`: agent `B` (turn 1): the model call failed: no"
        ] {
            agent "A" [status = ok] { llm "scripted" }
            agent "B" [status = error] { llm "scripted" [status = error] }
        }
    });
}

#[tokio::test]
async fn a_failing_branch_cancels_the_others() {
    let capture = Capture::new();
    let waiting = Agent::builder("Waits", Silent).build();
    let pipeline = Pipeline::builder("Fan").parallel([waiting, failing("Fails")]).build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!(error.step, "Fails");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Fan" [status = error] {
            agent "Waits" [status = cancelled] { llm "silent" [status = cancelled] }
            agent "Fails" [status = error] { llm "scripted" [status = error] }
        }
    });
}

#[tokio::test]
async fn a_nested_failure_names_both_steps() {
    let inner = Pipeline::builder("Inner").then(failing("A")).build().unwrap();
    let pipeline = Pipeline::builder("Outer").then(inner).build().unwrap();
    let error = pipeline.run(State::new().with("input", "x")).await.unwrap_err();
    assert_eq!(error.step, "Inner");
    assert!(matches!(&error.source, StepError::Pipeline(inner) if inner.step == "A"));
}

#[tokio::test]
async fn a_missing_key_is_an_error() {
    let pipeline = Pipeline::builder("Chain").then(echo("A").reads("plan")).build().unwrap();
    let error = pipeline.run(State::new()).await.unwrap_err();
    assert_eq!(error.source.to_string(), "the pipeline state has no `plan`");
}

#[tokio::test]
async fn a_pipeline_without_steps_changes_nothing() {
    let capture = Capture::new();
    let state = run(&capture, &Pipeline::builder("Nothing").build().unwrap()).await.unwrap();
    assert_eq!(state, State::new().with("input", "x"));
    assert_span_tree!(capture.spans_async().await, { pipeline "Nothing" [status = ok] });
}

#[tokio::test]
async fn a_typed_answer_is_a_value_in_the_state() {
    let capture = Capture::new();
    let model = ScriptedModel::new("scripted", [Reply::text("[1, 2, 3]")]);
    let counter = Agent::builder("Counter", model).output_type::<Vec<u32>>().build();
    let pipeline = Pipeline::builder("Count").then(counter.writes("numbers")).build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.get::<Vec<u32>>("numbers").unwrap(), [1, 2, 3]);
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Count" { agent "Counter" { llm "scripted" } }
    });
}
