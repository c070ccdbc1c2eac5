//! Settings of a provider that are given in code.

use std::time::Duration;

use raaf_trace_model::{
    Redactor,
    attributes::{Key, SpanLimits},
    environment::{Environment, SettingsError},
    filter::Sampler,
    id::IdGenerator,
    naming::NamePattern,
    prices::PriceTable,
    sink::BatchConfig,
};

use crate::{
    provider::{
        Inner, TracerProvider, clock::Clock, inner::Config, outer::OuterParent, settings::Settings,
    },
    sink::{AnySink, Finishing},
};

/// Shorter intervals would keep a thread busy without work.
const SHORTEST: Duration = Duration::from_millis(1);

/// Settings in code; `None` for those of the environment, or the defaults.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) environment: Option<Environment>,
    pub(super) sinks: Vec<Wanted>,
    pub(super) batch: Option<BatchConfig>,
    pub(super) limits: Option<SpanLimits>,
    pub(super) include_content: Option<bool>,
    pub(super) redactor: Option<Redactor>,
    pub(super) prices: Option<PriceTable>,
    pub(super) sampler: Option<Sampler>,
    pub(super) naming: NamePattern,
    pub(super) clock: Option<Clock>,
    pub(super) ids: Option<Box<dyn IdGenerator>>,
    pub(super) stale_after: Option<StaleAfter>,
    pub(super) cleanup_interval: Option<Duration>,
    pub(super) enabled: Option<bool>,
    pub(super) flush_after_root: bool,
    pub(super) baggage_keys: Option<Vec<Key>>,
    pub(super) outer: Option<OuterParent>,
}

/// Maximum age set in code, which can be `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct StaleAfter(pub(super) Option<Duration>);

/// A sink, built or named, in order.
#[derive(Debug)]
pub(super) enum Wanted {
    Given(AnySink),
    Named { name: String, by_default: bool },
}

impl Given {
    /// Returns the values in code that are outside their bounds.
    pub(super) fn check_values(&self) -> Vec<SettingsError> {
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

    pub(super) fn batch_config(&self, settings: &Settings) -> BatchConfig {
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

    pub(super) fn assemble(
        self,
        settings: &Settings,
        sinks: Vec<AnySink>,
        idle: bool,
    ) -> TracerProvider {
        let batch = self.batch_config(settings);
        let receiver = |sink: AnySink| sink.receiver(&batch, settings.kept_traces());
        let receivers = sinks.into_iter().map(receiver).collect();
        let limits = self.limits.unwrap_or_else(|| settings.span_limits());
        let include = limits.include_content && settings.include_sensitive_data;
        let config = Config {
            limits: limits.with_content(self.include_content.unwrap_or(include)),
            finishing: Finishing {
                redactor: self.redactor.unwrap_or_default(),
                prices: self.prices.unwrap_or_else(|| settings.prices.clone()),
            },
            sampler: self.sampler.unwrap_or_else(|| Sampler::ratio(settings.sample_rate)),
            naming: self.naming,
            clock: self.clock.unwrap_or_else(Clock::system),
            ids: self.ids,
            idle_without_processors: idle,
            flush_after_root: self.flush_after_root,
            baggage_keys: self.baggage_keys.unwrap_or_else(|| settings.baggage_keys()),
            outer: self.outer,
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
}
