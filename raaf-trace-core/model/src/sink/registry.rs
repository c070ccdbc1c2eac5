//! Registry of sinks by name, open to any crate.
//!
//! # Examples
//!
//! A sink in a crate of your own takes one `submit!`; naming the crate once (`use my_sinks as _;`)
//! links it.
//!
//! ```
//! use raaf_trace_core::{
//!     FinishedSpan, SpanExporter, TracerProvider, registry::{Sink, SinkRegistration},
//!     sink::ExportError,
//! };
//!
//! struct Discard;
//!
//! impl SpanExporter for Discard {
//!     fn name(&self) -> &str {
//!         "discard"
//!     }
//!     fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
//!         Ok(())
//!     }
//! }
//!
//! raaf_trace_core::submit! {
//!     SinkRegistration::new("discard", |_| Ok(Sink::exporter(Discard)))
//! }
//!
//! let provider = TracerProvider::builder().sink("discard").build()?;
//! assert_eq!(provider.processor_count(), 1);
//! # Ok::<(), raaf_trace_core::BuildError>(())
//! ```

use std::{error::Error, fmt};

use super::{BatchConfig, SpanExporter, SpanProcessor};
use crate::{
    environment::{Environment, SettingsError, nearest},
    escape::Escaped,
};

/// Registration of a sink under a name.
#[derive(Clone, Copy)]
pub struct SinkRegistration {
    name: &'static str,
    build: Build,
    variables: &'static [&'static str],
    check: Option<Check>,
    shorthand: Option<Shorthand>,
    default_if: Option<fn(&Environment) -> bool>,
}

/// A variable that enables a sink without naming it.
#[derive(Clone, Copy, Debug)]
enum Shorthand {
    /// Enabled by a flag that is on.
    Flag(&'static str),
    /// Enabled by any value, which the sink reads.
    Value(&'static str),
}

type Check = fn(&Environment) -> Result<(), SettingsError>;
type Build = fn(&SinkConfig<'_>) -> Result<Sink, Box<dyn Error + Send + Sync>>;

inventory::collect!(SinkRegistration);

impl SinkRegistration {
    /// Registers `build` under `name`, the sink's name in settings. `build` runs only when the sink
    /// is requested.
    ///
    /// # Panics
    ///
    /// Panics if `name` is empty or contains anything except lower-case letters, digits, `_` and
    /// `-`. In `submit!` that is an error at compile time.
    pub const fn new(name: &'static str, build: Build) -> Self {
        assert!(is_name(name), "invalid sink name; expected only a-z, 0-9, `_` and `-`");
        Self { name, build, variables: &[], check: None, shorthand: None, default_if: None }
    }

    /// Declares the `RAAF_*` variables that the sink reads. Undeclared variables are reported as
    /// unknown.
    #[must_use]
    pub const fn variables(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }

    /// Sets a check of the sink's `RAAF_*` variables, so that an invalid one is an error also where
    /// the sink is not enabled. Where it is, building the sink reads them.
    #[must_use]
    pub const fn check_with(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Enables the sink where this variable is a flag that is on, such as `RAAF_TRACE_CONSOLE`.
    #[must_use]
    pub const fn enabled_by_flag(mut self, variable: &'static str) -> Self {
        self.shorthand = Some(Shorthand::Flag(variable));
        self
    }

    /// Enables the sink where this variable has a value, which the sink reads itself, such as
    /// `RAAF_TRACE_FILE`.
    #[must_use]
    pub const fn enabled_by_value(mut self, variable: &'static str) -> Self {
        self.shorthand = Some(Shorthand::Value(variable));
        self
    }

    /// Enables the sink if none is selected by name and `condition` returns true.
    #[must_use]
    pub const fn default_if(mut self, condition: fn(&Environment) -> bool) -> Self {
        self.default_if = Some(condition);
        self
    }

    /// Returns the sink's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns whether the environment enables the sink without naming it.
    ///
    /// # Errors
    ///
    /// Returns an error if the value of its flag is invalid.
    pub fn is_enabled(&self, environment: &Environment) -> Result<bool, SettingsError> {
        match self.shorthand {
            None => Ok(false),
            Some(Shorthand::Flag(variable)) => Ok(environment.flag(variable)?.unwrap_or(false)),
            Some(Shorthand::Value(variable)) => Ok(environment.get_os(variable).is_some()),
        }
    }

    /// Checks the sink's variables. Runs code of the crate that registered it, which may panic.
    ///
    /// # Errors
    ///
    /// When a variable is invalid: the first one.
    pub fn check(&self, environment: &Environment) -> Result<(), SettingsError> {
        self.is_enabled(environment)?;
        self.check.map_or(Ok(()), |check| check(environment))
    }

    /// Returns whether the sink is enabled if none is selected by name.
    pub fn is_default(&self, environment: &Environment) -> bool {
        self.default_if.is_some_and(|condition| condition(environment))
    }

    /// Returns all variables that the sink declares.
    pub fn declared_variables(&self) -> impl Iterator<Item = &'static str> {
        let shorthand = self.shorthand.map(|shorthand| match shorthand {
            Shorthand::Flag(variable) | Shorthand::Value(variable) => variable,
        });
        self.variables.iter().copied().chain(shorthand)
    }

    /// Builds the sink. Runs code of the crate that registered it, which may panic.
    ///
    /// # Errors
    ///
    /// The errors of that code.
    pub fn build(&self, config: &SinkConfig<'_>) -> Result<Sink, Box<dyn Error + Send + Sync>> {
        (self.build)(config)
    }
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty()
}

impl fmt::Debug for SinkRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SinkRegistration").field(&self.name).finish()
    }
}

/// Note that a linked crate was compiled without one of its sinks, for the error of a program that
/// names that sink.
#[derive(Clone, Copy, Debug)]
pub struct AbsentSink {
    name: &'static str,
    reason: &'static str,
}

inventory::collect!(AbsentSink);

impl AbsentSink {
    /// Registers the reason, which completes "the sink `…` is not compiled in: …".
    pub const fn new(name: &'static str, reason: &'static str) -> Self {
        Self { name, reason }
    }
}

/// Configuration from which a sink is built.
#[derive(Clone, Debug)]
pub struct SinkConfig<'a> {
    environment: &'a Environment,
    batch: BatchConfig,
    by_default: bool,
}

impl<'a> SinkConfig<'a> {
    /// Creates the configuration of a sink that was requested by name.
    pub fn new(environment: &'a Environment, batch: BatchConfig) -> Self {
        Self { environment, batch, by_default: false }
    }

    /// Sets whether the sink is enabled because no sink was named.
    #[must_use]
    pub fn with_by_default(mut self, by_default: bool) -> Self {
        self.by_default = by_default;
        self
    }

    /// Returns the source of the sink's variables: the process's environment, or given values in
    /// tests.
    pub fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// Returns the batch configuration.
    pub fn batch(&self) -> &BatchConfig {
        &self.batch
    }

    /// Returns whether the sink is enabled because no sink was named.
    pub fn is_by_default(&self) -> bool {
        self.by_default
    }
}

/// A built sink.
pub enum Sink {
    /// Receives finished spans in batches, on a worker thread.
    Exporter(Box<dyn SpanExporter>),
    /// Receives starts and ends inline.
    Processor(Box<dyn SpanProcessor>),
}

impl Sink {
    /// Creates a sink from an exporter, which receives finished spans in batches.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     FinishedSpan, SpanExporter, SpanProcessor, TracerProvider, registry::Sink,
    ///     sink::ExportError,
    /// };
    ///
    /// struct Both;
    ///
    /// impl SpanProcessor for Both {}
    ///
    /// impl SpanExporter for Both {
    ///     fn name(&self) -> &str {
    ///         "both"
    ///     }
    ///     fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let provider = TracerProvider::builder().with(Sink::exporter(Both)).build(); // not `.with(Both)`
    /// assert_eq!(provider.processor_count(), 1);
    /// ```
    pub fn exporter(exporter: impl SpanExporter) -> Self {
        Self::Exporter(Box::new(exporter))
    }

    /// Creates a sink from a processor, which receives starts and ends inline.
    pub fn processor(processor: impl SpanProcessor) -> Self {
        Self::Processor(Box::new(processor))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exporter(exporter) => f.debug_tuple("Exporter").field(&exporter.name()).finish(),
            Self::Processor(processor) => {
                f.debug_tuple("Processor").field(&processor.name()).finish()
            }
        }
    }
}

/// Error of building a named sink.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// No linked crate registers a sink of that name.
    #[error("{}", unknown_text(.name, .linked))]
    Unknown {
        /// Requested name.
        name: String,
        /// Names of the linked sinks.
        linked: Vec<&'static str>,
    },
    /// A linked crate was compiled without the sink. Turn its feature on.
    #[error("the sink `{}` is not compiled in: {reason}", Escaped(.name))]
    Absent {
        /// Requested name.
        name: String,
        /// Reason, with the feature to turn on.
        reason: &'static str,
    },
    /// Several linked crates register the name.
    #[error("the sink `{}` is registered {count} times; link only one crate that registers it", Escaped(.name))]
    Duplicate {
        /// Requested name.
        name: String,
        /// Number of registrations.
        count: usize,
    },
    /// Building the sink failed.
    #[error("the sink `{}` could not be built: {}", Escaped(.name), Escaped(.source))]
    Build {
        /// Requested name.
        name: String,
        /// Cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Prints the [`Display`](fmt::Display) form, because a `main` that returns this error prints its
/// `Debug` form.
impl fmt::Debug for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn unknown_text(name: &str, linked: &[&str]) -> String {
    let shown = Escaped(name);
    let absent = inventory::iter::<AbsentSink>().map(|absent| absent.name);
    let nearest = nearest(name, linked.iter().copied().chain(absent));
    let linked = if linked.is_empty() { "none".to_owned() } else { linked.join(", ") };
    if let Some(nearest) = nearest {
        return format!("unknown sink `{shown}`; did you mean `{nearest}`? Linked sinks: {linked}");
    }
    format!(
        "unknown sink `{shown}`; linked sinks: {linked}. Add the crate that registers it as a \
         dependency, with the sink's feature enabled, and link it: `use raaf_processors as _;`"
    )
}

/// Returns all linked sinks, in alphabetical order of their names.
pub fn linked() -> Vec<&'static SinkRegistration> {
    let mut sinks: Vec<_> = inventory::iter::<SinkRegistration>().collect();
    sinks.sort_unstable_by_key(|sink| sink.name);
    sinks
}

/// Returns the names of all linked sinks, in alphabetical order.
pub fn linked_sinks() -> Vec<&'static str> {
    let mut names: Vec<_> = linked().into_iter().map(SinkRegistration::name).collect();
    names.dedup();
    names
}

/// Finds the linked sink of that name.
///
/// # Errors
///
/// Returns an error if no linked crate registers it, one was compiled without it, or several register
/// it.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::registry::{self, SinkError};
///
/// // A crate that the program never names is not linked: `use my_sinks as _;` links it.
/// let missing = registry::find("my-sink").err();
/// assert!(matches!(missing, Some(SinkError::Unknown { .. })));
/// ```
pub fn find(name: &str) -> Result<&'static SinkRegistration, SinkError> {
    let mut found = linked();
    found.retain(|sink| sink.name == name);
    match found.as_slice() {
        [] => {
            let mut absent = inventory::iter::<AbsentSink>();
            let name = name.to_owned();
            Err(match absent.find(|absent| absent.name == name) {
                Some(absent) => SinkError::Absent { name, reason: absent.reason },
                None => SinkError::Unknown { name, linked: linked_sinks() },
            })
        }
        [sink] => Ok(*sink),
        several => Err(SinkError::Duplicate { name: name.to_owned(), count: several.len() }),
    }
}
