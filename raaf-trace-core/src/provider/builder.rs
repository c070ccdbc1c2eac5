//! Putting a provider together.

use std::{sync::Arc, time::Duration};

use crate::{
    BatchConfig, BatchProcessor, IdGenerator, NamePattern, Redactor, Sampler, Settings,
    SpanExporter, SpanLimits, SpanProcessor, TracerProvider,
    clock::Clock,
    diagnostics::{self, Category},
    provider::{BuildError, Guard, Inner, global, inner::Parts},
    registry::{self, Sink, SinkConfig, SinkError},
    settings::Environment,
};

/// Puts a [`TracerProvider`] together. Code beats the environment, and the environment beats the
/// defaults.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{MemoryExporter, Sampler, TracerProvider};
///
/// let guard = TracerProvider::builder()
///     .exporter(MemoryExporter::new())
///     .sampler(Sampler::ratio(0.1))
///     .from_env()? // whatever is not said above
///     .init()?;
/// assert_eq!(guard.provider().processor_count(), 1);
/// # Ok::<(), raaf_trace_core::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    environment: Environment,
    settings: Settings,
    sinks: Vec<Pending>,
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
    idle_without_processors: bool,
    flush_after_root: bool,
}

/// What code said about stale spans; no age is an answer too.
#[derive(Clone, Copy, Debug)]
struct StaleAfter(Option<Duration>);

/// A sink in its place; exporters get their worker once all settings are known.
#[derive(Debug)]
struct Pending {
    /// The name it was asked for by, if it was.
    name: Option<String>,
    sink: Sink,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            environment: Environment::empty(),
            settings: Settings::default(),
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
            idle_without_processors: false,
            flush_after_root: false,
        }
    }

    /// What nobody has decided in code, read from `environment`; without sinks so far, also which
    /// sinks run. So it comes last, before [`build`](Self::build) or [`init`](Self::init). Sinks
    /// that were asked for by name are made anew, by these settings.
    ///
    /// # Errors
    ///
    /// When a setting cannot be read, or a sink is unknown or cannot be made.
    pub fn environment(mut self, environment: &Environment) -> Result<Self, BuildError> {
        self.settings = Settings::from_environment(environment)?;
        self.environment = environment.clone();
        if self.sinks.is_empty() {
            for name in self.wanted_sinks() {
                self = self.sink(&name)?;
            }
            return Ok(self);
        }
        let sinks = std::mem::take(&mut self.sinks);
        for pending in sinks {
            match pending.name {
                None => self.sinks.push(pending),
                Some(name) => {
                    // The old one may hold what the new one needs.
                    drop(pending.sink);
                    self = self.sink(&name)?;
                }
            }
        }
        Ok(self)
    }

    /// [`environment`](Self::environment), from the process's own.
    ///
    /// # Errors
    ///
    /// As those of `environment`.
    #[allow(clippy::wrong_self_convention, reason = "it adds to the builder from the environment")]
    pub fn from_env(self) -> Result<Self, BuildError> {
        self.environment(&Environment::process())
    }

    /// For the provider that nobody asked for: what cannot be used is reported, and left out. With
    /// no sinks it records nothing until one is added.
    pub(super) fn lenient(environment: &Environment) -> Self {
        let (settings, errors) = Settings::from_environment_lenient(environment);
        for error in errors {
            diagnostics::warn(Category::Tracing, format_args!("{error}; the default is used"));
        }
        let mut builder = Self::new();
        builder.settings = settings;
        builder.environment = environment.clone();
        builder.idle_without_processors = true;
        for name in builder.wanted_sinks() {
            match builder.make_sink(&name) {
                Ok(sink) => builder.sinks.push(Pending { name: Some(name), sink }),
                Err(error) => diagnostics::warn(Category::Tracing, format_args!("{error}")),
            }
        }
        builder
    }

    /// The sinks that the settings name, else the default one where it applies.
    fn wanted_sinks(&self) -> Vec<String> {
        let named: Vec<String> = self.settings.sinks().into_iter().map(str::to_owned).collect();
        if named.is_empty() {
            return self
                .settings
                .default_sink(registry::is_linked)
                .map(str::to_owned)
                .into_iter()
                .collect();
        }
        named
    }

    fn make_sink(&self, name: &str) -> Result<Sink, SinkError> {
        registry::build_sink(name, &SinkConfig::new(&self.environment, &self.settings))
    }

    /// Adds the registered sink of that name.
    ///
    /// # Errors
    ///
    /// When it is unknown or cannot be made.
    pub fn sink(mut self, name: &str) -> Result<Self, SinkError> {
        let sink = self.make_sink(name)?;
        self.sinks.push(Pending { name: Some(name.to_owned()), sink });
        Ok(self)
    }

    /// Adds a processor; they are called in the order in which they are added.
    pub fn processor(mut self, processor: impl SpanProcessor) -> Self {
        self.sinks.push(Pending { name: None, sink: Sink::processor(processor) });
        self
    }

    /// Adds an exporter, behind a worker of its own that hands it batches.
    pub fn exporter(mut self, exporter: impl SpanExporter) -> Self {
        self.sinks.push(Pending { name: None, sink: Sink::exporter(exporter) });
        self
    }

    /// How exporters get their batches.
    pub fn batch(mut self, config: BatchConfig) -> Self {
        self.batch = Some(config);
        self
    }

    /// How much a span may hold. Sensitive data that the environment leaves out stays out; only
    /// [`include_sensitive_data`](Self::include_sensitive_data) overrules that.
    pub fn limits(mut self, limits: SpanLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Whether spans hold what was marked as content (prompts, completions, arguments and results
    /// of tools) and the texts of errors.
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.include_content = Some(include);
        self
    }

    /// Which attributes are secrets.
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = Some(redactor);
        self
    }

    /// Which traces are recorded.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// How spans are named.
    pub fn naming(mut self, pattern: NamePattern) -> Self {
        self.naming = pattern;
        self
    }

    /// What time it is; for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where ids come from; for tests.
    pub fn ids(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.ids = Some(Box::new(ids));
        self
    }

    /// How long a manual span may stay open before it is delivered as stale; `None` for ever.
    pub fn stale_after(mut self, age: Option<Duration>) -> Self {
        self.stale_after = Some(StaleAfter(age));
        self
    }

    /// How often it is looked for stale spans.
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.cleanup_interval = Some(interval);
        self
    }

    /// Whether it makes spans from the start; [`TracerProvider::enable`] switches later.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Whether exporters are asked to deliver at once whenever a trace's root ends.
    pub fn flush_after_root(mut self, flush: bool) -> Self {
        self.flush_after_root = flush;
        self
    }

    /// The provider, not global.
    pub fn build(self) -> TracerProvider {
        let batch = self.batch.unwrap_or_else(|| {
            BatchConfig::default()
                .with_max_spans(self.settings.max_spans)
                .with_batch_size(self.settings.batch_size)
                .with_flush_interval(self.settings.flush_interval)
        });
        let processors = self.sinks.into_iter().map(|Pending { sink, .. }| match sink {
            Sink::Exporter(exporter) => {
                Arc::new(BatchProcessor::with_shared(exporter.into(), batch.clone()))
                    as Arc<dyn SpanProcessor>
            }
            Sink::Processor(processor) => Arc::from(processor),
        });
        let limits = self.limits.unwrap_or_else(|| span_limits(&self.settings));
        let include = limits.include_content && self.settings.include_sensitive_data;
        let limits = limits.with_content(self.include_content.unwrap_or(include));
        TracerProvider::from_inner(Inner::new(Parts {
            processors: processors.collect(),
            limits,
            redactor: self.redactor.unwrap_or_default(),
            sampler: self.sampler.unwrap_or_else(|| Sampler::ratio(self.settings.sample_rate)),
            naming: self.naming,
            clock: self.clock.unwrap_or_else(Clock::system),
            ids: self.ids,
            enabled: self.enabled.unwrap_or(!self.settings.disabled),
            idle_without_processors: self.idle_without_processors,
            flush_after_root: self.flush_after_root,
            stale_after: self.stale_after.map_or(self.settings.stale_after, |StaleAfter(age)| age),
            cleanup_interval: self.cleanup_interval.unwrap_or(self.settings.cleanup_interval),
        }))
    }

    /// Builds the provider and makes it the global one. Keep the guard; dropping it delivers
    /// everything and shuts down.
    ///
    /// # Errors
    ///
    /// When tracing has been initialised already.
    pub fn init(self) -> Result<Guard, BuildError> {
        diagnostics::configure(self.settings.debug_categories, self.settings.log_level);
        if self.sinks.is_empty() {
            diagnostics::debug(
                Category::Tracing,
                format_args!(
                    "no sink was named; linked are: {}",
                    registry::linked_sinks().join(", ")
                ),
            );
        }
        global::init_with(self.build())
    }
}

fn span_limits(settings: &Settings) -> SpanLimits {
    let bytes = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    SpanLimits {
        max_value_bytes: bytes(settings.max_attribute_length),
        max_content_bytes: bytes(settings.max_content_length),
        include_content: settings.include_sensitive_data,
        ..SpanLimits::DEFAULT
    }
}
