//! Tool calls that are cut, malformed or nameless.

use std::sync::atomic::Ordering;

use raaf_agents::{Agent, Handoff, ScriptedModel};
use raaf_testkit::assert_span_tree;
use serde_json::json;

use crate::run::{FORMS, Form, Turn, call, calls, counter, run, search, text};

#[tokio::test]
async fn arguments_that_are_no_object_never_go_back() {
    for form in FORMS {
        for arguments in ["{\"query\":", "{\"query\":\"a\"}{\"query\":\"b\"}", "[1]"] {
            let turns = [calls(&[call("search", arguments)], "tool_calls"), text("ok")];
            let outcome = run(form, &turns, |agent| agent.tool(search())).await;
            assert_eq!(outcome.text(), "ok", "{arguments}");
            let sent = outcome.sent(1);
            assert_eq!(sent[1]["tool_calls"][0]["function"]["arguments"], "{}", "{arguments}");
            let told = sent[2]["content"].as_str().unwrap();
            assert!(told.starts_with("invalid arguments for `search`: "), "{told}");
            assert_span_tree!(outcome.spans, {
                runner "Runner" { agent "Tester" {
                    llm "m" tool "search" [error "ToolError::Arguments"] llm "m"
                } }
            });
        }
    }
}

#[tokio::test]
async fn calls_run_although_the_answer_ends_with_stop() {
    for form in FORMS {
        let turns = [calls(&[call("search", "{\"query\":\"a\"}")], "stop"), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(search())).await;
        assert_eq!(outcome.text(), "ok", "{form:?}");
        assert_span_tree!(outcome.spans, {
            runner "Runner" { agent "Tester" { llm "m" tool "search" [ok] llm "m" } }
        });
    }
}

#[tokio::test]
async fn a_call_that_was_cut_is_not_run() {
    for form in FORMS {
        for (arguments, reason) in [
            ("", "length"),
            ("{\"a\":", "length"),
            ("", "max_tokens"),
            ("", "MAX_TOKENS"),
            ("", "model_length"),
        ] {
            let (wipe, count) = counter("wipe");
            let turns = [calls(&[call("wipe", arguments)], reason), text("ok")];
            let outcome = run(form, &turns, |agent| agent.tool(wipe.clone())).await;
            assert_eq!(count.load(Ordering::Relaxed), 0, "{form:?} {arguments} {reason}");
            let told = outcome.sent(1)[2]["content"].as_str().unwrap();
            assert!(told.contains("cut off"), "{told}");
            assert_span_tree!(outcome.spans, {
                runner "Runner" { agent "Tester" {
                    llm "m" ["gen_ai.response.finish_reasons" = ["length"]]
                    tool "wipe" [error "ToolError::CutOff"]
                    llm "m"
                } }
            });
        }
    }
}

#[tokio::test]
async fn a_native_reason_beside_a_prettier_one_counts() {
    for form in FORMS {
        let (wipe, count) = counter("wipe");
        let call = json!({"tool_calls": [call("wipe", "")]});
        let choice = json!({
            "message": call, "delta": call, "finish_reason": "tool_calls",
            "native_finish_reason": "length",
        });
        let turns = [Turn::Body(json!({"choices": [choice]})), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(wipe.clone())).await;
        assert_eq!((outcome.text(), count.load(Ordering::Relaxed)), ("ok", 0), "{form:?}");
    }
}

#[tokio::test]
async fn a_call_without_arguments_is_run_and_so_is_a_whole_one_beside_a_cut_one() {
    for form in FORMS {
        let (wipe, count) = counter("wipe");
        let turns = [calls(&[call("wipe", "")], "tool_calls"), text("ok")];
        run(form, &turns, |agent| agent.tool(wipe.clone())).await.result.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 1, "{form:?}");
        let two = [
            call("search", "{\"query\":\"a\"}"),
            json!({"id": "c2", "index": 1,
            "function": {"name": "search", "arguments": "{\"query\":"}}),
        ];
        let turns = [calls(&two, "length"), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(search())).await;
        let sent = outcome.sent(1);
        assert_eq!(sent[2]["content"], "found a");
        assert!(sent[3]["content"].as_str().unwrap().contains("cut off"), "{sent:?}");
    }
}

#[tokio::test]
async fn calls_of_a_whole_answer_are_never_joined() {
    let nameless = |arguments: &str| json!({"function": {"name": "wipe", "arguments": arguments}});
    let (wipe, count) = counter("wipe");
    let turns = [calls(&[nameless(""), nameless(""), nameless("{}")], "tool_calls"), text("ok")];
    let outcome = run(Form::Whole, &turns, |agent| agent.tool(wipe.clone())).await;
    assert_eq!((outcome.text(), count.load(Ordering::Relaxed)), ("ok", 3));
}

#[tokio::test]
async fn a_call_in_the_old_form_is_read() {
    for form in FORMS {
        let function = json!({"name": "search", "arguments": "{\"query\":\"a\"}"});
        let message = json!({"content": null, "function_call": function});
        let turns = [Turn::Says(message, "function_call"), text("ok")];
        let outcome = run(form, &turns, |agent| agent.tool(search())).await;
        assert_eq!(outcome.sent(1)[2]["content"], "found a", "{form:?}");
    }
}

#[tokio::test]
async fn ids_that_a_server_does_not_give_are_never_the_same() {
    for form in FORMS {
        let nameless = || {
            let call = json!({"function": {"name": "search", "arguments": "{\"query\":\"a\"}"}});
            calls(&[call], "tool_calls")
        };
        let outcome =
            run(form, &[nameless(), nameless(), text("ok")], |agent| agent.tool(search())).await;
        let sent = outcome.sent(2);
        let (first, second) = (&sent[1]["tool_calls"][0]["id"], &sent[3]["tool_calls"][0]["id"]);
        assert_ne!(first, second, "{form:?}");
        assert_eq!((first, second), (&sent[2]["tool_call_id"], &sent[4]["tool_call_id"]));
    }
}

#[tokio::test]
async fn a_name_that_is_not_legal_does_not_go_back() {
    for form in FORMS {
        for name in ["", "search the web!", "größe", "functions.search"] {
            let turns = [calls(&[call(name, "{}")], "tool_calls"), text("ok")];
            let outcome = run(form, &turns, |agent| agent.tool(search())).await;
            let sent = outcome.sent(1);
            let back = sent[1]["tool_calls"][0]["function"]["name"].as_str().unwrap();
            let is_legal = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            assert!(!back.is_empty() && back.chars().all(is_legal), "{back}");
            assert!(sent[2]["content"].as_str().unwrap().starts_with("unknown tool"), "{sent:?}");
        }
    }
}

#[tokio::test]
async fn handoffs_with_names_that_become_equal_are_told_apart() {
    let names = ["Billing Agent", "billing agent", "Billing-Agent", "billing.agent"];
    let other = |name: &str| Agent::builder(name, ScriptedModel::new("s", ["hi"])).build();
    let outcome = run(Form::Whole, &[text("ok")], |agent| {
        names.iter().fold(agent, |agent, name| agent.handoff(Handoff::to(&other(name))))
    })
    .await;
    let tools = outcome.requests[0].body["tools"].as_array().unwrap();
    let mut offered: Vec<_> =
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(offered[0], "transfer_to_billing_agent");
    offered.sort_unstable();
    offered.dedup();
    assert_eq!(offered.len(), 4, "{offered:?}");
}
