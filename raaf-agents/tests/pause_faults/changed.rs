//! Pipelines that are not those that have paused.

use async_trait::async_trait;
use raaf_agents::{
    Agent, Flow, FlowExt as _, PausedStep, PipelineState, ResumeError, State, Step, StepContext,
    StepError, step,
};
use serde_json::json;

use super::{approve, at_once, clerk, model, ran::Ran, through_json};

/// Passes all on to another step.
struct Around<S>(S);

#[async_trait]
impl<S: Step> Step for Around<S> {
    fn name(&self) -> &str {
        "Around"
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.0.run(state).await
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        self.0.resume(context, state, paused).await
    }

    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        self.0.can_resume(paused)
    }
}

type Make<'a> = Box<dyn Fn(&'static str) -> Flow + 'a>;

#[tokio::test]
async fn a_part_that_does_not_fit_is_found_before_the_parts_beside_it_run() {
    let ran = Ran::default();
    let other = |tool: &'static str| {
        Agent::builder("Other", model(&["write"])).tool(ran.asking(tool)).build()
    };
    let steps: [Make<'_>; 5] = [
        Box::new(|tool| other(tool).writes("o").into()),
        Box::new(|tool| step(other(tool).as_tool("ask", "Asks.")).into()),
        Box::new(|tool| step(Around(other(tool)))),
        Box::new(|tool| other(tool).retry(at_once(2)).named("Inner").build().unwrap().into()),
        Box::new(|tool| other(tool).each_over("list").into()),
    ];
    for make in steps {
        let post = |tool| {
            let flow = clerk("Clerk", &ran).writes("y") | make(tool);
            flow.named("Post").takes("input").takes("list").build().unwrap()
        };
        let given = State::new().with("input", "x").with("list", json!(["x"]));
        let state = post("write").run(given).await.unwrap_err().into_state().unwrap();
        let mut state: PipelineState = through_json(&state);
        approve(&mut state);
        let error = post("scribble").resume(state.clone()).await.unwrap_err();
        assert!(error.to_string().contains("no tool `write`"), "{error}");
        assert!(matches!(error.source, StepError::Resume(_)), "{error:?}");
        assert_eq!(ran.take_sorted(), [""; 0], "{error}");
        // The state is as good as before.
        post("write").resume(state).await.unwrap();
        assert_eq!(ran.take_sorted().len(), 2);
    }
}

#[tokio::test]
async fn a_nested_pipeline_that_has_changed_is_found_before_the_parts_beside_it_run() {
    let ran = Ran::default();
    let post = |first: bool| {
        let clerk = || clerk("Clerk", &ran).writes("z");
        let inner = if first { ran.note("a") >> clerk() } else { clerk().into() };
        let inner = inner.named("Inner").takes("input").build().unwrap();
        let flow = super::clerk("Clerk", &ran).writes("y") | step(inner);
        flow.named("Post").takes("input").build().unwrap()
    };
    let given = State::new().with("input", "x");
    let mut state = post(true).run(given).await.unwrap_err().into_state().unwrap();
    ran.take_sorted();
    approve(&mut state);
    let error = post(false).resume(state).await.unwrap_err();
    let text = "pipeline `Inner` has changed since it has paused, or is another one";
    assert!(error.to_string().ends_with(text), "{error}");
    assert_eq!(ran.take_sorted(), [""; 0]);
}

/// A step of the user's that cannot go on.
struct Plain(Agent);

#[async_trait]
impl Step for Plain {
    fn name(&self) -> &str {
        "Plain"
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        Step::run(&self.0, state).await
    }
}

#[tokio::test]
async fn a_step_that_cannot_go_on_is_not_begun_again_by_a_retry() {
    let ran = Ran::default();
    let agent = Agent::builder("Clerk", model(&["free", "send"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .build();
    let flow = step(Plain(agent)).retry_if(at_once(3), |_| true);
    let pipeline = flow.named("Post").takes("input").build().unwrap();
    let given = State::new().with("input", "x");
    let mut state = pipeline.run(given).await.unwrap_err().into_state().unwrap();
    assert_eq!(ran.take_sorted().len(), 1);
    approve(&mut state);
    let error = pipeline.resume(state).await.unwrap_err();
    let step = "Plain".to_owned();
    assert!(
        matches!(&error.source, StepError::Resume(found) if *found == ResumeError::Step { step }),
        "{error}"
    );
    assert_eq!(ran.take_sorted(), [""; 0]);
}
