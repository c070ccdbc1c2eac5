use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use raaf_processors::wrap::WrapExporter as _;
use raaf_testkit::conformance::check_exporter;
use raaf_trace_core::{
    Component, ExportError, FinishedSpan, MemoryExporter, Overflow, SpanExporter, Traceable as _,
    TracerProvider,
};

use super::{TIMEOUT, span};

/// Answers as it is told, then well; keeps what it took.
#[derive(Clone, Default)]
struct Moody {
    answers: Arc<Mutex<Vec<ExportError>>>,
    taken: MemoryExporter,
}

impl Moody {
    fn first_says(error: ExportError) -> Self {
        Self { answers: Arc::new(Mutex::new(vec![error])), taken: MemoryExporter::new() }
    }
}

impl SpanExporter for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        match self.answers.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => self.taken.export(batch),
        }
    }
}

#[test]
fn both_get_every_span() {
    let (a, b) = (MemoryExporter::new(), MemoryExporter::new());
    let provider = TracerProvider::builder().with(a.clone().tee(b.clone())).build();
    provider.run(|| Component::tool("Search").in_span("run", || ()));
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_eq!(provider.stats().processors[0].name, "memory+memory");
}

#[test]
fn g22_only_the_one_that_asked_gets_a_batch_again() {
    let memory = MemoryExporter::new();
    let busy = ExportError::retryable("busy").after(Duration::from_secs(3));
    let moody = Moody::first_says(busy);
    for tee in [true, false] {
        let batch = [span("A"), span("B")];
        let exporter: Box<dyn SpanExporter> = if tee {
            Box::new(memory.clone().tee(moody.clone()))
        } else {
            Box::new(moody.clone().tee(memory.clone()))
        };
        let (before, taken) = (memory.len(), moody.taken.len());
        if !tee {
            moody.answers.lock().unwrap().push(ExportError::retryable("busy"));
        }
        let error = exporter.export(&batch).unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "moody: busy");
        exporter.export(&batch).unwrap();
        assert_eq!((memory.len() - before, moody.taken.len() - taken), (2, 2));
    }
}

#[test]
fn the_wait_that_a_server_asked_for_is_kept() {
    let wait = Duration::from_secs(3);
    let moody = Moody::first_says(ExportError::retryable("busy").after(wait));
    let error = moody.tee(MemoryExporter::new()).export(&[span("A")]).unwrap_err();
    assert_eq!(error.retry_after(), Some(wait));
}

#[test]
fn a_batch_that_one_gives_up_is_reported_by_its_name() {
    let memory = MemoryExporter::new();
    let moody = Moody::first_says(ExportError::permanent("too large"));
    let tee = moody.tee(memory.clone());
    let error = tee.export(&[span("A")]).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(error.to_string(), "moody: too large");
    assert_eq!(memory.len(), 1);
    tee.export(&[span("B")]).unwrap();
    assert_eq!(memory.len(), 2);
}

#[test]
fn what_one_gave_up_stays_known_while_the_other_is_tried_again() {
    let gives_up = Moody::first_says(ExportError::permanent("too large"));
    let busy = Moody::first_says(ExportError::retryable("busy"));
    let tee = gives_up.tee(busy.clone());
    let batch = [span("A")];
    assert!(tee.export(&batch).unwrap_err().is_retryable());
    let error = tee.export(&batch).unwrap_err();
    assert_eq!(error.to_string(), "moody: too large");
    assert_eq!(busy.taken.len(), 1);
}

#[test]
fn what_was_rejected_is_counted_and_not_the_whole_batch() {
    let batch = || ["A", "B", "C"].map(span);
    let rejects = |spans| Moody::first_says(ExportError::partial(spans, "too old"));
    let gives_up = || Moody::first_says(ExportError::permanent("too large"));
    for (first, second, lost) in [
        (rejects(1), Moody::default(), 1),
        (Moody::default(), rejects(2), 2),
        // Nobody knows whether they rejected the same ones.
        (rejects(1), rejects(1), 2),
        (rejects(2), rejects(2), 3),
        (rejects(1), gives_up(), 3),
        (rejects(usize::MAX), rejects(usize::MAX), 3),
    ] {
        let error = first.tee(second).export(&batch()).unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        assert_eq!(error.rejected_of(3), lost, "{error}");
    }
}

#[test]
fn what_was_rejected_is_still_known_after_another_try() {
    let busy = Moody::first_says(ExportError::retryable("busy"));
    let tee = Moody::first_says(ExportError::partial(1, "too old")).tee(busy);
    let batch = ["A", "B"].map(span);
    assert!(tee.export(&batch).unwrap_err().is_retryable());
    let error = tee.export(&batch).unwrap_err();
    assert_eq!((error.rejected_of(2), error.to_string()), (1, "moody: too old".to_owned()));
}

/// Panics over every batch.
struct Broken;

impl SpanExporter for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    #[allow(clippy::panic, reason = "what it is for")]
    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        panic!("out of order")
    }
}

#[test]
fn d1_a_panic_of_one_keeps_nothing_from_the_other() {
    let batch = [span("A")];
    let busy = Moody::first_says(ExportError::retryable("busy"));
    let tee = Broken.tee(busy.clone());
    assert!(tee.export(&batch).unwrap_err().is_retryable());
    let error = tee.export(&batch).unwrap_err();
    assert_eq!(error.to_string(), "broken: panicked: out of order");
    assert_eq!((error.rejected_of(1), busy.taken.len()), (1, 1));
}

#[test]
fn helping_needs_both() {
    let local = || MemoryExporter::new();
    assert_eq!(local().tee(local()).overflow(), Overflow::Help);
    assert_eq!(local().tee(Moody::default()).overflow(), Overflow::Drop);
}

#[test]
fn a_tee_keeps_the_contract_of_exporters() {
    check_exporter(|| MemoryExporter::new().tee(MemoryExporter::new()));
}
