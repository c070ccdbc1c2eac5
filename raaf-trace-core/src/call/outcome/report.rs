//! Error details recorded on spans.

use std::{
    any::{Any, type_name},
    error::Error,
    fmt::{self, Write as _},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use raaf_trace_model::{
    attributes::{Key, SpanLimits},
    keys,
    span::{SpanBody, SpanError, Status},
    time::Timestamp,
};

use super::{ErrorType, error_type::ErrorName};
use crate::base::panics;

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
    /// Class of the error, the span's `error.type`: its [own classification](super::ErrorType);
    /// otherwise its type without modules, with an enum's variant and an I/O error's kind:
    /// `ToolError`, `ModelError::RateLimited`, `io::Error::NotFound`. For a boxed error or an
    /// `anyhow::Error`, that of the innermost error of a known type.
    pub type_name: String,
    /// Full name of that type, with its modules where known.
    pub full_type_name: String,
    /// Message of the error.
    pub message: String,
    /// Messages of the error's sources, nearest first; 16 at most.
    pub sources: Vec<String>,
}

/// Name of the event that records an error, as in OpenTelemetry.
const EXCEPTION: &str = "exception";

impl ErrorReport {
    /// Creates a report of a panic.
    pub(crate) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        Self::from_message("panic", panics::message(panic))
    }

    /// Adds an `exception` event to a span, without changing its status.
    pub(crate) fn note(&self, body: &mut SpanBody, limits: SpanLimits, at: Timestamp) {
        body.add_event(limits, Key::from_static(EXCEPTION), at, |attributes| {
            attributes.set(keys::EXCEPTION_TYPE, self.full_type_name.as_str());
            attributes.set_content(keys::EXCEPTION_MESSAGE, self.message.as_str());
        });
    }

    /// Records this as the span's error: status, `error.*` and an `exception` event.
    pub(crate) fn fail(&self, body: &mut SpanBody, limits: SpanLimits, at: Timestamp) {
        self.note(body, limits, at);
        body.status = Status::Error;
        body.error = Some(Box::new(self.as_span_error(limits)));
    }

    /// Converts the report into the error of a span.
    pub(crate) fn as_span_error(&self, limits: SpanLimits) -> SpanError {
        SpanError::new(&self.type_name, Some(&self.message), &self.sources, limits)
    }

    /// Creates a report of an error and its sources.
    pub fn of<E: Error + 'static>(error: &E) -> Self {
        let name = ErrorName::known(error).unwrap_or_else(|| ErrorName::typed(error, error));
        Self::named(name, error)
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

    /// Creates a report of a value that implements `Display` but not [`Error`].
    pub fn from_display<E: fmt::Display + ?Sized>(error: &E) -> Self {
        Self::from_message(type_name::<E>(), message(format_args!("{error}")))
    }

    /// Creates a report of a value that implements only `Debug`.
    pub fn from_debug<E: fmt::Debug>(error: &E) -> Self {
        Self::new(ErrorName::typed(error, &""), message(format_args!("{error:?}")))
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
        Self::new(ErrorName::from_full(&full_type_name.into()), message.into())
    }

    /// Creates a report of an error that classifies itself.
    pub(super) fn of_known<E: ErrorType>(error: &E) -> Self {
        Self::named(ErrorName::said(error).unwrap_or_else(|| ErrorName::typed(error, error)), error)
    }

    /// Creates a report of an error that may contain references.
    pub(super) fn of_borrowed<E: Error>(error: &E) -> Self {
        Self::named(ErrorName::typed(error, error), error)
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        Self::named(ErrorName::io(error), error)
    }

    /// Creates a report of a value that implements `Display` and `Debug` but not [`Error`].
    pub(super) fn of_shown<E: fmt::Display + fmt::Debug>(error: &E) -> Self {
        Self::new(ErrorName::typed(error, error), message(format_args!("{error}")))
    }

    /// Creates a report of the error inside an `E` that hides its type.
    pub(super) fn erased<E: ?Sized>(error: &(dyn Error + 'static)) -> Self {
        Self::named(ErrorName::erased(error).unwrap_or_else(ErrorName::of::<E>), error)
    }

    fn named(name: ErrorName, error: &dyn Error) -> Self {
        Self { sources: sources(error), ..Self::new(name, message(format_args!("{error}"))) }
    }

    fn new(ErrorName { short, full }: ErrorName, message: String) -> Self {
        Self { type_name: short, full_type_name: full, message, sources: Vec::new() }
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
        if !found.contains(&seen) {
            texts.push(seen.1.clone());
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
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Chained(&'static str, Option<Box<Chained>>);

    impl fmt::Display for Chained {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Chained {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Endless)
        }
    }

    #[derive(Debug)]
    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text")
        }
    }

    impl Error for Panics {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            panic!("no source")
        }
    }

    struct Fails;

    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half ")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn type_names_lose_their_modules() {
        for (full, short) in [
            ("my::tools::ToolError", "ToolError"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Box<dyn Error>"),
            (
                "alloc::boxed::Box<dyn core::error::Error + core::marker::Send>",
                "Box<dyn Error + Send>",
            ),
            ("anyhow::Error", "anyhow::Error"),
            ("std::io::error::Error", "io::Error"),
            ("reqwest::error::Error", "reqwest::Error"),
            ("a::Wrap<b::Inner, (c::D, &str)>", "Wrap<Inner, (D, &str)>"),
            ("Error", "Error"),
            ("a::run::{{closure}}::Local", "Local"),
            ("", ""),
        ] {
            assert_eq!(short_type_name(full), short, "{full}");
        }
    }

    #[test]
    fn sources_come_nearest_first() {
        let error =
            Chained("top", Some(Box::new(Chained("middle", Some(Box::new(Chained("end", None)))))));
        let report = ErrorReport::of(&error);
        assert_eq!(report.message, "top");
        assert_eq!(report.sources, ["middle", "end"]);
        assert_eq!(report.type_name, "Chained");
    }

    #[test]
    fn a_long_chain_is_cut() {
        let error = (0..100)
            .fold(Chained("end", None), |source, _| Chained("link", Some(Box::new(source))));
        assert_eq!(ErrorReport::of(&error).sources.len(), MAX_SOURCES);
    }

    #[test]
    fn an_endless_chain_is_told_once() {
        assert_eq!(ErrorReport::of(&Endless).sources, ["again"]);
    }

    #[test]
    fn a_panicking_error_is_reported_all_the_same() {
        let report = ErrorReport::of(&Panics);
        assert_eq!(report.type_name, "Panics");
        assert!(report.message.contains("panicked"), "{}", report.message);
        assert!(report.sources[0].contains("panicked"), "{:?}", report.sources);
    }

    #[test]
    fn a_message_that_fails_halfway_keeps_its_first_half() {
        let report = ErrorReport::from_display(&Fails);
        assert!(report.message.starts_with("half ["), "{}", report.message);
    }
}
