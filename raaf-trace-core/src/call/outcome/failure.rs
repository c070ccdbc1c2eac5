//! Error types accepted by the closure form for `Result`s.

use std::{borrow::Cow, error::Error};

use super::ErrorReport;

/// An error type with which a traced call may fail.
///
/// Implemented for every [`Error`] without references, for boxed errors, for report types such as
/// `anyhow::Error`, for strings and for `()`. `Via` only separates these implementations and is
/// always inferred: write `E: Failure<V>` with a free `V`.
///
/// For your own type that does not implement [`Error`], implement it with any `Via`, such as `()`:
///
/// ```
/// use raaf_trace_core::call::{ErrorReport, Failure};
///
/// enum Refusal {
///     Quota,
/// }
///
/// impl Failure<()> for Refusal {
///     fn report(&self) -> ErrorReport {
///         match self {
///             Refusal::Quota => ErrorReport::from_message("Refusal", "quota used up"),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a traced call cannot fail with `{Self}`: it does not implement `Failure`",
    label = "neither an error, a boxed error, a report such as `anyhow::Error`, nor a string",
    note = "implement `std::error::Error` for it, or `Failure<()>`"
)]
pub trait Failure<Via> {
    /// Returns the error details that a span records.
    fn report(&self) -> ErrorReport;
}

/// Markers of the ways in which a type is a [`Failure`].
#[doc(hidden)]
pub mod via {
    /// A [`std::error::Error`].
    #[derive(Debug)]
    pub enum StdError {}
    /// A boxed error.
    #[derive(Debug)]
    pub enum BoxedError {}
    /// A type that derefs to an error, with and without thread bounds, such as `anyhow::Error`.
    #[derive(Debug)]
    pub enum Report {}
    /// A string.
    #[derive(Debug)]
    pub enum Text {}
    /// The unit type.
    #[derive(Debug)]
    pub enum Unit {}
}

impl<E: Error + 'static> Failure<via::StdError> for E {
    fn report(&self) -> ErrorReport {
        ErrorReport::of(self)
    }
}

// Both bounds, although one would suffice for reading: `Arc<dyn Error + Send + Sync>` satisfies one
// of them and is an `Error` as well, so with one bound `Via` would be ambiguous.
impl<E> Failure<via::Report> for E
where
    E: AsRef<dyn Error> + AsRef<dyn Error + Send + Sync>,
{
    fn report(&self) -> ErrorReport {
        ErrorReport::erased::<E>(AsRef::<dyn Error>::as_ref(self))
    }
}

macro_rules! boxed {
    ($($boxed:ty),*) => {$(
        impl Failure<via::BoxedError> for $boxed {
            fn report(&self) -> ErrorReport {
                ErrorReport::erased::<Self>(&**self)
            }
        }
    )*};
}
boxed!(Box<dyn Error>, Box<dyn Error + Send>, Box<dyn Error + Send + Sync>);

macro_rules! text {
    ($($text:ty),*) => {$(
        impl Failure<via::Text> for $text {
            fn report(&self) -> ErrorReport {
                ErrorReport::from_display(self)
            }
        }
    )*};
}
text!(String, &str, Box<str>, Cow<'_, str>);

impl Failure<via::Unit> for () {
    fn report(&self) -> ErrorReport {
        ErrorReport::from_message("()", "failed")
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io, sync::Arc};

    use super::*;

    fn fail<T, E: Failure<V>, V>(run: impl FnOnce() -> Result<T, E>) -> Option<ErrorReport> {
        run().err().map(|error| error.report())
    }

    fn told<E: Failure<V>, V>(error: E) -> (String, String) {
        let report = fail(|| Err::<(), E>(error)).expect("it failed");
        (report.type_name, report.message)
    }

    fn pair(type_name: &str, message: &str) -> (String, String) {
        (type_name.to_owned(), message.to_owned())
    }

    #[test]
    fn concrete_errors_are_failures() {
        assert_eq!(told(io::Error::other("disk")), pair("io::Error::Other", "disk"));
        assert_eq!(told(std::fmt::Error).0, "fmt::Error");
        assert!(fail(|| Ok::<_, Infallible>(1)).is_none());
    }

    #[test]
    fn boxed_errors_are_failures() {
        let boxed: Box<dyn Error> = "bare".into();
        assert_eq!(told(boxed), pair("Box<dyn Error>", "bare"));
        let boxed: Box<dyn Error + Send + Sync> = "shared".into();
        assert_eq!(told(boxed), pair("Box<dyn Error + Send + Sync>", "shared"));
        let boxed: Box<dyn Error + Send> = Box::new(io::Error::other("sent"));
        assert_eq!(told(boxed), pair("io::Error::Other", "sent"));
    }

    #[test]
    fn an_error_behind_an_arc_is_a_failure() {
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(io::Error::other("shared"));
        assert_eq!(told(shared).1, "shared");
    }

    #[test]
    fn reports_in_the_manner_of_anyhow_are_failures() {
        let error = anyhow::Error::from(io::Error::other("disk")).context("saving");
        let report = fail(|| Err::<(), _>(error)).expect("it failed");
        assert_eq!(report.type_name, "io::Error::Other");
        assert_eq!(report.message, "saving");
        assert_eq!(report.sources, ["disk"]);
    }

    #[test]
    fn texts_and_unit_are_failures() {
        assert_eq!(told(String::from("owned")), pair("String", "owned"));
        assert_eq!(told("borrowed"), pair("&str", "borrowed"));
        assert_eq!(told(()), pair("()", "failed"));
    }

    #[test]
    fn question_marks_inside_the_closure_are_inferred() {
        let report = fail(|| {
            let number: i32 = "x".parse()?;
            anyhow::ensure!(number > 0, "too small");
            Ok(number)
        });
        assert_eq!(report.map(|report| report.type_name).as_deref(), Some("ParseIntError"));
    }

    #[test]
    fn generic_code_needs_no_more_than_the_bound_of_its_error() {
        fn generic<E: Error + 'static>(error: E) -> String {
            told(error).1
        }
        assert_eq!(generic(io::Error::other("inner")), "inner");
    }
}
