//! What can be set from outside: the `RAAF_*` environment variables, their defaults and bounds.
//!
//! Code beats environment beats default: read the environment first, then set fields.
//!
//! ```
//! use raaf_trace_core::settings::{Environment, Settings};
//!
//! let environment = Environment::from_pairs([("RAAF_TRACE_BATCH_SIZE", "200")]);
//! let mut settings = Settings::from_environment(&environment)?;
//! settings.sample_rate = 0.1;
//! assert_eq!(settings.batch_size, 200);
//! # Ok::<(), raaf_trace_core::SettingsError>(())
//! ```

mod default_sink;
mod environment;
mod error;
mod parse;
mod read;

use std::{path::PathBuf, time::Duration};

use crate::diagnostics::{Categories, Level};

pub use environment::Environment;
pub use error::SettingsError;

use default_sink::OpenAiAccount;

/// Everything that can be set from outside and is not a single sink's own affair.
///
/// Sinks read their own variables through the same [`Environment`].
// Each is an independent switch of the environment, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// No spans are made (`RAAF_DISABLE_TRACING`; default false).
    pub disabled: bool,
    /// Names of sinks, in order (`RAAF_TRACE_PROCESSORS`; default none). See
    /// [`sinks`](Self::sinks) for those that run.
    pub processors: Vec<String>,
    /// Adds the console sink (`RAAF_TRACE_CONSOLE`; default false).
    pub console: bool,
    /// Adds the file sink, which writes there (`RAAF_TRACE_FILE`; default none).
    pub file: Option<PathBuf>,
    /// No sink starts without being named (`RAAF_SKIP_DEFAULT_PROCESSORS`; default false).
    pub skip_default_processors: bool,
    /// Spans in a batch, at least 1 (`RAAF_TRACE_BATCH_SIZE`; default 50).
    pub batch_size: usize,
    /// How long a finished span waits for its batch to fill (`RAAF_TRACE_FLUSH_INTERVAL`, in
    /// seconds; default 5).
    pub flush_interval: Duration,
    /// Finished spans held in memory for each exporter, at least 1 (`RAAF_TRACE_MAX_SPANS`; default
    /// 1,000).
    pub max_spans: usize,
    /// How often forgotten spans are looked for (`RAAF_TRACE_CLEANUP_INTERVAL`, in seconds; default
    /// 60).
    pub cleanup_interval: Duration,
    /// The age at which an open manual span counts as forgotten; none is never
    /// (`RAAF_TRACE_STALE_AFTER`, in seconds, 0 for never; default 3,600).
    pub stale_after: Option<Duration>,
    /// The share of traces that are kept, from 0 to 1 (`RAAF_TRACE_SAMPLE_RATE`; default 1).
    pub sample_rate: f64,
    /// Spans carry prompts, completions, tool arguments and results
    /// (`RAAF_TRACE_INCLUDE_SENSITIVE_DATA`; default true).
    pub include_sensitive_data: bool,
    /// The longest attribute value, in bytes (`RAAF_TRACE_MAX_ATTRIBUTE_LENGTH`; default 4,096).
    pub max_attribute_length: usize,
    /// The longest prompt, completion, tool argument or result, in bytes
    /// (`RAAF_TRACE_MAX_CONTENT_LENGTH`; default 100,000).
    pub max_content_length: usize,
    /// What the library says about itself (`RAAF_DEBUG_CATEGORIES`; default errors and warnings
    /// only).
    pub debug_categories: Categories,
    /// The least important line that it says (`RAAF_LOG_LEVEL`; default info).
    pub log_level: Level,
    openai: OpenAiAccount,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disabled: false,
            processors: Vec::new(),
            console: false,
            file: None,
            skip_default_processors: false,
            batch_size: 50,
            flush_interval: Duration::from_secs(5),
            max_spans: 1_000,
            cleanup_interval: Duration::from_secs(60),
            stale_after: Some(Duration::from_secs(3_600)),
            sample_rate: 1.0,
            include_sensitive_data: true,
            max_attribute_length: 4_096,
            max_content_length: 100_000,
            debug_categories: Categories::default(),
            log_level: Level::default(),
            openai: OpenAiAccount::default(),
        }
    }
}

impl Settings {
    /// The names of the sinks that run, in order: the [`processors`](Self::processors), then
    /// `console` and `file` where they are asked for and not named already.
    ///
    /// When this is empty, [`default_sink`](Self::default_sink) says what runs instead.
    ///
    /// ```
    /// # use raaf_trace_core::Settings;
    /// let mut settings = Settings::default();
    /// settings.processors = vec!["file".to_owned(), "prometheus".to_owned()];
    /// settings.console = true;
    /// settings.file = Some("traces.jsonl".into());
    /// assert_eq!(settings.sinks(), ["file", "prometheus", "console"]);
    /// ```
    pub fn sinks(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.processors.iter().map(String::as_str).collect();
        for (name, wanted) in [("console", self.console), ("file", self.file.is_some())] {
            if wanted && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}
