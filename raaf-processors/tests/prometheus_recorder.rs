//! The Prometheus sink beside an application's recorder that has no buckets. Alone in its file,
//! because diagnostics have one handler for the process.

#![cfg(feature = "prometheus")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::sync::{Arc, Mutex};

use raaf_processors::PrometheusSink;
use raaf_trace_core::diagnostics;

#[test]
fn a_recorder_that_may_lack_buckets_is_reported_when_the_sink_is_built() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    diagnostics::set_handler(move |line| heard.lock().unwrap().push(line.to_string()));
    let said = || std::mem::take(&mut *lines.lock().unwrap()).join("\n");

    PrometheusSink::builder().installed_recorder().build().unwrap();
    let text = said();
    for part in ["`_bucket`", "`PrometheusSink::BUCKETS`", "`recorder_has_buckets`", "`raaf_`"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    PrometheusSink::builder().installed_recorder().recorder_has_buckets().build().unwrap();
    PrometheusSink::builder().without_endpoint().build().unwrap();
    assert_eq!(said(), "");
}
