//! Builder for a layer.

use raaf_trace_core::{
    TracerProvider,
    diagnostics::{self, Category},
    environment::{Environment, SettingsError},
};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer as _, filter::Filtered, registry::LookupSpan};

use crate::{
    filter::Directives,
    layer::TraceLayer,
    settings::{Failures, Settings},
};

/// A [`TraceLayer`] behind its filter, which affects no other layer.
pub type FilteredLayer<S> = Filtered<TraceLayer, Directives, S>;

/// Builder for a layer. Without calls, the layer has the defaults that the
/// [crate's page](crate) describes, and reads no variable.
///
/// # Examples
///
/// ```
/// use raaf_tracing::{Builder, Failures};
/// use tracing::level_filters::LevelFilter;
/// use tracing_subscriber::prelude::*;
///
/// let layer = Builder::from_env()?
///     .roots_from(LevelFilter::WARN)
///     .failures(Failures::ErrorLevel)
///     .content(["customer.question"])
///     .build();
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// # Ok::<(), raaf_trace_core::environment::SettingsError>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    directives: Directives,
    settings: Settings,
}

impl Builder {
    /// Creates a builder with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a builder with the directives of `RAAF_TRACE_TRACING` in this process.
    ///
    /// # Errors
    ///
    /// If the value is invalid.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::of_environment(&Environment::process())
    }

    /// Creates a builder with the directives of `RAAF_TRACE_TRACING` in `environment`.
    ///
    /// # Errors
    ///
    /// If the value is invalid.
    pub fn of_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let directives = Directives::read(environment)?.unwrap_or_default();
        Ok(Self { directives, ..Self::default() })
    }

    pub(crate) fn from_env_or_default() -> Self {
        Self::from_env().unwrap_or_else(|error| {
            let text = format_args!("{error}; the default applies");
            diagnostics::warn(Category::Tracing, text);
            Self::default()
        })
    }

    /// Adds directives to the default ones, and replaces those of the environment. The syntax is that
    /// of [`EnvFilter`](tracing_subscriber::EnvFilter); of two directives for the same target, the later
    /// one applies.
    ///
    /// # Errors
    ///
    /// If they are invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_tracing::Builder;
    ///
    /// assert!(Builder::new().filter("debug,hyper=info,[handle{user}]=trace").is_ok());
    /// let error = Builder::new().filter("sqlx=loud").unwrap_err();
    /// assert!(error.to_string().starts_with("Builder::filter is `\\\"sqlx=loud\\\"`; expected"));
    /// ```
    pub fn filter(mut self, directives: &str) -> Result<Self, SettingsError> {
        self.directives = Directives::in_code(directives)?;
        Ok(self)
    }

    /// Sets the lowest level at which a span begins a trace where none is current; INFO by default.
    /// Below it, a span is recorded only inside a trace. `OFF`: only spans inside a trace are recorded.
    pub fn roots_from(mut self, level: LevelFilter) -> Self {
        self.settings.roots_from = level;
        self
    }

    /// Sets whether a span with `parent: None` begins a new trace inside another one; `false` by
    /// default. Libraries such as `rig` make such spans when no span of `tracing` is current, and do not
    /// mean to leave a trace that they do not know.
    pub fn new_traces_for_roots(mut self, new: bool) -> Self {
        self.settings.new_traces_for_roots = new;
        self
    }

    /// Sets which spans fail.
    pub fn failures(mut self, failures: Failures) -> Self {
        self.settings.failures = failures;
        self
    }

    /// Adds names of fields that are content, such as a question of a user: they are left out where
    /// sensitive data is.
    pub fn content<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.settings.content.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the provider of traces that spans of `tracing` begin; by default, that of the context, or
    /// the global one.
    pub fn provider(mut self, provider: &TracerProvider) -> Self {
        self.settings.tracer = provider.tracer();
        self
    }

    /// Builds the layer without its filter, so that it records all that the subscriber enables: behind
    /// a filter of your own, or in a program that filters for all layers at once. Costs less, since a
    /// layer's own filter is asked at each step of a span.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_tracing::Builder;
    /// use tracing_subscriber::{EnvFilter, prelude::*};
    ///
    /// let subscriber = tracing_subscriber::registry()
    ///     .with(Builder::new().build_unfiltered())
    ///     .with(EnvFilter::new("info,hyper=off,h2=off"));
    /// # drop(subscriber);
    /// ```
    pub fn build_unfiltered(self) -> TraceLayer {
        TraceLayer::new(self.settings)
    }

    /// Builds the layer.
    pub fn build<S>(self) -> FilteredLayer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        TraceLayer::new(self.settings).with_filter(self.directives)
    }
}
