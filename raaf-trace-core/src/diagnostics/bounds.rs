//! Bounds of values in code, where building cannot fail.

use std::fmt;

use raaf_trace_model::environment::SettingsError;

use super::{Category, warn};

/// Returns the value, or the least allowed one with a warning that names the setting. For sinks
/// whose builders cannot fail.
///
/// ```
/// use raaf_trace_core::diagnostics::at_least;
///
/// assert_eq!(at_least("MySink::max_spans", 5, 1), 5);
/// assert_eq!(at_least("MySink::max_spans", 0, 1), 1);
/// ```
pub fn at_least<T: Ord + fmt::Debug>(setting: &str, value: T, least: T) -> T {
    if value < least {
        let expected = format!("at least {least:?}");
        warn_of_value(&SettingsError::in_code(setting, &value, &expected));
    }
    value.max(least)
}

/// Reports a value in code of which the nearest allowed one is used.
pub(crate) fn warn_of_value(error: &SettingsError) {
    warn(Category::Tracing, format_args!("{error}; the nearest value is used"));
}
