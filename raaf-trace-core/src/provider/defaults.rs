//! The provider of code that traces without one.

use std::fmt;

use raaf_trace_model::environment::Environment;

use crate::{
    diagnostics::{self, Category},
    provider::{
        TracerProvider,
        given::Given,
        named_sinks::{check_other_sinks, make_sink},
        settings::Settings,
    },
};

/// Builds the default provider for code that traces without a provider. Reports invalid settings
/// and sinks, and leaves them out. Without sinks it records nothing until one is added.
pub(super) fn lenient(environment: &Environment) -> TracerProvider {
    let warn = |error: &dyn fmt::Display| {
        diagnostics::warn(Category::Tracing, format_args!("{error}"));
    };
    let (settings, errors) = Settings::from_environment_lenient(environment);
    for error in errors {
        warn(&format_args!("{error}; using the default"));
    }
    let given = Given::default();
    let batch = given.batch_config(&settings);
    let wanted = settings.wanted_sinks(environment).unwrap_or_else(|error| {
        warn(&error);
        Vec::new()
    });
    for error in
        check_other_sinks(environment, |name| wanted.iter().any(|(named, _)| named == name))
    {
        warn(&error);
    }
    let mut sinks = Vec::new();
    for (name, by_default) in wanted {
        match make_sink(&name, environment, &batch, by_default) {
            Ok(sink) => sinks.push(sink),
            Err(error) => warn(&error),
        }
    }
    given.assemble(&settings, sinks, true)
}

/// Builds a provider that records nothing until a sink is added.
pub(super) fn idle() -> TracerProvider {
    Given::default().assemble(&Settings::default(), Vec::new(), true)
}
