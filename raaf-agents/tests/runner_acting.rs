//! Hooks that act, ready-made hooks, limits, and the last turn.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod common;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use common::shout;
use raaf_agents::{
    Agent, AgentBuilder, CancellationToken, Content, FunctionTool, Guardrail, Handoff,
    HandoffAction, InputFilter, LastTurnAction, Limits, Message, MismatchAction, ModelAction,
    ModelRequest, ModelResponse, RedactRequests, Reply, ResponseAction, ResultAction, Role,
    RunConfig, RunContext, RunError, RunErrorKind, RunHooks, RunResult, Runner, ScriptedModel,
    ToolAction, ToolCall, ToolChoice, ToolGuardrail, ToolResult, TrimHistory, Verdict,
};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::Redactor;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A hook whose actions are set one by one. Each is taken once.
#[derive(Default)]
struct Acts {
    before_model: Mutex<Option<ModelAction>>,
    after_model: Mutex<Option<ResponseAction>>,
    before_tool: Mutex<Option<ToolAction>>,
    after_tool: Mutex<Option<ResultAction>>,
    before_handoff: Mutex<Option<HandoffAction>>,
    on_mismatch: Mutex<Option<MismatchAction>>,
    on_last_turn: Mutex<Option<LastTurnAction>>,
}

fn take<T: Default>(action: &Mutex<Option<T>>) -> T {
    action.lock().unwrap().take().unwrap_or_default()
}

fn set<T>(action: T) -> Mutex<Option<T>> {
    Mutex::new(Some(action))
}

#[async_trait]
impl RunHooks for Acts {
    async fn before_model(&self, _: &RunContext, _: &Agent, _: &ModelRequest) -> ModelAction {
        take(&self.before_model)
    }

    async fn after_model(&self, _: &RunContext, _: &Agent, _: &ModelResponse) -> ResponseAction {
        take(&self.after_model)
    }

    async fn before_tool(&self, _: &RunContext, _: &Agent, _: &ToolCall) -> ToolAction {
        take(&self.before_tool)
    }

    async fn after_tool(
        &self,
        _: &RunContext,
        _: &Agent,
        _: &ToolCall,
        _: &ToolResult,
    ) -> ResultAction {
        take(&self.after_tool)
    }

    async fn before_handoff(&self, _: &RunContext, _: &Agent, _: &str) -> HandoffAction {
        take(&self.before_handoff)
    }

    async fn on_mismatch(&self, _: &RunContext, _: &Agent, _: &str, _: &str) -> MismatchAction {
        take(&self.on_mismatch)
    }

    async fn on_last_turn(&self, _: &RunContext, _: &Agent) -> LastTurnAction {
        take(&self.on_last_turn)
    }
}

/// A model that answers with the texts that it received, after the replies of the script.
fn parrot(replies: Vec<Reply>) -> ScriptedModel {
    let replies = Mutex::new(replies.into_iter());
    ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        let texts: Vec<_> =
            request.messages.iter().map(|message| message.text().into_owned()).collect();
        replies.lock().unwrap().next().unwrap_or_else(|| Reply::text(texts.join("|")))
    })
}

async fn run(
    runner: Runner,
    replies: Vec<Reply>,
    build: impl FnOnce(AgentBuilder) -> AgentBuilder,
) -> (Result<RunResult, RunError>, Spans) {
    let agent = build(Agent::builder("Tester", parrot(replies)).tool(shout())).build();
    let capture = Capture::new();
    let result = capture.run_async(runner.run(&agent, "go")).await;
    (result, capture.spans_async().await)
}

async fn acts(acts: Acts, replies: Vec<Reply>) -> (Result<RunResult, RunError>, Spans) {
    run(Runner::new(), replies, |agent| agent.hooks(acts)).await
}

/// Returns what hooks did, by the events of the agent's span.
fn acted(spans: &Spans) -> String {
    let agents = spans.iter().filter(|span| span.kind() == "agent");
    let acts =
        agents.flat_map(|span| span.events()).filter(|event| event.name() == "hook").map(|event| {
            let of = |key| event.attributes().get(key).unwrap().to_string();
            format!("{} {}", of("hook.point"), of("hook.action"))
        });
    acts.collect::<Vec<_>>().join(", ")
}

fn shouts() -> Reply {
    Reply::call("shout", json!({"text": "hi"}))
}

#[tokio::test]
async fn a_hook_replaces_a_request_or_answers_it() {
    let replaced = ModelRequest::new([Message::user("another")]);
    let action = ModelAction::replace_with(replaced);
    let (result, spans) = acts(Acts { before_model: set(action), ..Acts::default() }, vec![]).await;
    let result = result.unwrap();
    assert_eq!(result.output, "another");
    assert_eq!(result.messages[0].text(), "go", "the conversation stays");
    assert_span_tree!(spans, {
        runner "Runner" { agent "Tester" { llm "scripted" } }
    });
    assert_eq!(acted(&spans), "before_model replace");

    let action = ModelAction::answer("from the cache");
    let (result, spans) = acts(Acts { before_model: set(action), ..Acts::default() }, vec![]).await;
    assert_eq!(result.unwrap().output, "from the cache");
    assert_span_tree!(spans, { runner "Runner" { agent "Tester" } });
}

#[tokio::test]
async fn a_hook_rejects_a_response_with_a_word() {
    for first in [Reply::text("no"), shouts()] {
        let action = ResponseAction::Retry("politely".to_owned());
        let hook = Acts { after_model: set(action), ..Acts::default() };
        let (result, spans) = acts(hook, vec![first]).await;
        let output = result.unwrap().output;
        assert!(output.starts_with("go|") && output.ends_with("|politely"), "{output}");
        assert_span_tree!(spans, {
            runner "Runner" { agent "Tester" { llm "scripted" llm "scripted" } }
        });
    }
}

#[tokio::test]
async fn a_hook_changes_refuses_or_answers_a_call() {
    for (action, told) in [
        (ToolAction::Replace(json!({"text": "changed"})), "CHANGED"),
        (ToolAction::Refuse("not today".to_owned()), "`shout` was refused: not today"),
        (ToolAction::Answer(Content::from("made up")), "made up"),
    ] {
        let refused = matches!(action, ToolAction::Refuse(_));
        let hook = Acts { before_tool: set(action), ..Acts::default() };
        let (result, spans) = acts(hook, vec![shouts()]).await;
        assert_eq!(result.unwrap().output, format!("go||{told}"));
        if refused {
            assert_span_tree!(spans, { runner * { agent * {
                llm * tool "shout" [error "ToolError::Refused"] llm *
            } } });
        } else {
            assert_span_tree!(spans, { runner * { agent * { llm * tool "shout" [ok] llm * } } });
        }
    }
}

#[tokio::test]
async fn a_hook_changes_a_result() {
    for (action, told) in [
        (ResultAction::Replace("changed".into()), "changed"),
        (ResultAction::Refuse("unfit".to_owned()), "unfit"),
    ] {
        let hook = Acts { after_tool: set(action), ..Acts::default() };
        let (result, _) = acts(hook, vec![shouts()]).await;
        assert_eq!(result.unwrap().output, format!("go||{told}"));
    }
}

#[tokio::test]
async fn a_hook_stops_a_run_at_each_point() {
    let why = || "enough".to_owned();
    for hook in [
        Acts { before_model: set(ModelAction::Stop(why())), ..Acts::default() },
        Acts { after_model: set(ResponseAction::Stop(why())), ..Acts::default() },
        Acts { before_tool: set(ToolAction::Stop(why())), ..Acts::default() },
        Acts { after_tool: set(ResultAction::Stop(why())), ..Acts::default() },
    ] {
        let (result, spans) = acts(hook, vec![shouts()]).await;
        let error = result.unwrap_err();
        assert!(matches!(&error.kind, RunErrorKind::Stopped { reason } if reason == "enough"));
        assert!(acted(&spans).ends_with(" stop"), "{}", acted(&spans));
        assert_span_tree!(spans, {
            runner "Runner" [error "stopped"] { agent "Tester" [error "stopped"] { .. } }
        });
        let calls = error.progress.messages.iter().flat_map(Message::tool_calls).count();
        let results = error.progress.messages.iter().flat_map(Message::tool_results).count();
        assert_eq!(calls, results);
    }
}

#[tokio::test]
async fn a_hook_refuses_a_handoff() {
    let other = Agent::builder("Other", ScriptedModel::new("scripted", ["hi"])).build();
    let action = HandoffAction::Refuse("stay".to_owned());
    let hook = Acts { before_handoff: set(action), ..Acts::default() };
    let replies = vec![Reply::call("transfer_to_other", json!({}))];
    let (result, spans) =
        run(Runner::new(), replies, |agent| agent.handoff(&other).hooks(hook)).await;
    let result = result.unwrap();
    assert_eq!(result.agent, "Tester");
    assert!(result.output.ends_with("was refused: stay"), "{}", result.output);
    assert_span_tree!(spans, { runner * { agent "Tester" {
        llm * handoff "Other" [error "ToolError::Refused"] llm *
    } } });
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Place {
    city: String,
}

#[tokio::test]
async fn a_hook_decides_about_an_answer_that_does_not_fit() {
    let typed = |action, replies| async move {
        let hook = Acts { on_mismatch: set(action), ..Acts::default() };
        let build = |agent: AgentBuilder| agent.output_type::<Place>().hooks(hook);
        run(Runner::new(), replies, build).await.0
    };
    let fit = r#"{"city": "Oslo"}"#;
    let result = typed(MismatchAction::Answer(fit.to_owned()), vec![Reply::text("Oslo")]).await;
    assert_eq!(result.unwrap().parse::<Place>().unwrap().city, "Oslo");
    let action = MismatchAction::Retry("As JSON.".to_owned());
    let result = typed(action, vec![Reply::text("Oslo"), Reply::text(fit)]).await.unwrap();
    assert_eq!((result.turns, &*result.messages[2].text()), (2, "As JSON."));
    let result = typed(MismatchAction::Fail, vec![Reply::text("Oslo"), Reply::text(fit)]).await;
    assert!(matches!(result.unwrap_err().kind, RunErrorKind::Output { .. }));
}

#[tokio::test]
async fn the_last_turn_is_taken_without_tools() {
    // A model that calls tools unless it must not.
    let model = || {
        ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
            if request.settings.tool_choice == Some(ToolChoice::None) {
                return Reply::text(request.last_user_text());
            }
            shouts()
        })
    };
    let runner = Runner::new().with_max_turns(2);
    let agent = || Agent::builder("Tester", model()).tool(shout());
    let error = runner.run(&agent().build(), "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::MaxTurns { max_turns: 2 }));
    let result = runner.clone().with_answer_at_max_turns(true).run(&agent().build(), "go").await;
    let result = result.unwrap();
    assert_eq!((&*result.output, result.turns), ("go", 3));
    let action = LastTurnAction::Ask("Sum up.".to_owned());
    let hook = Acts { on_last_turn: set(action), ..Acts::default() };
    let result = runner.run(&agent().hooks(hook).build(), "go").await.unwrap();
    assert_eq!(result.output, "Sum up.");
}

#[tokio::test]
async fn a_model_that_calls_tools_in_its_last_turn_fails_the_run() {
    let model = ScriptedModel::from_fn("scripted", |_: &ModelRequest| shouts());
    let agent = Agent::builder("Tester", model).tool(shout()).build();
    let runner = Runner::new().with_max_turns(2).with_answer_at_max_turns(true);
    let error = runner.run(&agent, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::MaxTurns { .. }));
    assert_eq!(error.progress.turns, 3);
}

#[tokio::test]
async fn a_guardrail_of_a_tool_objects_to_arguments_and_results() {
    let never = |what: &'static str| {
        Guardrail::new("never", move |text: String| async move {
            Verdict::trip_if(text.contains(what), "not that")
        })
    };
    for (guardrail, ran) in
        [(ToolGuardrail::arguments(never("hi")), false), (ToolGuardrail::result(never("HI")), true)]
    {
        let (result, spans) =
            run(Runner::new(), vec![shouts()], |agent| agent.hooks(guardrail)).await;
        assert!(result.unwrap().output.ends_with("not that"));
        if ran {
            assert_span_tree!(spans, { runner * { agent * {
                llm * tool "shout" [ok] guardrail "never" ["guardrail.triggered" = true] llm *
            } } });
        } else {
            assert_span_tree!(spans, { runner * { agent * {
                llm * guardrail "never" ["guardrail.triggered" = true]
                tool "shout" [error "ToolError::Refused"] llm *
            } } });
        }
    }
    let other = ToolGuardrail::arguments(never("hi")).of_tool("other");
    let (result, _) = run(Runner::new(), vec![shouts()], |agent| agent.hooks(other)).await;
    assert_eq!(result.unwrap().output, "go||HI");
}

#[tokio::test]
async fn what_the_model_receives_is_trimmed_filtered_and_redacted() {
    let history: Vec<_> = ["one", "two", "three"].map(Message::user).into();
    let agent = Agent::builder("Tester", parrot(vec![])).hooks(TrimHistory::to_messages(2)).build();
    let result = agent.run(history).await.unwrap();
    assert_eq!((&*result.output, result.messages.len()), ("two|three", 4));

    let filter = InputFilter::new(|_, mut messages| {
        messages.push(Message::system("be brief"));
        messages
    });
    let (result, _) = run(Runner::new(), vec![], |agent| agent.hooks(filter)).await;
    assert_eq!(result.unwrap().output, "go|be brief");

    let hook = RedactRequests::new(Redactor::default().with_known_tokens());
    let agent = Agent::builder("Tester", parrot(vec![])).hooks(hook).build();
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let result = agent.run(format!("use {token} please")).await.unwrap();
    assert!(!result.output.contains(&token), "{}", result.output);
    assert!(result.output.contains("please"), "{}", result.output);
}

#[tokio::test]
async fn limits_end_a_run_before_it_spends_more() {
    let endless = || ScriptedModel::from_fn("scripted", |_: &ModelRequest| shouts());
    for (limits, what, used) in [
        (Limits::new().requests(2), "requests", 2),
        (Limits::new().total_tokens(1), "tokens", 3),
        (Limits::new().input_tokens(1), "input tokens", 1),
        (Limits::new().output_tokens(1), "output tokens", 2),
        (Limits::new().tool_calls(2), "tool calls", 3),
    ] {
        let agent = Agent::builder("Tester", endless()).tool(shout()).build();
        let runner = Runner::new().with_config(RunConfig::new().limits(limits));
        let capture = Capture::new();
        let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
        let RunErrorKind::Limit { what: found, used: sum, .. } = error.kind else {
            panic!("{error:?}")
        };
        assert_eq!((found, sum), (what, used));
        assert!(!error.progress.messages.is_empty());
        assert_span_tree!(capture.spans_async().await, {
            runner "Runner" [error "limit"] { agent "Tester" ["agent.stop_reason" = "limit"] { .. } }
        });
    }
}

#[tokio::test]
async fn a_run_knows_its_cost_and_ends_at_a_limit_of_it() {
    let endless = |name| ScriptedModel::from_fn(name, |_: &ModelRequest| shouts());
    let run = async |model| {
        let agent = Agent::builder("Tester", model).tool(shout()).build();
        let limits = Limits::new().requests(9).cost_usd(0.000_06);
        let runner = Runner::new().with_config(RunConfig::new().limits(limits));
        runner.run(&agent, "go").await
    };
    let error = run(endless("gpt-4o")).await.unwrap_err();
    let usage = error.progress.usage;
    let expected = usage.input_tokens as f64 * 2.5e-6 + usage.output_tokens as f64 * 1e-5;
    let usd = error.progress.cost.usd().unwrap();
    assert!((usd - expected).abs() < 1e-9 && usd >= 0.000_06, "{usd} {usage:?}");
    let RunErrorKind::Limit { what, max, .. } = error.kind else { panic!("{error:?}") };
    assert_eq!((what, max), ("millionths of a US dollar", 60));
    assert!(error.to_string().contains("the limit of $0.00006 is reached ($0.0000"), "{error}");

    // Unknown costs are not 0, and reach no limit.
    let error = run(endless("unheard-of")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Limit { what: "requests", .. }));
    assert_eq!((error.progress.cost.usd(), error.progress.cost.unknown_calls()), (None, 9));

    let agent = Agent::builder("Tester", ScriptedModel::new("gpt-4o", ["Hello."])).build();
    let result = agent.run("Hi!").await.unwrap();
    assert!(result.cost.usd().is_some_and(|usd| usd > 0.0), "{result:?}");
}

#[tokio::test]
async fn a_run_stops_gracefully_after_a_turn() {
    let token = CancellationToken::new();
    let asked = token.clone();
    let finished = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&finished);
    let tool = FunctionTool::infallible("shout", "Asks to stop.", move |_: serde_json::Value| {
        let (asked, count) = (asked.clone(), Arc::clone(&count));
        async move {
            asked.cancel();
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let runner = Runner::new().with_config(RunConfig::new().stop_after_turn(token));
    let (result, spans) = run(runner, vec![shouts()], |agent| agent.tool(tool)).await;
    let error = result.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Stopped { .. }));
    assert_eq!(finished.load(Ordering::Relaxed), 1);
    assert_eq!(error.progress.messages.last().unwrap().role, Role::Tool);
    assert_span_tree!(spans, { runner * [error] { agent * [error] { llm * [ok] tool "shout" [ok] } } });
}

#[tokio::test]
async fn a_tool_s_result_is_the_final_answer() {
    let answer = shout().with_final_result();
    let (result, spans) = run(Runner::new(), vec![shouts()], |agent| agent.tool(answer)).await;
    let result = result.unwrap();
    assert_eq!((&*result.output, result.turns), ("HI", 1));
    assert_span_tree!(spans, { runner * { agent * [ok] { llm * tool "shout" } } });
}

#[derive(Deserialize, JsonSchema)]
struct Escalation {
    reason: String,
}

#[tokio::test]
async fn a_handoff_has_typed_arguments() {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let other = Agent::builder("Other", ScriptedModel::new("scripted", ["hi"])).build();
    let received = Arc::clone(&reasons);
    let handoff = Handoff::to(&other).with_arguments(move |_, Escalation { reason }| {
        received.lock().unwrap().push(reason);
    });
    let call = |arguments| Reply::call("transfer_to_other", arguments);
    let replies = vec![call(json!({"why": "?"})), call(json!({"reason": "angry"}))];
    let (result, spans) = run(Runner::new(), replies, |agent| agent.handoff(handoff)).await;
    assert_eq!(result.unwrap().agent, "Other");
    assert_eq!(*reasons.lock().unwrap(), ["angry"]);
    assert_span_tree!(spans, { runner * {
        agent "Tester" { llm * handoff "Other" [error "ToolError::Arguments"] llm * handoff "Other" [ok] }
        agent "Other" { llm * }
    } });
}
