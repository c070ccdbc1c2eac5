//! One-time notices to the user.

use std::sync::atomic::{AtomicBool, Ordering};

use raaf_trace_core::diagnostics::{self, Category};

use super::endpoint::Endpoint;

/// Line for standard error that is written at most once.
#[derive(Debug)]
pub(super) struct Notice {
    text: String,
    is_said: AtomicBool,
}

impl Notice {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_said: AtomicBool::new(false) }
    }

    /// Creates a notice that is never written.
    pub(super) fn none() -> Self {
        Self { text: String::new(), is_said: AtomicBool::new(true) }
    }

    /// Notice that the sink started by default and traces leave the machine. Shown at once if
    /// tracing is on, and otherwise when it is switched on and the first batch is about to be sent.
    pub(super) fn before_sending(endpoint: &Endpoint, at_once: bool) -> Self {
        let notice = Self::new(format!(
            "traces are sent to {}, because OPENAI_API_KEY is set and no sink is configured; \
             set RAAF_SKIP_DEFAULT_PROCESSORS=true to prevent it, or RAAF_TRACE_PROCESSORS to \
             choose sinks",
            endpoint.origin()
        ));
        if at_once {
            notice.say();
        }
        notice
    }

    pub(super) fn say(&self) {
        if !self.is_said.swap(true, Ordering::Relaxed) {
            diagnostics::warn(Category::Export, format_args!("{}", self.text));
        }
    }
}
