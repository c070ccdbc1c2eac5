//! What can go wrong with a provider.

use std::fmt;

use crate::{ProcessorError, registry::SinkError, settings::SettingsError};

/// A flush or shutdown that did not deliver everything.
#[derive(Clone, PartialEq, Eq)]
pub struct FlushError {
    failures: Vec<SinkFailure>,
}

/// What one processor did not deliver, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkFailure {
    /// The processor's or exporter's name.
    pub name: String,
    /// What it said.
    pub error: ProcessorError,
}

impl FlushError {
    /// `Ok` if nothing failed.
    pub(crate) fn check(failures: Vec<SinkFailure>) -> Result<(), Self> {
        if failures.is_empty() { Ok(()) } else { Err(Self { failures }) }
    }

    /// Those that failed, in configured order.
    pub fn failures(&self) -> &[SinkFailure] {
        &self.failures
    }
}

impl SinkFailure {
    pub(crate) fn new(name: String, error: ProcessorError) -> Self {
        Self { name, error }
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not everything was delivered: ")?;
        for (index, SinkFailure { name, error }) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{name}` {error}")?;
        }
        Ok(())
    }
}

/// As [`Display`](fmt::Display): a `main` that returns this error prints its `Debug` form.
impl fmt::Debug for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for FlushError {}

/// Why a provider could not be made.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting in the environment cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A sink that was asked for cannot be had.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is a global provider already; keep its guard, or use
    /// [`set_global_provider`](crate::set_global_provider) to put another in its place.
    #[error("tracing has been initialised already, and its guard is still alive")]
    AlreadyInitialised,
}

/// As [`Display`](fmt::Display): a `main` that returns this error prints its `Debug` form.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
