use std::io;

use raaf_processors::wrap::WrapExporter as _;
use raaf_testkit::conformance::Suite;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Redactor, SpanExporter as _, Status, Traceable as _,
    TracerProvider, keys, sink::SimpleProcessor,
};

use super::span;

#[test]
fn a_sink_has_secrets_of_its_own() {
    let memory = MemoryExporter::new();
    let sink = memory.clone().redact(Redactor::new(["iban"]));
    let span = FinishedSpan::builder("tool", "Pay")
        .attribute("customer.iban", "DE12")
        .attribute("customer.note", r#"{"iban":"DE12","city":"Bonn"}"#)
        .metadata("iban", "DE12")
        .metadata("city", "Bonn")
        .error("Refused", r#"{"iban":"DE12"}"#)
        .build();
    sink.export(std::slice::from_ref(&span)).unwrap();

    let seen = memory.spans().remove(0);
    assert_eq!(seen.attributes().get("customer.iban"), Some("[REDACTED]".into()));
    let note = r#"{"iban":"[REDACTED]","city":"Bonn"}"#;
    assert_eq!(seen.attributes().get("customer.note"), Some(note.into()));
    assert_eq!(seen.error().unwrap().message(), Some(r#"{"iban":"[REDACTED]"}"#));
    assert_eq!(seen.trace().metadata().get("iban"), Some("[REDACTED]".into()));
    assert_eq!(seen.trace().metadata().get("city"), Some("Bonn".into()));
    assert_eq!(span.attributes().get("customer.iban"), Some("DE12".into()), "others see it");
    assert_eq!(span.trace().metadata().get("iban"), Some("DE12".into()), "others see it");
}

#[test]
fn a5_content_can_be_kept_from_one_sink_alone() {
    let (all, less) = (MemoryExporter::new(), MemoryExporter::new());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(all.clone()))
        .with(SimpleProcessor::new(less.clone().without_content()))
        .build();
    provider.run(|| {
        let tool = Component::tool("Pay");
        let call = tool.traced("run");
        let call = call.with_content(keys::TOOL_ARGUMENTS, "to: Ann").with("tool.size", 3);
        let _ = call.try_in_span(|| Err::<(), _>(io::Error::other("no money for Ann")));
    });

    let full = all.spans().remove(0);
    assert!(full.attributes().get(keys::TOOL_ARGUMENTS).is_some());
    assert_eq!(full.error().unwrap().message(), Some("no money for Ann"));

    let bare = less.spans().remove(0);
    assert!(bare.attributes().get(keys::TOOL_ARGUMENTS).is_none());
    assert_eq!(bare.attributes().get("tool.size"), Some(3.into()));
    assert_eq!(bare.status(), Status::Error);
    assert_eq!(bare.error().unwrap().message(), None);
    let event = bare.events().next().unwrap();
    assert!(event.attributes().get(keys::EXCEPTION_MESSAGE).is_none());
    assert_eq!(bare.losses().content_left_out, 1);
    assert!(!format!("{bare:?}").contains("Ann"), "{bare:?}");
}

#[test]
fn a5_what_a_hook_said_in_its_panic_is_content() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    provider.run(|| {
        let tool = Component::tool("Pay");
        let call = tool.traced("run");
        call.with_attributes(|_| std::panic::panic_any("cannot read `to: me`")).in_span(|| ());
    });
    let span = memory.spans().remove(0);
    let said = Some("cannot read `to: me`".into());
    assert_eq!(span.attributes().get(keys::COLLECTOR_ERROR), said);
    let bare = span.without_content();
    assert_eq!(bare.attributes().get(keys::COLLECTOR_ERROR), Some("panicked".into()));
}

#[test]
fn a_redacting_exporter_keeps_the_contract() {
    let read = |sink: &Kept| sink.1.spans();
    let make = || Kept::new(MemoryExporter::new());
    Suite::exporter(make).read_back(read).check();
    assert_eq!(span("A").redacted(&Redactor::none()).name(), span("A").name());
}

/// The wrapper, and what is behind it.
struct Kept(raaf_processors::wrap::Redact<MemoryExporter>, MemoryExporter);

impl Kept {
    fn new(memory: MemoryExporter) -> Self {
        Self(memory.clone().redact(Redactor::default()), memory)
    }
}

impl raaf_trace_core::SpanExporter for Kept {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), raaf_trace_core::sink::ExportError> {
        self.0.export(batch)
    }
}
