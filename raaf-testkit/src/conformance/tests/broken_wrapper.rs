//! A wrapper that forgets to pass on one method.

use std::time::Duration;

use raaf_trace_core::{
    FinishedSpan, SpanProcessor,
    sink::ProcessorError,
    span::StartedSpan,
    stats::{ProcessorStats, StatsReader},
};

use super::{Rule, Suite, broken};
use crate::conformance::InnerProcessor;

struct Forgetful {
    inner: InnerProcessor,
    forgets: &'static str,
}

impl Forgetful {
    /// Returns the inner processor, unless `method` is forgotten.
    fn inner(&self, method: &str) -> Option<&InnerProcessor> {
        (self.forgets != method).then_some(&self.inner)
    }
}

/// Methods that are not forwarded behave like the trait's defaults.
impl SpanProcessor for Forgetful {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn wants_start(&self) -> bool {
        self.inner("wants_start").is_none_or(SpanProcessor::wants_start)
    }

    fn on_added(&self, stats: &StatsReader) {
        if let Some(inner) = self.inner("on_added") {
            inner.on_added(stats);
        }
    }

    fn on_start(&self, span: &mut StartedSpan) {
        self.inner.on_start(span);
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.inner.on_end(span);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.inner("force_flush").map_or(Ok(()), |inner| inner.force_flush(timeout))
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        match self.inner("shutdown") {
            Some(inner) => inner.shutdown(timeout),
            None => self.force_flush(timeout),
        }
    }

    fn stats(&self) -> ProcessorStats {
        self.inner("stats").map_or_else(ProcessorStats::default, SpanProcessor::stats)
    }
}

#[test]
fn a_wrapper_that_passes_everything_on_keeps_every_rule() {
    let report = Suite::wrapper(|inner| Forgetful { inner, forgets: "nothing" }).run();
    assert!(report.violations().is_empty(), "{report}");
    assert!(report.kept().contains(&Rule::Wrapper));
}

#[test]
fn each_method_that_a_wrapper_forgets_is_found() {
    let methods = [
        ("on_added", "`on_added` does not reach the inner processor"),
        ("force_flush", "`force_flush` does not reach the inner processor"),
        ("shutdown", "`shutdown` does not reach the inner processor"),
        ("stats", "`stats` does not reach the inner processor"),
        ("wants_start", "`wants_start` is true, and the inner processor receives starts"),
    ];
    for (forgets, text) in methods {
        let report = Suite::wrapper(move |inner| Forgetful { inner, forgets }).run();
        assert!(broken(&report).contains(&Rule::Wrapper), "{report}");
        assert!(report.to_string().contains(text), "{report}");
    }
}
