//! Streamed responses.

use raaf_agents::{Citation, HostedCall, ModelChunk, Part, ToolCallDelta, Usage};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{call, event, message, response, stream};
use crate::server::Answer;

fn added(index: u64, item: &Json) -> Json {
    event("output_item.added", json!({"output_index": index, "item": item}))
}

fn done(index: u64, item: &Json) -> Json {
    event("output_item.done", json!({"output_index": index, "item": item}))
}

fn delta(kind: &str, id: &str, index: u64, delta: &str) -> Json {
    event(
        &format!("{kind}.delta"),
        json!({"output_index": index, "item_id": id, "content_index": 0, "delta": delta}),
    )
}

fn completed(output: &Json) -> Json {
    event("completed", json!({"response": response(output)}))
}

fn empty(mut item: Json) -> Json {
    for (key, value) in [("content", json!([])), ("arguments", json!(""))] {
        if let Some(member) = item.get_mut(key) {
            *member = value;
        }
    }
    item
}

#[tokio::test]
async fn text_is_streamed_and_the_span_has_the_whole_response() {
    let text = message("It rains.");
    let answer = Answer::stream([
        event("created", json!({"response": {"id": "resp_1", "model": "m-2026"}})),
        added(0, &empty(text.clone())),
        event("content_part.added", json!({"output_index": 0, "part": {"type": "output_text"}})),
        delta("output_text", "msg_1", 0, "It "),
        event("a_new_kind_of_event", json!({"delta": "?"})),
        json!({"type": "keepalive"}),
        delta("output_text", "msg_1", 0, "rains."),
        event("output_text.done", json!({"output_index": 0, "text": "It rains."})),
        done(0, &text),
        completed(&json!([text])),
        // Nothing is read after the end.
        json!({"type": "error", "message": "too late"}),
    ]);
    let capture = Capture::new();
    let chunks = stream(answer, &capture).await;
    let [Ok(first), Ok(second), Ok(ModelChunk::Done(whole))] = &chunks[..] else {
        panic!("{chunks:?}")
    };
    assert_eq!(
        [first, second],
        [&ModelChunk::Text("It ".to_owned()), &ModelChunk::Text("rains.".to_owned())]
    );
    assert_eq!(whole.message.text(), "It rains.");
    assert_eq!(
        whole.usage,
        Usage::new(9, 4).with_cached_input_tokens(Some(8)).with_reasoning_tokens(Some(2))
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            ok,
            "openai.api.type" = "responses",
            "gen_ai.response.time_to_first_chunk" > 0.0,
            "gen_ai.response.id" = "resp_1",
            "gen_ai.output.messages" contains "It rains."
        ]
    });
}

#[tokio::test]
async fn calls_are_streamed_and_told_apart() {
    let (one, two) = (call("c1", "f", "{\"a\":1}"), call("c2", "g", "{}"));
    let answer = Answer::stream([
        added(0, &empty(one.clone())),
        added(1, &empty(two.clone())),
        delta("function_call_arguments", "fc_c1", 0, "{\"a\""),
        delta("function_call_arguments", "fc_c2", 1, "{}"),
        delta("function_call_arguments", "fc_c1", 0, ":1}"),
        done(0, &one),
        done(1, &two),
        // The last event of some servers has no output.
        completed(&json!([])),
    ]);
    let chunks = stream(answer, &Capture::new()).await;
    let calls: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            Ok(ModelChunk::ToolCall(delta)) => Some(delta.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            ToolCallDelta::start(0, "c1", "f"),
            ToolCallDelta::start(1, "c2", "g"),
            ToolCallDelta::arguments(0, "{\"a\""),
            ToolCallDelta::arguments(1, "{}"),
            ToolCallDelta::arguments(0, ":1}"),
        ]
    );
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    let whole: Vec<_> = whole.message.tool_calls().map(|call| &*call.arguments).collect();
    assert_eq!(whole, ["{\"a\":1}", "{}"]);
}

#[tokio::test]
async fn what_was_not_streamed_comes_with_the_item_or_with_the_end() {
    let thoughts = json!({"type": "reasoning", "id": "rs_1", "summary": [
        {"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}]});
    let refusal = json!({"type": "message", "id": "msg_2", "content": [
        {"type": "refusal", "refusal": "No."}]});
    for events in [
        vec![completed(&json!([thoughts, message("It rains."), call("c", "f", "{}"), refusal]))],
        vec![
            done(0, &thoughts),
            done(1, &message("It rains.")),
            delta("function_call_arguments", "fc_c", 2, "{}"),
            done(2, &call("c", "f", "{}")),
            done(3, &refusal),
            completed(&json!([])),
        ],
        // No indices, no ids of items, and a mark of the end alone.
        vec![
            event("output_item.done", json!({"item": thoughts})),
            event("output_item.added", json!({"item": empty(message(""))})),
            event("output_text.delta", json!({"delta": "It "})),
            event("output_text.done", json!({"text": "It rains."})),
            event("output_item.done", json!({"item": message("It rains.")})),
            event("output_item.done", json!({"item": call("c", "f", "{}")})),
            event("output_item.done", json!({"item": refusal})),
            json!("[DONE]"),
        ],
    ] {
        let events: Vec<_> = events
            .iter()
            .map(|event| event.as_str().map_or_else(|| event.to_string(), str::to_owned))
            .collect();
        let chunks = stream(Answer::stream(&events), &Capture::new()).await;
        let mut joined: [String; 4] = Default::default();
        for chunk in &chunks {
            match chunk.as_ref().unwrap() {
                ModelChunk::Reasoning(text) => joined[0] += text,
                ModelChunk::Text(text) => joined[1] += text,
                ModelChunk::ToolCall(delta) => joined[2] += &delta.arguments,
                ModelChunk::Refusal(text) => joined[3] += text,
                ModelChunk::Done(whole) => {
                    assert_eq!(whole.message.text(), "It rains.", "{events:?}");
                    assert_eq!(whole.message.parts.len(), 4, "{events:?}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(joined, ["First.\n\nThen.", "It rains.", "{}", "No."], "{events:?}");
    }
}

#[tokio::test]
async fn text_in_other_forms_is_streamed_too() {
    for content in [
        json!("hi"),
        json!(["hi"]),
        json!([{"text": "hi"}]),
        json!([{"type": "text", "text": "hi"}]),
    ] {
        let events = [completed(&json!([{"type": "message", "content": content}])).to_string()];
        let chunks = stream(Answer::stream(&events), &Capture::new()).await;
        assert_eq!(chunks[0], Ok(ModelChunk::Text("hi".to_owned())), "{content}");
        let Ok(ModelChunk::Done(whole)) = &chunks[1] else { panic!("{chunks:?}") };
        assert_eq!(whole.message.text(), "hi", "{content}");
    }
}

#[tokio::test]
async fn calls_of_hosted_tools_are_followed() {
    let search = |status: &str| json!({"type": "web_search_call", "id": "ws_1", "status": status});
    let mut end = search("completed");
    end["action"] = json!({"type": "search", "query": "rain"});
    let annotation = json!({"type": "url_citation", "url": "https://host/rain", "title": "Rain",
        "start_index": 0, "end_index": 9});
    let mut text = message("It rains.");
    text["content"][0]["annotations"] = json!([annotation]);
    let answer = Answer::stream([
        added(0, &search("in_progress")),
        event("web_search_call.searching", json!({"output_index": 0, "item_id": "ws_1"})),
        event("web_search_call.completed", json!({"output_index": 0, "item_id": "ws_1"})),
        done(0, &end),
        added(1, &empty(text.clone())),
        delta("output_text", "msg_1", 1, "It rains."),
        event("output_text.annotation.added", json!({"output_index": 1, "annotation": annotation})),
        done(1, &text),
        added(2, &json!({"type": "image_generation_call", "id": "ig_1"})),
        event(
            "image_generation_call.partial_image",
            json!({"output_index": 2, "partial_image_b64": "YWJj"}),
        ),
        done(2, &json!({"type": "image_generation_call", "id": "ig_1", "result": "YWJj"})),
        completed(&json!([])),
    ]);
    let capture = Capture::new();
    let chunks = stream(answer, &capture).await;
    let calls: Vec<HostedCall> = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            Ok(ModelChunk::HostedCall(call)) => Some((**call).clone()),
            _ => None,
        })
        .collect();
    let states: Vec<_> =
        calls.iter().map(|call| (&*call.id, call.status.as_deref(), call.result.len())).collect();
    assert_eq!(
        states,
        [
            ("ws_1", Some("in_progress"), 0),
            ("ws_1", Some("searching"), 0),
            ("ws_1", Some("completed"), 0),
            ("ig_1", None, 0),
            ("ig_1", None, 1),
            ("ig_1", Some("completed"), 1),
        ]
    );
    assert_eq!(calls[2].arguments["query"], "rain");
    assert_eq!(calls[4].result, [Part::image_bytes("image/png", b"abc")]);
    let mut citation = Citation::default();
    "url_citation".clone_into(&mut citation.kind);
    citation.url = Some("https://host/rain".to_owned());
    citation.title = Some("Rain".to_owned());
    (citation.start, citation.end) = (Some(0), Some(9));
    assert!(chunks.contains(&Ok(ModelChunk::Citation(citation.clone()))), "{chunks:?}");
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert_eq!(whole.message.parts[1..3], [Part::text("It rains."), Part::Citation(citation)]);
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok] {
            tool "web_search" [
                ok, "tool.hosted" = true, "tool.type" = "extension", "tool.arguments" contains "rain"
            ]
            tool "image_generation" [ok, "tool.hosted" = true]
        }
    });
}

#[tokio::test]
async fn items_keep_their_places_whatever_the_order_of_the_last_event_is() {
    let (one, mut two) = (message("a"), message("b"));
    two["id"] = "msg_2".into();
    let answer = Answer::stream([
        done(0, &one),
        done(1, &two),
        completed(&json!([two.clone(), one.clone()])),
    ]);
    let chunks = stream(answer, &Capture::new()).await;
    let [Ok(ModelChunk::Text(_)), Ok(ModelChunk::Text(_)), Ok(ModelChunk::Done(whole))] =
        &chunks[..]
    else {
        panic!("{chunks:?}")
    };
    assert_eq!(whole.message.text(), "ab");
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_read_whole() {
    let answer = Answer::ok(&response(&json!([message("It rains.")])));
    let chunks = stream(answer, &Capture::new()).await;
    let [Ok(ModelChunk::Text(text)), Ok(ModelChunk::Done(_))] = &chunks[..] else {
        panic!("{chunks:?}")
    };
    assert_eq!(text, "It rains.");
}

#[tokio::test]
async fn halves_of_characters_are_joined_across_events() {
    let half = |text: &str| {
        format!(
            r#"{{"type":"response.output_text.delta","output_index":0,"item_id":"msg_1","delta":"{text}"}}"#
        )
    };
    let answer = Answer::stream([
        added(0, &empty(message(""))).to_string(),
        half("a \\ud83d"),
        half("\\ude00 b"),
        done(0, &message("a 😀 b")).to_string(),
        completed(&json!([])).to_string(),
    ]);
    let chunks = stream(answer, &Capture::new()).await;
    let texts: String = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            Ok(ModelChunk::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, "a 😀 b");
}
