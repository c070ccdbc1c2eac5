//! Secrets never reach a processor or an exporter.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use doubles::{LONG, in_line, only};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Redactor, SpanProcessor, Traceable as _,
    TracerProvider, Value, current_span,
    sink::{Offload, SimpleProcessor},
    span::StartedSpan,
    trace, tracer,
};
use serde_json::json;

const HIDDEN: &str = "[REDACTED]";
const SECRET: &str = "sk-very-secret";

/// Everything that a finished span shows to a sink, as text.
fn all_of(span: &FinishedSpan) -> String {
    let events: Vec<_> = span.events().map(|event| format!("{event:?}")).collect();
    format!("{span:?} {:?} {:?} {events:?}", span.trace().metadata(), span.error())
}

/// Writes down what it can see of a span at its start and at its end.
#[derive(Clone, Default)]
struct Spy(Arc<Mutex<String>>);

impl Spy {
    fn seen(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl SpanProcessor for Spy {
    fn on_start(&self, span: &mut StartedSpan) {
        writeln!(self.0.lock().unwrap(), "{:?}", span.attributes()).unwrap();
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.0.lock().unwrap().push_str(&all_of(span));
    }
}

fn one_call(provider: &TracerProvider) {
    provider.run(|| {
        Component::tool("Fetch")
            .traced("run")
            .with("api_key", SECRET)
            .with_content("arguments", json!({"user": {"password": SECRET, "n": 1}}).to_string())
            .in_span(|| {
                let span = current_span().unwrap();
                span.set_attribute("late_api_key", SECRET);
                span.set_attribute("api_key", SECRET);
                span.add_event("request", |attributes| {
                    attributes.set("authorization", SECRET);
                });
            });
    });
}

#[test]
fn a4_secrets_are_redacted_before_any_processor_sees_them() {
    let (first, second) = (Spy::default(), Spy::default());
    let provider = TracerProvider::builder().with(first.clone()).with(second.clone()).build();
    one_call(&provider);
    for seen in [first.seen(), second.seen()] {
        assert!(seen.contains(HIDDEN) && seen.contains("Fetch"), "{seen}");
        assert!(!seen.contains(SECRET), "{seen}");
    }
}

#[test]
fn a4_a_running_span_shows_no_secret_either() {
    let (provider, _) = in_line();
    let seen = provider.run(|| {
        Component::tool("Fetch").in_span("run", || {
            let span = current_span().unwrap();
            span.set_attribute("late_api_key", SECRET);
            span.attribute("late_api_key")
        })
    });
    assert_eq!(seen, Some(Value::from(HIDDEN)));
}

#[test]
fn a4_secrets_are_redacted_for_batched_and_offloaded_sinks() {
    let (memory, spy) = (MemoryExporter::new(), Spy::default());
    let provider =
        TracerProvider::builder().with(memory.clone()).with(Offload::new(spy.clone())).build();
    one_call(&provider);
    provider.force_flush(LONG).unwrap();
    let exported = all_of(&only(&memory));
    for seen in [exported, spy.seen()] {
        assert!(seen.contains(HIDDEN), "{seen}");
        assert!(!seen.contains(SECRET), "{seen}");
    }
}

#[test]
fn a4_nested_json_is_searched_also_inside_strings() {
    let (provider, memory) = in_line();
    let inner = json!({"token": SECRET, "n": 1}).to_string();
    let nested = json!([{"headers": {"Set-Cookie": SECRET}, "list": ["a"], "body": inner}]);
    provider.run(|| {
        Component::tool("Fetch")
            .traced("run")
            .with("request", Value::json(&nested))
            .with("request_text", nested.to_string())
            .in_span(|| ());
    });
    let span = only(&memory);
    let expected = json!([{
        "headers": {"Set-Cookie": HIDDEN},
        "list": ["a"],
        "body": json!({"token": HIDDEN, "n": 1}).to_string(),
    }]);
    assert_eq!(span.attributes().get("request").unwrap().as_json(), Some(&expected));
    let text = span.attributes().get("request_text").unwrap().to_string();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
}

#[test]
fn a4_an_error_s_text_is_searched_like_any_other() {
    #[derive(Debug, thiserror::Error)]
    #[error("{{\"status\": 401, \"api_key\": \"{SECRET}\"}}")]
    struct Refused(#[source] Source);
    #[derive(Debug, thiserror::Error)]
    #[error("{{\"password\": \"{SECRET}\"}}")]
    struct Source;

    let (provider, memory) = in_line();
    let result: Result<(), _> =
        provider.run(|| Component::tool("Fetch").try_in_span("run", || Err(Refused(Source))));
    assert!(result.is_err());
    let seen = all_of(&only(&memory));
    assert!(seen.contains("401"), "{seen}");
    assert!(!seen.contains(SECRET), "{seen}");
}

#[test]
fn a4_what_a_trace_says_about_itself_is_searched_too() {
    let (provider, memory) = in_line();
    provider
        .run(|| trace("nightly").metadata("api_key", SECRET).metadata("night", 3).in_span(|| ()));
    let span = only(&memory);
    assert_eq!(span.trace().metadata().get("api_key"), Some(HIDDEN.into()));
    assert_eq!(span.trace().metadata().get("night"), Some(3.into()));
}

#[test]
fn a4_words_decide_and_not_letters() {
    let (provider, memory) = in_line();
    provider.run(|| {
        tracer()
            .span("keys")
            .with("llm.usage.input_tokens", "12")
            .with("keyboard", "qwerty")
            .with("http.request.header.X-Api-Key", SECRET)
            .with("userPassword", SECRET)
            .with("token", 17)
            .start()
            .finish();
    });
    let span = only(&memory);
    let value = |key| span.attributes().get(key).unwrap().to_string();
    assert_eq!(value("llm.usage.input_tokens"), "12");
    assert_eq!(value("keyboard"), "qwerty");
    assert_eq!(value("http.request.header.X-Api-Key"), HIDDEN);
    assert_eq!(value("userPassword"), HIDDEN);
    assert_eq!(value("token"), "17", "a number is no secret");
}

#[test]
fn a4_the_list_can_be_extended_or_emptied() {
    let value = |redactor: Redactor, key: &'static str| {
        let memory = MemoryExporter::new();
        let simple = SimpleProcessor::new(memory.clone());
        let provider = TracerProvider::builder().redactor(redactor).with(simple).build();
        provider.run(|| tracer().span("one").with(key, "1234").start().finish());
        only(&memory).attributes().get(key).unwrap().to_string()
    };
    assert_eq!(value(Redactor::default(), "shoe_size"), "1234");
    assert_eq!(value(Redactor::default().with_words(["shoe_size"]), "user.shoeSize"), HIDDEN);
    assert_eq!(value(Redactor::new(["shoe_size"]), "password"), "1234");
    assert_eq!(value(Redactor::none(), "password"), "1234");
}

/// Whichever way a span takes: in line, and through the queue of a batching processor.
#[test]
fn a4_every_processor_gets_the_span_without_its_secrets() {
    let (in_line, batched) = (MemoryExporter::new(), MemoryExporter::new());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(in_line.clone()))
        .with(batched.clone())
        .build();
    let alone = MemoryExporter::new();
    let only_batched = TracerProvider::builder().with(alone.clone()).build();
    for provider in [&provider, &only_batched] {
        one_call(provider);
        provider.force_flush(LONG).unwrap();
    }
    for memory in [&in_line, &batched, &alone] {
        assert_eq!(only(memory).attributes().get("api_key"), Some(HIDDEN.into()));
    }
}
