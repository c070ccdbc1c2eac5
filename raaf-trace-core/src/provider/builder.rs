//! Builder for a provider.

use std::{fmt, marker::PhantomData, time::Duration};

use raaf_trace_model::{
    Redactor,
    attributes::{Key, SpanLimits},
    environment::Environment,
    filter::Sampler,
    id::IdGenerator,
    naming::NamePattern,
    prices::PriceTable,
    propagation::SpanContext,
    sink::{BatchConfig, registry},
};

use crate::{
    diagnostics::{self, Category},
    provider::{
        BuildError, TracerProvider, TracingGuard,
        clock::Clock,
        disposition,
        given::{Given, StaleAfter, Wanted},
        global,
        named_sinks::{check_other_sinks, make_sink},
        outer::OuterParent,
        settings::{self, Settings},
    },
    sink::IntoSink,
};

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
    given: Given,
    source: PhantomData<S>,
}

/// Marks a builder whose settings are all in code: building cannot fail.
#[derive(Debug)]
pub enum InCode {}

/// Marks a builder with named sinks or an environment: building can fail.
#[derive(Debug)]
pub enum ByName {}

impl TracerProviderBuilder {
    pub(super) fn new() -> Self {
        Self { given: Given::default(), source: PhantomData }
    }

    /// Builds the provider, without making it the global one. A value outside its bounds is reported
    /// and replaced by the nearest one; [`init`](Self::init) refuses it.
    pub fn build(self) -> TracerProvider {
        let Self { mut given, .. } = self;
        given.check_values().iter().for_each(diagnostics::warn_of_value);
        let sinks = std::mem::take(&mut given.sinks).into_iter().filter_map(|sink| match sink {
            Wanted::Given(sink) => Some(sink),
            // Naming a sink changes the type of the builder.
            Wanted::Named { .. } => None,
        });
        given.assemble(&Settings::default(), sinks.collect(), false)
    }
}

impl TracerProviderBuilder<ByName> {
    /// Builds the provider, without making it the global one.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid, or a sink is unknown or cannot be built.
    pub fn build(mut self) -> Result<TracerProvider, BuildError> {
        let environment = self.given.environment.clone().unwrap_or_else(Environment::empty);
        let settings = Settings::from_environment(&environment)?;
        self.given.check_values().into_iter().next().map_or(Ok(()), Err)?;
        let mut wanted = std::mem::take(&mut self.given.sinks);
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
        let batch = self.given.batch_config(&settings);
        let made = wanted.into_iter().map(|sink| match sink {
            Wanted::Given(sink) => Ok(sink),
            Wanted::Named { name, by_default } => {
                make_sink(&name, &environment, &batch, by_default)
            }
        });
        let sinks = made.collect::<Result<_, _>>()?;
        Ok(self.given.assemble(&settings, sinks, false))
    }
}

impl<S> TracerProviderBuilder<S> {
    fn by_name(self) -> TracerProviderBuilder<ByName> {
        TracerProviderBuilder { given: self.given, source: PhantomData }
    }

    /// Reads settings that are not set in code from `environment`, and, if no sink is set, the
    /// sinks to enable.
    pub fn environment(mut self, environment: &Environment) -> TracerProviderBuilder<ByName> {
        self.given.environment = Some(environment.clone());
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
        self.given.sinks.push(Wanted::Named { name: name.into(), by_default: false });
        self.by_name()
    }

    /// Adds a sink after those added before: a processor, or an exporter, which receives batches
    /// from a worker of its own.
    pub fn with<Via>(mut self, sink: impl IntoSink<Via>) -> Self {
        self.given.sinks.push(Wanted::Given(sink.into_sink()));
        self
    }

    /// Sets the batch configuration of exporters.
    pub fn batch(mut self, config: BatchConfig) -> Self {
        self.given.batch = Some(config);
        self
    }

    /// Sets the span limits. Sensitive data that the environment excludes stays excluded; only
    /// [`include_sensitive_data`](Self::include_sensitive_data) takes precedence.
    pub fn limits(mut self, limits: SpanLimits) -> Self {
        self.given.limits = Some(limits);
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
        self.given.include_content = Some(include);
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
        self.given.redactor = Some(redactor);
        self
    }

    /// Sets the prices by which model calls have a cost, `gen_ai.usage.cost`, when they reach a sink;
    /// by default the [built-in](PriceTable::built_in) ones. A cost that the code sets stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     MemoryExporter, TracerProvider, keys, prices::PriceTable, sink::SimpleProcessor,
    /// };
    ///
    /// let ours = r#"{ "models": { "ours": { "input": 2, "output": 8 } } }"#;
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .prices(PriceTable::from_json(ours)?.or(PriceTable::built_in()))
    ///     .build();
    /// let call = provider.tracer().llm_span("ours").with(keys::GEN_AI_REQUEST_MODEL, "ours");
    /// let call = call.with(keys::GEN_AI_USAGE_INPUT_TOKENS, 1_000);
    /// call.with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 500).start().finish();
    /// assert_eq!(memory.spans()[0].cost().usd(), Some(0.006));
    /// # Ok::<(), raaf_trace_core::prices::PriceTableError>(())
    /// ```
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.given.prices = Some(prices);
        self
    }

    /// Sets the sampler of traces.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.given.sampler = Some(sampler);
        self
    }

    /// Sets the pattern for span names.
    pub fn naming(mut self, pattern: NamePattern) -> Self {
        self.given.naming = pattern;
        self
    }

    /// Sets the clock, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.given.clock = Some(clock);
        self
    }

    /// Sets the id generator, for tests.
    pub fn ids(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.given.ids = Some(Box::new(ids));
        self
    }

    /// Sets the age at which an open manual span is delivered as stale, at least 1 ms; `None` for
    /// never.
    pub fn stale_after(mut self, age: Option<Duration>) -> Self {
        self.given.stale_after = Some(StaleAfter(age));
        self
    }

    /// Sets how often to scan for stale spans, at least 1 ms.
    pub fn cleanup_interval(mut self, interval: Duration) -> Self {
        self.given.cleanup_interval = Some(interval);
        self
    }

    /// Sets whether the provider starts enabled; [`TracerProvider::enable`] and
    /// [`TracerProvider::disable`] change it later.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.given.enabled = Some(enabled);
        self
    }

    /// Sets whether the end of a root blocks its thread until the trace is delivered, 5 seconds at most.
    pub fn flush_after_root(mut self, flush: bool) -> Self {
        self.given.flush_after_root = flush;
        self
    }

    /// Sets the entries of the baggage that become attributes, by their keys; none by default. A span
    /// has those of the [baggage](crate::propagation::Baggage) in which it starts or, where there is
    /// none, of that in which its trace began. An attribute that the code sets takes precedence.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     Context, MemoryExporter, TracerProvider, propagation::Baggage, sink::SimpleProcessor, trace,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .baggage_attributes(["tenant"])
    ///     .build();
    /// let baggage = Baggage::parse("tenant=acme,note=secret");
    /// provider.run(|| {
    ///     Context::current().with_baggage(baggage).run(|| trace("nightly import").in_span(|| ()));
    /// });
    /// let spans = memory.spans();
    /// assert_eq!(spans[0].attributes().get("tenant"), Some("acme".into()));
    /// assert_eq!(spans[0].attributes().get("note"), None);
    /// ```
    pub fn baggage_attributes(mut self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        self.given.baggage_keys = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a function that returns the parent of a span without one, such as the active span of
    /// another tracing library; see the crate `raaf-opentelemetry`. It is called where a root starts,
    /// and has no effect where it returns `None` or panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     MemoryExporter, SpanId, TraceId, TracerProvider, current_trace_id,
    ///     propagation::SpanContext, trace,
    /// };
    ///
    /// let theirs = SpanContext::new(TraceId::random(), SpanId::random());
    /// let id = theirs.trace_id();
    /// let provider = TracerProvider::builder()
    ///     .with(MemoryExporter::new())
    ///     .outer_parent(move || Some(theirs.clone()))
    ///     .build();
    /// provider.run(|| trace("import").in_span(|| assert_eq!(current_trace_id(), Some(id))));
    /// ```
    pub fn outer_parent(
        mut self,
        parent: impl Fn() -> Option<SpanContext> + Send + Sync + 'static,
    ) -> Self {
        self.given.outer = Some(OuterParent::new(parent));
        self
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
        let environment = self.given.environment.clone().unwrap_or_else(Environment::empty);
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
            .field("sinks", &self.given.sinks)
            .field("batch", &self.given.batch)
            .finish_non_exhaustive()
    }
}
