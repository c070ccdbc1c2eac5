//! Detection of the outcome from a returned value whose type only the compiler knows.
//!
//! The macros expand to `(&&&&&&&&&&&Probe(&value)).outcome()` with `Outcome0` to `Outcome10` in
//! scope. Method lookup strips one `&` at a time and selects the first implementation whose bounds
//! hold, so the one for the most references wins:
//!
//! ```text
//! &&&&&&&&&&Probe<Result<T, E>>          E: ErrorType
//!  &&&&&&&&&Probe<Result<T, io::Error>>
//!   &&&&&&&&Probe<Result<T, E>>          E: Error
//!    &&&&&&&Probe<Result<T, E>>          E: AsRef<dyn Error + Send + Sync>
//!     &&&&&&Probe<Result<T, E>>          E: AsRef<dyn Error + Send>
//!      &&&&&Probe<Result<T, E>>          E: AsRef<dyn Error>
//!       &&&&Probe<Result<T, E>>          E: Display + Debug
//!        &&&Probe<Result<T, E>>          E: Display
//!         &&Probe<Result<T, E>>          E: Debug
//!          &Probe<Result<T, E>>
//!           Probe<T>
//! ```
//!
//! If the value's type is a type parameter, only the last line applies, and the outcome of a
//! `Result` behind it is unknown.

use std::{
    error::Error,
    fmt::{Debug, Display},
    io,
};

use super::{ErrorReport, ErrorType, Outcome};

/// A returned value whose outcome is probed.
#[derive(Debug)]
pub struct Probe<'a, T>(pub &'a T);

/// Declares one line of the table above.
macro_rules! outcome_of_result {
    ($name:ident for $receiver:ty, [$($bounds:tt)*], $report:expr) => {
        #[doc(hidden)]
        pub trait $name {
            fn outcome(&self) -> Outcome;
        }

        impl<T, E: $($bounds)*> $name for $receiver {
            fn outcome(&self) -> Outcome {
                match self.0 {
                    Ok(_) => Outcome::returned::<T>(),
                    Err(error) => {
                        let report: fn(&E) -> ErrorReport = $report;
                        Outcome::failed::<T>(report(error))
                    }
                }
            }
        }
    };
}

outcome_of_result!(
    Outcome10 for &&&&&&&&&&Probe<'_, Result<T, E>>,
    [ErrorType],
    ErrorReport::of_known
);
#[doc(hidden)]
pub trait Outcome9 {
    fn outcome(&self) -> Outcome;
}

impl<T> Outcome9 for &&&&&&&&&Probe<'_, Result<T, io::Error>> {
    fn outcome(&self) -> Outcome {
        match self.0 {
            Ok(_) => Outcome::returned::<T>(),
            Err(error) => Outcome::failed::<T>(ErrorReport::of_io(error)),
        }
    }
}

outcome_of_result!(
    Outcome8 for &&&&&&&&Probe<'_, Result<T, E>>,
    [Error],
    ErrorReport::of_borrowed
);
outcome_of_result!(
    Outcome7 for &&&&&&&Probe<'_, Result<T, E>>,
    [AsRef<dyn Error + Send + Sync>],
    |error| ErrorReport::erased::<E>(error.as_ref())
);
outcome_of_result!(
    Outcome6 for &&&&&&Probe<'_, Result<T, E>>,
    [AsRef<dyn Error + Send>],
    |error| ErrorReport::erased::<E>(error.as_ref())
);
outcome_of_result!(
    Outcome5 for &&&&&Probe<'_, Result<T, E>>,
    [AsRef<dyn Error>],
    |error| ErrorReport::erased::<E>(error.as_ref())
);
outcome_of_result!(
    Outcome4 for &&&&Probe<'_, Result<T, E>>,
    [Display + Debug],
    ErrorReport::of_shown
);
outcome_of_result!(
    Outcome3 for &&&Probe<'_, Result<T, E>>,
    [Display],
    ErrorReport::from_display
);
outcome_of_result!(
    Outcome2 for &&Probe<'_, Result<T, E>>,
    [Debug],
    ErrorReport::from_debug
);
outcome_of_result!(
    Outcome1 for &Probe<'_, Result<T, E>>,
    [Sized],
    |_| ErrorReport::from_message(std::any::type_name::<E>(), "failed")
);

#[doc(hidden)]
pub trait Outcome0 {
    fn outcome(&self) -> Outcome;
}

impl<T> Outcome0 for Probe<'_, T> {
    fn outcome(&self) -> Outcome {
        Outcome::of_plain::<T>()
    }
}

/// Passes the `Ok` value of a `Result` to a `result` hook.
#[doc(hidden)]
pub trait OkOfResult<'a, T> {
    fn ok_ref(&self) -> Option<&'a T>;
}

impl<'a, T, E> OkOfResult<'a, T> for &Probe<'a, Result<T, E>> {
    fn ok_ref(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

/// Passes a plain value to a `result` hook.
#[doc(hidden)]
pub trait OkOfValue<'a, T> {
    fn ok_ref(&self) -> Option<&'a T>;
}

impl<'a, T> OkOfValue<'a, T> for Probe<'a, T> {
    fn ok_ref(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// Calls a `result` hook. Infers the argument types of a closure literal. Ignores the returned
/// value, so that the hook can be `|value, attributes| attributes.set(…)`.
pub fn result_hook<'a, 'v, T: ?Sized, A: ?Sized, R>(
    value: &'v T,
    attributes: &'a mut A,
    hook: impl FnOnce(&'v T, &'a mut A) -> R,
) {
    hook(value, attributes);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_borrow, reason = "written as the macros expand")]

    use std::{io, num::ParseIntError};

    use super::*;

    type Alias = Result<u8, ParseIntError>;

    macro_rules! outcome {
        ($value:expr) => {
            (&&&&&&&&&&&Probe(&$value)).outcome()
        };
    }

    /// Creates the report of a failure from its type and message.
    macro_rules! told {
        ($value:expr) => {
            match outcome!($value) {
                Outcome::Failed { error, .. } => (error.type_name, error.message),
                returned => panic!("{returned:?}"),
            }
        };
    }

    fn pair(type_name: &str, message: &str) -> (String, String) {
        (type_name.to_owned(), message.to_owned())
    }

    #[test]
    fn g17_each_kind_of_error_is_read_in_the_best_way_it_offers() {
        struct Mute;
        #[derive(Debug)]
        struct Developers;

        let error: Alias = "x".parse();
        assert_eq!(told!(error), pair("ParseIntError", "invalid digit found in string"));
        let shared: Result<(), Box<dyn Error + Send + Sync>> = Err("shared".into());
        assert_eq!(told!(shared), pair("Box<dyn Error + Send + Sync>", "shared"));
        let sent: Result<(), Box<dyn Error + Send>> = Err(Box::new(io::Error::other("sent")));
        assert_eq!(told!(sent), pair("io::Error::Other", "sent"));
        let boxed: Result<(), Box<dyn Error>> = Err("boxed".into());
        assert_eq!(told!(boxed), pair("Box<dyn Error>", "boxed"));
        let any: anyhow::Result<()> = Err(anyhow::anyhow!("any"));
        assert_eq!(told!(any), pair("anyhow::Error", "any"));
        let text: Result<(), String> = Err("text".to_owned());
        assert_eq!(told!(text), pair("String", "text"));
        assert_eq!(told!(Err::<(), _>(Developers)), pair("Developers", "Developers"));
        assert_eq!(told!(Err::<(), _>(Mute)), pair("Mute", "failed"));
    }

    #[test]
    fn g18_an_ok_counts_as_its_value() {
        let good: Alias = Ok(1);
        assert_eq!(outcome!(good), Outcome::Returned { type_name: "u8" });
        assert_eq!((&&Probe(&good)).ok_ref(), Some(&1));
        let bad: Alias = "x".parse();
        assert_eq!((&&Probe(&bad)).ok_ref(), None);
    }

    #[test]
    fn a_plain_value_counts_as_returned() {
        assert_eq!(outcome!(7_u64), Outcome::Returned { type_name: "u64" });
        assert_eq!((&&Probe(&7_u64)).ok_ref(), Some(&7));
        assert_eq!(outcome!(()), Outcome::Returned { type_name: "()" });
        let borrowed = String::from("x");
        assert_eq!(outcome!(borrowed.as_str()), Outcome::Returned { type_name: "&str" });
    }

    #[test]
    fn a_result_behind_a_type_parameter_is_unknown() {
        fn generic<T>(value: &T) -> Outcome {
            outcome!(*value)
        }
        assert!(matches!(generic(&Err::<(), _>("unseen")), Outcome::Unknown { .. }));
        assert_eq!(generic(&7_u8), Outcome::Returned { type_name: "u8" });
    }

    #[test]
    fn a_result_of_type_parameters_is_still_a_result() {
        fn generic<T, E>(value: &Result<T, E>) -> Outcome {
            outcome!(*value)
        }
        fn bounded<T, E: Display>(value: &Result<T, E>) -> (String, String) {
            told!(*value)
        }
        assert!(generic(&Err::<(), _>("seen")).is_failure());
        assert_eq!(bounded(&Err::<(), _>("seen")), pair("&str", "seen"));
    }

    #[test]
    fn a_hook_written_as_a_closure_needs_no_types() {
        let mut attributes = Vec::new();
        let value = vec![1_u8, 2];
        result_hook(&value, &mut attributes, |found, seen| seen.push(found.len()));
        assert_eq!(attributes, [2]);
    }

    #[test]
    fn a_hook_may_end_in_a_setter_that_returns_the_attributes() {
        let mut attributes = crate::Attributes::new();
        result_hook(&[1_u8, 2], &mut attributes, |found, a| a.set("result.count", found.len()));
        assert!(attributes.contains("result.count"));
    }
}
