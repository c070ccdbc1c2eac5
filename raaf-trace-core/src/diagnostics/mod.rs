//! Library diagnostics: lines on standard error, or where [`set_handler`] sends them, by category and
//! level.
//!
//! `RAAF_DEBUG_CATEGORIES` and `RAAF_LOG_LEVEL` select them. Errors and warnings are shown unless
//! the level excludes them, the level is `off`, or the categories are `none`; other lines only for the listed
//! categories. Lines must not contain keys, headers or prompts; callers are responsible for that.
//! Control characters are escaped.
//!
//! ```
//! use raaf_trace_core::diagnostics::{self, Category};
//!
//! diagnostics::debug(Category::Context, format_args!("{} spans have no parent", 2));
//! ```
//!
//! A disabled line costs one relaxed atomic load; its arguments are not formatted.

mod bounds;
mod category;
mod escape;
#[cfg(any(feature = "log", feature = "tracing"))]
mod facade;
mod handler;
mod level;
mod line;
mod repeated;
mod report;

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use raaf_trace_model::environment::Environment;

pub use bounds::at_least;
pub(crate) use bounds::warn_of_value;
pub use category::{Categories, Category};
#[cfg(feature = "log")]
pub use facade::to_log;
#[cfg(feature = "tracing")]
pub use facade::to_tracing;
pub use handler::{clear_handler, set_handler};
pub use level::Level;
pub use line::Line;
pub use raaf_trace_model::escape::Escaped;
pub use repeated::Repeated;
pub use report::Diagnostics;

/// The process's packed [`Gate`].
static GATE: AtomicU32 = AtomicU32::new(UNREAD);
const UNREAD: u32 = u32::MAX;

/// Enabled categories and level, packed for an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gate(u32);

impl Gate {
    const LEVEL_SHIFT: u32 = 16;
    /// Set in a gate that the environment does not replace.
    const IN_CODE: u32 = 1 << 24;

    fn new(categories: Categories, level: Level) -> Self {
        Self(u32::from(categories.bits()) | (level as u32) << Self::LEVEL_SHIFT)
    }

    fn shows(self, category: Category, level: Level) -> bool {
        let categories = Categories::from_bits(self.0 as u16);
        let by_level = level as u32 <= (self.0 & !Self::IN_CODE) >> Self::LEVEL_SHIFT;
        let by_category = match level {
            Level::Error | Level::Warn => !categories.is_none(),
            Level::Info | Level::Debug | Level::Trace => categories.contains(category),
        };
        by_level && by_category
    }
}

/// Sets the categories and level of this process. Takes precedence over its environment, before and
/// after [`init`](crate::init).
pub fn configure(categories: Categories, level: Level) {
    GATE.store(Gate::new(categories, level).0 | Gate::IN_CODE, Ordering::Relaxed);
}

/// Sets the categories and level of an environment, unless [`configure`] has set others.
pub(crate) fn configure_by_environment(categories: Categories, level: Level) {
    let gate = Gate::new(categories, level).0;
    // An error means that the gate is set in code.
    let _ = GATE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
        (held == UNREAD || held & Gate::IN_CODE == 0).then_some(gate)
    });
}

/// Returns whether lines of this category and level are enabled.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::diagnostics::{self, Categories, Category, Level};
///
/// diagnostics::configure(Categories::none().with(Category::Tools), Level::Debug);
/// if diagnostics::enabled(Category::Tools, Level::Debug) {
///     // compute costly details here
/// }
/// ```
#[inline]
pub fn enabled(category: Category, level: Level) -> bool {
    match GATE.load(Ordering::Relaxed) {
        UNREAD => read_gate(),
        gate => Gate(gate),
    }
    .shows(category, level)
}

/// Reads the environment, once per process. Invalid variables have their defaults.
#[cold]
fn read_gate() -> Gate {
    let gate = Diagnostics::from_environment(&Environment::process()).gate();
    // A concurrent `configure` takes precedence.
    match GATE.compare_exchange(UNREAD, gate.0, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => gate,
        Err(newer) => Gate(newer),
    }
}

/// Writes a line, if its category and level are enabled.
#[inline]
pub fn log(category: Category, level: Level, text: fmt::Arguments<'_>) {
    if enabled(category, level) {
        handler::emit(&Line::new(category, level, text));
    }
}

/// Writes a line about a failure.
pub fn error(category: Category, text: fmt::Arguments<'_>) {
    log(category, Level::Error, text);
}

/// Writes a line about an unexpected condition; work continues.
pub fn warn(category: Category, text: fmt::Arguments<'_>) {
    log(category, Level::Warn, text);
}

/// Writes a line of general information.
#[inline]
pub fn info(category: Category, text: fmt::Arguments<'_>) {
    log(category, Level::Info, text);
}

/// Writes a line for debugging.
#[inline]
pub fn debug(category: Category, text: fmt::Arguments<'_>) {
    log(category, Level::Debug, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_never_looks_unread() {
        assert_ne!(Gate::new(Categories::all(), Level::Trace).0 | Gate::IN_CODE, UNREAD);
        assert_ne!(Gate::new(Categories::none(), Level::Trace).0, UNREAD);
    }
}
