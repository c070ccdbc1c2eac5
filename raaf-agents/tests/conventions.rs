//! Spans of agents follow the conventions for generative AI.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use raaf_agents::{
    Agent, FlowExt as _, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse,
    ModelSettings, Reply, RunConfig, Runner, ScriptedModel, State, ToolChoice, TracedModel, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

/// A model of a provider of its own.
struct Hosted(ScriptedModel);

#[async_trait::async_trait]
impl Model for Hosted {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn provider(&self) -> Option<&str> {
        Some("groq")
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.respond(request).await
    }
}

fn agent(replies: impl IntoIterator<Item = Reply>) -> Agent {
    let look_up = FunctionTool::infallible("look_up", "Looks it up.", |(): ()| async { "found" });
    let model = Hosted(ScriptedModel::new("m", replies));
    Agent::builder("Planner", model).tool(look_up).build()
}

#[tokio::test]
async fn agents_and_the_workflows_around_them_have_the_provider_of_the_model() {
    let capture = Capture::new();
    let agent = agent([Reply::text("a plan")]);
    let step = agent.reads("goal").writes("plan").timeout(Duration::from_secs(60));
    let pipeline = step.named("Report").takes("goal").build().unwrap();
    let workflow = raaf_trace_core::trace("nightly");
    let run = workflow.try_in_span(pipeline.run(State::new().with("goal", "tea")));
    capture.run_async(run).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        trace "nightly" ["gen_ai.provider.name" = "groq"] {
            pipeline "Report" ["gen_ai.provider.name" = "groq"] {
                step "Planner" {
                    agent "Planner" ["gen_ai.provider.name" = "groq", "result.type" = "AgentResult"] {
                        llm "m" ["gen_ai.provider.name" = "groq"]
                    }
                }
            }
        }
    });
}

#[tokio::test]
async fn a_run_has_the_provider_of_the_model_that_replaces_the_agents() {
    let capture = Capture::new();
    let config = RunConfig::new().model(ScriptedModel::new("other", ["a plan"])).user_id("user-7");
    let config = config.release("1.4.0").environment("test").prompt("planner", "v2");
    let runner = Runner::new().with_config(config);
    capture.run_async(runner.run(&agent([]), "tea")).await.unwrap();
    let spans = capture.spans_async().await;
    let metadata = spans.only("Agent workflow").trace().metadata();
    let expected = json!({
        "user.id": "user-7",
        "service.version": "1.4.0",
        "deployment.environment.name": "test",
        "gen_ai.prompt.name": "planner",
        "gen_ai.prompt.version": "v2",
    });
    assert_eq!(json!(metadata), expected);
    assert_span_tree!(spans, {
        trace "Agent workflow" ["gen_ai.provider.name" = "scripted"] {
            agent "Planner" ["gen_ai.provider.name" = "scripted"] {
                llm "other"
            }
        }
    });
}

#[tokio::test]
async fn a_model_call_says_which_tools_it_may_call_and_that_it_does() {
    let capture = Capture::new();
    let agent = agent([Reply::call("look_up", json!({})), Reply::text("found")]);
    capture.run_async(agent.run("go on")).await.unwrap();
    let spans = capture.spans_async().await;
    let call = spans.by_component("m").next().unwrap();
    let said = |key: &str| call.attributes().get(key).map(|value| json!(value)).unwrap_or_default();
    let tools = said("gen_ai.tool.definitions");
    assert_eq!((&tools[0]["type"], &tools[0]["name"]), (&json!("function"), &json!("look_up")));
    assert_eq!(tools[0]["description"], "Looks it up.");
    assert_eq!(tools[0]["parameters"]["type"], "object");
    assert_eq!(said("gen_ai.output.messages")[0]["finish_reason"], "tool_call");
    assert_eq!(said("gen_ai.response.finish_reasons"), json!(["tool_calls"]));
    assert_eq!(said("gen_ai.request.stream"), Json::Null);
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Planner" {
                llm "m"
                tool "look_up" ["tool.type" = "function", "tool.description" = "Looks it up."]
                llm "m"
            }
        }
    });
}

#[tokio::test]
async fn a_model_call_names_the_tools_on_offer_even_if_content_is_left_out() {
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let look_up = FunctionTool::infallible("look_up", "Looks it up.", |(): ()| async { "found" });
    let model = ScriptedModel::new("m", [Reply::call("look_up", json!({})), Reply::text("found")]);
    let mut settings = ModelSettings::default();
    settings.reasoning_effort = Some("low".to_owned());
    let boss = Agent::builder("Boss", ScriptedModel::new("b", [Reply::text("yes")])).build();
    let clerk = Agent::builder("Clerk", model)
        .tool(look_up)
        .handoff(boss)
        .settings(settings)
        .tool_choice(ToolChoice::Tool("look_up".to_owned()))
        .build();
    capture.run_async(clerk.run("go on")).await.unwrap();
    let spans = capture.spans_async().await;
    let calls: Vec<_> = spans.by_component("m").collect();
    assert!(calls[0].attributes().get("gen_ai.tool.definitions").is_none());
    // The model has called the tool, and is free to answer.
    assert!(calls[1].attributes().get("model.tool_choice").is_none());
    let offered = json!(["look_up", "transfer_to_boss"]);
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Clerk" {
                llm "m" [
                    "model.tools" = offered.clone(),
                    "model.tool_choice" = "look_up",
                    "gen_ai.request.reasoning.level" = "low",
                ]
                tool "look_up"
                llm "m" ["model.tools" = offered]
            }
        }
    });
}

#[tokio::test]
async fn a_streamed_call_says_so_and_cache_writes_are_usage() {
    let capture = Capture::new();
    let mut usage = Usage::new(9, 2);
    usage.cache_write_input_tokens = 5;
    let model = TracedModel::new(ScriptedModel::new("m", [Reply::text("hi").with_usage(usage)]));
    let request = ModelRequest::new([Message::user("go on")]);
    capture.run_async(model.stream(&request).collect::<Vec<_>>().map(drop)).await;
    assert_span_tree!(capture.spans_async().await, {
        llm "m" ["gen_ai.request.stream" = true, "gen_ai.usage.cache_write.input_tokens" = 5]
    });
}
