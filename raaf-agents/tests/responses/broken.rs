//! Servers that break off, err, and lie.

use std::time::Duration;

use futures::StreamExt as _;
use raaf_agents::{ModelChunk, ModelError, TracedModel};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{KEY, asked, builder, call, event, message, response, stream};
use crate::server::{Answer, Server};

fn text(delta: &str) -> Json {
    event("output_text.delta", json!({"output_index": 0, "item_id": "msg_1", "delta": delta}))
}

async fn error_of(answer: Answer) -> ModelError {
    let chunks = stream(answer, &Capture::new()).await;
    chunks.into_iter().find_map(Result::err).unwrap()
}

#[tokio::test]
async fn a_cut_stream_is_interrupted_with_what_came() {
    let capture = Capture::new();
    let chunks = stream(Answer::stream([text("It "), text("ra")]), &capture).await;
    let [Ok(_), Ok(_), Err(error)] = &chunks[..] else { panic!("{chunks:?}") };
    assert_eq!(
        error.to_string(),
        "the model server's response broke off after 2 pieces: the connection was closed before the \
         end"
    );
    assert!(error.is_retryable());
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "interrupted", "gen_ai.response.time_to_first_chunk" > 0.0]
    });
}

#[tokio::test]
async fn a_cut_stream_cancels_the_calls_of_hosted_tools_that_go_on() {
    let item = |kind: &str, id: &str, status: &str| {
        let item = json!({"type": "web_search_call", "id": id, "status": status});
        event(&format!("output_item.{kind}"), json!({"item": item}))
    };
    let events = [
        item("added", "ws_1", "in_progress"),
        event("web_search_call.completed", json!({"item_id": "ws_1"})),
        item("done", "ws_1", "completed"),
        item("added", "ws_2", "in_progress"),
    ];
    let capture = Capture::new();
    let chunks = stream(Answer::stream(events), &capture).await;
    assert!(matches!(chunks.last(), Some(Err(ModelError::Interrupted { pieces: 3, .. }))));
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "interrupted"] {
            tool "web_search" [ok, "tool.call_id" = "ws_1"]
            tool "web_search" [status = cancelled, "tool.call_id" = "ws_2"]
        }
    });
}

#[tokio::test]
async fn a_mark_of_the_end_within_an_item_is_no_end() {
    let events = [text("It ra").to_string(), "[DONE]".to_owned()];
    assert_eq!(error_of(Answer::stream(events)).await.kind(), "interrupted");
    assert_eq!(
        error_of(Answer::stream(["[DONE]"])).await.to_string(),
        "malformed model response: no output"
    );
}

#[tokio::test]
async fn errors_within_a_stream_are_those_of_the_server() {
    for (last, kind, words) in [
        (
            json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"}),
            "rate_limited",
            "slow down",
        ),
        (
            json!({"type": "error", "error": {"type": "server_error", "message": "oops"}}),
            "server",
            "oops",
        ),
        (json!({"error": {"message": "oops", "code": 503}}), "server", "oops"),
        (
            event(
                "failed",
                json!({"response": {"status": "failed", "error":
                {"code": "invalid_prompt", "message": format!("bad {KEY}")}}}),
            ),
            "rejected",
            "bad [",
        ),
        (event("failed", json!({})), "server", "the response failed"),
        (event("cancelled", json!({"response": null})), "server", "was cancelled"),
    ] {
        let capture = Capture::new();
        let chunks = stream(Answer::stream([text("It "), last.clone()]), &capture).await;
        let [Ok(ModelChunk::Text(_)), Err(error)] = &chunks[..] else { panic!("{chunks:?}") };
        assert_eq!(error.kind(), kind, "{error} {last}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error:?}").contains(KEY));
        assert_span_tree!(capture.spans_async().await, {
            llm "m" [status = error, "error.type" = kind]
        });
    }
}

#[tokio::test]
async fn malformed_streams_are_errors() {
    for events in [
        vec!["{\"type\":".to_owned()],
        vec!["7".to_owned()],
        vec![event("output_item.done", json!({"item": {"type": "function_call"}})).to_string()],
        vec![
            event("function_call_arguments.delta", json!({"output_index": 9, "delta": "{}"}))
                .to_string(),
            event("completed", json!({"response": {"output": []}})).to_string(),
        ],
    ] {
        assert_eq!(error_of(Answer::stream(&events)).await.kind(), "malformed", "{events:?}");
    }
}

#[tokio::test]
async fn nonsense_does_no_harm() {
    let most = u64::MAX;
    let mut two = message("b");
    two["id"] = "msg_2".into();
    let events = [
        event(
            "output_text.delta",
            json!({"output_index": most, "content_index": most, "delta": "x"}),
        ),
        event("output_text.delta", json!({"output_index": -1, "delta": 7})),
        event("output_text.done", json!({})),
        event("output_item.added", json!({"item": "none"})),
        event("output_item.added", json!({"output_index": 3, "item": {}})),
        event("web_search_call.searching", json!({"item_id": "nobody"})),
        event("reasoning_text.delta", json!({"output_index": 3, "delta": "hm"})),
        event("completed.", json!({})),
        event("", json!({})),
        event("output_text.annotation.added", json!({"annotation": null})),
        event("output_item.done", json!({"output_index": 0, "item": message("a")})),
        event("output_item.done", json!({"output_index": 0, "item": two})),
        event("completed", json!({"response": {"output": [message("a"), 7, null, two]}})),
    ];
    let chunks = stream(Answer::stream(events), &Capture::new()).await;
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert!(whole.message.text().contains("ab"), "{whole:?}");
}

#[tokio::test]
async fn items_of_one_id_are_not_lost_and_too_many_are_an_error() {
    let both = json!([message("a"), message("b")]);
    for events in [
        vec![event("completed", json!({"response": response(&both)}))],
        vec![
            event("output_item.done", json!({"output_index": 0, "item": both[0]})),
            event("output_item.added", json!({"output_index": 1, "item": message("")})),
            event("output_item.done", json!({"output_index": 1, "item": both[1]})),
            event("completed", json!({"response": response(&json!([]))})),
        ],
    ] {
        let chunks = stream(Answer::stream(events), &Capture::new()).await;
        let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
        assert_eq!(whole.message.text(), "ab");
    }
    let many: Json = std::iter::repeat_n(json!({"type": "compaction"}), 4097).collect();
    let error = error_of(Answer::ok(&response(&many))).await;
    assert_eq!(error.to_string(), "malformed model response: more than 4096 items");
}

#[tokio::test]
async fn the_last_word_of_the_server_counts() {
    let events = [
        text("It snows."),
        event("output_item.done", json!({"output_index": 0, "item": message("It rains.")})),
        event("completed", json!({"response": response(&json!([message("It rains!")]))})),
    ];
    let chunks = stream(Answer::stream(events), &Capture::new()).await;
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert_eq!(whole.message.text(), "It rains!");
}

#[tokio::test]
async fn a_silent_stream_times_out() {
    let server = Server::start([Answer::stream([text("It ")]).then_hangs()]).await;
    let model = builder(&server).timeout(Duration::from_millis(50)).build().unwrap();
    let (model, capture, request) = (TracedModel::new(model), Capture::new(), asked());
    let chunks: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert!(matches!(chunks.last(), Some(Err(ModelError::Timeout { .. }))), "{chunks:?}");
    assert_span_tree!(capture.spans_async().await, { llm "m" [error "timeout"] });
    server.stop();
}

#[tokio::test]
async fn a_stream_that_ends_at_its_last_event_does_not_wait_for_the_connection() {
    let last = event("completed", json!({"response": response(&json!([call("c", "f", "{}")]))}));
    let server = Server::start([Answer::stream([last]).then_hangs()]).await;
    let model = TracedModel::new(builder(&server).build().unwrap());
    let request = asked();
    let chunks: Vec<_> = model.stream(&request).collect().await;
    assert!(matches!(chunks.last(), Some(Ok(ModelChunk::Done(_)))), "{chunks:?}");
    server.stop();
}
