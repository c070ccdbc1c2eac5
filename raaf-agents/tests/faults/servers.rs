//! Dialects of servers, and their streams.

use raaf_agents::{
    Agent, FinishReason, Message, ModelSettings, OpenAiModel, Part, RunErrorKind, RunEvent, Runner,
    openai::{ReasoningBack, TypedAnswers},
};
use raaf_testkit::assert_span_tree;
use serde_json::json;

use crate::{
    run::{FORMS, Form, Search, Turn, call, calls, run, run_on, search, text},
    server::{Answer, Server},
};

#[tokio::test]
async fn content_in_parts_is_read() {
    for form in FORMS {
        let parts = json!([
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "Hello."},
        ]);
        let outcome =
            run(form, &[Turn::Says(json!({"content": parts}), "stop")], |agent| agent).await;
        assert_eq!(outcome.text(), "Hello.", "{form:?}");
    }
}

#[tokio::test]
async fn reasoning_and_signatures_go_back_where_they_came_from() {
    for form in FORMS {
        let mut signed = call("search", "{\"query\":\"a\"}");
        signed["extra_content"] = json!({"google": {"thought_signature": "sig=="}});
        let message = json!({"content": null, "reasoning_content": "hm, look",
            "tool_calls": [signed]});
        let turns = [Turn::Says(message, "tool_calls"), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(search())).await;
        let back = &outcome.sent(1)[1];
        assert_eq!(back["reasoning_content"], "hm, look", "{form:?}");
        let signature = &back["tool_calls"][0]["extra_content"]["google"]["thought_signature"];
        assert_eq!(signature, "sig==", "{form:?}");
        let shown = outcome
            .spans
            .iter()
            .filter_map(|span| Some(span.attributes().get("gen_ai.output.messages")?.to_string()));
        assert!(shown.into_iter().any(|messages| messages.contains("hm, look")));
        let said = outcome.events.iter().any(
            |event| matches!(event, RunEvent::ReasoningDelta { text, .. } if text == "hm, look"),
        );
        assert_eq!(said, form == Form::Streamed);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_format_beside_tools_gets_a_tool() {
    for form in FORMS {
        let answer = calls(&[call("final_answer", "{\"query\":\"a\"}")], "tool_calls");
        let outcome =
            run(form, &[answer], |agent| agent.tool(search()).output_type::<Search>()).await;
        assert_eq!(outcome.result.as_ref().unwrap().parse::<Search>().unwrap().query, "a");
        let body = &outcome.requests[0].body;
        assert_eq!(body.get("response_format"), None);
        assert_eq!(body["tools"].as_array().unwrap().len(), 2);
        assert_span_tree!(outcome.spans, { runner "Runner" { agent "Tester" { llm "m" } } });
    }
}

#[tokio::test]
async fn an_unsupported_parameter_names_the_switch() {
    let body = json!({"error": {"code": "unsupported_parameter", "param": "max_tokens",
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model."}});
    let outcome = run(Form::Whole, &[Turn::Status(400, body)], |agent| agent.max_tokens(9)).await;
    let RunErrorKind::Model(error) = outcome.failure() else { panic!() };
    assert!(error.to_string().contains("TokenLimit::MaxCompletionTokens"), "{error}");
    assert_eq!(outcome.requests[0].body["max_tokens"], 9);
}

#[tokio::test]
async fn switches_change_what_is_sent() {
    let server = Server::start([text("ok").answer(Form::Streamed)]).await;
    let model = OpenAiModel::builder("m")
        .base_url(format!("{}?api-version=2024-10-21", server.url()))
        .profile(|profile| {
            profile.stream_usage = false;
            profile.parallel_tool_calls = false;
            profile.token_limit = raaf_agents::openai::TokenLimit::MaxCompletionTokens;
            profile.instructions = raaf_agents::openai::InstructionsRole::Developer;
            profile.typed_answers = TypedAnswers::Prompted;
        })
        .build()
        .unwrap();
    let mut settings = ModelSettings::default();
    settings.max_tokens = Some(9);
    settings.parallel_tool_calls = Some(true);
    settings.extra_query.insert("trace".to_owned(), "a b".to_owned());
    let agent =
        Agent::builder("Tester", model).instructions("Be brief.").settings(settings).build();
    let result = Runner::new().stream(&agent, "go").finish().await.unwrap().unwrap();
    assert_eq!(result.output, "ok");
    let request = &server.requests()[0];
    let url = "POST /v1/chat/completions?api-version=2024-10-21&trace=a+b ";
    assert!(request.head.starts_with(url), "{}", request.head);
    assert_eq!(request.body.get("parallel_tool_calls"), None);
    assert_eq!(request.body["max_completion_tokens"], 9);
    assert_eq!(request.body.get("stream_options"), None);
    assert_eq!(request.body["messages"][0]["role"], "developer");
    server.stop();
}

#[tokio::test]
async fn reasoning_goes_back_as_the_profile_says() {
    use ReasoningBack::{Always, Never, SinceUser};
    for (back, expected) in [(Never, false), (SinceUser, false), (Always, true)] {
        let thinks = Turn::Says(json!({"content": "a", "reasoning_content": "hm"}), "stop");
        let turns = [thinks, text("ok")].map(|turn| turn.answer(Form::Whole));
        let server = Server::start(turns).await;
        let model = OpenAiModel::builder("m").base_url(server.url());
        let model = model.profile(move |profile| profile.reasoning_back = back).build().unwrap();
        let agent = Agent::builder("Tester", model).build();
        let mut messages = agent.run("go").await.unwrap().messages;
        messages.push(Message::user("more"));
        agent.run(messages).await.unwrap();
        let sent = server.requests()[1].body["messages"][1].clone();
        assert_eq!(sent["content"], "a", "{back:?}");
        assert_eq!(sent["reasoning_content"] == "hm", expected, "{back:?}");
        server.stop();
    }
}

#[tokio::test]
async fn streams_are_read_as_they_come() {
    let piece = |delta: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{delta}\"}}}}]}}\n\n")
    };
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    for (what, body, expected) in [
        ("halves of a pair", piece(r"a\ud83d") + &piece(r"\ude00b") + end, "a😀b"),
        ("half of a pair", piece(r"half \ud83d") + end, "half \u{FFFD}"),
        ("an empty event", piece("a") + "data:\n\n" + &piece("b") + end, "ab"),
        ("a byte order mark", "\u{FEFF}".to_owned() + &piece("a") + end, "a"),
        ("comments", ": hello\n\n".to_owned() + &piece("a") + ":\n\n" + end, "a"),
        ("no [DONE]", piece("a") + end, "a"),
        ("no end of the last event", piece("a") + end.trim_end(), "a"),
        ("an index as text", piece("a").replace(":0", ":\"0\"") + &piece("b") + end, "ab"),
        ("an index of null", piece("a").replace(":0", ":null") + &piece("b") + end, "ab"),
        ("no reason", piece("a") + "data: [DONE]\n\n", "a"),
        ("CRLF", (piece("a") + end).replace('\n', "\r\n"), "a"),
        (
            "two choices",
            piece("a") + &piece("x").replace("\"index\":0", "\"index\":1") + &piece("b") + end,
            "ab",
        ),
    ] {
        let answer = Answer::recorded(200, "text/event-stream", &body);
        let outcome = run_on(Form::Streamed, vec![answer], |agent| agent).await;
        assert_eq!(outcome.text(), expected, "{what}");
        let usage = outcome
            .spans
            .iter()
            .any(|span| span.attributes().get("gen_ai.usage.input_tokens").is_some());
        assert!(!usage, "usage that was not told is not zero");
    }
    let body = r#"{"choices":[{"message":{"content":"half \ud83d"}}]}"#;
    let answer = Answer::recorded(200, "application/json", body);
    let outcome = run_on(Form::Whole, vec![answer], |agent| agent).await;
    assert_eq!(outcome.text(), "half \u{FFFD}");
}

#[tokio::test]
async fn members_of_another_form_do_not_spoil_the_answer() {
    for form in FORMS {
        let said = json!({"content": [{"type": "hologram"}, {"type": "text", "text": "hi"}]});
        let body = json!({
            "id": 7, "model": null, "system_fingerprint": [],
            "choices": [{"index": null, "message": said, "delta": said, "finish_reason": "STOP"}],
            "usage": {"prompt_tokens": 3.0, "completion_tokens": "4", "total_tokens": null,
                "prompt_tokens_details": "none"},
        });
        let outcome = run(form, &[Turn::Body(body)], |agent| agent).await;
        assert_eq!(outcome.text(), "hi", "{form:?}");
        let result = outcome.result.unwrap();
        assert_eq!((result.usage.input_tokens, result.usage.output_tokens), (3, 4));
        assert_eq!(result.finish_reason, FinishReason::Stop);
        let kept = |part: &Part| matches!(part, Part::Unknown(part) if part["type"] == "hologram");
        assert!(result.messages[1].parts.iter().any(kept), "{:?}", result.messages);
    }
}

#[tokio::test]
async fn reasoning_among_the_parts_is_reasoning() {
    for form in FORMS {
        let summary = json!([{"type": "summary_text", "text": "hm"}]);
        let parts =
            json!([{"type": "reasoning", "summary": summary}, {"type": "text", "text": "hi"}]);
        let turns = [Turn::Says(json!({"content": parts}), "stop")];
        let outcome = run(form, &turns, |agent| agent).await;
        let result = outcome.result.unwrap();
        let thoughts: Vec<_> = result.messages[1].reasoning().map(|it| it.text.clone()).collect();
        assert_eq!((&*result.output, &*thoughts), ("hi", &["hm".to_owned()][..]), "{form:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_list_around_it_is_one() {
    for form in FORMS {
        let said = json!({"content": null, "tool_calls": call("search", "{\"query\":\"a\"}")});
        let turns = [Turn::Says(said, "tool_calls"), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(search())).await;
        assert_eq!(outcome.sent(1)[2]["content"], "found a", "{form:?}");
    }
}

#[tokio::test]
async fn choices_without_an_index_are_not_mixed() {
    for form in FORMS {
        let choice = |text: &str| json!({"message": {"content": text}, "delta": {"content": text}, "finish_reason": "stop"});
        let body = json!({"choices": [choice("one"), choice("two")]});
        assert_eq!(run(form, &[Turn::Body(body)], |agent| agent).await.text(), "one", "{form:?}");
    }
}

const EVENTS: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";

#[tokio::test]
async fn a_stream_is_read_under_any_content_type_even_if_not_requested() {
    let types = ["Text/Event-Stream; charset=UTF-8", "text/plain", "application/json"];
    for (form, content_type) in FORMS.into_iter().flat_map(|form| types.map(|name| (form, name))) {
        let answer = Answer::recorded(200, content_type, EVENTS);
        let outcome = run_on(form, vec![answer], |agent| agent).await;
        assert_eq!(outcome.text(), "a", "{form:?} {content_type}");
    }
    let page = Answer::recorded(200, "text/html", "<html></html>");
    let outcome = run_on(Form::Streamed, vec![page], |agent| agent).await;
    let RunErrorKind::Model(error) = outcome.failure() else { panic!() };
    assert!(error.to_string().contains("check the base URL"), "{error}");
}

#[tokio::test]
async fn a_complete_answer_survives_a_lost_connection() {
    let answer = Answer::stream([EVENTS.trim_start_matches("data: ").trim_end()]);
    let answer = answer.header("Content-Length", "9999");
    assert_eq!(run_on(Form::Streamed, vec![answer], |agent| agent).await.text(), "a");
}

#[tokio::test]
async fn an_error_in_mid_stream_has_the_words_of_the_server() {
    let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    for event in [
        "event: error\ndata: overloaded\n\n",
        "event: error\ndata: {\"reason\":\"overloaded\"}\n\n",
        "data: {\"detail\":\"overloaded\"}\n\ndata: [DONE]\n\n",
        "data: [{\"error\":{\"message\":\"overloaded\"}}]\n\n",
    ] {
        let answer = Answer::recorded(200, "text/event-stream", &[piece, event].concat());
        let outcome = run_on(Form::Streamed, vec![answer], |agent| agent).await;
        let RunErrorKind::Model(error) = outcome.failure() else { panic!("{event}") };
        assert_eq!(error.kind(), "server", "{error}");
        assert!(error.to_string().contains("overloaded"), "{error}");
    }
}
