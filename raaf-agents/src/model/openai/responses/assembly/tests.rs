use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;

use super::*;

/// Events as servers send them, and as they do not: any order, missing and repeated members.
fn event() -> impl Strategy<Value = Json> {
    let kinds = select(vec![
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.refusal.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.web_search_call.searching",
        "response.image_generation_call.partial_image",
        "response.unknown",
        "keepalive",
    ]);
    let index = || option::of(0..4_u64);
    (kinds, index(), index(), option::of(item()), "[a-c\u{1F600}]{0,3}").prop_map(
        |(kind, at, part, item, text)| {
            let mut event = json!({"type": kind, "delta": text, "text": text, "arguments": text});
            if let Some(at) = at {
                event["output_index"] = at.into();
            }
            if let Some(part) = part {
                event["content_index"] = part.into();
                event["item_id"] = format!("id_{part}").into();
            }
            if let Some(item) = item {
                event["item"] = item;
            }
            event
        },
    )
}

fn item() -> impl Strategy<Value = Json> {
    let kinds = select(vec![
        "message",
        "reasoning",
        "function_call",
        "web_search_call",
        "image_generation_call",
        "mcp_approval_request",
        "compaction",
    ]);
    (kinds, 0..4_u64, option::of("[fg]"), "[a-c]{0,3}").prop_map(|(kind, id, name, text)| {
        json!({
            "type": kind, "id": format!("id_{id}"), "call_id": format!("c_{id}"), "name": name,
            "arguments": text, "summary": [{"type": "summary_text", "text": text}],
            "content": [{"type": "output_text", "text": text}], "result": text,
        })
    })
}

/// Returns the outcome of a stream that has these events, and its chunks.
fn assembled(events: &[Json]) -> (Option<ModelResponse>, Vec<ModelChunk>) {
    let mut assembly = Assembly::default();
    let mut chunks = Vec::new();
    for event in events {
        match assembly.add(&event.to_string()) {
            Ok(new) => chunks.extend(new),
            Err(_) => return (None, chunks),
        }
    }
    let end = json!({"type": "response.completed", "response": {"id": "r", "output": []}});
    match assembly.add(&end.to_string()) {
        Ok(new) => chunks.extend(new),
        Err(_) => return (None, chunks),
    }
    let whole = assembly.finish(true, "host").ok().flatten();
    (whole.map(|(_, whole)| whole), chunks)
}

#[test]
fn an_item_that_is_done_does_not_begin_again() {
    let item = |content: Json| json!({"type": "message", "id": "m", "content": content});
    let whole = item(json!([{"type": "output_text", "text": "It rains."}]));
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": whole});
    let added =
        json!({"type": "response.output_item.added", "output_index": 0, "item": item(json!([]))});
    let late = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "rains."});
    let (whole, chunks) = assembled(&[done.clone(), added, late, done]);
    assert_eq!(whole.unwrap().message.text(), "It rains.");
    assert_eq!(chunks, [ModelChunk::Text("It rains.".to_owned())]);
}

proptest! {
    #[test]
    fn any_events_make_a_response_or_an_error(events in vec(event(), 0..12)) {
        let (whole, chunks) = assembled(&events);
        let Some(whole) = whole else { return Ok(()) };
        let mut ids: Vec<_> = whole.message.tool_calls().map(|call| &call.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), whole.message.tool_calls().count());
        // Calls have the ids with which they were announced.
        let announced: Vec<_> = chunks
            .iter()
            .filter_map(|chunk| match chunk {
                ModelChunk::ToolCall(delta) => delta.id.as_ref(),
                _ => None,
            })
            .collect();
        let mut calls = whole.message.tool_calls().filter(|call| call.hosted_by.is_none());
        prop_assert!(calls.all(|call| announced.contains(&&call.id)));
        // Each call that was announced has its own number.
        let starts = chunks.iter().filter_map(|chunk| match chunk {
            ModelChunk::ToolCall(delta) if delta.name.is_some() => Some(delta.index),
            _ => None,
        });
        prop_assert!(starts.enumerate().all(|(number, index)| number == index));
    }

    #[test]
    fn chunks_are_those_of_the_whole_wherever_it_is_cut(
        text in "[a-c\u{1F600} ]{1,12}", cuts in vec(1..4_usize, 0..6), is_whole in any::<bool>(),
    ) {
        let item = json!({"type": "message", "id": "m", "content": [
            {"type": "output_text", "text": text}]});
        let mut events = Vec::new();
        let mut letters = text.chars();
        for cut in cuts {
            let delta: String = letters.by_ref().take(cut).collect();
            events.push(json!({"type": "response.output_text.delta", "item_id": "m",
                "output_index": 0, "delta": delta}));
        }
        if is_whole || letters.as_str().is_empty() {
            events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        }
        let (whole, chunks) = assembled(&events);
        let streamed: String = chunks
            .iter()
            .map(|chunk| match chunk {
                ModelChunk::Text(text) => text.as_str(),
                _ => "",
            })
            .collect();
        let whole = whole.map(|whole| whole.message.text().into_owned()).unwrap_or_default();
        prop_assert_eq!(streamed, whole);
    }
}
