//! Variables of crates that are not sinks.

use super::{Environment, SettingsError};

type Check = fn(&Environment) -> Result<(), SettingsError>;

/// Declaration of the `RAAF_*` variables that a linked crate reads, for a crate that registers no
/// sink; a sink declares its own with
/// [`SinkRegistration::variables`](crate::sink::registry::SinkRegistration::variables).
///
/// # Examples
///
/// ```
/// use raaf_trace_core::environment::{Environment, SettingsError, Variables};
///
/// fn check(environment: &Environment) -> Result<(), SettingsError> {
///     environment.flag("MY_BRIDGE").map(drop)
/// }
///
/// raaf_trace_core::submit! {
///     Variables::new(&["MY_BRIDGE"], check)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Variables {
    names: &'static [&'static str],
    check: Check,
}

inventory::collect!(Variables);

impl Variables {
    /// Declares variables, and a check by which an invalid value is an error of
    /// [`init`](https://docs.rs/raaf-trace-core/latest/raaf_trace_core/fn.init.html).
    pub const fn new(names: &'static [&'static str], check: Check) -> Self {
        Self { names, check }
    }

    /// Returns all declarations of linked crates.
    pub fn linked() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>()
    }

    /// Returns the names.
    pub fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// Checks the values. Runs code of the crate that declared them, which may panic.
    ///
    /// # Errors
    ///
    /// If a value is invalid; the error is that of the first one.
    pub fn check(&self, environment: &Environment) -> Result<(), SettingsError> {
        (self.check)(environment)
    }
}
