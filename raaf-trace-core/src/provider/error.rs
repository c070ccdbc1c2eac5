//! Errors of providers.

use std::fmt;

use raaf_trace_model::{
    environment::SettingsError,
    sink::{ProcessorError, registry::SinkError},
};

/// A flush or shutdown that did not deliver everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlushError {
    failures: Vec<SinkFailure>,
}

/// What one processor did not deliver, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkFailure {
    /// The processor's or exporter's name.
    pub name: String,
    /// Its error.
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

impl std::error::Error for FlushError {}

/// Failure to build a provider.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting in the environment cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A named sink cannot be built.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is a global provider already; keep its guard, or use
    /// [`set_global_provider`](crate::set_global_provider) to put another in its place.
    #[error("tracing has been initialised already, and its guard is still alive")]
    AlreadyInitialised,
}
