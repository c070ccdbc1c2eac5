//! Sinks chosen by name.

use raaf_trace_model::{
    environment::{Environment, SettingsError},
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

/// Returns the invalid variables of linked sinks that are not built, one a sink.
pub(super) fn check_other_sinks(
    environment: &Environment,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<SettingsError> {
    let others = registry::linked().into_iter().filter(|sink| !is_wanted(sink.name()));
    let check = |sink: &registry::SinkRegistration| {
        suppress::scope(|| panics::caught(|| sink.check(environment))).ok()?.err()
    };
    others.filter_map(check).collect()
}

/// Builds the registered sink of that name.
pub(super) fn make_sink(
    name: &str,
    environment: &Environment,
    batch: &BatchConfig,
    by_default: bool,
) -> Result<AnySink, SinkError> {
    let registration = registry::find(name)?;
    diagnostics::debug(Category::Tracing, format_args!("building the sink `{name}`"));
    let config = SinkConfig::new(environment, batch.clone()).with_by_default(by_default);
    // Untraced: it may run because a first span needed the global provider, and a span in it would
    // need the same provider again.
    let sink: Sink = suppress::scope(|| panics::caught(|| registration.build(&config)))
        .unwrap_or_else(|message| Err(format!("panicked: {message}").into()))
        .map_err(|source| SinkError::Build { name: name.to_owned(), source })?;
    Ok(sink.into_sink())
}
