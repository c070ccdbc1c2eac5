//! Traces as JSON of OpenTelemetry's protocol.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use raaf_processors::otlp_request;
use raaf_trace_model::span::FinishedSpan;

/// Returns a request with these spans, in one line.
///
/// # Errors
///
/// Does not fail for what this project encodes.
pub(crate) fn request(spans: &[FinishedSpan]) -> anyhow::Result<String> {
    let request = ExportTraceServiceRequest::decode(&*otlp_request(spans))?;
    Ok(serde_json::to_string(&request)?)
}
