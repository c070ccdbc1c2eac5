//! Provider settings: `RAAF_*` environment variables, defaults and bounds.
//!
//! Code takes precedence over the environment, and the environment over the defaults: read the
//! environment first, then set fields.
//!
//! ```
//! use raaf_trace_core::settings::{Environment, Settings};
//!
//! let environment = Environment::from_pairs([("RAAF_TRACE_BATCH_SIZE", "200")]);
//! let mut settings = Settings::from_environment(&environment)?;
//! settings.sample_rate = 0.1;
//! assert_eq!(settings.batch_size, 200);
//! # Ok::<(), raaf_trace_core::environment::SettingsError>(())
//! ```

mod only;
mod prices;
mod read;
mod unknown;

use std::time::Duration;

pub use raaf_trace_model::environment::{Environment, SettingsError};
use raaf_trace_model::{
    attributes::{Key, SpanLimits},
    filter::SpanFilter,
    prices::PriceTable,
    sink::registry,
};
pub(crate) use unknown::warn_of_unknown_variables;

use crate::{
    diagnostics::{Categories, Level},
    sink::KeepTraces,
};

/// Provider settings that are not specific to one sink.
///
/// Sinks read their own variables from the same [`Environment`].
// Each is an independent switch, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Disables tracing (`RAAF_DISABLE_TRACING`; default false).
    pub disabled: bool,
    /// Names of sinks, in order (`RAAF_TRACE_PROCESSORS`; default none).
    pub processors: Vec<String>,
    /// Enables no default sinks (`RAAF_SKIP_DEFAULT_PROCESSORS`; default false).
    pub skip_default_processors: bool,
    /// Number of spans that are sent without waiting for more, from 1 to
    /// [`max_spans`](Self::max_spans) (`RAAF_TRACE_BATCH_SIZE`; default 50, or `max_spans` if that is
    /// less).
    pub batch_size: usize,
    /// Maximum number of spans in a batch (`RAAF_TRACE_BATCH_SIZE`; default 512).
    pub max_batch_size: usize,
    /// Maximum time that a finished span waits for its batch to fill (`RAAF_TRACE_FLUSH_INTERVAL`,
    /// in seconds; default 5).
    pub flush_interval: Duration,
    /// Maximum number of finished spans in memory for each exporter, at least 1
    /// (`RAAF_TRACE_MAX_SPANS`; default 10,000).
    pub max_spans: usize,
    /// Interval between scans for stale spans (`RAAF_TRACE_CLEANUP_INTERVAL`, in seconds; default
    /// 60).
    pub cleanup_interval: Duration,
    /// Age at which an open manual span becomes stale; `None` for never (`RAAF_TRACE_STALE_AFTER`,
    /// in seconds, 0 for never; default 3,600).
    pub stale_after: Option<Duration>,
    /// Timeout for dropping the guard (`RAAF_TRACE_SHUTDOWN_TIMEOUT`, in seconds; default 5).
    pub shutdown_timeout: Duration,
    /// Share of sampled traces, from 0 to 1 (`RAAF_TRACE_SAMPLE_RATE`; default 1).
    pub sample_rate: f64,
    /// Keeps only whole traces with a span that failed (`RAAF_TRACE_ONLY=failed`; default false), or
    /// one that is [slow](Self::only_slower_than).
    pub only_failed: bool,
    /// Keeps only whole traces with a span that lasted longer (`RAAF_TRACE_ONLY=slow=2s`; default
    /// all), or one that [failed](Self::only_failed).
    pub only_slower_than: Option<Duration>,
    /// Records prompts, completions, tool arguments and results
    /// (`RAAF_TRACE_INCLUDE_SENSITIVE_DATA`; default true).
    pub include_sensitive_data: bool,
    /// Prices by which model calls have a cost: the built-in ones behind those of a file
    /// (`RAAF_TRACE_PRICES`), or none (`RAAF_TRACE_PRICES=none`).
    pub prices: PriceTable,
    /// Keys of the entries of the baggage that become attributes (`RAAF_TRACE_BAGGAGE_ATTRIBUTES`;
    /// default none).
    pub baggage_attributes: Vec<String>,
    /// Maximum length of an attribute value, in bytes (`RAAF_TRACE_MAX_ATTRIBUTE_LENGTH`; default
    /// 4,096).
    pub max_attribute_length: usize,
    /// Maximum length of a prompt, completion, tool argument or result, in bytes
    /// (`RAAF_TRACE_MAX_CONTENT_LENGTH`; default 100,000).
    pub max_content_length: usize,
    /// Categories of diagnostic lines (`RAAF_DEBUG_CATEGORIES`; default errors and warnings only).
    pub debug_categories: Categories,
    /// Level of diagnostic lines (`RAAF_LOG_LEVEL`; default info). The level `off` sets no
    /// [categories](Self::debug_categories) instead.
    pub log_level: Level,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disabled: false,
            processors: Vec::new(),
            skip_default_processors: false,
            batch_size: 50,
            max_batch_size: 512,
            flush_interval: Duration::from_secs(5),
            max_spans: 10_000,
            cleanup_interval: Duration::from_secs(60),
            stale_after: Some(Duration::from_secs(3_600)),
            shutdown_timeout: Duration::from_secs(5),
            sample_rate: 1.0,
            only_failed: false,
            only_slower_than: None,
            include_sensitive_data: true,
            prices: prices::built_in(),
            baggage_attributes: Vec::new(),
            max_attribute_length: 4_096,
            max_content_length: 100_000,
            debug_categories: Categories::default(),
            log_level: Level::default(),
        }
    }
}

impl Settings {
    /// Returns the limits of spans.
    pub(crate) fn span_limits(&self) -> SpanLimits {
        let bytes = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        SpanLimits::DEFAULT
            .with_max_value_bytes(bytes(self.max_attribute_length))
            .with_max_content_bytes(bytes(self.max_content_length))
            .with_content(self.include_sensitive_data)
    }

    pub(crate) fn baggage_keys(&self) -> Vec<Key> {
        self.baggage_attributes.iter().map(|key| Key::from(key.clone())).collect()
    }

    /// Returns which traces to keep; `None` for all.
    pub(crate) fn kept_traces(&self) -> Option<KeepTraces> {
        let failed = self.only_failed.then(SpanFilter::failed);
        let slow = self.only_slower_than.map(SpanFilter::slower_than);
        failed.into_iter().chain(slow).reduce(SpanFilter::or).map(KeepTraces::with)
    }

    /// Returns the names of enabled sinks, in order, and whether each is enabled because none was
    /// named: the [`processors`](Self::processors), then the sinks enabled by a variable of their
    /// own, otherwise the default ones.
    pub(crate) fn wanted_sinks(
        &self,
        environment: &Environment,
    ) -> Result<Vec<(String, bool)>, SettingsError> {
        let mut names = self.processors.clone();
        for sink in registry::linked() {
            let name = sink.name();
            if sink.is_enabled(environment)? && !names.iter().any(|named| named == name) {
                names.push(name.to_owned());
            }
        }
        if !names.is_empty() || self.skip_default_processors {
            return Ok(names.into_iter().map(|name| (name, false)).collect());
        }
        let linked = registry::linked().into_iter();
        let by_default = linked.filter(|sink| sink.is_default(environment));
        Ok(by_default.map(|sink| (sink.name().to_owned(), true)).collect())
    }
}
