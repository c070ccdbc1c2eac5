//! Runs and pauses that steps and tools of the user pass on.

use async_trait::async_trait;
use raaf_agents::{
    Agent, AgentTool, Content, FlowExt as _, FunctionTool, ModelRequest, PausedStep, Pipeline,
    PipelineState, RunConfig, RunContext, Runner, ScriptedModel, State, Step, StepContext,
    StepError, Tool, ToolError, ToolSpec, step,
};
use raaf_trace_core::{Component, Traceable};
use serde_json::{Value as Json, json};

use super::{approve, at_once, clerk, journal::InMemory, model, ran::Ran, through_json};

#[tokio::test]
async fn runs_of_one_call_that_are_journaled_do_not_share_their_steps() {
    /// A tool that asks an agent twice, and passes the steps of its runs on.
    struct Twice(AgentTool);

    #[async_trait]
    impl Tool for Twice {
        fn spec(&self) -> &ToolSpec {
            self.0.spec()
        }

        async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
            self.invoke_in(&RunContext::new(), arguments).await
        }

        async fn invoke_in(&self, context: &RunContext, _: Json) -> Result<Content, ToolError> {
            self.0.invoke_in(context, json!({ "input": "1" })).await?;
            self.0.invoke_in(context, json!({ "input": "2" })).await
        }

        fn journals_steps(&self) -> bool {
            true
        }
    }

    impl Traceable for Twice {
        fn component(&self) -> &Component {
            self.0.component()
        }
    }

    let echo = ScriptedModel::from_fn("echo", |request: &ModelRequest| {
        request.last_user_text().into_owned()
    });
    let ask = Twice(Agent::builder("Echo", echo).build().as_tool("ask", "Asks."));
    let agent = Agent::builder("Top", model(&["ask"])).tool(ask).build();
    let journal = InMemory::default();
    let config = RunConfig::new().journal(journal.clone()).run_id("run");
    let runner = Runner::new().with_config(config);
    let result = runner.run(&agent, "go").await.unwrap();
    assert_eq!(result.messages[2].tool_results().next().unwrap().text(), "2");
    assert_eq!(runner.run(&agent, "go").await.unwrap().messages, result.messages);
}

/// A step that runs a pipeline, and returns the error of its step.
struct Bare(Pipeline);

#[async_trait]
impl Step for Bare {
    fn name(&self) -> &str {
        "Bare"
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.0.run(state).await.map_err(|error| error.source)
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        Step::resume(&self.0, context, state, paused).await
    }
}

#[tokio::test]
async fn a_step_may_return_the_pause_of_a_pipeline_as_it_is() {
    let ran = Ran::default();
    let pipeline = || {
        let clerk = clerk("Clerk", &ran).writes("y").named("Inner").build().unwrap();
        let flow = ran.note("a") >> step(Bare(clerk)).retry(at_once(2));
        flow.named("Post").takes("input").build().unwrap()
    };
    let given = State::new().with("input", "x");
    let state = pipeline().run(given).await.unwrap_err().into_state().unwrap();
    let mut state: PipelineState = through_json(&state);
    assert_eq!(state.pipeline(), "Post");
    approve(&mut state);
    let after = pipeline().resume(state).await.unwrap();
    assert_eq!(after.text("y").unwrap(), "3 messages");
    assert_eq!(ran.take_sorted().len(), 2);
}

#[tokio::test]
async fn a_function_that_is_a_step_goes_on_with_the_run_that_has_paused() {
    let ran = Ran::default();
    let pipeline = || {
        let free = Agent::builder("Same", model(&["free"])).tool(ran.tool("free")).build();
        let free = free.as_tool("ask", "Asks.").with_output(|_| Ok::<_, ToolError>("first"));
        let asks = clerk("Same", &ran).as_tool("ask", "Asks.");
        let asks = asks.with_output(|_| Ok::<_, ToolError>("second"));
        let both = move |context: RunContext, (): ()| {
            let (free, asks) = (free.clone(), asks.clone());
            async move {
                let first = free.call_in(&context, json!({ "input": "x" })).await?;
                let second = asks.call_in(&context, json!({ "input": "x" })).await?;
                Ok::<_, ToolError>(json!([first.into_json(), second.into_json()]))
            }
        };
        let both = FunctionTool::with_context("both", "Asks twice.", both);
        both.writes("both").named("Post").build().unwrap()
    };
    for journaled in [false, true] {
        let journal = InMemory::default();
        let pipeline = || {
            let pipeline = pipeline();
            if journaled { pipeline.journaled(journal.clone(), "job") } else { pipeline }
        };
        let state = pipeline().run(State::new()).await.unwrap_err().into_state().unwrap();
        let mut state: PipelineState = through_json(&state);
        approve(&mut state);
        ran.take_sorted();
        let after = pipeline().resume(state).await.unwrap();
        assert_eq!(after.value("both").unwrap(), &json!(["first", "second"]));
        // The function runs again from its start.
        assert_eq!(ran.take_sorted().len(), 2);
    }
}
