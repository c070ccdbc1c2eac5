//! Sinks by name: anybody's crate can add one.
//!
//! # Examples
//!
//! A sink in a crate of your own takes one `submit!`; naming the crate once (`use my_sinks as _;`)
//! links it.
//!
//! ```
//! use raaf_trace_core::{
//!     ExportError, FinishedSpan, SpanExporter, TracerProvider,
//!     registry::{Sink, SinkRegistration},
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
//! let provider = TracerProvider::builder().sink("discard")?.build();
//! assert_eq!(provider.processor_count(), 1);
//! # Ok::<(), raaf_trace_core::registry::SinkError>(())
//! ```

use std::{error::Error, fmt};

use crate::{
    Environment, Settings, SpanExporter, SpanProcessor,
    diagnostics::{self, Category},
    panics, suppress,
};

/// A sink that can be asked for by name.
#[derive(Clone, Copy)]
pub struct SinkRegistration {
    name: &'static str,
    build: Build,
}

type Build = fn(&SinkConfig<'_>) -> Result<Sink, Box<dyn Error + Send + Sync>>;

inventory::collect!(SinkRegistration);

impl SinkRegistration {
    /// Registers `build` under `name`, which is what settings call the sink. `build` runs only when
    /// the sink is asked for.
    ///
    /// # Panics
    ///
    /// When `name` is empty or holds anything but lower-case letters, digits, `_` and `-`: settings
    /// could not name it. In `submit!` that is an error at compile time.
    pub const fn new(name: &'static str, build: Build) -> Self {
        assert!(is_name(name), "a sink's name is made of a-z, 0-9, `_` and `-`");
        Self { name, build }
    }

    /// What the sink is called.
    pub fn name(&self) -> &'static str {
        self.name
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

/// What a sink is made from.
#[derive(Clone, Copy, Debug)]
pub struct SinkConfig<'a> {
    environment: &'a Environment,
    settings: &'a Settings,
}

impl<'a> SinkConfig<'a> {
    pub(crate) fn new(environment: &'a Environment, settings: &'a Settings) -> Self {
        Self { environment, settings }
    }

    /// Where the sink reads variables of its own: the process's environment, or a test's.
    pub fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// The settings that all sinks share.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }
}

/// A sink, ready to receive spans.
#[non_exhaustive]
pub enum Sink {
    /// Receives finished spans in batches, on a worker.
    Exporter(Box<dyn SpanExporter>),
    /// Receives starts and ends in line.
    Processor(Box<dyn SpanProcessor>),
}

impl Sink {
    /// A sink that receives finished spans in batches.
    pub fn exporter(exporter: impl SpanExporter) -> Self {
        Self::Exporter(Box::new(exporter))
    }

    /// A sink that receives starts and ends in line.
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

/// Why a sink that was asked for cannot be had.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// No linked crate registers a sink of that name.
    #[error("{}", unknown_text(.name, .linked))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The sinks that are linked, by name.
        linked: Vec<&'static str>,
    },
    /// Several linked crates register the name.
    #[error("the sink `{name}` is registered {count} times; link only one crate that has it")]
    Duplicate {
        /// What was asked for.
        name: String,
        /// How many registrations there are.
        count: usize,
    },
    /// The sink could not be made.
    #[error("the sink `{name}` could not be made: {source}")]
    Build {
        /// What was asked for.
        name: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// As [`Display`](fmt::Display): a `main` that returns this error prints its `Debug` form.
impl fmt::Debug for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn unknown_text(name: &str, linked: &[&str]) -> String {
    let linked = if linked.is_empty() { "none".to_owned() } else { linked.join(", ") };
    format!(
        "no sink is called `{name}`; linked are: {linked}. The crate that registers it must be \
         a dependency, with the sink's feature on, and be named once: `use raaf_processors as _;`"
    )
}

/// The names of all linked sinks, in alphabetical order.
pub fn linked_sinks() -> Vec<&'static str> {
    let mut names: Vec<_> =
        inventory::iter::<SinkRegistration>().map(SinkRegistration::name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a sink of that name is linked.
pub fn is_linked(name: &str) -> bool {
    inventory::iter::<SinkRegistration>().any(|sink| sink.name == name)
}

/// Makes the sink of that name.
///
/// # Errors
///
/// When no linked crate registers it, when several do, or when it cannot be made.
pub fn build_sink(name: &str, config: &SinkConfig<'_>) -> Result<Sink, SinkError> {
    let found: Vec<_> =
        inventory::iter::<SinkRegistration>().filter(|sink| sink.name == name).collect();
    match found.as_slice() {
        [] => Err(SinkError::Unknown { name: name.to_owned(), linked: linked_sinks() }),
        [registration] => {
            diagnostics::debug(Category::Tracing, format_args!("making the sink `{name}`"));
            // Untraced: it may run because a first span asked for the global provider, and a span
            // in it would ask for the same again.
            suppress::scope(|| panics::caught(|| (registration.build)(config)))
                .unwrap_or_else(|message| Err(format!("panicked: {message}").into()))
                .map_err(|source| SinkError::Build { name: name.to_owned(), source })
        }
        several => Err(SinkError::Duplicate { name: name.to_owned(), count: several.len() }),
    }
}
