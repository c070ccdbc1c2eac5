//! Status of spans.

use std::borrow::Cow;

use raaf_trace_model::span::{self, FinishedSpan, SpanError};

/// Status of a span, as OpenTelemetry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    /// No status was set.
    Unset,
    /// The work succeeded.
    Ok,
    /// The work failed, with this message.
    Error(Cow<'a, str>),
}

/// Returns the status of a span.
pub fn status(span: &FinishedSpan) -> Status<'_> {
    match span.status() {
        span::Status::Ok => Status::Ok,
        span::Status::Error => Status::Error(match span.error().and_then(SpanError::with_causes) {
            Some(Cow::Owned(joined)) => one_line(joined).into(),
            message => message.unwrap_or_default(),
        }),
        // OpenTelemetry has neither status; the attribute `error.type` distinguishes them from
        // failures.
        status @ (span::Status::Cancelled | span::Status::Stale) => {
            Status::Error(status.as_str().into())
        }
        _ => Status::Unset,
    }
}

/// Joins the lines of a text, which backends show as a title.
fn one_line(text: String) -> String {
    if !text.contains(['\n', '\r']) {
        return text;
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
