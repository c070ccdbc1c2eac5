//! One processor for the spans of both libraries.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use raaf_processors::conventions::OtlpNames;
use raaf_trace_core::{FinishedSpan, SpanExporter, sink::ExportError};

use crate::data;

/// Time limit of a shutdown by our provider.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A processor of OpenTelemetry's SDK that receives our finished spans, too, so that one exporter and
/// one resource serve both.
///
/// Clones share the processor: add one to an `SdkTracerProvider`, which gives it the resource, and
/// another to a [`TracerProvider`](raaf_trace_core::TracerProvider). It is an exporter there, behind a
/// queue: our spans are converted on its worker, with ids, names and attributes as `OtlpSink` sends
/// them. After each batch the processor is flushed, so that its own queue does not overflow, and a
/// failure is counted in our statistics.
///
/// Shut our provider down first. If the processor belongs to an `SdkTracerProvider`, this only flushes
/// it; otherwise it shuts it down.
///
/// See [the crate's page](crate#examples) for an example.
pub struct OtelProcessor<P> {
    shared: Arc<Shared<P>>,
    names: OtlpNames,
    scope: InstrumentationScope,
}

struct Shared<P> {
    /// Written only when an SDK's provider is built.
    processor: RwLock<P>,
    is_theirs: AtomicBool,
}

impl<P> OtelProcessor<P> {
    /// Shares a processor.
    pub fn new(processor: P) -> Self {
        let scope = InstrumentationScope::builder("raaf-trace-core")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let shared =
            Shared { processor: RwLock::new(processor), is_theirs: AtomicBool::new(false) };
        Self { shared: Arc::new(shared), names: OtlpNames::default(), scope }
    }

    /// Sets the names of our spans.
    #[must_use]
    pub fn names(mut self, names: OtlpNames) -> Self {
        self.names = names;
        self
    }

    fn processor(&self) -> RwLockReadGuard<'_, P> {
        self.shared.processor.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: SpanProcessor + 'static> SpanExporter for OtelProcessor<P> {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        // Some processors export at once, with clients that are traced.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let processor = self.processor();
        for span in batch {
            processor.on_end(data::of(span, self.names, &self.scope));
        }
        checked(processor.force_flush())
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        checked(self.processor().force_flush())
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        let processor = self.processor();
        if self.shared.is_theirs.load(Ordering::Acquire) {
            return checked(processor.force_flush());
        }
        checked(processor.shutdown_with_timeout(SHUTDOWN))
    }
}

/// A processor does not report which spans it lost, so the batch is not sent again.
fn checked(result: OTelSdkResult) -> Result<(), ExportError> {
    result.map_err(|error| ExportError::permanent(error.to_string()))
}

impl<P: SpanProcessor> SpanProcessor for OtelProcessor<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor().on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.processor().on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor().force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor().shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.shared.is_theirs.store(true, Ordering::Release);
        let mut processor = self.shared.processor.write().unwrap_or_else(PoisonError::into_inner);
        processor.set_resource(resource);
    }
}

impl<P> Clone for OtelProcessor<P> {
    fn clone(&self) -> Self {
        let (shared, scope) = (Arc::clone(&self.shared), self.scope.clone());
        Self { shared, names: self.names, scope }
    }
}

impl<P> fmt::Debug for OtelProcessor<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtelProcessor").field("names", &self.names).finish_non_exhaustive()
    }
}
