//! Settings, tools and typed answers in requests.

use raaf_agents::{
    Agent, HostedTool, ModelSettings, OutputSchema, ToolChoice, ToolSpec,
    openai::{ConfigError, ServerState, TypedAnswers},
};
use raaf_testkit::{Capture, assert_span_tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{asked, builder, call, message, respond, response};
use crate::server::{Answer, Server};

fn answer() -> Answer {
    Answer::ok(&response(&json!([message("ok")])))
}

#[tokio::test]
async fn settings_have_their_names_in_this_api() {
    let mut request = asked();
    let mut settings = ModelSettings::default();
    settings.temperature = Some(0.5);
    settings.top_p = Some(0.25);
    settings.max_tokens = Some(7);
    settings.seed = Some(3);
    settings.reasoning_effort = Some("low".to_owned());
    settings.verbosity = Some("high".to_owned());
    settings.service_tier = Some("flex".to_owned());
    settings.prompt_cache_key = Some("key".to_owned());
    settings.parallel_tool_calls = Some(false);
    settings.tool_choice = Some(ToolChoice::Required);
    settings.extra_body.insert("truncation".to_owned(), "auto".into());
    settings.extra_body.insert("seed".to_owned(), 4.into());
    request.settings = settings;
    let (outcome, body) = respond(
        answer(),
        &request,
        |builder| builder.store(false).reasoning_summary("auto"),
        &Capture::new(),
    )
    .await;
    outcome.unwrap();
    assert_eq!(
        body,
        json!({
            "model": "m", "input": body["input"], "temperature": 0.5, "top_p": 0.25,
            "max_output_tokens": 7, "seed": 4, "truncation": "auto",
            "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "high"},
            "service_tier": "flex", "prompt_cache_key": "key", "store": false,
            "include": ["reasoning.encrypted_content"],
        })
    );
}

#[tokio::test]
async fn tools_are_strict_where_the_server_enforces_them_and_say_so_elsewhere() {
    let mut search = ToolSpec::new("search", "Searches.", json!({"type": "object"}));
    search.strict = true;
    let mut request = asked().with_tools([search]);
    request.settings.tool_choice = Some(ToolChoice::Tool("search".to_owned()));
    request.settings.parallel_tool_calls = Some(false);
    for strict in [true, false] {
        let (outcome, body) = respond(
            answer(),
            &request,
            |builder| builder.profile(move |profile| profile.strict_schemas = strict),
            &Capture::new(),
        )
        .await;
        outcome.unwrap();
        assert_eq!(
            body["tools"],
            json!([{"type": "function", "name": "search", "description": "Searches.",
                    "parameters": {"type": "object"}, "strict": strict}])
        );
        assert_eq!(body["tool_choice"], json!({"type": "function", "name": "search"}));
        assert_eq!(body["parallel_tool_calls"], false);
    }
}

#[tokio::test]
async fn a_hosted_tool_can_be_chosen() {
    let mut request = asked().with_hosted_tools([
        HostedTool::web_search().with("search_context_size", "low"),
        HostedTool::mcp("docs", "https://host/mcp").with("require_approval", "never"),
    ]);
    for (name, choice) in [
        ("web_search", json!({"type": "web_search"})),
        ("docs", json!({"type": "mcp", "server_label": "docs"})),
    ] {
        request.settings.tool_choice = Some(ToolChoice::Tool(name.to_owned()));
        let (outcome, body) = respond(answer(), &request, |builder| builder, &Capture::new()).await;
        outcome.unwrap();
        assert_eq!(body["tool_choice"], choice);
        assert_eq!(
            body["tools"],
            json!([
                {"type": "web_search", "search_context_size": "low"},
                {"type": "mcp", "server_label": "docs", "server_url": "https://host/mcp",
                 "require_approval": "never"},
            ])
        );
        assert_eq!(body["include"], json!(["web_search_call.action.sources"]));
    }
}

/// The weather.
#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
pub(super) struct Weather {
    rain: bool,
}

#[tokio::test]
async fn typed_answers_are_requested_as_the_server_can() {
    let mut request = asked().with_instructions("Be brief.");
    request.output_schema = Some(OutputSchema::of::<Weather>());
    let body = |typed: TypedAnswers| {
        let request = request.clone();
        async move {
            let change = move |profile: &mut raaf_agents::openai::Profile| {
                profile.typed_answers = typed;
                profile.strict_schemas = true;
            };
            let capture = Capture::new();
            respond(answer(), &request, |builder| builder.profile(change), &capture).await.1
        }
    };
    let native = body(TypedAnswers::Native).await;
    assert_eq!(native["text"]["format"]["type"], "json_schema");
    assert_eq!(native["text"]["format"]["name"], "Weather");
    assert_eq!(native["text"]["format"]["strict"], true);
    assert_eq!(native["text"]["format"]["schema"]["required"], json!(["rain"]));
    let tool = body(TypedAnswers::Tool).await;
    assert_eq!((&tool["tools"][0]["name"], &tool["text"]), (&json!("final_answer"), &Json::Null));
    assert_eq!(tool["tool_choice"], "required");
    let prompted = body(TypedAnswers::Prompted).await;
    let instructions = prompted["instructions"].as_str().unwrap();
    assert!(instructions.starts_with("Be brief.\n\nAnswer with nothing but JSON"));
}

#[tokio::test]
async fn an_answer_in_the_form_of_a_call_is_the_answer() {
    let last = call("c", "final_answer", r#"{"rain":true}"#);
    let server = Server::start([Answer::ok(&response(&json!([last])))]).await;
    let model = builder(&server).profile(|profile| profile.typed_answers = TypedAnswers::Tool);
    let agent = Agent::builder("Clerk", model.build().unwrap()).output_type::<Weather>().build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Does it rain?")).await.unwrap();
    assert_eq!(result.parse::<Weather>().unwrap(), Weather { rain: true });
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Clerk" {
                llm "m" [ok, "gen_ai.response.finish_reasons" = ["stop"]]
            }
        }
    });
    server.stop();
}

#[tokio::test]
async fn responses_that_are_not_stored_cannot_be_continued() {
    let server = Server::start([]).await;
    let model = builder(&server).store(false).server_state(ServerState::PreviousResponse);
    assert!(matches!(model.build(), Err(ConfigError::NotStored)));
    server.stop();
}
