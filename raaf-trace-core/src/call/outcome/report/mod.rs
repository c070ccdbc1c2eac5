//! Error details recorded on spans.

use std::{
    any::{Any, type_name},
    error::Error,
    fmt::{self, Write as _},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use raaf_trace_model::{
    attributes::{Attributes, Key, SpanLimits, Value},
    keys,
    span::{SpanBody, SpanError, Status, with_causes},
};

use super::{ErrorType, error_type};
use crate::{base::panics, provider::running_trace::RunningTrace, span::Span};

/// Maximum number of reported sources.
pub(super) const MAX_SOURCES: usize = 16;

/// Error details recorded on a span: type, message and sources.
///
/// Creation never fails: for an error whose `Display`, `Debug` or `source` panics, the message
/// reports the panic.
///
/// ```
/// use raaf_trace_core::call::ErrorReport;
///
/// let error = "12x".parse::<i32>().unwrap_err();
/// let report = ErrorReport::of(&error);
/// assert_eq!(report.type_name, "ParseIntError");
/// assert_eq!(report.message, "invalid digit found in string");
/// assert!(report.sources.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorReport {
    /// Class of the error, the span's `error.type`: its [own classification](ErrorType);
    /// otherwise its type without modules, with an enum's variant and an I/O error's kind:
    /// `ToolError`, `ModelError::RateLimited`, `io::Error::NotFound`. For a boxed error or an
    /// `anyhow::Error`, that of the innermost error of a known type.
    pub type_name: String,
    /// Message of the error.
    pub message: String,
    /// Messages of the error's sources, nearest first; 16 at most.
    pub sources: Vec<String>,
    /// True if the error, or one of its sources, is a [pause](ErrorType::is_pause) and no failure.
    pub is_pause: bool,
}

/// Name of the event that records an error, as in OpenTelemetry.
const EXCEPTION: &str = "exception";

impl ErrorReport {
    /// Creates a report of a panic.
    pub(crate) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        Self::from_message("panic", panics::message(panic))
    }

    /// Adds an `exception` event to a span of that trace, without changing its status. A pause is not
    /// one.
    pub(crate) fn note(&self, body: &mut SpanBody, limits: SpanLimits, trace: &RunningTrace) {
        if self.is_pause {
            return;
        }
        self.note_with(body, limits, trace, Attributes::new());
    }

    fn note_with(
        &self,
        body: &mut SpanBody,
        limits: SpanLimits,
        trace: &RunningTrace,
        further: Attributes,
    ) {
        body.add_event(limits, Key::from_static(EXCEPTION), trace.now(), |attributes| {
            attributes.set(keys::EXCEPTION_TYPE, self.type_name.as_str());
            if limits.include_content {
                attributes.set_content(keys::EXCEPTION_MESSAGE, self.with_causes(trace));
            }
            attributes.merge_reserved(further);
        });
    }

    /// Adds an `exception` event to a running span, with further attributes that `set` sets. The
    /// span's status is unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{call::ErrorReport, current_span, trace};
    ///
    /// trace("import").in_span(|| {
    ///     // An error that the import survives:
    ///     if let (Err(error), Some(span)) = ("12x".parse::<i32>(), current_span()) {
    ///         ErrorReport::of(&error).add_to(&span, |attributes| {
    ///             attributes.set("import.line", 7);
    ///         });
    ///     }
    /// });
    /// ```
    pub fn add_to(&self, span: &Span, set: impl FnOnce(&mut Attributes)) {
        let record = span.record();
        let trace = &record.head().trace;
        if trace.sampled {
            // The user's `set` may access this span.
            let mut further = Attributes::with_limits(trace.limits);
            set(&mut further);
            record.with_body(|body| self.note_with(body, trace.limits, trace, further));
        }
    }

    /// Returns the messages of the error and its sources. Where there are several, secrets are
    /// redacted in each before they are joined, since JSON is only found at the start of a text.
    fn with_causes(&self, trace: &RunningTrace) -> String {
        if self.sources.is_empty() {
            return self.message.clone();
        }
        let redactor = trace.provider.redactor();
        let redacted = |text: &String| {
            redactor.redacted(keys::ERROR_MESSAGE, Value::from(text.as_str())).as_ref().to_string()
        };
        with_causes(&redacted(&self.message), self.sources.iter().map(redacted)).into_owned()
    }

    /// Records this as the span's error: status, `error.*` and, if its trace can still be reached, an
    /// `exception` event. A pause is recorded as an attribute.
    pub(crate) fn fail(
        &self,
        body: &mut SpanBody,
        limits: SpanLimits,
        trace: Option<&RunningTrace>,
    ) {
        if self.is_pause {
            body.attributes.set(keys::PAUSED, true);
            return;
        }
        if let Some(trace) = trace {
            self.note(body, limits, trace);
        }
        body.status = Status::Error;
        body.error = Some(Box::new(self.as_span_error(limits)));
    }

    /// Converts the report into the error of a span.
    fn as_span_error(&self, limits: SpanLimits) -> SpanError {
        SpanError::new(&self.type_name, Some(&self.message), &self.sources, limits)
    }

    /// Creates a report of an error and its sources.
    pub fn of<E: Error + 'static>(error: &E) -> Self {
        let name = error_type::known(error).unwrap_or_else(|| error_type::typed(error, error));
        Self { is_pause: error_type::any_pauses(error), ..Self::named(name, error) }
    }

    /// Creates a report of an error whose type is erased, with its sources.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{error::Error, io};
    /// use raaf_trace_core::call::ErrorReport;
    ///
    /// let boxed: Box<dyn Error> = io::Error::from(io::ErrorKind::NotFound).into();
    /// assert_eq!(ErrorReport::from_error(&*boxed).type_name, "io::Error::NotFound");
    /// ```
    pub fn from_error(error: &(dyn Error + 'static)) -> Self {
        Self::erased::<dyn Error>(error)
    }

    /// Returns the class of an error whose type is erased; `None` if only messages are known of it
    /// and its sources.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error;
    /// use raaf_trace_core::call::ErrorReport;
    ///
    /// let typed: Box<dyn Error> = "12x".parse::<i32>().unwrap_err().into();
    /// assert_eq!(ErrorReport::type_of(&*typed).as_deref(), Some("ParseIntError"));
    ///
    /// let text: Box<dyn Error> = "quota used up".into();
    /// assert_eq!(ErrorReport::type_of(&*text), None);
    /// ```
    pub fn type_of(error: &(dyn Error + 'static)) -> Option<String> {
        error_type::erased(error)
    }

    /// Creates a report of a value that implements `Display` but not [`Error`].
    pub fn from_display<E: fmt::Display + ?Sized>(error: &E) -> Self {
        Self::from_message(type_name::<E>(), message(format_args!("{error}")))
    }

    /// Creates a report of a value that implements only `Debug`.
    pub fn from_debug<E: fmt::Debug>(error: &E) -> Self {
        Self::new(error_type::typed(error, &""), message(format_args!("{error:?}")))
    }

    /// Creates a report from a type name and a message.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::call::ErrorReport;
    ///
    /// // The type name becomes `error.type`: use few distinct values, without user data.
    /// let report = ErrorReport::from_message("quota::Exceeded", "quota of 10 requests used up");
    /// assert_eq!(report.type_name, "Exceeded");
    /// ```
    pub fn from_message(full_type_name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(short_type_name(&full_type_name.into()), message.into())
    }

    /// Creates a report of a [pause](ErrorType::is_pause).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::call::{ErrorReport, Failure};
    ///
    /// enum Ended {
    ///     Failed(String),
    ///     Paused,
    /// }
    ///
    /// impl Failure<()> for Ended {
    ///     fn report(&self) -> ErrorReport {
    ///         match self {
    ///             Ended::Failed(message) => ErrorReport::from_message("Failed", message),
    ///             Ended::Paused => ErrorReport::of_pause(),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn of_pause() -> Self {
        Self { is_pause: true, ..Self::from_message("paused", "paused") }
    }

    /// Creates a report of an error that classifies itself.
    pub(super) fn of_known<E: ErrorType>(error: &E) -> Self {
        let name = error_type::said(error).unwrap_or_else(|| error_type::typed(error, error));
        let report = Self::named(name, error);
        Self { is_pause: report.is_pause || error_type::pauses(error), ..report }
    }

    /// Creates a report of an error that may contain references.
    pub(super) fn of_borrowed<E: Error>(error: &E) -> Self {
        Self::named(error_type::typed(error, error), error)
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        Self::named(error_type::of_io(error), error)
    }

    /// Creates a report of a value that implements `Display` and `Debug` but not [`Error`].
    pub(super) fn of_shown<E: fmt::Display + fmt::Debug>(error: &E) -> Self {
        Self::new(error_type::typed(error, error), message(format_args!("{error}")))
    }

    /// Creates a report of the error inside an `E` that hides its type.
    pub(super) fn erased<E: ?Sized>(error: &(dyn Error + 'static)) -> Self {
        let name = error_type::erased(error).unwrap_or_else(error_type::of::<E>);
        Self { is_pause: error_type::any_pauses(error), ..Self::named(name, error) }
    }

    fn named(name: String, error: &dyn Error) -> Self {
        let source = guarded(|| error.source()).flatten();
        Self {
            sources: sources(error),
            is_pause: source.is_some_and(error_type::any_pauses),
            ..Self::new(name, message(format_args!("{error}")))
        }
    }

    fn new(type_name: String, message: String) -> Self {
        Self { type_name, message, sources: Vec::new(), is_pause: false }
    }
}

/// Formats an error's message. The formatting may fail halfway or panic.
fn message(text: fmt::Arguments<'_>) -> String {
    guarded(|| {
        let mut written = String::new();
        if written.write_fmt(text).is_err() {
            written.push_str("[the error's message could not be formatted]");
        }
        written
    })
    .unwrap_or_else(|| "[the error panicked while its message was formatted]".to_owned())
}

/// Returns the messages of the sources of `error`. A chain may contain a cycle, so its length is
/// bounded, and repeated errors are skipped.
fn sources(error: &dyn Error) -> Vec<String> {
    let mut found: Vec<(*const (), String)> = Vec::new();
    let mut texts = Vec::new();
    let mut current = guarded(|| error.source());
    for _ in 0..MAX_SOURCES {
        let source = match current {
            Some(Some(source)) => source,
            Some(None) => break,
            None => {
                texts.push("[the error panicked while its source was read]".to_owned());
                break;
            }
        };
        // An address alone does not identify an error: a wrapper shares it with its first field.
        let seen = (std::ptr::from_ref(source).cast::<()>(), message(format_args!("{source}")));
        // A wrapper that only adds facts has its error's text.
        if !found.contains(&seen) {
            if texts.last() != Some(&seen.1) {
                texts.push(seen.1.clone());
            }
            found.push(seen);
        }
        current = guarded(|| source.source());
    }
    texts
}

/// Runs user code, which may panic. The values involved are only read, so a broken invariant does
/// not matter here.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// Returns a type's name without modules, including those of generic arguments.
pub(super) fn short_type_name(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut rest = full;
    while !rest.is_empty() {
        let path = rest.find(|c: char| !is_path_char(c)).unwrap_or(rest.len());
        short.push_str(&short_path(&rest[..path]));
        rest = &rest[path..];
        let other = rest.find(is_path_char).unwrap_or(rest.len());
        short.push_str(&rest[..other]);
        rest = &rest[other..];
    }
    short
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#')
}

fn short_path(path: &str) -> String {
    let mut segments = path.rsplit("::").filter(|segment| !segment.is_empty());
    let last = segments.next().unwrap_or(path);
    if last != "Error" || path == "core::error::Error" {
        return last.to_owned();
    }
    // `io::error::Error` is commonly written as `io::Error`.
    match segments.find(|segment| !matches!(*segment, "error" | "errors")) {
        Some(owner) => format!("{owner}::{last}"),
        None => last.to_owned(),
    }
}

#[cfg(test)]
mod tests;
