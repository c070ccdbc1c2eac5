//! Settings from the environment.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use raaf_trace_model::environment::parse;

use super::{Environment, Settings, SettingsError};
use crate::diagnostics::{self, Categories, Category, Level};

const MOST_SPANS: usize = 100_000_000;
const LONGEST_VALUE: usize = 100_000_000;
/// One year: longer waits are probably mistakes.
const LONGEST_WAIT: f64 = 31_536_000.0;
/// Shorter intervals would keep a worker busy without work.
const SHORTEST_INTERVAL: f64 = 0.001;

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// Returns an error if a variable is invalid: the first one.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_environment(&Environment::process())
    }

    /// Reads variables from the given environment.
    ///
    /// # Errors
    ///
    /// Returns an error if a variable is invalid: the first one.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{environment::Environment, settings::Settings};
    ///
    /// let environment = Environment::from_pairs([("RAAF_TRACE_SAMPLE_RATE", "10%")]);
    /// let error = Settings::from_environment(&environment).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "RAAF_TRACE_SAMPLE_RATE is `10%`; expected a number from 0 to 1",
    /// );
    /// ```
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let (settings, errors) = Self::from_environment_lenient(environment);
        errors.into_iter().next().map_or(Ok(settings), Err)
    }

    /// Reads variables from the given environment. Invalid ones have their defaults and are
    /// returned as errors.
    ///
    /// ```
    /// # use raaf_trace_core::{environment::Environment, settings::Settings};
    /// let environment = Environment::from_pairs([("RAAF_TRACE_BATCH_SIZE", "abc")]);
    /// let (settings, errors) = Settings::from_environment_lenient(&environment);
    /// assert_eq!(settings, Settings::default());
    /// assert_eq!(
    ///     errors[0].to_string(),
    ///     "RAAF_TRACE_BATCH_SIZE is `abc`; expected a whole number from 1 to RAAF_TRACE_MAX_SPANS, \
    ///      which is 10000",
    /// );
    /// ```
    pub fn from_environment_lenient(environment: &Environment) -> (Self, Vec<SettingsError>) {
        let mut reader = Reader { environment, errors: Vec::new() };
        let mut settings = Self::default();
        settings.read_sinks(&mut reader);
        settings.read_limits(&mut reader);
        settings.read_diagnostics(&mut reader);
        (settings, reader.errors)
    }

    fn read_sinks(&mut self, reader: &mut Reader<'_>) {
        reader.flag("RAAF_DISABLE_TRACING", &mut self.disabled);
        self.disabled |= reader.sdk_disabled();
        reader.other(
            "RAAF_TRACE_PROCESSORS",
            "sink names separated by commas, each once",
            parse::distinct_names,
            &mut self.processors,
        );
        reader.flag("RAAF_SKIP_DEFAULT_PROCESSORS", &mut self.skip_default_processors);
        reader.flag("RAAF_TRACE_INCLUDE_SENSITIVE_DATA", &mut self.include_sensitive_data);
        reader.other(
            "RAAF_TRACE_BAGGAGE_ATTRIBUTES",
            "keys of baggage separated by commas, each once",
            parse::distinct_names,
            &mut self.baggage_attributes,
        );
    }

    fn read_limits(&mut self, reader: &mut Reader<'_>) {
        let intervals = SHORTEST_INTERVAL..=LONGEST_WAIT;
        reader.seconds("RAAF_TRACE_FLUSH_INTERVAL", intervals.clone(), &mut self.flush_interval);
        reader.whole("RAAF_TRACE_MAX_SPANS", 1..=MOST_SPANS, &mut self.max_spans);
        self.batch_size = self.batch_size.min(self.max_spans);
        let mut batch_size = None;
        reader.other(
            "RAAF_TRACE_BATCH_SIZE",
            &format!("a whole number from 1 to RAAF_TRACE_MAX_SPANS, which is {}", self.max_spans),
            |text| parse::whole(text, 1..=self.max_spans).map(Some),
            &mut batch_size,
        );
        if let Some(size) = batch_size {
            (self.batch_size, self.max_batch_size) = (size, size);
        }
        reader.seconds("RAAF_TRACE_CLEANUP_INTERVAL", intervals, &mut self.cleanup_interval);
        let mut stale_after = self.stale_after.unwrap_or_default();
        reader.seconds("RAAF_TRACE_STALE_AFTER", 0.0..=LONGEST_WAIT, &mut stale_after);
        self.stale_after = Some(stale_after).filter(|age| !age.is_zero());
        reader.seconds(
            "RAAF_TRACE_SHUTDOWN_TIMEOUT",
            0.0..=LONGEST_WAIT,
            &mut self.shutdown_timeout,
        );
        reader.other(
            "RAAF_TRACE_SAMPLE_RATE",
            "a number from 0 to 1",
            |text| parse::number(text, 0.0..=1.0),
            &mut self.sample_rate,
        );
        reader.errors.extend(self.read_only(reader.environment).err());
        reader.errors.extend(self.read_prices(reader.environment).err());
        let lengths = 1..=LONGEST_VALUE;
        reader.whole(
            "RAAF_TRACE_MAX_ATTRIBUTE_LENGTH",
            lengths.clone(),
            &mut self.max_attribute_length,
        );
        reader.whole("RAAF_TRACE_MAX_CONTENT_LENGTH", lengths, &mut self.max_content_length);
    }

    fn read_diagnostics(&mut self, reader: &mut Reader<'_>) {
        reader.other(
            Categories::VARIABLE,
            Categories::EXPECTED,
            Categories::parse,
            &mut self.debug_categories,
        );
        let mut level = Some(self.log_level);
        reader.other(Level::VARIABLE, Level::EXPECTED, Level::parse_limit, &mut level);
        match level {
            Some(level) => self.log_level = level,
            None => self.debug_categories = Categories::none(),
        }
    }
}

/// Reader of variables into fields; an invalid one leaves its field unchanged.
struct Reader<'a> {
    environment: &'a Environment,
    errors: Vec<SettingsError>,
}

impl Reader<'_> {
    fn other<T>(
        &mut self,
        variable: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        field: &mut T,
    ) {
        match self.environment.read(variable, expected, parse) {
            Ok(Some(value)) => *field = value,
            Ok(None) => {}
            Err(error) => self.errors.push(error),
        }
    }

    /// Reads the variable of OpenTelemetry, which a whole cluster may share: anything but `true`
    /// and `false`, in any case, counts as unset and is a warning.
    fn sdk_disabled(&self) -> bool {
        const VARIABLE: &str = "OTEL_SDK_DISABLED";
        static WARNED: AtomicBool = AtomicBool::new(false);
        let parse = |text: &str| text.to_ascii_lowercase().parse().ok();
        match self.environment.read(VARIABLE, "`true` or `false`", parse) {
            Ok(disabled) => disabled.unwrap_or(false),
            Err(error) => {
                if !WARNED.swap(true, Ordering::Relaxed) {
                    let warning = format_args!("{error}; the variable is ignored");
                    diagnostics::warn(Category::Tracing, warning);
                }
                false
            }
        }
    }

    fn flag(&mut self, variable: &str, field: &mut bool) {
        self.other(variable, parse::FLAG, parse::flag, field);
    }

    fn whole(&mut self, variable: &str, bounds: RangeInclusive<usize>, field: &mut usize) {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.other(variable, &expected, |text| parse::whole(text, bounds), field);
    }

    fn seconds(&mut self, variable: &str, bounds: RangeInclusive<f64>, field: &mut Duration) {
        let expected = format!("seconds from {} to {}", bounds.start(), bounds.end());
        self.other(variable, &expected, |text| parse::seconds(text, bounds), field);
    }
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::prices::PriceTable;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_environment(&Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn an_empty_environment_leaves_the_defaults() {
        assert_eq!(read(&[]), Ok(Settings::default()));
        assert_eq!(read(&[("RAAF_TRACE_BATCH_SIZE", "")]), Ok(Settings::default()));
    }

    #[test]
    fn every_variable_has_its_field() {
        let settings = read(&[
            ("RAAF_DISABLE_TRACING", "on"),
            ("RAAF_TRACE_PROCESSORS", "prometheus, memory"),
            ("RAAF_SKIP_DEFAULT_PROCESSORS", "yes"),
            ("RAAF_TRACE_BATCH_SIZE", " 7 "),
            ("RAAF_TRACE_FLUSH_INTERVAL", "0.5"),
            ("RAAF_TRACE_MAX_SPANS", "70"),
            ("RAAF_TRACE_CLEANUP_INTERVAL", "30"),
            ("RAAF_TRACE_STALE_AFTER", "90"),
            ("RAAF_TRACE_SHUTDOWN_TIMEOUT", "2.5"),
            ("RAAF_TRACE_SAMPLE_RATE", "0.25"),
            ("RAAF_TRACE_ONLY", "failed,slow=2s"),
            ("RAAF_TRACE_INCLUDE_SENSITIVE_DATA", "no"),
            ("RAAF_TRACE_PRICES", "none"),
            ("RAAF_TRACE_BAGGAGE_ATTRIBUTES", "tenant, user.id"),
            ("RAAF_TRACE_MAX_ATTRIBUTE_LENGTH", "100"),
            ("RAAF_TRACE_MAX_CONTENT_LENGTH", "200"),
            ("RAAF_DEBUG_CATEGORIES", "context,http"),
            ("RAAF_LOG_LEVEL", "debug"),
        ])
        .unwrap();
        let expected = Settings {
            disabled: true,
            processors: vec!["prometheus".into(), "memory".into()],
            skip_default_processors: true,
            batch_size: 7,
            max_batch_size: 7,
            flush_interval: Duration::from_millis(500),
            max_spans: 70,
            cleanup_interval: Duration::from_secs(30),
            stale_after: Some(Duration::from_secs(90)),
            shutdown_timeout: Duration::from_millis(2_500),
            sample_rate: 0.25,
            only_failed: true,
            only_slower_than: Some(Duration::from_secs(2)),
            include_sensitive_data: false,
            prices: PriceTable::empty(),
            baggage_attributes: vec!["tenant".into(), "user.id".into()],
            max_attribute_length: 100,
            max_content_length: 200,
            debug_categories: Categories::default().with(Category::Context).with(Category::Http),
            log_level: Level::Debug,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn g68_zero_means_never_stale() {
        assert_eq!(read(&[("RAAF_TRACE_STALE_AFTER", "0")]).unwrap().stale_after, None);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_would_be_right() {
        for (variable, value, expected) in [
            ("RAAF_DISABLE_TRACING", "maybe", "one of 1, true, yes, on, 0, false, no, off"),
            (
                "RAAF_TRACE_BATCH_SIZE",
                "0",
                "a whole number from 1 to RAAF_TRACE_MAX_SPANS, which is 10000",
            ),
            ("RAAF_TRACE_MAX_SPANS", "-1", "a whole number from 1 to 100000000"),
            ("RAAF_TRACE_FLUSH_INTERVAL", "0", "seconds from 0.001 to 31536000"),
            ("RAAF_TRACE_FLUSH_INTERVAL", "5s", "seconds from 0.001 to 31536000"),
            ("RAAF_TRACE_STALE_AFTER", "-1", "seconds from 0 to 31536000"),
            ("RAAF_TRACE_STALE_AFTER", "inf", "seconds from 0 to 31536000"),
            ("RAAF_TRACE_SAMPLE_RATE", "NaN", "a number from 0 to 1"),
            ("RAAF_TRACE_SAMPLE_RATE", "1.5", "a number from 0 to 1"),
            (
                "RAAF_TRACE_PROCESSORS",
                "console,file,console",
                "sink names separated by commas, each once",
            ),
            ("RAAF_LOG_LEVEL", "loud", "one of off, error, warn, info, debug, trace"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.to_string(), format!("{variable} is `{value}`; expected {expected}"));
        }
        let error = read(&[("RAAF_TRACE_BATCH_SIZE", "20"), ("RAAF_TRACE_MAX_SPANS", "10")]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "RAAF_TRACE_BATCH_SIZE is `20`; expected a whole number from 1 to \
             RAAF_TRACE_MAX_SPANS, which is 10",
        );
        let error = read(&[("RAAF_DEBUG_CATEGORIES", "http,oops")]).unwrap_err();
        assert_eq!(error.variable(), "RAAF_DEBUG_CATEGORIES");
    }

    #[test]
    fn the_default_batch_size_follows_a_smaller_queue() {
        assert_eq!(read(&[("RAAF_TRACE_MAX_SPANS", "10")]).unwrap().batch_size, 10);
    }

    #[test]
    fn the_level_off_shows_no_lines() {
        let settings = read(&[("RAAF_DEBUG_CATEGORIES", "all"), ("RAAF_LOG_LEVEL", "Off")]);
        assert_eq!(settings.unwrap().debug_categories, Categories::none());
    }

    #[test]
    fn lenient_reading_keeps_what_is_usable() {
        let environment = Environment::from_pairs([
            ("RAAF_TRACE_BATCH_SIZE", "abc"),
            ("RAAF_TRACE_MAX_SPANS", "10"),
            ("RAAF_TRACE_STALE_AFTER", "soon"),
        ]);
        let (settings, errors) = Settings::from_environment_lenient(&environment);
        assert_eq!(settings, Settings { batch_size: 10, max_spans: 10, ..Settings::default() });
        let variables: Vec<_> = errors.iter().map(SettingsError::variable).collect();
        assert_eq!(variables, ["RAAF_TRACE_BATCH_SIZE", "RAAF_TRACE_STALE_AFTER"]);
    }
}
