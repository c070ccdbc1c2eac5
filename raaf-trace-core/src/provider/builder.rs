//! Builder for a provider.

use std::{fmt, marker::PhantomData, time::Duration};

use raaf_trace_model::{
    Redactor,
    attributes::SpanLimits,
    environment::{Environment, SettingsError},
    filter::Sampler,
    id::IdGenerator,
    naming::NamePattern,
    sink::{BatchConfig, registry},
};

use crate::{
    diagnostics::{self, Category},
    provider::{
        BuildError, Inner, TracerProvider, TracingGuard,
        clock::Clock,
        disposition, global,
        inner::Config,
        named_sinks::{check_other_sinks, make_sink},
        settings::{self, Settings},
    },
    sink::{AnySink, IntoSink},
};

/// Shorter intervals would keep a thread busy without work.
const SHORTEST: Duration = Duration::from_millis(1);

/// Builder for a [`TracerProvider`]. Code takes precedence over the environment, and the
/// environment over the defaults, in any order of calls: the environment is read, and named sinks
/// are built, by [`build`](Self::build) and [`init`](Self::init).
///
/// Building cannot fail while everything is set in code. After [`sink`](Self::sink),
/// [`environment`](Self::environment) or [`from_env`](Self::from_env) it can, and `build` returns a
/// `Result`. A value in code outside its bounds is an error of `init` and of such a `build`; where
/// `build` cannot fail, it is a warning, and the nearest value applies.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{MemoryExporter, Sampler, TracerProvider};
///
/// let guard = TracerProvider::builder()
///     .from_env() // for everything that is not set in code
///     .with(MemoryExporter::new())
///     .sampler(Sampler::ratio(0.1))
///     .init()?;
/// assert_eq!(guard.provider().processor_count(), 1);
/// # Ok::<(), raaf_trace_core::BuildError>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct TracerProviderBuilder<S = InCode> {
    environment: Option<Environment>,
    sinks: Vec<Wanted>,
    batch: Option<BatchConfig>,
    limits: Option<SpanLimits>,
    include_content: Option<bool>,
    redactor: Option<Redactor>,
    sampler: Option<Sampler>,
    naming: NamePattern,
    clock: Option<Clock>,
    ids: Option<Box<dyn IdGenerator>>,
    stale_after: Option<StaleAfter>,
    cleanup_interval: Option<Duration>,
    enabled: Option<bool>,
    flush_after_root: bool,
    source: PhantomData<S>,
}

/// Marks a builder whose settings are all in code: building cannot fail.
#[derive(Debug)]
pub enum InCode {}

/// Marks a builder with named sinks or an environment: building can fail.
#[derive(Debug)]
pub enum ByName {}

/// Maximum age set in code, which can be `None`.
#[derive(Clone, Copy, Debug)]
struct StaleAfter(Option<Duration>);

/// A sink, built or named, in order.
#[derive(Debug)]
enum Wanted {
    Given(AnySink),
    Named { name: String, by_default: bool },
}

impl TracerProviderBuilder {
    pub(super) fn new() -> Self {
        Self {
            environment: None,
            sinks: Vec::new(),
            batch: None,
            limits: None,
            include_content: None,
            redactor: None,
            sampler: None,
            naming: NamePattern::default(),
            clock: None,
            ids: None,
            stale_after: None,
            cleanup_interval: None,
            enabled: None,
            flush_after_root: false,
            source: PhantomData,
        }
    }

    /// Builds the provider, without making it the global one. A value outside its bounds is reported
    /// and replaced by the nearest one; [`init`](Self::init) refuses it.
    pub fn build(self) -> TracerProvider {
        let mut given = self;
        given.check_values().iter().for_each(diagnostics::warn_of_value);
        let sinks = std::mem::take(&mut given.sinks).into_iter().filter_map(|sink| match sink {
            Wanted::Given(sink) => Some(sink),
            // Naming a sink changes the type of the builder.
            Wanted::Named { .. } => None,
        });
        let sinks = sinks.collect();
        given.assemble(&Settings::default(), sinks, false)
    }
}

impl TracerProviderBuilder<ByName> {
    /// Builds the provider, without making it the global one.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid, or a sink is unknown or cannot be built.
    pub fn build(mut self) -> Result<TracerProvider, BuildError> {
        let environment = self.environment.clone().unwrap_or_else(Environment::empty);
        let settings = Settings::from_environment(&environment)?;
        self.check_values().into_iter().next().map_or(Ok(()), Err)?;
        let mut wanted = std::mem::take(&mut self.sinks);
        if wanted.is_empty() {
            let names = settings.wanted_sinks(&environment)?.into_iter();
            wanted = names.map(|(name, by_default)| Wanted::Named { name, by_default }).collect();
        }
        let is_wanted = |name: &str| {
            wanted
                .iter()
                .any(|sink| matches!(sink, Wanted::Named { name: named, .. } if named == name))
        };
        check_other_sinks(&environment, is_wanted).into_iter().next().map_or(Ok(()), Err)?;
        let batch = self.batch_config(&settings);
        let made = wanted.into_iter().map(|sink| match sink {
            Wanted::Given(sink) => Ok(sink),
            Wanted::Named { name, by_default } => {
                make_sink(&name, &environment, &batch, by_default)
            }
        });
        let sinks = made.collect::<Result<_, _>>()?;
        Ok(self.assemble(&settings, sinks, false))
    }
}

/// Builds the default provider for code that traces without a provider. Reports invalid settings
/// and sinks, and leaves them out. Without sinks it records nothing until one is added.
pub(super) fn lenient(environment: &Environment) -> TracerProvider {
    let warn = |error: &dyn fmt::Display| {
        diagnostics::warn(Category::Tracing, format_args!("{error}"));
    };
    let (settings, errors) = Settings::from_environment_lenient(environment);
    for error in errors {
        warn(&format_args!("{error}; using the default"));
    }
    let builder = TracerProviderBuilder::new();
    let batch = builder.batch_config(&settings);
    let wanted = settings.wanted_sinks(environment).unwrap_or_else(|error| {
        warn(&error);
        Vec::new()
    });
    for error in
        check_other_sinks(environment, |name| wanted.iter().any(|(named, _)| named == name))
    {
        warn(&error);
    }
    let mut sinks = Vec::new();
    for (name, by_default) in wanted {
        match make_sink(&name, environment, &batch, by_default) {
            Ok(sink) => sinks.push(sink),
            Err(error) => warn(&error),
        }
    }
    builder.assemble(&settings, sinks, true)
}

/// Builds a provider that records nothing until a sink is added.
pub(super) fn idle() -> TracerProvider {
    TracerProviderBuilder::new().assemble(&Settings::default(), Vec::new(), true)
}

impl<S> TracerProviderBuilder<S> {
    fn by_name(self) -> TracerProviderBuilder<ByName> {
        TracerProviderBuilder {
            environment: self.environment,
            sinks: self.sinks,
            batch: self.batch,
            limits: self.limits,
            include_content: self.include_content,
            redactor: self.redactor,
            sampler: self.sampler,
            naming: self.naming,
            clock: self.clock,
            ids: self.ids,
            stale_after: self.stale_after,
            cleanup_interval: self.cleanup_interval,
            enabled: self.enabled,
            flush_after_root: self.flush_after_root,
            source: PhantomData,
        }
    }

    /// Reads settings that are not set in code from `environment`, and, if no sink is set, the
    /// sinks to enable.
    pub fn environment(mut self, environment: &Environment) -> TracerProviderBuilder<ByName> {
        self.environment = Some(environment.clone());
        self.by_name()
    }

    /// Reads settings that are not set in code from the process's [environment](Self::environment).
    #[allow(clippy::wrong_self_convention, reason = "it adds to the builder from the environment")]
    pub fn from_env(self) -> TracerProviderBuilder<ByName> {
        self.environment(&Environment::process())
    }

    /// Adds the registered sink of that name after those added before. An unknown name is an error
    /// of [`build`](Self::build).
    pub fn sink(mut self, name: impl Into<String>) -> TracerProviderBuilder<ByName> {
        self.sinks.push(Wanted::Named { name: name.into(), by_default: false });
        self.by_name()
    }

    /// Adds a sink after those added before: a processor, or an exporter, which receives batches
    /// from a worker of its own.
    pub fn with<Via>(mut self, sink: impl IntoSink<Via>) -> Self {
        self.sinks.push(Wanted::Given(sink.into_sink()));
        self
    }

    /// Sets the batch configuration of exporters.
    pub fn batch(mut self, config: BatchConfig) -> Self {
        self.batch = Some(config);
        self
    }

    /// Sets the span limits. Sensitive data that the environment excludes stays excluded; only
    /// [`include_sensitive_data`](Self::include_sensitive_data) takes precedence.
    pub fn limits(mut self, limits: SpanLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets whether spans record content (prompts, completions, arguments and results of tools) and
    /// the messages of errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     Component, MemoryExporter, Traceable as _, TracerProvider, sink::SimpleProcessor,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .include_sensitive_data(false)
    ///     .build();
    /// let tool = Component::tool("Search");
    /// let failed = provider.run(|| tool.try_in_span("run", || Err::<(), _>("cannot find Jane Doe")));
    /// assert!(failed.is_err());
    /// let spans = memory.spans();
    /// assert!(spans[0].error().is_some_and(|error| error.message().is_none()));
    /// ```
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.include_content = Some(include);
        self
    }

    /// Sets the redactor of secrets.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, Redactor, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .redactor(Redactor::default().with_words(["iban"])) // `Redactor::new` has no default terms
    ///     .build();
    /// provider.tracer().start_span("payment").set_attribute("iban", "DE02").finish();
    /// assert_eq!(memory.spans()[0].attributes().get("iban"), Some("[REDACTED]".into()));
    /// ```
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = Some(redactor);
        self
    }

    /// Sets the sampler of traces.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Sets the pattern for span names.
    pub fn naming(mut self, pattern: NamePattern) -> Self {
        self.naming = pattern;
        self
    }

    /// Sets the clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets the id generator, for tests.
    pub fn ids(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Some(Box::new(ids));
        self
    }

    /// Sets the age at which an open manual span is delivered as stale, at least 1 ms; `None` for
    /// never.
    pub fn stale_after(mut self, age: Option<Duration>) -> Self {
        self.stale_after = Some(StaleAfter(age));
        self
    }

    /// Sets how often to scan for stale spans, at least 1 ms.
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.cleanup_interval = Some(interval);
        self
    }

    /// Sets whether the provider starts enabled; [`TracerProvider::enable`] and
    /// [`TracerProvider::disable`] change it later.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Sets whether the end of a root blocks its thread until the trace is delivered, 5 seconds at most.
    pub fn flush_after_root(mut self, flush: bool) -> Self {
        self.flush_after_root = flush;
        self
    }

    /// Returns the values in code that are outside their bounds.
    fn check_values(&self) -> Vec<SettingsError> {
        let stale_after = self.stale_after.and_then(|StaleAfter(age)| age);
        let durations = [("stale_after", stale_after), ("cleanup_interval", self.cleanup_interval)];
        let too_short = durations.into_iter().filter_map(|(setting, given)| {
            let given = given.filter(|given| *given < SHORTEST)?;
            let setting = format!("TracerProviderBuilder::{setting}");
            Some(SettingsError::in_code(&setting, &given, "at least 1ms"))
        });
        let batch = self.batch.as_ref().and_then(|batch| batch.check().err());
        let sampler = self.sampler.and_then(|sampler| sampler.check().err());
        batch.into_iter().chain(sampler).chain(too_short).collect()
    }

    fn batch_config(&self, settings: &Settings) -> BatchConfig {
        self.batch.clone().map_or_else(
            || {
                BatchConfig::default()
                    .with_max_spans(settings.max_spans)
                    .with_batch_size(settings.batch_size)
                    .with_max_batch_size(settings.max_batch_size)
                    .with_flush_interval(settings.flush_interval)
            },
            BatchConfig::clamped,
        )
    }

    fn assemble(self, settings: &Settings, sinks: Vec<AnySink>, idle: bool) -> TracerProvider {
        let batch = self.batch_config(settings);
        let receivers = sinks.into_iter().map(|sink| sink.receiver(&batch)).collect();
        let limits = self.limits.unwrap_or_else(|| settings.span_limits());
        let include = limits.include_content && settings.include_sensitive_data;
        let config = Config {
            limits: limits.with_content(self.include_content.unwrap_or(include)),
            redactor: self.redactor.unwrap_or_default(),
            sampler: self.sampler.unwrap_or_else(|| Sampler::ratio(settings.sample_rate)),
            naming: self.naming,
            clock: self.clock.unwrap_or_else(Clock::system),
            ids: self.ids,
            idle_without_processors: idle,
            flush_after_root: self.flush_after_root,
            stale_after: self
                .stale_after
                .map_or(settings.stale_after, |StaleAfter(age)| age.map(|age| age.max(SHORTEST))),
            cleanup_interval: self
                .cleanup_interval
                .unwrap_or(settings.cleanup_interval)
                .max(SHORTEST),
        };
        let enabled = self.enabled.unwrap_or(!settings.disabled);
        TracerProvider::from_inner(Inner::new(config, receivers, enabled))
    }

    /// Builds the provider and makes it the global one. Keep the guard: dropping it delivers all
    /// spans and shuts the provider down.
    ///
    /// # Errors
    ///
    /// Returns an error if a global provider is already initialised, a setting is invalid, or a
    /// sink is unknown or cannot be built.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{BuildError, TracerProvider};
    ///
    /// let tracing = TracerProvider::builder().init()?;
    /// let second = TracerProvider::builder().init();
    /// assert!(matches!(second, Err(BuildError::AlreadyInitialised)));
    /// drop(tracing);
    /// assert!(TracerProvider::builder().init().is_ok());
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn init(self) -> Result<TracingGuard, BuildError> {
        let environment = self.environment.clone().unwrap_or_else(Environment::empty);
        let settings = Settings::from_environment(&environment)?;
        diagnostics::configure_by_environment(settings.debug_categories, settings.log_level);
        settings::warn_of_unknown_variables(&environment);
        let provider = self.by_name().build()?;
        if provider.processor_count() == 0 {
            let linked = registry::linked_sinks().join(", ");
            let text = format_args!("no sink is configured; linked sinks: {linked}");
            diagnostics::debug(Category::Tracing, text);
        }
        let guard = global::init_with(provider)?.with_timeout(settings.shutdown_timeout);
        disposition::warn_of_sigterm(guard.provider());
        Ok(guard)
    }
}

impl<S> fmt::Debug for TracerProviderBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerProviderBuilder")
            .field("sinks", &self.sinks)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}
