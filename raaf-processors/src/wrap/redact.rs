//! Removes data from spans.

use raaf_trace_model::{
    Redactor,
    sink::{ExportError, Overflow, SpanExporter},
    span::FinishedSpan,
};

/// Wrapper that removes data from each span; see
/// [`WrapExporter::redact`](super::WrapExporter::redact) and
/// [`WrapExporter::without_content`](super::WrapExporter::without_content).
#[derive(Debug)]
pub struct Redact<E> {
    exporter: E,
    what: What,
}

#[derive(Debug)]
enum What {
    Secrets(Box<Redactor>),
    Content,
}

impl<E> Redact<E> {
    pub(super) fn secrets(exporter: E, redactor: Redactor) -> Self {
        Self { exporter, what: What::Secrets(Box::new(redactor)) }
    }

    pub(super) fn content(exporter: E) -> Self {
        Self { exporter, what: What::Content }
    }
}

impl<E: SpanExporter> SpanExporter for Redact<E> {
    fn name(&self) -> &str {
        self.exporter.name()
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let redacted: Vec<FinishedSpan> = batch
            .iter()
            .map(|span| match &self.what {
                What::Secrets(redactor) => span.redacted(redactor),
                What::Content => span.without_content(),
            })
            .collect();
        self.exporter.export(&redacted)
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        self.exporter.force_flush()
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.exporter.shutdown()
    }

    fn overflow(&self) -> Overflow {
        self.exporter.overflow()
    }
}
