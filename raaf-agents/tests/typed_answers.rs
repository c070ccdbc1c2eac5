//! Typed answers: strict where the server enforces schemas, and of any type.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

#[cfg(feature = "openai")]
mod server;

use std::collections::HashMap;

use raaf_agents::{
    Agent, AgentBuilder, Handoff, ModelRequest, OutputSchema, Pipeline, Reply, ScriptedModel, State,
};
use raaf_testkit::Capture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mood {
    Calm,
    Angry { at: String },
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Place {
    at: String,
}

fn agent(answer: &str) -> Agent {
    let model = ScriptedModel::new("scripted", [answer.to_owned(), answer.to_owned()]);
    Agent::builder("Reader", model).output_type::<Vec<Mood>>().build()
}

fn moods() -> Vec<Mood> {
    vec![Mood::Calm, Mood::Angry { at: "the lamp".to_owned() }]
}

#[tokio::test]
async fn a_list_is_the_answer_bare_or_in_an_object() {
    let bare = serde_json::to_string(&moods()).unwrap();
    for answer in [format!(r#"{{"response": {bare}}}"#), bare] {
        let result = Capture::new().run_async(agent(&answer).run("go")).await.unwrap();
        assert_eq!(result.parse::<Vec<Mood>>().unwrap(), moods());
        let pipeline = Pipeline::builder("P").then(agent(&answer).reads("in").writes("out"));
        let pipeline = pipeline.build().unwrap();
        let run = pipeline.run(State::new().with("in", "go"));
        let state = Capture::new().run_async(run).await.unwrap();
        assert_eq!(state.get::<Vec<Mood>>("out").unwrap(), moods());
    }
}

#[tokio::test]
async fn a_key_that_is_written_twice_has_its_last_value() {
    let model = ScriptedModel::new("scripted", [r#"{"at": "a", "at": "b"}"#]);
    let agent = Agent::builder("Reader", model).output_type::<Place>().build();
    let result = Capture::new().run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.parse::<Place>().unwrap(), Place { at: "b".to_owned() });
}

#[tokio::test]
async fn a_schema_is_strict_where_it_can_be_unless_the_agent_is_not() {
    let strict = |build: fn(AgentBuilder) -> AgentBuilder| async move {
        let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
            let schema = request.output_schema.as_ref().unwrap();
            Reply::text(json!({"response": schema.strict}).to_string())
        });
        let agent = build(Agent::builder("Reader", model)).build();
        Capture::new().run_async(agent.run("go")).await.unwrap().output
    };
    assert_eq!(strict(AgentBuilder::output_type::<bool>).await, "true");
    assert_eq!(strict(|agent| agent.strict_output(false).output_type::<bool>()).await, "false");
    let map = strict(AgentBuilder::output_type::<HashMap<String, bool>>).await;
    assert_eq!(map, r#"{"response":false}"#, "a map cannot be strict");
    assert!(OutputSchema::of::<HashMap<String, bool>>().strict().is_err());
}

#[tokio::test]
async fn a_hand_off_takes_an_argument_that_is_not_an_object() {
    let last = Agent::builder("Last", ScriptedModel::new("scripted", ["done"])).build();
    let received = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = received.clone();
    let handoff =
        Handoff::to(&last).with_arguments(move |_, mood: Mood| seen.lock().unwrap().push(mood));
    assert_eq!(handoff.spec().parameters["type"], "object");
    let call = Reply::call("transfer_to_last", json!({"value": "calm"}));
    let first = Agent::builder("First", ScriptedModel::new("scripted", [call])).handoff(handoff);
    let result = Capture::new().run_async(first.build().run("go")).await.unwrap();
    assert_eq!(result.output, "done");
    assert_eq!(*received.lock().unwrap(), [Mood::Calm]);
}

#[cfg(feature = "openai")]
#[tokio::test]
async fn a_server_that_enforces_schemas_is_asked_for_a_strict_object() {
    use raaf_agents::OpenAiModel;
    use server::{Answer, Server};

    let content = r#"{"response":["calm",{"angry":{"at":"the lamp"}}]}"#;
    let answer = Answer::ok(&json!({"choices": [{"message": {"content": content}}]}));
    let server = Server::start([answer]).await;
    let model = OpenAiModel::builder("m").base_url(server.url());
    let model = model.profile(|profile| profile.strict_schemas = true).build().unwrap();
    let agent = Agent::builder("Reader", model).output_type::<Vec<Mood>>().build();
    let result = Capture::new().run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.parse::<Vec<Mood>>().unwrap(), moods());
    let asked = server.requests()[0].body["response_format"]["json_schema"].clone();
    assert_eq!((&asked["strict"], &asked["schema"]["type"]), (&json!(true), &json!("object")));
    assert_eq!(asked["schema"]["required"], json!(["response"]));
    let items = asked["schema"]["properties"]["response"]["items"].to_string();
    assert!(items.contains("anyOf") && !items.contains("oneOf"), "{items}");
}
