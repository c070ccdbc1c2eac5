//! Encodes a batch as the body of a request.

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};
use raaf_trace_model::{sink::ExportError, span::FinishedSpan};

use super::{
    resource,
    span::{self, Form},
};
use crate::{conventions::OtlpNames, protobuf::Writer};

/// Name of the instrumentation scope.
const SCOPE: &str = "raaf-trace-core";

/// Conventions that attributes follow: those for generative AI, version 0.1.0.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai/0.1.0";

/// Usual number of bytes of a span, for which memory is taken at once.
const SPAN: usize = 512;

/// Returns the body of an OTLP request for spans, as protobuf with the names and the resource that the
/// sink has by default; for programs that convert traces they have read.
///
/// # Examples
///
/// ```
/// use raaf_processors::otlp_request;
/// use raaf_trace_core::FinishedSpan;
///
/// let span = FinishedSpan::builder("tool", "Search").build();
/// assert!(!otlp_request(&[span]).is_empty());
/// ```
pub fn otlp_request(spans: &[FinishedSpan]) -> Vec<u8> {
    let form = Form { names: OtlpNames::default(), texts: true };
    let resource = resource::of(Vec::new(), Vec::new());
    body(&spans.iter().collect::<Vec<_>>(), &resource, form)
}

/// Encodes a request for these spans of an encoded resource.
pub(super) fn encode(
    batch: &[&FinishedSpan],
    resource: &[u8],
    form: Form,
    gzip: bool,
) -> Result<Vec<u8>, ExportError> {
    let bytes = body(batch, resource, form);
    if gzip { compress(&bytes).map_err(|error| failed(&error)) } else { Ok(bytes) }
}

fn body(batch: &[&FinishedSpan], resource: &[u8], form: Form) -> Vec<u8> {
    let mut out = Writer::with_capacity(resource.len() + SPAN * (batch.len() + 1));
    // The lengths of a usual batch take three bytes.
    out.message(1, 3, |out| {
        out.bytes(1, resource);
        out.message(2, 3, |out| {
            out.message(1, 1, |out| {
                out.bytes(1, SCOPE.as_bytes());
                out.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for finished in batch {
                span::write(out, 2, finished, form);
            }
            out.bytes(3, SCHEMA_URL.as_bytes());
        });
    });
    out.into_bytes()
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn failed(error: &io::Error) -> ExportError {
    ExportError::permanent(format!("a request could not be compressed: {error}"))
}
