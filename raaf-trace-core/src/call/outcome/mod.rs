//! Outcomes of traced calls.
//!
//! A `Result` and a plain value need different treatment, and a single generic function cannot
//! distinguish them. The macros expand where the type is known and use a [`probe`]; the closure
//! form for `Result`s requires a [`Failure`] as its error type.

mod error_type;
mod failure;
pub mod lazy;
mod plain;
pub mod probe;
mod report;

use crate::diagnostics::{self, Category, Repeated};
pub use error_type::{ErrorType, KnownErrorType};
pub use failure::{Failure, via};
pub use plain::{PlainValue, plain_value};
pub use report::ErrorReport;

/// Outcome of a traced call that returned.
///
/// A call that did not return (a panic, a dropped future) has no outcome; the scope that runs it
/// detects that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The call returned a plain value, or the `Ok` of a `Result`.
    Returned {
        /// Full name of the value's type; of the `Ok` type for a `Result`.
        type_name: &'static str,
    },
    /// The call returned a `Result` hidden by a type parameter: the outcome is unknown.
    Unknown {
        /// Full name of the value's type.
        type_name: &'static str,
    },
    /// The call returned an `Err`.
    Failed {
        /// Details of the error.
        error: ErrorReport,
        /// Full name of the `Ok` type that the call would have returned.
        type_name: &'static str,
    },
}

impl Outcome {
    /// Returns the outcome of a call that returned a `T`, or an `Ok(T)`.
    pub fn returned<T: ?Sized>() -> Self {
        Self::Returned { type_name: std::any::type_name::<T>() }
    }

    /// Returns the outcome of a call that returned a `T`, where `T` may be a type parameter:
    /// unknown if it is a `Result`.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::call::Outcome;
    ///
    /// assert!(matches!(Outcome::of_plain::<i32>(), Outcome::Returned { .. }));
    /// assert!(matches!(Outcome::of_plain::<Result<i32, ()>>(), Outcome::Unknown { .. }));
    /// ```
    pub fn of_plain<T: ?Sized>() -> Self {
        if looks_like_result::<T>() {
            Self::Unknown { type_name: std::any::type_name::<T>() }
        } else {
            Self::returned::<T>()
        }
    }

    /// Returns the outcome of a call that failed instead of returning a `T`.
    pub fn failed<T: ?Sized>(error: ErrorReport) -> Self {
        Self::Failed { error, type_name: std::any::type_name::<T>() }
    }

    /// Returns the outcome of a `Result` whose error type is a [`Failure`].
    ///
    /// ```
    /// use raaf_trace_core::call::Outcome;
    ///
    /// let parsed = "12x".parse::<i32>();
    /// assert!(Outcome::of_result(&parsed).is_failure());
    /// ```
    pub fn of_result<T, E: Failure<V>, V>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::returned::<T>(),
            Err(error) => Self::failed::<T>(error.report()),
        }
    }

    /// Returns the details of the error, if the call returned an `Err`.
    pub fn into_error(self) -> Option<ErrorReport> {
        match self {
            Self::Failed { error, .. } => Some(error),
            Self::Returned { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns whether the call returned an `Err`.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Returns whether `T` is a `Result`, by the type's name, which also works for type parameters.
#[inline]
pub fn looks_like_result<T: ?Sized>() -> bool {
    let name = std::any::type_name::<T>();
    name.starts_with("core::result::Result<") || name.starts_with("std::result::Result<")
}

/// Warns, in debug builds, when a form for plain values receives a `Result` hidden by a type
/// parameter.
#[inline]
pub(crate) fn warn_of_result<T>() {
    static MISTAKES: Repeated = Repeated::new();
    if cfg!(debug_assertions)
        && looks_like_result::<T>()
        && let Some(times) = MISTAKES.happened()
    {
        diagnostics::warn(
            Category::Tracing,
            format_args!(
                "`in_span` received work that returns `{}`, {times} times so far, so its span has \
                 no status; use `try_in_span`",
                std::any::type_name::<T>()
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_results_look_like_results() {
        struct MyResult;
        assert!(looks_like_result::<Result<u8, String>>());
        assert!(looks_like_result::<std::io::Result<()>>());
        assert!(!looks_like_result::<Option<Result<u8, String>>>());
        assert!(!looks_like_result::<MyResult>());
        assert!(!looks_like_result::<()>());
    }

    #[test]
    fn a_result_names_its_ok_type_either_way() {
        let good: Result<u8, String> = Ok(1);
        let bad: Result<u8, String> = Err("no".into());
        assert_eq!(Outcome::of_result(&good), Outcome::Returned { type_name: "u8" });
        assert!(matches!(Outcome::of_result(&bad), Outcome::Failed { type_name: "u8", .. }));
    }
}
