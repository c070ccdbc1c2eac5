//! Encodes a batch as the body of a request.

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::InstrumentationScope,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use prost::Message as _;
use raaf_trace_model::{sink::ExportError, span::FinishedSpan};

use super::{names::OtlpNames, span};

pub(super) const CONTENT_TYPE: &str = "application/x-protobuf";

/// Name of the instrumentation scope.
const SCOPE: &str = "raaf-trace-core";

/// Encodes a request for these spans.
pub(super) fn encode(
    batch: &[&FinishedSpan],
    resource: &Resource,
    names: OtlpNames,
    gzip: bool,
) -> Result<Vec<u8>, ExportError> {
    let scope = InstrumentationScope { name: SCOPE.to_owned(), ..InstrumentationScope::default() };
    let spans = ScopeSpans {
        scope: Some(scope),
        spans: batch.iter().map(|finished| span::of(finished, names)).collect(),
        ..ScopeSpans::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![spans],
        ..ResourceSpans::default()
    };
    let bytes = ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec();
    if gzip { compress(&bytes).map_err(|error| failed(&error)) } else { Ok(bytes) }
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn failed(error: &io::Error) -> ExportError {
    ExportError::permanent(format!("a request could not be compressed: {error}"))
}
