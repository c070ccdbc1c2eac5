//! Text from outside is escaped where errors show it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::LONG;
use raaf_trace_core::{
    FinishedSpan, SpanExporter, SpanProcessor, TracerProvider, environment::Environment,
    sink::ExportError, tracer,
};

const RAW: &str = "no \u{1b}[2J\u{202e}evil\nline";
const SHOWN: &str = r"no \u{1b}[2J\u{202e}evil\nline";

/// Fails with words of a server.
struct Refused;

impl SpanExporter for Refused {
    fn name(&self) -> &'static str {
        "refused\u{7}"
    }

    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        Err(ExportError::permanent(RAW))
    }
}

/// Panics with such words.
struct Panics;

impl SpanProcessor for Panics {
    fn on_end(&self, _: &FinishedSpan) {
        panic!("{RAW}")
    }
}

#[test]
fn d3_last_errors_and_errors_of_flushes_are_escaped() {
    let provider = TracerProvider::builder().with(Refused).with(Panics).build();
    provider.run(|| tracer().span("one").start().finish());
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    assert!(error.contains(SHOWN) && error.contains(r"`refused\u{7}`"), "{error}");
    assert!(!error.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    for sink in provider.stats().processors {
        let last = sink.last_error.unwrap();
        assert!(last.ends_with(SHOWN), "{}: {last:?}", sink.name);
    }
}

#[test]
fn d3_errors_of_settings_are_escaped() {
    for (name, value) in [
        ("RAAF_TRACE_PROCESSORS", "a\nb\u{f}\u{202e}"),
        ("RAAF_TRACE_BATCH_SIZE", "\u{1b}[2J\u{202e}"),
        ("RAAF_TRACE_SAMPLE_RATE", "\r\u{2028}"),
    ] {
        let environment = Environment::from_pairs([(name, value)]);
        let error = TracerProvider::builder().environment(&environment).build().unwrap_err();
        let error = format!("{error} {error:?}");
        assert!(
            !error.contains(|c: char| c.is_control() || "\u{202e}\u{2028}".contains(c)),
            "{error:?}"
        );
    }
}
