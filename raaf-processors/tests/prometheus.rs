//! Metrics of the Prometheus sink, and their outputs.

#![cfg(feature = "prometheus")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

mod scrape;

use std::{sync::Arc, thread, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder as ApplicationsOwn};
use raaf_processors::{PrometheusError, PrometheusSink};
use raaf_testkit::conformance::check_processor;
use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, SpanProcessor, Traceable as _, TracerProvider, Value,
    clock::ManualClock,
    current_span,
    id::SequentialIds,
    keys,
    sink::{ExportError, stats::ProcessorStats},
};

use crate::scrape::{assert_lines, call, provider, sink, sum};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_prometheus_sink_keeps_the_contract_of_processors() {
    check_processor(sink);
    check_processor(|| {
        let sink = PrometheusSink::builder().address(([127, 0, 0, 1], 0)).active_spans(false);
        sink.build().unwrap()
    });
}

#[test]
fn spans_are_counted_by_kind_component_and_status() {
    let (provider, metrics) = provider(sink());
    provider.run(|| {
        let search = Component::tool("Search");
        call(&search);
        call(&search);
        search.try_in_span("run", || Err::<(), _>("no")).unwrap_err();
        call(&Component::agent("Search"));
        call(&Component::new("Loader").with_kind("processor"));
    });
    provider.tracer().start_span("open").finish();
    let text = metrics.render();
    assert_lines(
        &text,
        [
            r#"raaf_spans_total{kind="tool",component="Search",status="ok"} 2"#,
            r#"raaf_spans_total{kind="tool",component="Search",status="error"} 1"#,
            r#"raaf_spans_total{kind="agent",component="Search",status="ok"} 1"#,
            r#"raaf_spans_total{kind="processor",component="Loader",status="ok"} 1"#,
            r#"raaf_spans_total{kind="custom",component="open",status="unset"} 1"#,
            r#"raaf_span_duration_seconds_count{kind="tool",component="Search"} 3"#,
            "# TYPE raaf_spans_total counter",
            "# TYPE raaf_span_duration_seconds histogram",
            "# TYPE raaf_spans_active gauge",
            "# HELP raaf_spans_total Spans that ended, by kind, component and status.",
        ],
    );
}

#[test]
fn durations_are_sorted_from_a_microsecond_to_ten_minutes() {
    let (sink, time) = (sink(), ManualClock::new());
    let metrics = sink.handle();
    let provider = TracerProvider::builder().with(sink).clock(time.clock()).build();
    let durations = [Duration::from_micros(1), Duration::from_millis(30), Duration::from_secs(599)];
    for duration in durations {
        let tool = Component::tool("T");
        provider.run(|| tool.in_span("run", || time.advance(duration)));
    }
    let text = metrics.render();
    let below = |bound| sum(&text, "raaf_span_duration_seconds_bucket", &[bound]);
    let bounds =
        [r#"le="0.000001""#, r#"le="0.025""#, r#"le="0.05""#, r#"le="300""#, r#"le="600""#];
    assert_eq!(bounds.map(below), [1, 1, 2, 2, 3], "{text}");
    let together = r#"raaf_span_duration_seconds_sum{kind="tool",component="T"} 599.030001"#;
    assert!(text.lines().any(|line| line.starts_with(together)), "{text}");
}

#[test]
fn running_spans_are_counted_while_they_run() {
    let (provider, metrics) = provider(sink());
    let running = |kind: &str| sum(&metrics.render(), "raaf_spans_active", &[kind]);
    provider.run(|| {
        Component::agent("A").in_span("run", || {
            Component::tool("T").in_span("run", || {
                assert_eq!((running("agent"), running("tool")), (1, 1));
            });
            assert_eq!((running("agent"), running("tool")), (1, 0));
        });
    });
    assert_eq!((running("agent"), running("tool")), (0, 0));
}

#[test]
fn g60_a_span_that_began_before_the_sink_was_added_is_never_subtracted() {
    let sink = sink();
    let metrics = sink.handle();
    let provider = TracerProvider::builder().ids(SequentialIds::default()).build();
    let running = || sum(&metrics.render(), "raaf_spans_active", &[]);
    let tracer = provider.tracer();
    let before = tracer.start_span("before");
    provider.add_processor(sink);
    let after = tracer.start_span("after");
    before.finish();
    assert_eq!(running(), 1);
    after.finish();
    assert_eq!(running(), 0);
    assert_eq!(sum(&metrics.render(), "raaf_spans_total", &[]), 2);
}

#[test]
fn what_runs_when_the_sink_is_replaced_does_not_run_for_ever() {
    let (provider, metrics) = provider(sink());
    let open = provider.tracer().start_span("open");
    assert_eq!(sum(&metrics.render(), "raaf_spans_active", &[]), 1);
    provider.set_processors(Vec::new(), LONG).unwrap();
    open.finish();
    assert_eq!(sum(&metrics.render(), "raaf_spans_active", &[]), 0);
}

#[test]
fn tokens_and_the_first_chunk_are_counted_by_model() {
    let (provider, metrics) = provider(sink());
    for model in ["gpt-5", "gpt-5", "small"] {
        provider.tracer().llm_span(model).in_span(|| {
            let span = current_span().unwrap();
            span.set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 100);
            span.set_attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 20);
            span.set_attribute(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 60);
            span.set_attribute(keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, 7);
            span.set_attribute(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, 5);
            span.set_attribute(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, 0.3);
            span.add_event("retry", |_| {});
        });
    }
    provider.tracer().llm_span("odd").in_span(|| {
        let span = current_span().unwrap();
        span.set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, -1);
        span.set_attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS, i64::MAX);
        span.set_attribute(keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, 1e300);
        span.set_attribute("gen_ai.usage.cost", f64::MAX);
    });
    let text = metrics.render();
    assert_lines(
        &text,
        [
            r#"raaf_tokens_total{model="gpt-5",type="input"} 200"#,
            r#"raaf_tokens_total{model="gpt-5",type="output"} 40"#,
            r#"raaf_token_details_total{model="gpt-5",type="cached"} 120"#,
            r#"raaf_token_details_total{model="gpt-5",type="cache_write"} 14"#,
            r#"raaf_token_details_total{model="gpt-5",type="reasoning"} 10"#,
            r#"raaf_tokens_total{model="small",type="input"} 100"#,
            r#"raaf_time_to_first_chunk_seconds_count{model="gpt-5"} 2"#,
            r#"raaf_retries_total{kind="llm",component="gpt-5"} 2"#,
        ],
    );
    assert!(!text.contains(r#"{model="odd""#), "{text}");
}

#[test]
fn counters_exist_with_zero_before_their_first_event() {
    let sink = PrometheusSink::builder().without_endpoint().expect("tool", "pay").build().unwrap();
    let (provider, metrics) = provider(sink);
    let zero = |line: &str| {
        let (text, line) = (metrics.render(), format!("{line} 0"));
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    };
    zero(r#"raaf_spans_total{kind="tool",component="pay",status="error"}"#);
    let tools = Value::json(&["look_up"]);
    provider.tracer().agent_span("Clerk").with(keys::AGENT_TOOLS, tools).in_span(|| {
        for status in ["ok", "error", "cancelled", "stale", "unset"] {
            zero(&format!(
                r#"raaf_spans_total{{kind="agent",component="Clerk",status="{status}"}}"#
            ));
        }
        zero(r#"raaf_retries_total{kind="agent",component="Clerk"}"#);
        zero(r#"raaf_spans_total{kind="tool",component="look_up",status="error"}"#);
        let call = provider.tracer().llm_span("call").with(keys::GEN_AI_REQUEST_MODEL, "gpt-5");
        call.in_span(|| {
            zero(r#"raaf_tokens_total{model="gpt-5",type="input"}"#);
            zero(r#"raaf_token_details_total{model="gpt-5",type="reasoning"}"#);
        });
    });
}

#[test]
fn a_tool_that_has_no_name_in_the_list_of_an_agent_has_no_counters() {
    let (provider, metrics) = provider(sink());
    let tools = Value::json(&("look_up", 7, [()]));
    provider.tracer().agent_span("Clerk").with(keys::AGENT_TOOLS, tools).in_span(|| ());
    let text = metrics.render();
    assert!(text.contains(r#"component="look_up""#) && !text.contains("__unnamed__"), "{text}");
}

#[test]
fn failures_are_counted_by_type_of_error() {
    let (provider, metrics) = provider(sink());
    let tool = Component::tool("T");
    provider.run(|| tool.try_in_span("run", || "x".parse::<u8>()).unwrap_err());
    let line = r#"raaf_failures_total{kind="tool",component="T",error_type="ParseIntError"} 1"#;
    assert!(metrics.render().lines().any(|found| found == line), "{}", metrics.render());
    provider.run(|| call(&tool));
    assert_eq!(sum(&metrics.render(), "raaf_failures_total", &[]), 1);
}

#[test]
fn tokens_are_counted_by_agent_and_cost_by_model() {
    let (provider, metrics) = provider(sink());
    let tracer = provider.tracer();
    let ask = || {
        let call = tracer.llm_span("gpt-5").with(keys::GEN_AI_USAGE_INPUT_TOKENS, 7);
        call.with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 2)
            .with("gen_ai.usage.cost", 0.25)
            .in_span(|| ());
    };
    tracer.agent_span("Outer").in_span(|| {
        ask();
        tracer.custom_span("wrapper").in_span(ask);
        tracer.agent_span("Inner").in_span(ask);
    });
    ask();
    // The sum of the calls within, as another library may report it.
    tracer.agent_span("Sum").with("gen_ai.usage.cost", 1.0).in_span(|| ());
    let text = metrics.render();
    assert_lines(
        &text,
        [
            r#"raaf_agent_tokens_total{agent="Outer",model="gpt-5",type="input"} 14"#,
            r#"raaf_agent_tokens_total{agent="Inner",model="gpt-5",type="output"} 2"#,
            r#"raaf_tokens_total{model="gpt-5",type="input"} 28"#,
            r#"raaf_cost_usd_total{model="gpt-5"} 1"#,
        ],
    );
    assert_eq!(text.matches("raaf_cost_usd_total{").count(), 1, "{text}");
}

#[test]
fn openmetrics_has_exemplars_that_lead_to_the_trace() {
    let (provider, metrics) = provider(sink());
    let mut trace_id = String::new();
    provider.tracer().tool_span("T").in_span(|| {
        trace_id = current_span().unwrap().trace_id().hex().to_string();
    });
    let text = metrics.render_openmetrics();
    assert!(text.contains(&format!("# {{trace_id=\"{trace_id}\",span_id=\"")), "{text}");
    assert_lines(
        &text,
        [
            "# TYPE raaf_spans counter",
            "# TYPE raaf_span_duration_seconds histogram",
            "# UNIT raaf_span_duration_seconds seconds",
            "# TYPE target info",
        ],
    );
    assert!(text.contains(r#"le="1.0""#) && text.ends_with("\n# EOF\n"), "{text}");
    assert!(!metrics.render().contains("trace_id"));
}

#[test]
fn usage_that_was_not_reported_is_not_counted() {
    let (provider, metrics) = provider(sink());
    provider.tracer().llm_span("m").in_span(|| ());
    assert!(!metrics.render().contains("_tokens_total{"), "{}", metrics.render());
}

#[test]
fn threads_lose_no_count() {
    const THREADS: usize = 8;
    const EACH: usize = 5_000;
    let (provider, metrics) = provider(sink());
    thread::scope(|scope| {
        let provider = &provider;
        let threads = [(); THREADS].map(|()| {
            scope.spawn(|| {
                let (own, shared) = (Component::agent("Own"), Component::tool("Shared"));
                for _ in 0..EACH {
                    provider.run(|| own.in_span("run", || call(&shared)));
                }
            })
        });
        // Rendered all the while: a value recorded just then counts as well.
        while threads.iter().any(|thread| !thread.is_finished()) {
            metrics.render();
        }
    });
    let text = metrics.render();
    let all = (THREADS * EACH) as u64;
    assert_eq!(sum(&text, "raaf_spans_total", &[r#"component="Shared""#]), all);
    assert_eq!(sum(&text, "raaf_spans_total", &[r#"kind="agent""#]), all);
    assert_eq!(sum(&text, "raaf_span_duration_seconds_count", &[]), 2 * all);
    assert_eq!(sum(&text, "raaf_spans_active", &[]), 0);
}

#[test]
fn two_providers_count_apart() {
    let ((one, ones), (other, others)) = (provider(sink()), provider(sink()));
    one.run(|| call(&Component::tool("T")));
    one.run(|| call(&Component::tool("T")));
    other.run(|| call(&Component::tool("T")));
    assert_eq!(sum(&ones.render(), "raaf_spans_total", &[]), 2);
    assert_eq!(sum(&others.render(), "raaf_spans_total", &[]), 1);
}

#[test]
fn an_applications_recorder_has_the_metrics_beside_its_own() {
    let recorder = ApplicationsOwn::new()
        .set_buckets_for_metric(Matcher::Prefix("raaf_".to_owned()), &PrometheusSink::BUCKETS)
        .unwrap()
        .build_recorder();
    let recorder = Arc::new(recorder);
    let served = recorder.handle();
    let sink = PrometheusSink::builder()
        .recorder(recorder.clone())
        .recorder_has_buckets()
        .build()
        .unwrap();
    let (provider, metrics) = provider(sink);
    metrics::with_local_recorder(&recorder, || metrics::counter!("own_total").increment(3));
    provider.run(|| call(&Component::tool("T")));
    provider.shutdown(LONG).unwrap();
    let text = served.render();
    assert_eq!(sum(&text, "own_total", &[]), 3);
    assert_eq!(sum(&text, "raaf_spans_total", &[r#"component="T""#]), 1);
    assert_eq!(sum(&text, "raaf_span_duration_seconds_bucket", &[r#"le="600""#]), 1, "{text}");
    assert!(text.contains("raaf_spans_active{kind=\"tool\"} 0"), "{text}");
    assert_eq!(metrics.render(), "");
    assert_eq!(metrics.address(), None);
}

#[test]
fn the_installed_recorder_can_be_used() {
    let recorder = ApplicationsOwn::new().build_recorder();
    let sink = PrometheusSink::builder().installed_recorder().build().unwrap();
    let (provider, _) = provider(sink);
    // Installed for this thread alone: tests share the process.
    metrics::with_local_recorder(&recorder, || provider.run(|| call(&Component::tool("T"))));
    let text = recorder.handle().render();
    assert_eq!(sum(&text, "raaf_spans_total", &[r#"component="T""#]), 1);
}

#[test]
fn what_other_sinks_drop_shows() {
    struct Full;
    impl SpanExporter for Full {
        fn name(&self) -> &'static str {
            "full \"one\""
        }
        fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
            Err(ExportError::permanent("disk full"))
        }
    }
    let sink = sink();
    let metrics = sink.handle();
    let provider = TracerProvider::builder().with(sink).with(Full).build();
    provider.run(|| call(&Component::tool("T")));
    provider.force_flush(LONG).unwrap_err();
    let dropped = || sum(&metrics.render(), "raaf_sink_spans_dropped_total", &["full"]);
    assert_eq!(dropped(), 1, "{}", metrics.render());
    assert_eq!(dropped(), 1);
    let delivered = r#"raaf_sink_spans_delivered_total{sink="prometheus"} 1"#;
    assert!(metrics.render().contains(delivered));
    drop(provider);
    assert_eq!(dropped(), 1);
}

#[test]
fn a_sink_that_is_gone_has_no_queue() {
    struct Busy;
    impl SpanProcessor for Busy {
        fn name(&self) -> &'static str {
            "busy"
        }
        fn on_end(&self, _: &FinishedSpan) {}
        fn stats(&self) -> ProcessorStats {
            ProcessorStats { queued: 3, ..ProcessorStats::default() }
        }
    }
    let sink = sink();
    let metrics = sink.handle();
    let provider = TracerProvider::builder().with(sink).with(Busy).build();
    let queued = || sum(&metrics.render(), "raaf_sink_spans_queued", &["busy"]);
    assert_eq!(queued(), 3);
    drop(provider);
    assert_eq!(queued(), 0);
}

#[test]
fn buckets_that_do_not_rise_are_an_error() {
    for bounds in [vec![], vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN], vec![1.0, f64::INFINITY]]
    {
        let error = PrometheusSink::builder().without_endpoint().buckets(bounds).build();
        assert!(matches!(error, Err(PrometheusError::Buckets)));
    }
}
