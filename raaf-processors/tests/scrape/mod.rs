//! Shared code of the tests of metrics.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use raaf_processors::{PrometheusHandle, PrometheusSink};
use raaf_trace_core::{Component, Traceable as _, TracerProvider};

pub(crate) fn sink() -> PrometheusSink {
    PrometheusSink::builder().without_endpoint().build().unwrap()
}

pub(crate) fn provider(sink: PrometheusSink) -> (TracerProvider, PrometheusHandle) {
    let metrics = sink.handle();
    (TracerProvider::builder().with(sink).build(), metrics)
}

pub(crate) fn call(component: &Component) {
    component.in_span("run", || ());
}

/// Adds up the values of the metric with all of these labels.
pub(crate) fn sum(text: &str, metric: &str, labels: &[&str]) -> u64 {
    let lines = text.lines().filter(|line| {
        line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[track_caller]
pub(crate) fn assert_lines<L: AsRef<str>>(text: &str, lines: impl IntoIterator<Item = L>) {
    for line in lines {
        let line = line.as_ref();
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
