//! Sinks chosen by name.

use raaf_trace_model::{
    environment::{Environment, SettingsError, Variables},
    sink::{
        BatchConfig,
        registry::{self, Sink, SinkConfig, SinkError},
    },
};

use crate::{
    base::{panics, suppress},
    diagnostics::{self, Category},
    sink::{AnySink, IntoSink},
};

/// Returns the invalid variables of linked crates, one each, except of sinks that are built.
pub(super) fn check_other_sinks(
    environment: &Environment,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<SettingsError> {
    let others = registry::linked().into_iter().filter(|sink| !is_wanted(sink.name()));
    let of_sinks = others.filter_map(|sink| guarded(|| sink.check(environment)));
    let of_others =
        Variables::linked().filter_map(|declared| guarded(|| declared.check(environment)));
    of_sinks.chain(of_others).collect()
}

/// Returns the error of a check, which runs code of a linked crate.
fn guarded(check: impl FnOnce() -> Result<(), SettingsError>) -> Option<SettingsError> {
    suppress::scope(|| panics::caught(check)).ok()?.err()
}

/// Builds the registered sink of that name.
pub(super) fn make_sink(
    name: &str,
    environment: &Environment,
    batch: &BatchConfig,
    by_default: bool,
) -> Result<AnySink, SinkError> {
    let registration = registry::find(name)?;
    diagnostics::debug(Category::Export, format_args!("building the sink `{name}`"));
    let config = SinkConfig::new(environment, batch.clone()).with_by_default(by_default);
    // Untraced: it may run because a first span needed the global provider, and a span in it would
    // need the same provider again.
    let sink: Sink = suppress::scope(|| panics::caught(|| registration.build(&config)))
        .unwrap_or_else(|message| Err(format!("panicked: {message}").into()))
        .map_err(|source| SinkError::Build { name: name.to_owned(), source })?;
    Ok(sink.into_sink())
}
