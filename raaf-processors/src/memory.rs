//! Memory sink: keeps the last finished spans of this process when the sink `memory` is chosen by
//! name.
//!
//! In code, give the provider a [`MemoryExporter`] and keep a clone of it; several providers can
//! then have one each. A sink chosen by name exists once in the process; [`recorded`] returns its
//! exporter.
//!
//! ```
//! use raaf_processors::memory;
//! use raaf_trace_core::{
//!     Component, SpanFilter, Traceable as _, TracerProvider, environment::Environment,
//! };
//!
//! // RAAF_TRACE_PROCESSORS=memory ./program
//! let environment = Environment::from_pairs([("RAAF_TRACE_PROCESSORS", "memory")]);
//! let provider = TracerProvider::builder().environment(&environment).build()?;
//! provider.run(|| Component::tool("Search").in_span("run", || ()));
//! provider.force_flush(std::time::Duration::from_secs(5))?;
//!
//! assert_eq!(memory::recorded().select(&SpanFilter::kind("tool")).len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::{Mutex, PoisonError};

use raaf_trace_model::{
    environment::{Environment, SettingsError},
    sink::{
        MemoryExporter,
        registry::{Sink, SinkRegistration},
    },
};

/// Default number of spans to keep; [`SPANS`] overrides it.
pub const DEFAULT_SPANS: usize = 10_000;

/// Variable that sets how many spans are kept, at least 1.
pub const SPANS: &str = "RAAF_TRACE_MEMORY_SPANS";

raaf_trace_model::submit! {
    SinkRegistration::new("memory", |config| {
        let exporter = MemoryExporter::with_limit(limit(config.environment())?);
        *NAMED.lock().unwrap_or_else(PoisonError::into_inner) = Some(exporter.clone());
        Ok(Sink::exporter(exporter))
    })
    .check_with(|environment| limit(environment).map(drop))
    .variables(&["RAAF_TRACE_MEMORY_SPANS"])
}

/// Exporter of the sink that was built last.
static NAMED: Mutex<Option<MemoryExporter>> = Mutex::new(None);

/// Returns the exporter behind the sink `memory`; empty if no such sink was chosen. If several
/// providers chose it, returns the exporter of the last one.
pub fn recorded() -> MemoryExporter {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

fn limit(environment: &Environment) -> Result<usize, SettingsError> {
    let read = |text: &str| text.parse().ok().filter(|spans| *spans > 0);
    Ok(environment.read(SPANS, "a number of spans, at least 1", read)?.unwrap_or(DEFAULT_SPANS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_spans_can_be_set() {
        let limit = |text: &str| limit(&Environment::from_pairs([(SPANS, text)]));
        assert_eq!(limit(""), Ok(DEFAULT_SPANS));
        assert_eq!(limit("7"), Ok(7));
        for wrong in ["0", "-1", "many"] {
            let error = limit(wrong).map_err(|error| error.to_string());
            let expected = format!("{SPANS} is `{wrong}`; expected a number of spans, at least 1");
            assert_eq!(error, Err(expected));
        }
    }
}
