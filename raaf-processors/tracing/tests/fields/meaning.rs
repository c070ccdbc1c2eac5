//! Meanings of the fields of spans.

use std::fmt;

use raaf_testkit::assert_span_tree;
use raaf_trace_core::{Kind, Status, keys, trace};
use raaf_tracing::Builder;
use tracing::{error, field::Empty, info, info_span};

use super::{events, get, of_event, support::bridged, without_content};

#[test]
fn fields_keep_their_types() {
    let spans = bridged(|| {
        info_span!(
            "typed", flag = true, int = -3, big = u64::MAX, wide = i128::MIN, real = 0.5,
            text = "t", debug = ?Some(1), display = %"shown", absent = None::<&str>, late = Empty,
        )
        .record("late", 7);
    });
    let span = spans.only("fields::meaning");
    assert_eq!(*span.kind(), Kind::Component);
    assert_eq!(get(span, "flag"), Some(true.into()));
    assert_eq!(get(span, "int"), Some((-3).into()));
    assert_eq!(get(span, "big").unwrap().to_string(), u64::MAX.to_string());
    assert_eq!(get(span, "wide").unwrap().to_string(), i128::MIN.to_string());
    assert_eq!(get(span, "real"), Some(0.5.into()));
    assert_eq!(get(span, "text"), Some("t".into()));
    assert_eq!(get(span, "debug"), Some("Some(1)".into()));
    assert_eq!(get(span, "display"), Some("shown".into()));
    assert_eq!(get(span, "absent"), None);
    assert_eq!(get(span, "late"), Some(7.into()));
    assert_eq!(span.attributes().stored().len(), 9);
}

/// Spans like those of rig: with fields declared empty and recorded late, with content, and a root of
/// their own.
fn rig() {
    let agent = info_span!(
        parent: None, "invoke_agent", gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Ada",
        gen_ai.system_instructions = r#"[{"type":"text","content":"Answer."}]"#,
        gen_ai.prompt = Empty, gen_ai.completion = Empty, gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.reasoning_tokens = Empty, gen_ai.usage.cache_creation.input_tokens = 2,
    );
    agent.record("gen_ai.prompt", "where is order 7?");
    let _inside = agent.enter();
    {
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = Empty,
            gen_ai.request.model = Empty,
            gen_ai.input.messages = Empty,
        );
        let _inside = chat.enter();
        chat.record("gen_ai.operation.name", "chat").record("gen_ai.request.model", "small");
        chat.record("gen_ai.input.messages", r#"[{"role":"user","parts":[{"api_key":"sk-1"}]}]"#);
    }
    {
        let tool = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = Empty,
            gen_ai.tool.call.arguments = Empty,
            gen_ai.tool.call.result = Empty,
        );
        let _inside = tool.enter();
        tool.record("gen_ai.tool.name", "look_up");
        tool.record("gen_ai.tool.call.arguments", r#"{"number":7}"#);
        tool.record("gen_ai.tool.call.result", "sent");
    }
    agent.record("gen_ai.completion", "it was sent");
    agent.record("gen_ai.usage.input_tokens", 12).record("gen_ai.usage.reasoning_tokens", 3);
}

#[test]
fn spans_of_an_agent_have_its_kinds_and_names() {
    let spans = bridged(|| trace("request").in_span(rig));
    assert_span_tree!(spans, {
        trace "request" {
            agent "Ada".run [
                "agent.name" = "Ada", "input" = "where is order 7?", "output" = "it was sent",
                "gen_ai.system_instructions" = "Answer.", "gen_ai.usage.input_tokens" = 12,
                "gen_ai.usage.reasoning.output_tokens" = 3,
                "gen_ai.usage.cache_write.input_tokens" = 2
            ] {
                llm "small".run ["gen_ai.operation.name" = "chat"]
                tool "look_up".run [
                    "tool.arguments" = "{\"number\":7}", "tool.result" = "sent"
                ]
            }
        }
    });
    let messages = get(spans.only("small"), keys::GEN_AI_INPUT_MESSAGES).unwrap().to_string();
    assert!(messages.starts_with(r#"[{"parts":"#) || messages.starts_with(r#"[{"role":"#));
    assert!(!messages.contains("sk-1"), "{messages}");
    assert!(
        spans
            .only("look_up")
            .attributes()
            .stored()
            .entries()
            .iter()
            .any(|entry| { entry.key().as_str() == keys::TOOL_RESULT && entry.is_content() })
    );
}

#[test]
fn the_outcome_of_a_tool_of_rig_is_its_status() {
    let call = |outcome| {
        let span = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "look_up",
            gen_ai.tool.type = "function",
            gen_ai.tool.call.outcome = Empty,
            gen_ai.tool.error.type = Empty,
            rig.completion_parent = true,
        );
        span.record("gen_ai.tool.call.outcome", outcome);
        span
    };
    let spans = bridged(|| {
        drop(call("success"));
        call("error").record("gen_ai.tool.error.type", "timeout");
        drop(call("skipped"));
    });
    assert_span_tree!(spans, {
        tool "look_up" [ok, "tool.type" = "function", !"rig.completion_parent"]
        tool "look_up" [error "timeout"]
        tool "look_up" [unset, "gen_ai.tool.call.outcome" = "skipped"]
    });
}

#[test]
fn names_and_status_of_opentelemetry_are_honoured() {
    let spans = bridged(|| {
        let span = info_span!(
            "request",
            otel.name = "GET /",
            otel.kind = "server",
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        span.record("otel.name", "GET /orders");
        span.record("otel.status_description", "gone").record("otel.status_code", "ERROR");
        info_span!("fine", otel.status_code = %"Ok");
    });
    let named: Vec<_> =
        spans.iter().map(|span| (span.name().into_owned(), span.status())).collect();
    assert_eq!(named[0], ("GET /orders".to_owned(), Status::Error));
    assert_eq!(named[1].1, Status::Ok);
    let request = spans.iter().next().unwrap();
    assert_eq!(get(request, "otel.kind"), Some("server".into()));
    assert_eq!((get(request, "otel.name"), get(request, "otel.status_code")), (None, None));
}

#[test]
fn a4_content_of_fields_is_left_out_where_sensitive_data_is() {
    let spans = without_content(Builder::new().content(["question"]), || {
        rig();
        info_span!("asked", question = "secret?", input.value = "in", output.value = "out")
            .in_scope(|| {
                info!(question = "late?", rows = 1, "asked: {}", "secret?");
                error!(error = "secret!");
            });
    });
    assert_eq!(spans.len(), 4);
    let text = format!("{:?}", spans.iter().collect::<Vec<_>>());
    for content in ["secret", "Answer", "order 7", "was sent", "sk-1", "late?", "number"] {
        assert!(!text.contains(content), "{content}: {text}");
    }
    let asked = spans.at("fields::meaning").unwrap();
    assert_eq!(of_event(events(asked)[0], "rows"), Some(1.into()));
}

#[test]
fn a4_secrets_in_fields_are_redacted() {
    let spans = bridged(|| {
        info_span!("call", api_key = "sk-12345", url = "https://u:hunter2@host/").in_scope(|| {
            info!(password = "hunter2", "password=hunter2");
        });
    });
    let text = format!("{:?}", spans.iter().collect::<Vec<_>>());
    assert!(!text.contains("sk-12345") && !text.contains("hunter2"), "{text}");
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("while it is formatted")
    }
}

#[test]
fn g30_a_field_that_panics_costs_only_itself() {
    let spans = bridged(|| {
        let span = info_span!("odd", before = 1, bad = ?Panics, after = 2, late = Empty);
        span.record("late", tracing::field::debug(Panics));
        span.in_scope(|| info!(bad = ?Panics, "said"));
    });
    let span = spans.only("fields::meaning");
    assert_eq!((get(span, "before"), get(span, "after")), (Some(1.into()), Some(2.into())));
    assert!(get(span, keys::COLLECTOR_ERROR).is_some());
    assert_eq!(of_event(events(span)[0], "message"), Some("said".into()));
}
