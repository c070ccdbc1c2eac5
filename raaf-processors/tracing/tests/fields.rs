//! Fields of spans and events, and what they mean.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::{error::Error, fmt, io, sync::mpsc, time::Duration};

use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanProcessor, Status, TracerProvider, attributes::ValueRef, keys,
    registry::Sink, span::Event, trace,
};
use raaf_tracing::{Builder, Failures};
use support::{bridged, bridged_by};
use tracing::{
    debug, debug_span, error, field::Empty, info, info_span, instrument, subscriber::with_default,
    warn,
};
use tracing_subscriber::layer::SubscriberExt as _;

fn get<'a>(span: &'a FinishedSpan, key: &str) -> Option<ValueRef<'a>> {
    span.attributes().stored().get(key)
}

fn of_event<'a>(event: &'a Event, key: &str) -> Option<ValueRef<'a>> {
    event.attributes().get(key)
}

fn events(span: &FinishedSpan) -> Vec<&Event> {
    span.events().collect()
}

#[test]
fn fields_keep_their_types() {
    let spans = bridged(|| {
        info_span!(
            "typed", flag = true, int = -3, big = u64::MAX, wide = i128::MIN, real = 0.5,
            text = "t", debug = ?Some(1), display = %"shown", absent = None::<&str>, late = Empty,
        )
        .record("late", 7);
    });
    let span = spans.only("fields");
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

fn without_content(builder: Builder, work: impl FnOnce()) -> Spans {
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let subscriber = tracing_subscriber::registry().with(builder.build());
    with_default(subscriber, || capture.run(work));
    capture.spans()
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
    let asked = spans.at("fields").unwrap();
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
fn events_have_level_target_fields_and_message() {
    let spans = bridged(|| {
        info!("outside of any span");
        trace("ours").in_span(|| {
            info!(rows = 3, "loaded {}", 3);
            debug!("too low");
            tracing::event!(name: "cache.miss", target: "cache", tracing::Level::WARN, key = "k");
            let span = info_span!("theirs");
            info!(parent: &span, "elsewhere");
        });
    });
    let ours = spans.only("ours");
    let [loaded, missed] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!((loaded.name(), missed.name()), ("log", "cache.miss"));
    let all: Vec<_> =
        loaded.attributes().iter().map(|(key, value)| (key, value.to_string())).collect();
    let expected =
        [("level", "INFO"), ("target", "fields"), ("message", "loaded 3"), ("rows", "3")];
    assert_eq!(all, expected.map(|(key, value)| (key, value.to_owned())));
    assert_eq!(of_event(missed, "target"), Some("cache".into()));
    assert_eq!(events(spans.only("fields")).len(), 1);
}

#[test]
fn fields_that_mean_something_to_a_span_are_attributes_of_an_event() {
    let spans = bridged(|| {
        trace("ours").in_span(|| {
            info!(success = false, error = true, otel.name = "x", otel.status_code = "ERROR");
            info!(error.type = "T", error.message = "m", gen_ai.tool.call.outcome = "error");
            info!(error = "broken", error.type = "T");
        });
    });
    let ours = spans.only("ours");
    let [first, second, third] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!(of_event(first, "success"), Some(false.into()));
    assert_eq!(of_event(first, "error"), Some(true.into()));
    assert_eq!(of_event(first, "otel.name"), Some("x".into()));
    assert_eq!(of_event(first, "otel.status_code"), Some("ERROR".into()));
    assert_eq!(of_event(second, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(of_event(second, keys::ERROR_MESSAGE), Some("m".into()));
    assert_eq!(of_event(second, "gen_ai.tool.call.outcome"), Some("error".into()));
    assert_eq!(third.name(), "exception");
    assert_eq!(of_event(third, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(ours.losses().reserved_ignored, 0);
    let spans = without_content(Builder::new(), || {
        trace("ours").in_span(|| info!(error.type = "T", error.message = "a secret"));
    });
    let event = events(spans.only("ours"))[0];
    assert_eq!(of_event(event, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(of_event(event, keys::ERROR_MESSAGE), None);
}

#[test]
fn an_event_whose_explicit_parent_is_none_or_not_recorded_is_of_no_span() {
    let spans = bridged(|| {
        let unseen = debug_span!("unseen");
        trace("ours").in_span(|| {
            let _theirs = info_span!("theirs").entered();
            info!(parent: None, "of none");
            info!(parent: &unseen, "of one that is not recorded");
        });
    });
    assert!(spans.iter().all(|span| span.events().count() == 0));
}

#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("loading failed")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[instrument(err)]
fn failing() -> Result<(), Outer> {
    Err(Outer(io::Error::other("disk full")))
}

#[test]
fn a_field_error_is_an_exception() {
    let spans = bridged(|| {
        trace("ours").in_span(|| {
            let error = Outer(io::Error::other("disk full"));
            warn!(error = &error as &dyn Error, attempt = 2, "again");
        });
    });
    let ours = spans.only("ours");
    assert_eq!(ours.status(), Status::Ok, "the outcome of our calls is their own");
    let [event] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!(event.name(), "exception");
    assert_eq!(of_event(event, keys::EXCEPTION_MESSAGE), Some("loading failed: disk full".into()));
    assert_eq!(of_event(event, "level"), Some("WARN".into()));
    assert_eq!(of_event(event, "attempt"), Some(2.into()));
    assert_eq!(of_event(event, "message"), Some("again".into()));
}

#[test]
fn errors_mark_spans_as_failed_only_as_configured() {
    let work = || {
        let _ = failing();
        info_span!("logs").in_scope(|| error!("odd"));
        info_span!("warns").in_scope(|| warn!(error = "x", "odd"));
        info_span!("field", error = Empty).record("error", "gone");
    };
    let failed = |failures| {
        let spans = bridged_by(Builder::new().failures(failures), work);
        let failed: Vec<_> = spans.failed().map(|span| span.method().to_owned()).collect();
        let exceptions =
            |span: &FinishedSpan| span.events().filter(|one| one.name() == "exception").count();
        assert_eq!(spans.iter().map(exceptions).collect::<Vec<_>>(), [1, 0, 1, 1]);
        failed
    };
    assert_eq!(failed(Failures::Never), [""; 0]);
    assert_eq!(failed(Failures::Errors), ["failing", "field"]);
    assert_eq!(failed(Failures::ErrorLevel), ["failing", "logs", "field"]);
    let spans = bridged(|| drop(failing()));
    let error = spans.only("fields").error().unwrap();
    assert_eq!((error.kind(), error.message()), ("error", Some("loading failed")));
}

#[test]
fn a_type_and_a_message_of_an_error_may_come_one_by_one() {
    let spans = bridged(|| {
        let span = info_span!("call", error.type = Empty, error.message = Empty);
        span.record("error.message", "no answer").record("error.type", "timeout");
    });
    let error = spans.only("fields").error().unwrap();
    assert_eq!((error.kind(), error.message()), ("timeout", Some("no answer")));
}

#[test]
fn follows_from_is_a_link() {
    let spans = bridged(|| {
        let cause = info_span!("cause");
        let effect = info_span!("effect");
        effect.follows_from(&cause);
        effect.follows_from(info_span!(target: "hyper", "filtered").id());
    });
    let of = |method: &str| spans.iter().find(|span| span.method() == method).unwrap();
    let [link] = of("effect").links().collect::<Vec<_>>()[..] else { panic!("links") };
    assert_eq!(link.context().span_id(), Some(of("cause").span_id()));
}

#[test]
fn the_end_is_the_last_exit() {
    let capture = Capture::deterministic();
    let subscriber = tracing_subscriber::registry().with(Builder::new().build());
    let second = Duration::from_secs(1);
    with_default(subscriber, || {
        capture.run(|| {
            let span = info_span!("work");
            capture.advance(second);
            span.in_scope(|| capture.advance(second));
            capture.advance(second);
            span.in_scope(|| capture.advance(second));
            capture.advance(second * 10);
            drop(span);
            let _never_entered = info_span!("idle");
            capture.advance(second);
        });
    });
    let durations: Vec<_> = capture.spans().iter().map(FinishedSpan::duration).collect();
    assert_eq!(durations, [second * 4, second]);
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
    let span = spans.only("fields");
    assert_eq!((get(span, "before"), get(span, "after")), (Some(1.into()), Some(2.into())));
    assert!(get(span, keys::COLLECTOR_ERROR).is_some());
    assert_eq!(of_event(events(span)[0], "message"), Some("said".into()));
}

#[test]
fn a_span_that_a_panic_closes_has_failed() {
    let spans = bridged(|| {
        let panicked = std::panic::catch_unwind(|| info_span!("work").in_scope(|| panic!("gone")));
        assert!(panicked.is_err());
    });
    assert_eq!(spans.only("fields").error().unwrap().kind(), "panic");
}

#[test]
fn a_provider_of_the_layer_is_for_traces_that_begin_there() {
    let (ours, layers) = (Capture::new(), Capture::new());
    let provider: &TracerProvider = layers.provider();
    let subscriber = tracing_subscriber::registry().with(Builder::new().provider(provider).build());
    with_default(subscriber, || {
        info_span!("root").in_scope(|| ());
        ours.run(|| trace("ours").in_span(|| info_span!("inside").in_scope(|| ())));
    });
    assert_span_tree!(layers, { component "fields".root });
    assert_span_tree!(ours, { trace "ours" { component "fields".inside } });
}

/// A sink that makes a span of `tracing` when its provider is gone.
struct SaysGoodbye(mpsc::Sender<()>);

impl SpanProcessor for SaysGoodbye {
    fn on_end(&self, _: &FinishedSpan) {}
}

impl Drop for SaysGoodbye {
    fn drop(&mut self) {
        info_span!("goodbye").in_scope(|| ());
        _ = self.0.send(());
    }
}

#[test]
fn a_provider_ends_with_its_layer_though_its_spans_were_bridged() {
    let (sender, gone) = mpsc::channel();
    for _ in 0..9 {
        let sink = Sink::processor(SaysGoodbye(sender.clone()));
        let provider = TracerProvider::builder().with(sink).build();
        let layer = Builder::new().provider(&provider).build();
        let subscriber = tracing_subscriber::registry().with(layer);
        with_default(subscriber, || info_span!("root").in_scope(|| info!("inside")));
        assert!(gone.try_recv().is_err(), "the provider was dropped early");
        drop(provider);
        gone.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}
