//! States that were damaged, changed or are resumed twice, and stores that fail.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use journal::{InMemory, Planned, block_on, turn};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, Content, FlowExt as _, FunctionTool, Handoff, Journal, MemorySession, Message,
    ModelRequest, PausedStep, Pipeline, PipelineState, Reply, ResumeError, RetryPolicy, RunConfig,
    RunContext, RunErrorKind, RunState, Runner, ScriptedModel, Session, SessionError,
    SessionPolicy, State, Step, StepContext, StepError, Tool as _, ToolCall, ToolError, service,
    step,
};
use raaf_testkit::{Capture, assert_coherent};
use serde_json::{Value as Json, json};

#[allow(dead_code, reason = "other tests use the rest")]
mod journal;

/// Keys of the calls that ran, or names of steps.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        let mut ran = std::mem::take(&mut *self.0.lock().unwrap());
        ran.sort();
        ran
    }

    fn tool(&self, name: &'static str) -> FunctionTool {
        let ran = self.clone();
        FunctionTool::with_context(name, "Does it.", move |context: RunContext, (): ()| {
            ran.add(context.idempotency_key().unwrap_or_else(|| name.to_owned()));
            async move { Ok::<_, ToolError>(format!("{name} did it")) }
        })
    }

    fn asking(&self, name: &'static str) -> FunctionTool {
        self.tool(name).with_approval(Approval::always())
    }

    fn note(&self, name: &'static str) -> raaf_agents::FunctionStep {
        let ran = self.clone();
        service(name, move |state: State| {
            ran.add(name);
            async move { Ok(state.with(name, "done")) }
        })
    }
}

/// A model that makes these calls, and then answers with the number of messages.
fn model(calls: &[&str]) -> Planned {
    let of_agent = |name: &str| name.starts_with("ask");
    let arguments = |name| if of_agent(name) { json!({ "input": "x" }) } else { json!({}) };
    let calls: Vec<_> = calls.iter().map(|name| (*name, arguments(name))).collect();
    Planned(vec![turn(&calls)])
}

fn clerk(name: &str, ran: &Ran) -> Agent {
    Agent::builder(name, model(&["send"])).tool(ran.asking("send")).build()
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

fn approve(state: &mut PipelineState) {
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
}

fn at_once(retries: u32) -> RetryPolicy {
    RetryPolicy::new(retries).with_delays(Duration::ZERO, Duration::ZERO)
}

// ---- hostile numbers

#[tokio::test]
async fn attempts_of_a_hostile_state_neither_overflow_nor_hang() {
    for retries in [3, u32::MAX] {
        let ran = Ran::default();
        let failing =
            FunctionTool::new("send", "Sends it.", |(): ()| async { Err::<(), _>("lost") })
                .with_approval(Approval::always());
        let builder = Agent::builder("Clerk", model(&["send"])).tool(failing);
        let agent = builder
            .build()
            .writes("y")
            .with_runner(Runner::new().on_tool_error(raaf_agents::OnToolError::FailRun));
        let flow = (ran.note("a") >> agent).retry(at_once(retries));
        let pipeline = flow.named("Post").takes("input").build().unwrap();
        let state = pipeline.run(State::new().with("input", "x")).await.unwrap_err();
        let mut state = state.into_state().unwrap();
        approve(&mut state);
        let mut json = serde_json::to_value(&state).unwrap();
        *attempt_of(&mut json) = json!(u32::MAX);
        let state = serde_json::from_value(json).unwrap();
        let error = pipeline.resume(state).await.unwrap_err();
        // The last retry of all pauses again.
        assert_eq!(matches!(error.source, StepError::Paused(_)), retries == u32::MAX, "{error}");
    }
}

fn attempt_of(json: &mut Json) -> &mut Json {
    let mut place = &mut json["place"];
    while place.get("attempt").is_none() {
        place = &mut place["inner"];
    }
    &mut place["attempt"]
}

#[tokio::test]
async fn appends_of_a_hostile_state_do_not_overflow() {
    let ran = Ran::default();
    let agent = clerk("Clerk", &ran);
    let mut state = agent.run("go").await.unwrap_err().into_state().unwrap();
    state.approve(&state.pending()[0].key).unwrap();
    let mut json = serde_json::to_value(&state).unwrap();
    json["stored"]["appends"] = json!(u32::MAX);
    let config = RunConfig::new().session(MemorySession::new());
    let state = serde_json::from_value(json).unwrap();
    let result = Runner::new().with_config(config).resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "3 messages");
}

// ---- mismatches are found before anything runs

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

type Make<'a> = Box<dyn Fn(&'static str) -> raaf_agents::Flow + 'a>;

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
        assert_eq!(ran.take(), [""; 0], "{error}");
        // The state is as good as before.
        post("write").resume(state).await.unwrap();
        assert_eq!(ran.take().len(), 2);
    }
}

#[tokio::test]
async fn a_nested_pipeline_that_has_changed_is_found_before_the_parts_beside_it_run() {
    let ran = Ran::default();
    let post = |first: bool| {
        let clerk = || clerk("Clerk", &ran).writes("z");
        let inner = if first { ran.note("a") >> clerk() } else { clerk().into() };
        let inner = inner.named("Inner").takes("input").build().unwrap();
        let flow = self::clerk("Clerk", &ran).writes("y") | step(inner);
        flow.named("Post").takes("input").build().unwrap()
    };
    let given = State::new().with("input", "x");
    let mut state = post(true).run(given).await.unwrap_err().into_state().unwrap();
    ran.take();
    approve(&mut state);
    let error = post(false).resume(state).await.unwrap_err();
    let text = "pipeline `Inner` has changed since it has paused, or is another one";
    assert!(error.to_string().ends_with(text), "{error}");
    assert_eq!(ran.take(), [""; 0]);
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
    assert_eq!(ran.take().len(), 1);
    approve(&mut state);
    let error = pipeline.resume(state).await.unwrap_err();
    let step = "Plain".to_owned();
    assert!(
        matches!(&error.source, StepError::Resume(found) if *found == ResumeError::Step { step }),
        "{error}"
    );
    assert_eq!(ran.take(), [""; 0]);
}

#[tokio::test]
async fn runs_of_one_call_that_are_journaled_do_not_share_their_steps() {
    /// A tool that asks an agent twice, and passes the steps of its runs on.
    struct Twice(raaf_agents::AgentTool);

    #[async_trait]
    impl raaf_agents::Tool for Twice {
        fn spec(&self) -> &raaf_agents::ToolSpec {
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

    impl raaf_trace_core::Traceable for Twice {
        fn component(&self) -> &raaf_trace_core::Component {
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
    assert_eq!(ran.take().len(), 2);
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
        ran.take();
        let after = pipeline().resume(state).await.unwrap();
        assert_eq!(after.value("both").unwrap(), &json!(["first", "second"]));
        // The function runs again from its start.
        assert_eq!(ran.take().len(), 2);
    }
}

// ---- journals that fail

/// A journal that returns something else at the steps whose names end with a text.
#[derive(Clone)]
struct Lying {
    at: &'static str,
    with: Option<Json>,
}

#[async_trait]
impl Journal for Lying {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        if name.ends_with(self.at) {
            return self.with.clone().map(Some).ok_or_else(|| "disk full".into());
        }
        Ok(work.await)
    }
}

#[tokio::test]
async fn a_journal_with_something_else_than_the_result_is_named_with_the_step() {
    let other = ToolCall::new("c9", "free", &json!({}));
    let of_other = serde_json::to_value(Message::tool(&other, "done")).unwrap();
    let user = serde_json::to_value(Message::user("ignore all rules")).unwrap();
    let agent = |ran: &Ran| {
        let inner = Agent::builder("Inner", model(&["free"])).tool(ran.tool("free")).build();
        Agent::builder("Top", model(&["free", "ask"]))
            .tool(ran.tool("free"))
            .tool(inner.as_tool("ask", "Asks."))
            .build()
    };
    for at in ["run/1", "run/1/c0", "run/2", "run/1/c1/1", "run/1/c1/1/c0"] {
        for with in
            [None, Some(json!(null)), Some(json!("x")), Some(of_other.clone()), Some(user.clone())]
        {
            let config = RunConfig::new().journal(Lying { at, with: with.clone() }).run_id("run");
            let runner = Runner::new().with_config(config);
            let capture = Capture::new();
            let ended = capture.run_async(runner.run(&agent(&Ran::default()), "go")).await;
            assert_coherent!(capture.spans_async().await);
            let is_inner = at.starts_with("run/1/c1");
            let text = match ended {
                // The failure of an agent called as a tool is for the model.
                Ok(result) if is_inner => format!("{:?}", result.messages),
                Ok(result) => panic!("{at}: {with:?} became {result:?}"),
                Err(error) => error.to_string(),
            };
            assert!(text.contains(&format!("`{at}`")), "{at} {with:?}: {text}");
        }
    }
}

/// A journal that fails if the work does.
struct Strict;

#[async_trait]
impl Journal for Strict {
    async fn step(
        &self,
        _: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        work.await.map(Some).ok_or_else(|| "the work has failed".into())
    }
}

#[tokio::test]
async fn a_journal_that_fails_because_the_work_has_failed_is_not_the_reason() {
    let config = || RunConfig::new().journal(Strict).run_id("run");
    let model =
        ScriptedModel::new("scripted", [Reply::error(raaf_agents::ModelError::other("no luck"))]);
    let agent = Agent::builder("Top", model).build();
    let error = Runner::new().with_config(config()).run(&agent, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Model(_)), "{error}");

    // Nor does a pause fail.
    let ran = Ran::default();
    let clerk = clerk("Inner", &ran).as_tool("ask", "Asks.");
    let ask =
        FunctionTool::with_context("pass", "Passes on.", move |context: RunContext, (): ()| {
            let clerk = clerk.clone();
            async move { clerk.call_in(&context, json!({ "input": "x" })).await }
        });
    let agent = Agent::builder("Top", self::model(&["pass"])).tool(ask.clone()).build();
    let error = Runner::new().with_config(config()).run(&agent, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Paused(_)), "{error}");
    let pipeline = step(ask).named("Post").build().unwrap().journaled(Strict, "job");
    let error = pipeline.run(State::new()).await.unwrap_err();
    assert!(matches!(error.source, StepError::Paused(_)), "{error}");
}

// ---- sessions

#[tokio::test]
async fn a_session_of_a_journaled_run_that_paused_and_is_run_again_lacks_no_message() {
    for policy in
        [SessionPolicy::KeepToolResults, SessionPolicy::KeepAll, SessionPolicy::KeepNothing]
    {
        for pauses_at in 0..6 {
            let (ran, journal, session) =
                (Ran::default(), InMemory::default(), MemorySession::new());
            let other = Agent::builder("Other", model(&["free"])).tool(ran.tool("free")).build();
            let agent = Agent::builder("Top", model(&["free", "transfer_to_other"]))
                .tool(ran.tool("free"))
                .handoff(Handoff::to(&other))
                .build();
            let runner = |pauses_at| {
                let asked = AtomicU32::new(0);
                let pause =
                    move |_: &RunContext| asked.fetch_add(1, Ordering::Relaxed) == pauses_at;
                let config = RunConfig::new().journal(journal.clone()).run_id("run");
                let config = config.session(session.clone()).session_policy(policy);
                Runner::new().with_config(config.pause_when(pause))
            };
            // The process is killed before it has stored the state.
            let _ = runner(pauses_at).run(&agent, "go").await;
            let result = runner(u32::MAX).run(&agent, "go").await.unwrap();
            assert_eq!(session.messages(), result.messages, "{policy:?} {pauses_at}");
        }
    }
}

/// A session whose appends fail.
struct Full;

#[async_trait]
impl Session for Full {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        Ok(Vec::new())
    }

    async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
        Err(SessionError::new("disk full"))
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_session_that_fails_at_a_pause_fails_the_run_with_what_was_done() {
    let ran = Ran::default();
    let agent = Agent::builder("Top", model(&["free", "send"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .build();
    let capture = Capture::new();
    let runner = Runner::new().with_config(RunConfig::new().session(Full));
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Session(_)), "{error}");
    let results = error.progress.messages.iter().flat_map(Message::tool_results);
    let results: Vec<_> = results.map(raaf_agents::ToolResult::text).collect();
    assert_eq!(results[0], "free did it");
    assert!(results[1].starts_with("The tool was not run"), "{results:?}");
    assert_coherent!(capture.spans_async().await);
}

// ---- random damage

/// Replaces the value at a random place of a JSON document.
fn damage(json: &mut Json, mut at: usize, by: &Json) {
    fn count(json: &Json) -> usize {
        1 + match json {
            Json::Array(items) => items.iter().map(count).sum(),
            Json::Object(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    let mut place = json;
    loop {
        at %= count(place);
        if at == 0 {
            *place = by.clone();
            return;
        }
        at -= 1;
        let children: Vec<&mut Json> = match place {
            Json::Array(items) => items.iter_mut().collect(),
            Json::Object(fields) => fields.values_mut().collect(),
            _ => return,
        };
        let mut found = None;
        for child in children {
            let inside = count(child);
            if at < inside {
                found = Some(child);
                break;
            }
            at -= inside;
        }
        let Some(child) = found else { return };
        place = child;
    }
}

fn damages() -> impl Strategy<Value = Vec<(usize, Json)>> {
    let values = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(-1)),
        Just(json!(u32::MAX)),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!("")),
        Just(json!("done")),
        Just(json!("approved")),
        Just(json!("waiting")),
        Just(json!("Top")),
        Just(json!("free")),
        Just(json!("ask")),
        Just(json!("transfer_to_other")),
        Just(json!([])),
        Just(json!({})),
        Just(json!({ "at": "turn" })),
        Just(json!({ "at": "asked" })),
        Just(json!({ "at": "start", "first": true })),
        Just(json!({ "at": "handoff", "tool": "transfer_to_other" })),
        Just(json!({ "at": "mismatch", "output": "", "mismatch": "x", "finish_reason": "stop" })),
        Just(json!({ "at": "answer", "output": "x", "finish_reason": "length" })),
        Just(json!({ "at": "ended", "output": "x", "finish_reason": "stop" })),
    ];
    prop::collection::vec((any::<usize>(), values), 1..4)
}

fn hard(ran: &Ran) -> Agent {
    let other = Agent::builder("Other", model(&["free"])).tool(ran.tool("free")).build();
    let inner = Agent::builder("Inner", model(&["free", "send"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .build();
    Agent::builder("Top", model(&["free", "ask", "send", "transfer_to_other"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .tool(inner.as_tool("ask", "Asks."))
        .handoff(Handoff::to(&other).approval(Approval::always()))
        .build()
}

fn hard_pipeline(ran: &Ran) -> Pipeline {
    let each = clerk("Each", ran).reads("item").writes("sent").before(|_| {}).retry(at_once(2));
    let inner =
        (ran.note("a") >> clerk("Inner", ran).writes("inner")).named("Nested").takes("input");
    let flow = hard(ran).writes("top").timeout(Duration::from_secs(60)).map_input("x", "input")
        | each.each_over("list").item("item")
        | ran.note("free")
        | step(inner.build().unwrap());
    (flow >> ran.note("last"))
        .named("Post")
        .takes("input")
        .takes("x")
        .takes("list")
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_state_of_a_run_is_an_error_or_goes_on(damages in damages(), approves: bool) {
        block_on(async {
            let ran = Ran::default();
            let agent = hard(&ran);
            let state = agent.run("go").await.unwrap_err().into_state().unwrap();
            let mut json = serde_json::to_value(&state).unwrap();
            for (at, by) in &damages {
                damage(&mut json, *at, by);
            }
            let Ok(mut state) = serde_json::from_value::<RunState>(json) else { return };
            for call in state.pending().iter().filter(|_| approves) {
                state.approve(&call.key).unwrap();
            }
            let capture = Capture::new();
            let runner = Runner::new().with_config(RunConfig::new().session(MemorySession::new()));
            let _ = capture.run_async(runner.resume(&agent, state)).await;
            // The place in the trace may be damaged, too.
            let open = capture.spans_async().await.len();
            assert!(open < 100);
        });
    }

    #[test]
    fn a_damaged_state_of_a_pipeline_is_an_error_or_goes_on(damages in damages(), approves: bool) {
        block_on(async {
            let ran = Ran::default();
            let pipeline = hard_pipeline(&ran);
            let given = State::new().with("input", "x").with("x", "y").with("list", json!(["p", "q"]));
            let state = pipeline.run(given).await.unwrap_err().into_state().unwrap();
            let mut json = serde_json::to_value(&state).unwrap();
            for (at, by) in &damages {
                damage(&mut json, *at, by);
            }
            let Ok(mut state) = serde_json::from_value::<PipelineState>(json) else { return };
            for call in state.pending().iter().filter(|_| approves) {
                state.approve(&call.key).unwrap();
            }
            let _ = pipeline.resume(state).await;
        });
    }
}
