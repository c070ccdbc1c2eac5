//! Handlers that pass lines on to the logging crates that programs use.

use super::{Category, Level, Line};

/// Passes a line on to the crate [`log`], with the target `raaf::` and the category, such as
/// `raaf::http`; a handler for [`set_handler`](super::set_handler).
#[cfg(feature = "log")]
pub fn to_log(line: &Line) {
    let level = match line.level() {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
        Level::Trace => log::Level::Trace,
    };
    log::log!(target: target(line.category()), level, "{}", line.text());
}

#[cfg(feature = "log")]
fn target(category: Category) -> &'static str {
    match category {
        Category::Tracing => "raaf::tracing",
        Category::Http => "raaf::http",
        Category::Api => "raaf::api",
        Category::Tools => "raaf::tools",
        Category::Handoff => "raaf::handoff",
        Category::Context => "raaf::context",
        Category::Export => "raaf::export",
    }
}

/// Passes a line on to the crate [`tracing`] as an event, with the target `raaf::` and the category,
/// such as `raaf::http`; a handler for [`set_handler`](super::set_handler).
///
/// Lines written inside a callback of a subscriber are lost while any subscriber is set for a scope
/// (`with_default`, `set_default`): `tracing` then passes on no events from inside a callback. With
/// only `set_global_default`, they arrive.
#[cfg(feature = "tracing")]
pub fn to_tracing(line: &Line) {
    // Targets and levels of events are constants.
    macro_rules! event {
        ($target:literal) => {
            match line.level() {
                Level::Error => tracing::error!(target: $target, "{}", line.text()),
                Level::Warn => tracing::warn!(target: $target, "{}", line.text()),
                Level::Info => tracing::info!(target: $target, "{}", line.text()),
                Level::Debug => tracing::debug!(target: $target, "{}", line.text()),
                Level::Trace => tracing::trace!(target: $target, "{}", line.text()),
            }
        };
    }
    match line.category() {
        Category::Tracing => event!("raaf::tracing"),
        Category::Http => event!("raaf::http"),
        Category::Api => event!("raaf::api"),
        Category::Tools => event!("raaf::tools"),
        Category::Handoff => event!("raaf::handoff"),
        Category::Context => event!("raaf::context"),
        Category::Export => event!("raaf::export"),
    }
}
