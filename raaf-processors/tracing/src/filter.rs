//! Directives that select the recorded spans and events.

use raaf_trace_core::environment::{Environment, SettingsError, Variables};
use tracing::{
    Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter,
    filter::Targets,
    layer::{Context, Filter},
};

const VARIABLE: &str = "RAAF_TRACE_TRACING";
const EXPECTED: &str = "directives such as `debug`, `sqlx=debug,hyper=info` or `off`";

/// Crates that are off by default: those of this library, and those that the transports of sinks use.
const OFF: [&str; 16] = [
    "raaf",
    "raaf_agents",
    "raaf_opentelemetry",
    "raaf_processors",
    "raaf_tower",
    "raaf_trace_core",
    "raaf_trace_model",
    "raaf_tracing",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "rustls",
    "tokio",
    "ureq",
    "ureq_proto",
];

raaf_trace_core::submit! {
    Variables::new(&[VARIABLE], |environment| Directives::read(environment).map(drop))
}

/// Filter of a layer, by directives in the syntax of [`EnvFilter`].
#[derive(Debug)]
pub struct Directives {
    kind: Kind,
    /// Crates of [`OFF`] that no directive names.
    off: Vec<&'static str>,
}

#[derive(Debug)]
enum Kind {
    /// Targets and levels only, which cost nothing for a span once its callsite is known.
    Targets(Targets),
    /// Spans and fields, too.
    Spans(Box<EnvFilter>),
}

impl Directives {
    /// Adds directives to the default ones; of two for the same target, the later one applies.
    pub(crate) fn parse(directives: &str) -> Option<Self> {
        let given = directives.split(',').map(str::trim).filter(|one| !one.is_empty());
        let given: Vec<_> = given.collect();
        let target = |one: &str| one.split(['=', '[']).next().map(str::to_owned);
        let named: Vec<_> = given.iter().filter_map(|one| target(one)).collect();
        let off = OFF.into_iter().filter(|name| !named.iter().any(|one| one == name));
        let off: Vec<_> = off.collect();
        // A directive applies to each target that begins with its own, thus `tokio` to
        // `tokio_postgres`, but `tokio::` does not.
        let all = std::iter::once("info".to_owned())
            .chain(off.iter().map(|name| format!("{name}::=off")))
            .chain(given.into_iter().map(str::to_owned));
        let all = all.collect::<Vec<_>>().join(",");
        let kind = if directives.contains('[') {
            Kind::Spans(Box::new(EnvFilter::builder().parse(all).ok()?))
        } else {
            Kind::Targets(all.parse().ok()?)
        };
        Some(Self { kind, off })
    }

    fn is_off(&self, metadata: &Metadata<'_>) -> bool {
        self.off.contains(&metadata.target())
    }

    /// Returns the directives in code, as an error of settings if they are invalid.
    pub(crate) fn in_code(directives: &str) -> Result<Self, SettingsError> {
        Self::parse(directives)
            .ok_or_else(|| SettingsError::in_code("Builder::filter", &directives, EXPECTED))
    }

    /// Reads `RAAF_TRACE_TRACING`.
    pub(crate) fn read(environment: &Environment) -> Result<Option<Self>, SettingsError> {
        environment.read(VARIABLE, EXPECTED, Self::parse)
    }
}

impl Default for Directives {
    fn default() -> Self {
        Self::parse("")
            .unwrap_or_else(|| Self { kind: Kind::Targets(Targets::new()), off: Vec::new() })
    }
}

/// Runs an expression on the filter of either kind.
macro_rules! both {
    ($own:expr, $filter:ident => $run:expr) => {
        match &$own.kind {
            Kind::Targets($filter) => $run,
            Kind::Spans(filter) => {
                let $filter = &**filter;
                $run
            }
        }
    };
}

impl<S: Subscriber> Filter<S> for Directives {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        !self.is_off(metadata) && both!(self, filter => Filter::enabled(filter, metadata, context))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_off(metadata) {
            return Interest::never();
        }
        both!(self, filter => Filter::<S>::callsite_enabled(filter, metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        both!(self, filter => Filter::<S>::max_level_hint(filter))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        both!(self, filter => Filter::on_new_span(filter, attributes, id, context));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        both!(self, filter => Filter::on_record(filter, id, values, context));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        both!(self, filter => Filter::on_enter(filter, id, context));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        both!(self, filter => Filter::on_exit(filter, id, context));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        both!(self, filter => Filter::on_close(filter, id, context));
    }
}
