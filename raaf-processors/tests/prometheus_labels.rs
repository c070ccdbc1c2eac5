//! Labels of the metrics of the Prometheus sink, and the bounds of their values.

#![cfg(feature = "prometheus")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

mod scrape;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder as ApplicationsOwn;
use raaf_processors::PrometheusSink;
use raaf_trace_core::{Component, Kind, Traceable as _, TracerProvider, current_span, keys, trace};

use crate::scrape::{assert_lines, call, provider, sink, sum};

#[test]
fn no_name_can_write_metrics_of_its_own() {
    let (provider, metrics) = provider(sink());
    let injected = "x\",status=\"ok\"} 1\nraaf_forged_total 666\n# EOF\n";
    let hostile = [
        injected.to_owned(),
        "\\\",forged=\"".to_owned(),
        "nul\0esc\u{1b}[2J\u{2028}".to_owned(),
        "é".repeat(5_000_000),
        String::new(),
        r"C:\temp".to_owned(),
        r"C:\\temp".to_owned(),
    ];
    for word in &hostile {
        provider.run(|| call(&Component::new(word).with_kind(word.as_str())));
        provider.tracer().llm_span(word.as_str()).in_span(|| {
            let span = current_span().unwrap();
            span.set_attribute(keys::GEN_AI_REQUEST_MODEL, word.as_str());
            span.set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 7);
        });
    }
    let text = metrics.render();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let known = ["raaf_", "gen_ai_", "target_info{"].iter().any(|head| line.starts_with(head));
        assert!(known && !line.starts_with("raaf_forged"), "{line}");
        assert!(line.len() < 600 && !line.chars().any(char::is_control), "{line}");
        // Outside of quotes there are only the labels of our own.
        let mut outside = String::new();
        let (mut quoted, mut escaped) = (false, false);
        for letter in line.chars() {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if !quoted => outside.push(letter),
                _ => {}
            }
        }
        assert!(!quoted && !outside.contains("forged"), "{line}");
    }
    let calls = 2 * hostile.len();
    assert_eq!(sum(&text, "raaf_spans_total", &[]), calls as u64, "{text}");
    assert_eq!(sum(&text, "raaf_tokens_total", &[]), 7 * hostile.len() as u64);
}

#[test]
fn label_values_are_bounded_and_the_rest_is_counted_as_other() {
    let builder = PrometheusSink::builder().without_endpoint().max_components(10).max_models(3);
    let (provider, metrics) = provider(builder.build().unwrap());
    for number in 0..1_000 {
        let name = format!("Tool{number}");
        let kind = Kind::from(format!("kind{number}"));
        provider.run(|| {
            call(&Component::tool(&name));
            call(&Component::new("X").with_kind(kind));
        });
        provider.tracer().llm_span("L").in_span(|| {
            let span = current_span().unwrap();
            span.set_attribute(keys::GEN_AI_REQUEST_MODEL, format!("model{number}"));
            span.set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 1);
        });
    }
    let text = metrics.render();
    assert_eq!(sum(&text, "raaf_spans_total", &[]), 3_000);
    assert_eq!(sum(&text, "raaf_tokens_total", &[]), 1_000);
    assert_eq!(sum(&text, "raaf_tokens_total", &[r#"model="__other__""#]), 997);
    assert!(sum(&text, "raaf_spans_total", &[r#"kind="tool",component="__other__""#]) > 900);
    assert!(sum(&text, "raaf_spans_total", &[r#"kind="__other__",component="__other__""#]) > 900);
    let counters = text.lines().filter(|line| line.starts_with("raaf_spans_total{")).count();
    assert!(counters <= 5 * (10 + 65), "{counters}");
}

#[test]
fn label_values_are_told_apart_whatever_they_hold() {
    let names = [
        "other",
        "__other__",
        "unnamed",
        "__unnamed__",
        "C:\\a",
        "C:\\\\a",
        "C:/a",
        "a\nb",
        "a/nb",
        "a\\nb",
        "a\u{7f}b",
        "a\u{fffd}b",
        "\\\"",
        "\"",
        "",
    ];
    let long = ["x".repeat(200), format!("{}y", "x".repeat(199))];
    let names: Vec<&str> = names.into_iter().chain(long.iter().map(String::as_str)).collect();
    let recorder = Arc::new(ApplicationsOwn::new().build_recorder());
    let served = recorder.handle();
    let own = sink();
    let metrics = own.handle();
    let beside = PrometheusSink::builder().recorder(recorder).build().unwrap();
    let provider = TracerProvider::builder().with(own).with(beside).build();
    for name in &names {
        provider.run(|| call(&Component::tool(name)));
    }
    for text in [metrics.render(), served.render()] {
        let lines = text.lines().filter(|line| line.starts_with("raaf_spans_total{"));
        let lines: Vec<&str> = lines.filter(|line| line.ends_with(" 1")).collect();
        assert_eq!(lines.len(), names.len(), "{text}");
        let apart: std::collections::HashSet<_> = lines.into_iter().collect();
        assert_eq!(apart.len(), names.len(), "{text}");
        assert!(text.contains(r#"component="other",status="ok"} 1"#), "{text}");
        assert!(text.contains(r#"component="C:\\a",status="ok"} 1"#), "{text}");
    }
}

#[test]
fn an_agent_named_other_does_not_join_the_overflow() {
    let sink = PrometheusSink::builder().without_endpoint().max_components(1).build().unwrap();
    let (provider, metrics) = provider(sink);
    for name in ["other", "beyond", "__other__"] {
        provider.run(|| call(&Component::agent(name)));
    }
    let count = |name| sum(&metrics.render(), "raaf_spans_total", &[name]);
    assert_eq!((count(r#"="other""#), count(r#"="__other__""#)), (1, 2));
}

#[test]
fn spans_are_counted_by_method_and_workflow_where_asked() {
    let sink = PrometheusSink::builder().without_endpoint().by_method(true).by_workflow(true);
    let (provider, metrics) = provider(sink.build().unwrap());
    provider.run(|| {
        trace("import").in_span(|| Component::tool("T").in_span("load", || ()));
        Component::tool("T").in_span("save", || ());
    });
    let text = metrics.render();
    for (method, workflow) in [("load", "import"), ("save", "")] {
        let labels =
            format!(r#"kind="tool",component="T",method="{method}",workflow="{workflow}""#);
        let count = format!(r#"raaf_spans_total{{{labels},status="ok"}} 1"#);
        let durations = format!("raaf_span_duration_seconds_count{{{labels}}} 1");
        assert!(text.contains(&count) && text.contains(&durations), "{count}\n{text}");
    }
}

#[test]
fn metrics_by_opentelemetrys_names_have_its_labels() {
    let (provider, metrics) = provider(sink());
    let tracer = provider.tracer();
    let call = || {
        tracer
            .llm_span("call")
            .with(keys::GEN_AI_OPERATION_NAME, "chat")
            .with(keys::GEN_AI_PROVIDER_NAME, "openai")
            .with(keys::GEN_AI_REQUEST_MODEL, "gpt-5")
    };
    tracer.agent_span("A").in_span(|| {
        call().with(keys::GEN_AI_USAGE_INPUT_TOKENS, 7).in_span(|| ());
        call().try_in_span(|| "x".parse::<u8>()).unwrap_err();
        tracer.tool_span("T").in_span(|| ());
    });
    let text = metrics.render();
    let labels = r#"gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-5""#;
    assert_lines(
        &text,
        [
            format!(
                r#"gen_ai_client_inference_duration_seconds_count{{{labels},error_type=""}} 1"#
            ),
            format!(
                r#"gen_ai_client_inference_duration_seconds_count{{{labels},error_type="ParseIntError"}} 1"#
            ),
            format!("gen_ai_client_inference_usage_input_tokens_total{{{labels}}} 7"),
            format!("gen_ai_client_inference_usage_output_tokens_total{{{labels}}} 0"),
            r#"gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name="A",error_type=""} 1"#
                .to_owned(),
            r#"gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name="T",error_type=""} 1"#
                .to_owned(),
        ],
    );
    let without = PrometheusSink::builder().without_endpoint().gen_ai(false).build().unwrap();
    let metrics = without.handle();
    let provider = TracerProvider::builder().with(without).build();
    provider.tracer().agent_span("A").in_span(|| ());
    assert!(!metrics.render().contains("gen_ai_"));
}

#[test]
fn target_info_describes_the_program() {
    let builder = PrometheusSink::builder().without_endpoint().service_name("a \"b\"");
    let named = builder.resource_attribute("deployment.environment.name", "test");
    let named = named.resource_attribute("", "nameless").build().unwrap();
    let text = named.handle().render();
    let line = text.lines().find(|line| line.starts_with("target_info{")).unwrap();
    for label in [
        r#"service_name="a \"b\"""#,
        r#"deployment_environment_name="test""#,
        r#"telemetry_sdk_name="raaf""#,
    ] {
        assert!(line.contains(label) && line.ends_with("} 1"), "{line}");
    }
    assert!(!line.contains("nameless"), "a label needs a name: {line}");
    let text = provider(sink()).1.render();
    assert!(text.contains(r#"service_name="unknown_service:"#), "{text}");
}
