//! Errors as text and in spans.

use std::{any::Any, borrow::Cow, error::Error, fmt, iter};

use raaf_trace_core::{
    ErrorType,
    call::{ErrorReport, Failure, KnownErrorType},
    span,
};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Bound on a chain of causes, which may be circular.
const MAX_CAUSES: usize = 16;

/// The `error.type` of a call that exceeded its time limit.
pub(crate) const TIMEOUT: &str = "timeout";

/// The `error.type` of a pause. No span has it, because a pause is not a failure.
pub(crate) const PAUSED: &str = "paused";

/// Formats an error and its causes.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |cause| (**cause).source());
    let causes = causes.take(MAX_CAUSES).map(ToString::to_string);
    span::with_causes(&error.to_string(), causes).into_owned()
}

/// Returns the source behind a cause whose text is part of the text of the error that it caused.
pub(crate) fn behind<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // What it wraps has the same text.
    cause.downcast_ref::<Typed>().map_or_else(|| cause.source(), |typed| typed.source.source())
}

/// Returns the message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

/// Boxes an error, with its `error.type` if the box would hide it: that of an enum, or of the error
/// in an `anyhow::Error`.
pub(crate) fn boxed<E: Failure<Via> + Into<BoxError>, Via>(error: E) -> BoxError {
    let error_type = error.report().type_name;
    let source = error.into();
    let seen = ErrorReport::type_of(&*source);
    let says_something = seen.is_some() || !is_untyped(&error_type);
    if says_something && seen.as_ref() != Some(&error_type) {
        return Box::new(Typed { error_type, source });
    }
    source
}

/// Returns whether an error of this type is a message only.
fn is_untyped(name: &str) -> bool {
    matches!(name, "&str" | "String" | "Box<str>" | "Cow<str>" | "anyhow::Error")
        || name.starts_with("Box<dyn ")
}

/// A boxed error whose type is known.
struct Typed {
    error_type: String,
    source: BoxError,
}

impl ErrorType for Typed {
    fn error_type(&self) -> Cow<'static, str> {
        self.error_type.clone().into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<Typed>() }

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

impl Error for Typed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[derive(Debug, thiserror::Error)]
    #[error("again")]
    struct Circular;

    #[test]
    fn causes_follow_the_error() {
        let inner = "x".parse::<u8>().unwrap_err();
        assert_eq!(with_causes(&Outer(inner)), "outer: invalid digit found in string");
    }

    #[test]
    fn a_cause_with_the_same_text_is_not_repeated() {
        assert_eq!(with_causes(&Circular), "again");
    }
}
