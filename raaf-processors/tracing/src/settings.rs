//! Settings of a layer.

use raaf_trace_core::Tracer;
use tracing::level_filters::LevelFilter;

/// Rule by which spans of `tracing` fail. A span with `otel.status_code = "ERROR"` always fails, and
/// so does one that is closed by a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failures {
    /// No field and no other event marks a span as failed.
    Never,
    /// A field `error` marks it: of the span, or of an event of level ERROR, such as the one that
    /// `#[instrument(err)]` makes. The default.
    #[default]
    Errors,
    /// Events of level ERROR mark it, too.
    ErrorLevel,
}

/// Settings of a layer, besides its filter.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) tracer: Tracer,
    pub(crate) roots_from: LevelFilter,
    pub(crate) new_traces_for_roots: bool,
    pub(crate) failures: Failures,
    /// Names of fields that are content, besides those that are known.
    pub(crate) content: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tracer: Tracer::default(),
            roots_from: LevelFilter::INFO,
            new_traces_for_roots: false,
            failures: Failures::default(),
            content: Vec::new(),
        }
    }
}
