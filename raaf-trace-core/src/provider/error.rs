//! Errors of providers.

use std::fmt;

use raaf_trace_model::{
    environment::SettingsError,
    escape::Escaped,
    sink::{ProcessorError, registry::SinkError},
};

/// Error of a flush or shutdown that did not deliver all spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlushError {
    failures: Vec<SinkFailure>,
}

/// Failure of one processor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkFailure {
    /// Name of the processor or exporter.
    pub name: String,
    /// Error of the processor.
    pub error: ProcessorError,
}

impl FlushError {
    /// Returns `Ok` if there are no failures.
    pub(crate) fn check(failures: Vec<SinkFailure>) -> Result<(), Self> {
        if failures.is_empty() { Ok(()) } else { Err(Self { failures }) }
    }

    /// Returns the failures, in configured order.
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
            write!(f, "{separator}`{}` {error}", Escaped(name))?;
        }
        Ok(())
    }
}

impl std::error::Error for FlushError {}

/// Error of building a provider.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is invalid, in the environment or in code.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A named sink cannot be built.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A global provider already exists; keep its guard, or use
    /// [`set_global_provider`](crate::provider::set_global_provider) to replace it.
    #[error(
        "tracing is already initialised; keep its guard, or replace the provider with \
         `set_global_provider`"
    )]
    AlreadyInitialised,
}
